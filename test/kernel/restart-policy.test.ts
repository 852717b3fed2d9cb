/** When a process that ended comes back (contract kinode §3.2, DESIGN §3.6). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { kernelLimits } from "../../kernel/limits.ts";
import { RestartPolicy } from "../../kernel/restart-policy.ts";

const even = (): number => 0.5; // no jitter
const limits = kernelLimits();

/** The delays of a process that crashes at once, each time it is started; ends with undefined when it is given up. */
function crashLoop(policy: RestartPolicy, most = 50): (number | undefined)[] {
  const delays: (number | undefined)[] = [];
  let now = 0;
  for (let i = 0; i < most; i++) {
    const delay = policy.next(now, now);
    delays.push(delay);
    if (delay === undefined) break;
    now += delay;
  }
  return delays;
}

describe("RestartPolicy.next()", () => {
  test("is none at first, then 200 ms doubled each time, until the ninth end gives up", () => {
    expect(crashLoop(new RestartPolicy(limits, even))).toEqual([
      0,
      200,
      400,
      800,
      1_600,
      3_200,
      6_400,
      12_800,
      undefined,
    ]);
  });

  test("does not exceed restartDelayMax before jitter", () => {
    const capped = kernelLimits({ restartDelayMax: 500, restarts: 5 });
    expect(crashLoop(new RestartPolicy(capped, even))).toEqual([0, 200, 400, 500, 500, undefined]);
  });

  test.each([
    [0, 160],
    [1, 240],
  ])("moves a delay by a fifth: with random %d, 200 ms become %i", (random, delay) => {
    expect(crashLoop(new RestartPolicy(limits, () => random))[1]).toBe(delay);
  });

  test("gives up at once when no restart is allowed", () => {
    expect(new RestartPolicy(kernelLimits({ restarts: 0 }), even).next(0, 0)).toBeUndefined();
  });

  test("counts restarts within the window only", () => {
    const policy = new RestartPolicy(kernelLimits({ restarts: 2, restartWindow: 1_000 }), even);
    expect([policy.next(0, 0), policy.next(500, 500), policy.count]).toEqual([0, 200, 2]);
    expect(policy.next(999, 999)).toBeUndefined();
    expect(policy.next(1_000, 1_000)).toBe(400); // the first has left the window
  });

  test.each([
    [999, 200],
    [1_000, 0],
  ])("after a life of %i ms is %i ms: five times the back-off is healthy", (lived, delay) => {
    const policy = new RestartPolicy(limits, even);
    policy.next(0, 0);
    expect(policy.next(10, 10 + lived)).toBe(delay);
  });

  test("wants a longer life for health the longer the last back-off was", () => {
    const policy = new RestartPolicy(limits, even);
    for (let i = 0; i < 4; i++) policy.next(0, 0); // the last was 800 ms
    expect(policy.next(0, 3_999)).toBe(1_600);
    expect(policy.next(0, 7_999)).toBe(3_200);
    expect(policy.next(0, 16_000)).toBe(0);
  });

  test("never allows more restarts than the limit within any window", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 80 }), fc.nat(10), (lives, restarts) => {
        const policy = new RestartPolicy(kernelLimits({ restarts, restartWindow: 30_000 }), even);
        const at: number[] = [];
        let now = 0;
        for (const life of lives) {
          const startedAt = now;
          now += life;
          if (policy.next(startedAt, now) !== undefined) at.push(now);
        }
        for (const end of at)
          expect(at.filter((one) => one <= end && end - one < 30_000).length).toBeLessThanOrEqual(restarts);
      }),
    );
  });
});
