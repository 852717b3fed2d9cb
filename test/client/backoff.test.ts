/** The waits between attempts: bounds as properties, and the schedule a channel keeps. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { retryDelayMs } from "../../lib/client/backoff.ts";
import { CLIENT_LIMITS } from "../../lib/client/limits.ts";
import { eventsOf, register, type Started, start, startOpen } from "./fake-socket.ts";

const { retryFirstMs, retryMaxMs, stableMs } = CLIENT_LIMITS;
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("retryDelayMs()", () => {
  test("stays between half and all of min(maxMs, firstMs doubled each time)", () => {
    fc.assert(
      fc.property(
        fc.nat(5_000),
        unit,
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        (attempt, random, firstMs, maxMs) => {
          const ceiling = Math.min(maxMs, firstMs * 2 ** attempt);
          const delay = retryDelayMs(attempt, random, firstMs, maxMs);
          expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
          expect(delay).toBeLessThanOrEqual(ceiling);
        },
      ),
    );
  });

  test("never shrinks from one attempt to the next with the same random", () => {
    fc.assert(
      fc.property(fc.nat(2_000), unit, (attempt, random) => {
        const delay = (n: number): number => retryDelayMs(n, random, retryFirstMs, retryMaxMs);
        expect(delay(attempt + 1)).toBeGreaterThanOrEqual(delay(attempt));
      }),
    );
  });

  test("spreads over the upper half as random goes from 0 to 1", () => {
    expect([0, 0.5, 1].map((random) => retryDelayMs(2, random, 1_000, 30_000))).toEqual([2_000, 3_000, 4_000]);
  });
});

/** Loses the current socket, and lets the wait pass. */
function lose({ sockets, clock, ...rest }: Started): number {
  sockets.last.end(1006);
  const waits = eventsOf({ sockets, clock, ...rest }, "close").map((event) => event.retryInMs);
  const wait = waits.at(-1) ?? Number.NaN;
  const before = sockets.all.length;
  clock.advance(wait - 1);
  expect(sockets.all.length).toBe(before); // not a millisecond early
  clock.advance(1);
  expect(sockets.all.length).toBe(before + 1);
  return wait;
}

describe("connect() reconnects", () => {
  test("after 1 s doubled up to 30 s, less up to half by jitter", () => {
    const longest = start({ random: () => 0.999_999 });
    const shortest = start({ random: () => 0 });
    const ceilings = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    expect(ceilings.map(() => Math.round(lose(longest)))).toEqual(ceilings);
    expect(ceilings.map(() => lose(shortest))).toEqual(ceilings.map((ms) => ms / 2));
  });

  test("goes on doubling when the connection breaks before it is stable", () => {
    const started = startOpen();
    expect(lose(started)).toBe(500);
    register(started.sockets.last, 8);
    started.clock.advance(stableMs - 1);
    expect(lose(started)).toBe(1_000);
  });

  test("starts at 1 s again after a stable connection", () => {
    const started = startOpen();
    lose(started);
    lose(started);
    register(started.sockets.last, 8);
    started.clock.advance(stableMs);
    expect(lose(started)).toBe(500);
  });

  test("at once when the page comes online while waiting, and not in other states", () => {
    const online = new Set<() => void>();
    const page = globalThis as unknown as Partial<Record<"addEventListener" | "removeEventListener", unknown>>;
    page.addEventListener = (type: string, listener: () => void) => type === "online" && online.add(listener);
    page.removeEventListener = (_type: string, listener: () => void) => online.delete(listener);
    try {
      const { channel, sockets, clock } = startOpen();
      for (const listener of online) listener();
      expect(sockets.all.length).toBe(1);
      sockets.last.end(1006);
      for (const listener of online) listener();
      expect([channel.state, sockets.all.length]).toEqual(["connecting", 2]);
      clock.advance(1_000); // the wait that was cut short does not come due
      expect(sockets.all.length).toBe(2);
      channel.close();
      expect(online.size).toBe(0);
    } finally {
      delete page.addEventListener;
      delete page.removeEventListener;
    }
  });
});
