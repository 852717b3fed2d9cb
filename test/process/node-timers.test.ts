/** ctx.timers, and the seeds' set_timer, as a process uses them on a node. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { type Context, defineProcess, type SetTimer, set_and_await_timer, set_timer } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { timerProcess } from "../../processes/timer/timer.ts";
import { settle, startKernel, type TestKernel, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const WORKER = "worker:chess:me.os";

type Work = (ctx: Context) => unknown;

describe("ctx.timers", () => {
  let kernel: TestKernel;
  const work: Work[] = [];
  const seen: unknown[] = [];

  beforeEach(() => {
    kernel = startKernel();
    seen.length = 0;
    const program = timerProcess();
    kernel.node.addSystemProcess({ id: ProcessId.parse("timer:distro:sys"), program, public: true, trusted: true });
    kernel.add(
      WORKER,
      defineProcess({
        async onRequest(_, { body }, ctx) {
          if (body === "go") await (work.shift() as Work)(ctx as Context);
          else seen.push(body);
        },
        onResponse: (_, { body, context }) => void seen.push([body, context]),
      }),
      { public: true },
    );
  });

  afterEach(() => kernel.stop());

  /** Within a handler of the process. */
  async function run(doing: Work): Promise<void> {
    work.push(doing);
    const asker = new Recorder();
    kernel.add(`asker-${Math.random().toString(36).slice(2)}:asker:me.os`, asker.program);
    tell(asker.host, WORKER, "go");
    await settle();
  }

  test("sleep() ends when its time has come, and the mailbox waits", async () => {
    await run(async (ctx) => {
      await ctx.timers.sleep(250);
      seen.push(ctx.now());
    });
    const begin = kernel.clock.now();
    await run(() => seen.push("next"));
    await kernel.advance(240);
    expect(seen).toEqual([]);
    await kernel.advance(20);
    expect(seen).toEqual([begin + 250, "next"]);
  });

  test("sleep() takes longer than an answer may be waited for", async () => {
    await run((ctx) => ctx.timers.sleep(90_000_000).then(() => seen.push(ctx.now())));
    const begin = kernel.clock.now();
    for (let hour = 0; hour < 25; hour++) {
      expect(seen).toEqual([]);
      for (let step = 0; step < 10; step++) {
        kernel.clock.advance(360_010);
        await settle();
      }
    }
    expect(seen[0]).toBeGreaterThanOrEqual(begin + 90_000_000);
  });

  test("set() comes as an answer with its context, or as Cancelled", async () => {
    let tea: SetTimer | undefined;
    await run((ctx) => {
      ctx.timers.set(100, { for: "eggs" });
      tea = ctx.timers.set(200, "tea");
      ctx.timers.set(300, "again", { id: "x" });
      ctx.timers.set(400, "instead", { id: "x" });
    });
    await run(async (ctx) => {
      tea?.cancel();
      seen.push((await ctx.timers.list()).map(({ id, in_ms }) => [id, in_ms]));
    });
    await kernel.advance(410);
    expect(seen).toEqual([
      ["Cancelled", "again"],
      [
        ["timer-1", 100],
        ["x", 400],
      ],
      ["Cancelled", "tea"],
      [null, { for: "eggs" }],
      [null, "instead"],
    ]);
  });

  test("every() sends a Tick to onRequest until it is cancelled", async () => {
    let tick: SetTimer | undefined;
    await run(async (ctx) => {
      tick = await ctx.timers.every(100);
    });
    await kernel.advance(210);
    expect(seen).toEqual([1, 2].map((count) => ({ Tick: { id: tick?.id, count } })));
    await run(() => tick?.cancel());
    await kernel.advance(500);
    expect(seen).toHaveLength(2);
  });

  test("what is refused is a TimerError that says why", async () => {
    await run(async (ctx) => seen.push(await thrownBy(() => ctx.timers.every(5))));
    expect(seen).toMatchObject([
      {
        kind: "MalformedRequest",
        message:
          "Cannot set a timer as timer:distro:sys says MalformedRequest: give whole milliseconds, at least 10 for one that repeats",
      },
    ]);
  });

  test("the seeds' names do the same", async () => {
    await run(async () => {
      set_timer(100, "context");
      await set_and_await_timer(50);
      seen.push("awaited");
    });
    await kernel.advance(60);
    expect(seen).toEqual(["awaited"]);
    await kernel.advance(50);
    expect(seen).toEqual(["awaited", [null, "context"]]);
  });
});

test("in the harness the test says when a timer comes", async () => {
  const process = await startProcess(
    defineProcess({
      async onRequest(_, __, ctx) {
        await ctx.timers.sleep(100);
        ctx.respond("slept");
      },
    }),
  );
  const answer = process.request("go");
  const sent = await process.nextSent();
  expect([sent.target.text, sent.body]).toEqual(["alice.os@timer:distro:sys", { SetTimer: 100 }]);
  await sent.answer(null);
  expect((await answer).body).toBe("slept");
});
