/** The wheel against a list of times. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TimerWheel, WheelEntry } from "../../kernel/index.ts";
import { type Clock, VirtualClock } from "../../lib/protocol/index.ts";

const TICK = 10; // ms
const ROUND = 512 * TICK; // ms

class Entry extends WheelEntry {
  readonly due: () => void;
  constructor(due: () => void) {
    super();
    this.due = due;
  }

  expire(): void {
    this.due();
  }
}

type Step = { readonly add: number } | { readonly cancel: number } | { readonly pass: number };

const delays = fc.oneof(fc.nat(40), fc.nat(2 * ROUND), fc.constantFrom(0, TICK, ROUND - 1, ROUND, ROUND + 1));
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: delays.map((add) => ({ add })) },
    { weight: 1, arbitrary: fc.nat(30).map((cancel) => ({ cancel })) },
    { weight: 3, arbitrary: fc.oneof(fc.nat(25), fc.nat(3 * ROUND)).map((pass) => ({ pass })) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

describe("TimerWheel", () => {
  test("fires each entry once, never early and at most one tick late", () => {
    fc.assert(
      fc.property(fc.nat(99), steps, (start, run) => {
        const clock = new VirtualClock();
        clock.advance(start); // not on a tick
        const wheel = new TimerWheel(clock);
        const entries: { readonly entry: Entry; readonly due: number; fired: number[]; cancelled: boolean }[] = [];
        for (const step of run) {
          if ("pass" in step) clock.advance(step.pass);
          else if ("cancel" in step) {
            const one = entries[step.cancel];
            if (one === undefined) continue;
            wheel.cancel(one.entry);
            one.cancelled ||= one.fired.length === 0;
          } else {
            const fired: number[] = [];
            const entry = new Entry(() => fired.push(clock.monotonic()));
            entries.push({ entry, due: clock.monotonic() + step.add, fired, cancelled: false });
            wheel.add(entry, step.add);
          }
        }
        const live = entries.filter((one) => !one.cancelled && one.fired.length === 0).length;
        expect(wheel.size).toBe(live);
        clock.advance(3 * ROUND);
        for (const { due, fired, cancelled } of entries) {
          expect(fired.length).toBe(cancelled ? 0 : 1);
          for (const at of fired) {
            expect(at).toBeGreaterThanOrEqual(due);
            expect(at).toBeLessThanOrEqual(due + TICK);
          }
        }
        expect(wheel.size).toBe(0);
      }),
    );
  });

  test("fires in the order of their times, several ticks at once too", () => {
    const clock = slow();
    const wheel = new TimerWheel(clock);
    const log: number[] = [];
    for (const ms of [300, 20, 100]) wheel.add(new Entry(() => log.push(ms)), ms);
    clock.wake(1_000);
    expect(log).toEqual([20, 100, 300]);
  });

  test("fires what is due in the same tick in the order it was added", () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const log: number[] = [];
    for (const n of [1, 2, 3]) wheel.add(new Entry(() => log.push(n)), TICK);
    clock.advance(TICK);
    expect(log).toEqual([1, 2, 3]);
  });

  test("does not fire what one that fires before it cancels", () => {
    const clock = slow();
    const wheel = new TimerWheel(clock);
    const log: string[] = [];
    const second = new Entry(() => log.push("second"));
    wheel.add(
      new Entry(() => {
        log.push("first");
        wheel.cancel(second);
      }),
      10,
    );
    wheel.add(second, 20);
    clock.wake(100);
    expect([log, wheel.size]).toEqual([["first"], 0]);
  });

  test("goes on when its clock fires early", () => {
    const clock = slow();
    const wheel = new TimerWheel(clock);
    const log: string[] = [];
    wheel.add(new Entry(() => log.push("fired")), 20);
    clock.wake(19.5);
    expect(log).toEqual([]);
    clock.wake(20);
    expect(log).toEqual(["fired"]);
  });

  test("takes what an entry adds when it fires for a later tick", () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const at: number[] = [];
    const again = (): void => wheel.add(new Entry(() => at.push(clock.monotonic()) < 3 && again()), 0);
    again();
    clock.advance(100);
    expect(at).toEqual([10, 20, 30]);
  });

  test("cancel() does nothing to an entry that has fired, and lets it be added again", () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    let fired = 0;
    const entry = new Entry(() => fired++);
    for (let i = 0; i < 2; i++) {
      wheel.add(entry, 5);
      clock.advance(TICK);
      wheel.cancel(entry);
      wheel.cancel(entry);
    }
    expect([fired, wheel.size]).toEqual([2, 0]);
  });

  test("clear() forgets all, and a later cancel of one of them changes nothing", () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const log: string[] = [];
    const old = [1, 2].map(() => new Entry(() => log.push("old")));
    for (const entry of old) wheel.add(entry, 10);
    wheel.clear();
    wheel.add(new Entry(() => log.push("new")), 10);
    for (const entry of old) wheel.cancel(entry);
    expect(wheel.size).toBe(1);
    clock.advance(100);
    expect(log).toEqual(["new"]);
  });

  test("asks its clock for one timer however many entries there are, and for none that is longer than a round", () => {
    const clock = slow();
    const wheel = new TimerWheel(clock);
    for (const ms of [30 * 24 * 3_600_000, 50, 60, 40]) wheel.add(new Entry(() => undefined), ms);
    expect(clock.waiting()).toBe(1);
    clock.wake(60);
    expect([clock.waiting(), wheel.size]).toEqual([1, 1]);
    expect(clock.longest).toBeLessThanOrEqual(ROUND); // setTimeout takes a delay above 2 ** 31 ms for none
  });
});

/** A clock that wakes its timers all at once, when told and at whatever time. */
function slow(): Clock & { wake(at: number): void; waiting(): number; longest: number } {
  let time = 0;
  let timers: (() => void)[] = [];
  const clock = {
    longest: 0,
    now: () => time,
    monotonic: () => time,
    setTimeout(due: () => void, ms: number): () => void {
      clock.longest = Math.max(clock.longest, ms);
      timers.push(due);
      return () => {
        timers = timers.filter((other) => other !== due);
      };
    },
    waiting: () => timers.length,
    wake(at: number): void {
      time = at;
      const woken = timers;
      timers = [];
      for (const due of woken) due();
    },
  };
  return clock;
}
