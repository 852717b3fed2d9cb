/** A channel under any order of events: what holds whatever the network does. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { eventsOf, type FakeSocket, start } from "./fake-socket.ts";

type Step =
  | { readonly do: "open" | "register" | "refuse" | "send" | "close" | "request" | "fail" }
  | { readonly do: "end"; readonly code: number }
  | { readonly do: "advance"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<Step>({ do: "open" }, { do: "register" }, { do: "send" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "refuse" }, { do: "request" }, { do: "fail" }) },
  { weight: 2, arbitrary: fc.constantFrom(1001, 1006, 1013, 4408, 4429).map((code) => ({ do: "end" as const, code })) },
  { weight: 3, arbitrary: fc.constantFrom(1, 600, 16_000, 40_000).map((ms) => ({ do: "advance" as const, ms })) },
);
const lastStep = fc.constantFrom<Step>({ do: "close" }, { do: "end", code: 1000 }, { do: "end", code: 4401 });

/** What a socket that still lives may do next. */
function act(socket: FakeSocket, what: Step): void {
  if (socket.readyState >= 2) return;
  if (what.do === "end") socket.end(what.code);
  else if (what.do === "fail") socket.fail();
  else if (what.do === "open" && socket.readyState === 0) socket.open();
  else if (what.do === "register" && socket.readyState === 1) socket.text({ channel_id: 7 });
  else if (what.do === "refuse" && socket.readyState === 1) socket.text({ error: { code: "too_many", message: "" } });
}

const plan = fc.record({
  steps: fc.array(step, { maxLength: 60 }),
  last: lastStep,
  random: fc.double({ min: 0, max: 0.99, noNaN: true }),
  bound: fc.boolean(),
});

test("a channel keeps one socket, keeps its order, and accounts for every message", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, last, random, bound }) => {
      const started = start({ random: () => random, limits: { sendMessages: 5 }, register: !bound });
      const { channel, sockets, clock } = started;
      const taken: string[] = [];
      const requests: Promise<unknown>[] = [];
      for (const what of [...steps, last]) {
        if (what.do === "advance") clock.advance(what.ms);
        else if (what.do === "close") channel.close();
        else if (what.do === "request") requests.push(channel.request("asked"));
        else if (what.do === "send") {
          const text = `message ${taken.length}`;
          try {
            channel.send(text);
            taken.push(text);
          } catch (error) {
            expect(error).toMatchObject({ code: "limit_reached" }); // not taken
          }
        } else act(sockets.last, what);
        expect(sockets.all.filter((socket) => socket.readyState < 2).length).toBeLessThanOrEqual(1);
        expect(channel.channelId === undefined).toBe(bound || channel.state !== "open");
      }
      channel.close();
      const opened = sockets.all.length;
      clock.advance(1_000_000);
      expect(sockets.all.length).toBe(opened); // no timer outlives the channel

      const sent = sockets.all.flatMap((socket) => socket.sent.map(String));
      const unsent = eventsOf(started, "close").flatMap((event) => event.unsent.map(String));
      const isSend = (text: string): boolean => text.startsWith("message");
      expect([...sent, ...unsent].filter(isSend)).toEqual(taken); // in order, each once
      expect(eventsOf(started, "close").filter((event) => event.retryInMs === undefined).length).toBe(1);
      const ends = await Promise.allSettled(requests);
      expect(ends.every((end) => end.status === "rejected")).toBe(true); // nobody answered; nobody hangs
    }),
    { numRuns: 300 },
  );
});
