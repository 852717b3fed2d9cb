/** The harness over time: timers, crashes, restarts, the end, and HTTP. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, type Timer } from "../../lib/process/index.ts";

const KV = "kv:distro:sys";

describe("time", () => {
  test("each timer is handled at its own moment, what it sets included", async () => {
    const at: number[] = [];
    let start = 0;
    const harness = await startProcess(
      defineProcess({
        init(ctx) {
          start = ctx.now();
          const again = (): void => {
            at.push(ctx.now() - start);
            ctx.after(100, again);
          };
          ctx.after(100, again);
        },
      }),
    );
    await harness.advance(350);
    expect(at).toEqual([100, 200, 300]);
    expect(harness.now() - start).toBe(350);
  });

  test("advance() rejects with what a timer's handler throws, also later than its first await", async () => {
    const harness = await startProcess(
      defineProcess({
        init(ctx) {
          ctx.after(10, async () => {
            await ctx.getState();
            throw new Error("late");
          });
        },
      }),
    );
    await expect(harness.advance(10)).rejects.toThrow("late");
    expect(harness.status).toBe("crashed");
  });

  test("a timer that sets itself again at once, for ever, is reported", async () => {
    const harness = await startProcess(defineProcess({ init: (ctx) => void ctx.every(0, () => undefined) }));
    await expect(harness.advance(1)).rejects.toThrow(/^Cannot advance 1 ms as more than 100000 timers came due: /);
  });

  test("a timer cancelled while it waits in the mailbox does not run", async () => {
    const seen: string[] = [];
    const timers: Timer[] = [];
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, __, ctx) {
          timers.push(ctx.after(10, () => void seen.push("ran")));
          await ctx
            .request(KV)
            .sendAndAwaitResponse(1)
            .catch(() => undefined);
          timers[0]?.cancel();
        },
      }),
    );
    const sent = harness.send("go");
    await harness.advance(1000);
    await sent;
    expect(seen).toEqual([]);
  });
});

describe("lives", () => {
  test("what init throws rejects startProcess", async () => {
    const program = defineProcess({
      init: () => {
        throw new Error("no");
      },
    });
    await expect(startProcess(program)).rejects.toThrow("no");
  });

  test("a crash rejects the call that caused it; until restart() others say that it is down", async () => {
    const harness = await startProcess(
      defineProcess({
        onPush: (_, __, blob) => {
          throw new Error(blob.text());
        },
      }),
      { our: "chat:chat:template.os" },
    );
    const channelId = await harness.open();
    await expect(harness.push(channelId, "boom")).rejects.toThrow("boom");
    await expect(harness.open()).rejects.toThrow(
      'Cannot open a channel to "alice.os@chat:chat:template.os" as it must run: it is crashed, call restart()',
    );
  });

  test("restart() keeps the state and what waited, and tells of live channels first", async () => {
    const seen: unknown[] = [];
    const program = defineProcess<number>({
      init: async (ctx) => ((await ctx.getState<number>()) ?? 0) + 1,
      onOpen: (life, { channelId }) => void seen.push([life, "open", channelId]),
      onClose: (life, { channelId }) => void seen.push([life, "close", channelId]),
      async onPush(life, { channelId }, blob, ctx) {
        const text = blob.text();
        if (text === "crash") ctx.close(channelId);
        await ctx.setState(life);
        if (text === "crash") throw new Error("crash");
        seen.push([life, "push", channelId, text]);
      },
    });
    const harness = await startProcess(program, { state: 4 });
    const [a, b] = [await harness.open(), await harness.open()];
    const crashed = expect(harness.push(a, "crash")).rejects.toThrow("crash");
    const waiting = harness.push(b, "kept").catch(() => undefined);
    await crashed;
    expect(harness.state).toBe(5);
    seen.length = 0;
    await harness.restart();
    await waiting;
    expect(seen).toEqual([
      [6, "open", a], // its Close still waits
      [6, "open", b],
      [6, "close", a],
      [6, "push", b, "kept"],
    ]);
  });

  test("a promise left over from an ended incarnation can do nothing", async () => {
    const errors: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onRequest(_, __, ctx) {
          void ctx.getState().then(() => {
            try {
              ctx.log("still here");
              ctx.push(1, "x");
            } catch (error) {
              errors.push(error);
            }
          });
          throw new Error("crash");
        },
      }),
    );
    await expect(harness.send("go")).rejects.toThrow("crash");
    expect(errors).toMatchObject([{ code: "process_exited" }]);
  });

  test("stop() runs onExit, and exit() does when the message in hand is done", async () => {
    const seen: string[] = [];
    const program = defineProcess({
      onRequest(_, __, ctx) {
        ctx.exit();
        seen.push("handled");
      },
      onExit: async (_, ctx) => {
        await ctx.setState("bye");
        seen.push("exit");
      },
    });
    const stopped = await startProcess(program);
    await stopped.stop();
    expect([stopped.status, stopped.state]).toEqual(["exited", "bye"]);
    const left = await startProcess(program);
    await left.send("go");
    expect([left.status, seen]).toEqual(["exited", ["exit", "handled", "exit"]]);
  });

  test("spawn, log, onExit, folder and last blob are there", async () => {
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, __, ctx) {
          const child = await ctx.spawn({ name: "child", file: "child.js" });
          ctx.log(`${child.text} ${ctx.host.folder} ${ctx.host.lastBlob()?.text()}`);
          ctx.onExit = "Restart";
        },
      }),
      { folder: "/packages/test" },
    );
    await harness.send("go", { blob: "newest" });
    expect(harness.logs).toEqual(["child:test:template.os /packages/test newest"]);
    expect(harness.spawned).toEqual([{ name: "child", file: "child.js" }]);
    expect(harness.onExit).toBe("Restart");
  });
});

describe("http()", () => {
  test("brings the process's answer, 408 when there is none in time, 503 when it exits, 500 for no HttpResponse", async () => {
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request, ctx) {
          if (request.path === "/hi")
            request.reply({ method: request.method, got: request.blob.json() }, { status: 201 });
          if (request.path === "/odd") ctx.respond("nothing of the kind");
          if (request.path === "/exit") ctx.exit();
        },
      }),
    );
    expect(await harness.http({ path: "/hi", method: "POST", body: "[1]" })).toMatchObject({
      status: 201,
      headers: { "Content-Type": "application/json" },
      data: { method: "POST", got: [1] },
    });
    expect((await harness.http({ path: "/odd" })).status).toBe(500);
    const late = harness.http({ path: "/silence" });
    await harness.advance(15_000);
    expect((await late).status).toBe(408);
    expect((await harness.http({ path: "/exit" })).status).toBe(503);
  });
});
