/** ctx.after and ctx.every: through the mailbox, with the state, until cancelled. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, type Timer } from "../../lib/process/index.ts";

describe("after()", () => {
  test("runs once, when its time has passed, and may change the state", async () => {
    const harness = await startProcess(
      defineProcess<number>({
        init(ctx) {
          ctx.after(100, (state) => state + 1);
          return 0;
        },
        onRequest: (state, _, ctx) => ctx.respond(state),
      }),
    );
    await harness.advance(99);
    expect((await harness.request("?")).body).toBe(0);
    await harness.advance(1);
    await harness.advance(1000);
    expect((await harness.request("?")).body).toBe(1);
  });

  test("waits for the message in hand", async () => {
    const seen: string[] = [];
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, __, ctx) {
          ctx.after(10, () => void seen.push("timer"));
          await ctx.request("kv:distro:sys").sendAndAwaitResponse(1);
          seen.push("handled");
        },
      }),
    );
    const handled = harness.send("go");
    await harness.advance(10);
    await harness.sent[0]?.answer(null);
    await handled;
    expect(seen).toEqual(["handled", "timer"]);
  });

  test("cancel() keeps it from running, also twice and afterwards", async () => {
    const seen: string[] = [];
    const timers: Timer[] = [];
    const harness = await startProcess(
      defineProcess({
        init(ctx) {
          timers.push(ctx.after(10, () => void seen.push("a")));
          timers.push(ctx.after(20, () => void seen.push("b")));
        },
      }),
    );
    timers[0]?.cancel();
    timers[0]?.cancel();
    await harness.advance(20);
    timers[1]?.cancel();
    expect(seen).toEqual(["b"]);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a delay of %p ms is refused", async (ms) => {
    const program = defineProcess({ init: (ctx) => void ctx.after(ms, () => undefined) });
    await expect(startProcess(program)).rejects.toThrow(/^Cannot set a timer as its delay must be 0 to /);
  });

  test("a timer of an ended incarnation does not run in the next", async () => {
    const seen: string[] = [];
    const harness = await startProcess(
      defineProcess({
        onRequest(_, __, ctx) {
          ctx.after(10, () => void seen.push("old"));
          throw new Error("crash");
        },
      }),
    );
    await expect(harness.send("go")).rejects.toThrow("crash");
    await harness.restart();
    await harness.advance(10);
    expect(seen).toEqual([]);
  });
});

describe("every()", () => {
  test("runs again and again with the state it left, until cancelled", async () => {
    let timer: Timer | undefined;
    const harness = await startProcess(
      defineProcess<number>({
        init(ctx) {
          timer = ctx.every(100, (state) => state + 1);
          return 0;
        },
        onRequest: (state, _, ctx) => ctx.respond(state),
      }),
    );
    await harness.advance(350);
    expect((await harness.request("?")).body).toBe(3);
    timer?.cancel();
    await harness.advance(1000);
    expect((await harness.request("?")).body).toBe(3);
  });

  test("counts from the end of the run before", async () => {
    const at: number[] = [];
    const harness = await startProcess(
      defineProcess({
        init(ctx) {
          const start = ctx.now();
          ctx.every(100, async () => {
            at.push(ctx.now() - start);
            await ctx
              .request("kv:distro:sys")
              .sendAndAwaitResponse(1)
              .catch(() => undefined); // takes a second
          });
        },
      }),
    );
    await harness.advance(2300);
    expect(at).toEqual([100, 1200, 2300]);
  });

  test("cancel() within its own run ends it", async () => {
    let runs = 0;
    const harness = await startProcess(
      defineProcess({
        init(ctx) {
          const timer = ctx.every(10, () => {
            runs++;
            timer.cancel();
          });
        },
      }),
    );
    await harness.advance(100);
    expect(runs).toBe(1);
  });
});
