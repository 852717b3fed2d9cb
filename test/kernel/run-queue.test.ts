/** Turns: who runs when, without recursion. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Runnable, RunQueue } from "../../kernel/run-queue.ts";

const many = 1_000;

/** Steps `times`, writing its name each time. */
function worker(name: string, times: number, log: string[]): Runnable {
  let left = times;
  return {
    step: () => {
      log.push(name);
      left--;
      return left > 0;
    },
  };
}

describe("RunQueue", () => {
  test("begins a turn with the next microtask", async () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    queue.schedule(worker("a", 1, log));
    expect(log).toEqual([]);
    await null;
    expect(log).toEqual(["a"]);
  });

  test("takes one step each in a round, in the order they lined up", () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    queue.begin();
    for (const [name, times] of [
      ["a", 3],
      ["b", 1],
      ["c", 2],
    ] as const)
      queue.schedule(worker(name, times, log));
    queue.end();
    expect(log.join("")).toBe("abcaca");
  });

  test("runs the turn at the outermost end", () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    queue.begin();
    queue.begin();
    queue.schedule(worker("a", 1, log));
    queue.end();
    expect(log).toEqual([]);
    queue.end();
    expect(log).toEqual(["a"]);
  });

  test("runs what a step lines up in the same turn, after the step has returned", () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    const first: Runnable = {
      step: () => {
        log.push("first begins");
        queue.schedule(worker("second", 1, log));
        queue.begin(); // a nested turn, as of a transport called from a handler
        queue.end();
        log.push("first ends");
        return false;
      },
    };
    queue.begin();
    queue.schedule(first);
    queue.end();
    expect(log).toEqual(["first begins", "first ends", "second"]);
  });

  test("calls afterTurn's hook once per turn, when nobody has anything to do", () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    queue.afterTurn(() => log.push("hook"));
    queue.begin();
    queue.schedule(worker("a", 2, log));
    queue.end();
    expect(log).toEqual(["a", "a", "hook"]);
  });

  test("leaves the hook out of a turn in which nobody was lined up nor asked for it", () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    queue.afterTurn(() => log.push("hook"));
    queue.begin();
    queue.end();
    expect(log).toEqual([]);
    queue.begin();
    queue.callHook();
    queue.end();
    expect(log).toEqual(["hook"]);
    queue.begin();
    queue.end();
    expect(log).toEqual(["hook"]);
  });

  test("takes up in a later loop iteration what the hook lines up", async () => {
    const queue = new RunQueue(many);
    const log: string[] = [];
    let once = true;
    queue.afterTurn(() => {
      if (once) queue.schedule(worker("late", 1, log));
      once = false;
    });
    queue.begin();
    queue.callHook();
    queue.end();
    expect(log).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(["late"]);
  });
});

describe("RunQueue with turnSteps", () => {
  test.each([
    [4, "aaaa"],
    [5, "aaaa"],
  ])("of %i handles 4 messages in one turn", (turnSteps, expected) => {
    const queue = new RunQueue(turnSteps);
    const log: string[] = [];
    queue.begin();
    queue.schedule(worker("a", 4, log));
    queue.end();
    expect(log.join("")).toBe(expected);
  });

  test("leaves the rest to the next loop iteration, behind what waits there", async () => {
    const queue = new RunQueue(3);
    const log: string[] = [];
    setImmediate(() => log.push("a socket"));
    queue.begin();
    queue.schedule(worker("a", 4, log));
    queue.end();
    await null; // microtasks do not go on with it
    expect(log).toEqual(["a", "a", "a"]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(["a", "a", "a", "a socket", "a"]);
  });

  test("loses nobody, whatever the bound and the work", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 }),
        async (turnSteps, work) => {
          const queue = new RunQueue(turnSteps);
          const log: string[] = [];
          for (const [index, times] of work.entries()) queue.schedule(worker(`${index} `, times, log));
          const total = work.reduce((sum, times) => sum + times, 0);
          for (let turn = 0; turn * turnSteps <= total; turn++) await new Promise((resolve) => setImmediate(resolve));
          const counts = work.map((_, index) => log.filter((name) => name === `${index} `).length);
          expect(counts).toEqual(work);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("turns that microtasks begin", () => {
  test("let the event loop come round after turnSteps messages, however they follow one another", async () => {
    const queue = new RunQueue(10);
    let rounds = 0;
    let handled = 0;
    setImmediate(() => rounds++);
    while (rounds === 0 && handled < many) {
      await new Promise<void>((resolve) =>
        queue.schedule({
          step: () => {
            handled++;
            resolve();
            return false;
          },
        }),
      );
    }
    expect(rounds).toBe(1);
    expect(handled).toBeLessThanOrEqual(11);
  });
});

describe("RunQueue with seams", () => {
  test("runs whom `ready` hands out", () => {
    const log: string[] = [];
    const waiting: Runnable[] = [];
    const ready = {
      get length(): number {
        return waiting.length;
      },
      push: (runnable: Runnable) => void waiting.push(runnable),
      shift: () => waiting.pop(), // the last first
    };
    const queue = new RunQueue(many, { ready });
    queue.begin();
    for (const name of ["a", "b", "c"]) queue.schedule(worker(name, 1, log));
    queue.end();
    expect(log.join("")).toBe("cba");
  });

  test("goes on after turnSteps when `later` says so", async () => {
    const log: string[] = [];
    const rounds: (() => void)[] = [];
    const queue = new RunQueue(1, { later: (run) => void rounds.push(run) });
    queue.begin();
    queue.schedule(worker("a", 3, log));
    queue.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect([log.join(""), rounds.length]).toEqual(["a", 1]);
    rounds.shift()?.();
    expect(log.join("")).toBe("aa");
  });
});
