/** Time as a parameter. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { systemClock, VirtualClock } from "../../lib/protocol/index.ts";

describe("VirtualClock", () => {
  test("stands still until it is advanced", () => {
    const clock = new VirtualClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    clock.advance(5);
    expect([clock.now(), clock.monotonic()]).toEqual([1_005, 5]);
  });

  test("runs what came due, earliest first, each at its own time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 20 }), fc.nat(60), (delays, ms) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        for (const delay of delays) clock.setTimeout(() => ran.push([delay, clock.monotonic()]), delay);
        clock.advance(ms);
        const due = delays.filter((delay) => delay <= ms).sort((a, b) => a - b);
        expect(ran).toEqual(due.map((delay) => [delay, delay]));
      }),
    );
  });

  test("runs what was set meanwhile when it is due within the same advance", () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    clock.setTimeout(() => clock.setTimeout(() => ran.push(clock.monotonic()), 3), 4);
    clock.advance(10);
    expect(ran).toEqual([7]);
  });

  test("says how long until something comes due, and when nothing will", () => {
    const clock = new VirtualClock();
    expect(clock.nextDue).toBeUndefined();
    clock.setTimeout(() => undefined, 20);
    const cancel = clock.setTimeout(() => undefined, 5);
    clock.advance(3);
    expect(clock.nextDue).toBe(2);
    cancel();
    expect(clock.nextDue).toBe(17);
    clock.advance(17);
    expect(clock.nextDue).toBeUndefined();
  });

  test("does not run what was cancelled, and takes a delay below zero for none", () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const cancel = clock.setTimeout(() => ran.push("cancelled"), 1);
    clock.setTimeout(() => ran.push("at once"), -5);
    cancel();
    clock.advance(0);
    expect(ran).toEqual(["at once"]);
    clock.advance(10);
    expect(ran).toEqual(["at once"]);
  });
});

describe("systemClock", () => {
  test("tells the system's time and never goes back", () => {
    const before = Date.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    const first = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first);
  });

  test("runs a timer, and not one that was cancelled before it", async () => {
    const ran: string[] = [];
    const cancel = systemClock.setTimeout(() => ran.push("cancelled"), 0);
    cancel();
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 0)); // the marker: set after it, due after it
    expect(ran).toEqual([]);
  });
});
