/** Clients: an event is never left out; who reads none is closed at the limit, and nobody else waits for it. */
import { expect, test } from "@jest/globals";
import { Blob } from "../../../lib/process/index.ts";
import { Clients } from "../../../processes/soundlab/clients.ts";
import { EVENTS_WAITING, EVENTS_WINDOW } from "../../../processes/soundlab/limits.ts";

const EVENTS_MAX = EVENTS_WINDOW + EVENTS_WAITING; // with one client that answers nothing

/** What each channel was sent, and which were closed. */
function makeCtx() {
  const pushed = new Map<number, string[]>();
  const pings: { readonly channelId: number; readonly payload: Uint8Array }[] = [];
  const closed: unknown[] = [];
  return {
    pushed,
    pings,
    closed,
    now: () => 0,
    push: (channelId: number, value: unknown, messageType?: string) => {
      if (messageType === "Ping") pings.push({ channelId, payload: value as Uint8Array });
      else pushed.set(channelId, [...(pushed.get(channelId) ?? []), (value as Blob).text() ?? ""]);
    },
    close: (...args: unknown[]) => void closed.push(args),
  };
}

test("Clients.tell() keeps 256 events for one that does not answer, and closes it with 1013 at one more", () => {
  const ctx = makeCtx();
  const clients = new Clients(100);
  clients.add(1, "/ws/events", ctx);
  clients.add(2, "/t/:token/ws/events", ctx);
  clients.add(3, "/ws/metrics", ctx);
  for (let event = 1; event <= EVENTS_MAX; event++) {
    clients.tell(Blob.of(String(event)), ctx);
    for (const { channelId, payload } of ctx.pings.splice(0))
      if (channelId === 2) clients.of(channelId)?.queue?.pong(payload);
  }
  expect(ctx.closed).toEqual([]);
  expect(ctx.pushed.get(1)?.length).toBe(EVENTS_WINDOW);
  expect(clients.counts).toEqual({ metrics: 1, latency: 0, events: 2 });
  clients.tell(Blob.of("one more"), ctx);
  expect(ctx.closed).toEqual([[1, 1013, "256 events wait for this client: read faster"]]);
  expect(clients.counts).toEqual({ metrics: 1, latency: 0, events: 1 });
  expect(ctx.pushed.get(2)).toEqual([
    ...Array.from({ length: EVENTS_MAX }, (_, index) => String(index + 1)),
    "one more",
  ]);
  expect(ctx.pushed.has(3)).toBe(false);
});

test("Clients.tell() sends what waited in its order, as the client answers", () => {
  const ctx = makeCtx();
  const clients = new Clients(100);
  const client = clients.add(1, "/ws/events", ctx);
  for (let event = 1; event <= EVENTS_MAX; event++) clients.tell(Blob.of(String(event)), ctx);
  while (ctx.pings.length > 0) for (const { payload } of ctx.pings.splice(0)) client?.queue?.pong(payload);
  expect(ctx.pushed.get(1)).toEqual(Array.from({ length: EVENTS_MAX }, (_, index) => String(index + 1)));
});

test("Clients.add() knows none of another path", () => {
  const clients = new Clients(100);
  expect(clients.add(1, "/ws/ui", makeCtx())).toBeUndefined();
  clients.delete(1);
  expect(clients.counts).toEqual({ metrics: 0, latency: 0, events: 0 });
});
