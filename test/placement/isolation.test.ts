/** DESIGN §3.7: what one process does apart from the node's thread, nobody else notices; and what it cannot do there. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { SendError } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { program } from "../support/kernel.ts";
import { RawSocket } from "../support/sockets.ts";
import { A, APART, B, C, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(APART)("%s: others go on", (placement) => {
  test("while a handler computes without end: processes here and there, channels, bound content", async () => {
    const on = await startStage(placement, { http: true, limits: { handlerSeconds: 60 } });
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C, { placement: "inline" });
    await a.run((me) => me.ctx.bindStatic("/page", "content", { authenticated: false }));
    await b.run((me) => me.ctx.bindWs("/", { authenticated: false }));
    await b.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, blob));
    await b.on("request", (me, { body }) => me.ctx.respond(body));
    a.start((me) => {
      me.count("begun");
      me.block("end");
      me.report("has computed");
    });
    await b.run(async (me) => {
      const other = `${me.ctx.host.folder}/../a-package/begun.count`;
      const { existsSync } = process.getBuiltinModule("node:fs");
      while (!existsSync(other)) await new Promise((resolve) => setTimeout(resolve, 2));
    });
    const ask = (me: Parameters<Parameters<typeof c.run>[0]>[0], to: string): Promise<unknown> =>
      me.ctx
        .request(to)
        .body("still there?")
        .sendAndAwaitResponse()
        .then(({ body }) => body);
    expect(await c.run(ask, B)).toBe("still there?");
    expect(await (await fetch(`http://127.0.0.1:${on.port}/${A}/page`)).text()).toBe("content");
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${B}/` });
    client.sendText("hello");
    expect(await client.nextText()).toBe("hello");
    expect(a.waiting).toEqual([]);
    a.open("end");
    expect(await a.next()).toBe("has computed");
  });

  test("when a process ends its thread or process by itself, in hand or not; what waited for it is handled by the next", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart", init: (me) => me.report(me.count("incarnations")) });
    expect(await b.next()).toBe(1);
    await b.on("request", (_me, { body }) => {
      if (body === "exit") process.exit(0);
    });
    await a.run((me, to) => {
      me.ctx.request(to).body("exit").expectsResponse(20).send();
      for (let n = 1; n <= 5; n += 1) me.ctx.request(to).body(n).send();
    }, B);
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "error", error: "Offline", body: "exit" }));
    const heard = (await b.nextOf(6)) as readonly (number | { readonly body: unknown })[];
    expect(heard.map((each) => (typeof each === "number" ? `incarnation ${each}` : each.body))).toEqual([
      "incarnation 2",
      1,
      2,
      3,
      4,
      5,
    ]);
    await b.run(() => void setTimeout(() => process.exit(3), 0));
    expect(await b.next()).toBe(3);
    expect(await a.run(() => "goes on")).toBe("goes on");
    expect(on.events.filter((event) => event.type === "process-started" && event.process === A)).toHaveLength(1);
  });

  test.each(["an exception", "a rejection"])(
    "after %s that nobody catches, which is a crash with its text",
    async (what) => {
      const on = await startStage(placement);
      const a = await on.add(A);
      const b = await on.add(B, { onExit: "Restart", init: (me) => me.report(me.count("incarnations")) });
      expect(await b.next()).toBe(1);
      await b.run((_me, what) => {
        if (what === "a rejection") void Promise.reject(new TypeError("uncaught, on purpose"));
        else
          setTimeout(() => {
            throw new TypeError("uncaught, on purpose");
          }, 0);
      }, what);
      expect(await b.next()).toBe(2);
      expect(on.node.kernel.crashes.last()).toEqual([
        expect.objectContaining({ process: B, error: "TypeError: uncaught, on purpose" }),
      ]);
      expect(await a.run(() => "goes on")).toBe("goes on");
    },
  );

  test("a handler that blocks longer than limits.handlerSeconds is ended, and its process begins again", async () => {
    const on = await startStage(placement, { limits: { handlerSeconds: 1 } });
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart", init: (me) => me.report(me.count("incarnations")) });
    expect(await b.next()).toBe(1);
    await b.on("request", (me, { body }) => (body === "block" ? me.block("never") : me.report(body)));
    await a.run((me, to) => {
      me.ctx.request(to).body("block").context("mine").expectsResponse(60).send();
      me.ctx.request(to).body("next").send();
    }, B);
    expect(await a.next()).toEqual(expect.objectContaining({ error: "Offline", body: "block", context: "mine" }));
    expect(await b.nextOf(2)).toEqual([2, expect.objectContaining({ body: "next" })]);
    const [{ error, message } = { error: "", message: null }] = on.node.kernel.crashes.last();
    expect(error).toMatch(/limits\.handlerSeconds.*"block" from "alice\.os@a:a-package:template\.os"/);
    expect(message).toMatchObject({ kind: "request", source: `alice.os@${A}`, action: "block", crashes: 1 });
  });

  test("and one that awaits for longer is not", async () => {
    const on = await startStage(placement, { limits: { handlerSeconds: 1 } });
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me) => me.block("never"));
    // Awaits another that blocks, until that one is ended for it.
    const waited = await b.run(async (me, to) => {
      try {
        return (await me.ctx.request(to).body("block").sendAndAwaitResponse(60)).body;
      } catch (error) {
        return (error as SendError).kind;
      }
    }, C);
    expect(waited).toBe("Offline");
    expect(on.node.kernel.crashes.last().map(({ process }) => process)).toEqual([C]);
  });
});

describe.each(APART)("%s: a process there cannot", (placement) => {
  test("send or answer what MessagePack does not carry: it is told at once, and lives", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me) => {
      me.report(me.caughtNow(() => me.ctx.respond({ call: 2n ** 70n })));
      me.ctx.respond("mended");
    });
    const outcomes = await a.run(async (me, to) => {
      const cyclic: Record<string, unknown> = {};
      cyclic.self = cyclic;
      return [
        me.caughtNow(() =>
          me.ctx
            .request(to)
            .body(2n ** 70n)
            .send(),
        ),
        me.caughtNow(() => me.ctx.request(to).body(cyclic).send())?.name,
        (
          await me.caught(() =>
            me.ctx
              .request(to)
              .body(2n ** 70n)
              .sendAndAwaitResponse(),
          )
        )?.name,
        (await me.ctx.request(to).body("fine").sendAndAwaitResponse()).body,
      ];
    }, B);
    expect(outcomes).toEqual([
      {
        name: "UnpackableError",
        code: "unpackable",
        message: expect.stringMatching(
          /^Cannot send to ".*b:b-package:template\.os" as MessagePack carries no such body: .*, send values only/,
        ),
      },
      "UnpackableError",
      "UnpackableError",
      "mended",
    ]);
    expect(await b.next()).toEqual(
      expect.objectContaining({ name: "UnpackableError", message: expect.stringContaining("Cannot answer") }),
    );
  });

  test("be sent it from inline: who asked hears Offline, the rest is a dead letter; answers likewise; nobody crashes", async () => {
    const on = await startStage(placement);
    const b = await on.add(B);
    const c = await on.add(C, { placement: "inline" });
    const outcomes = await c.run(async (me, to) => {
      const body = { huge: 2n ** 70n };
      me.ctx.request(to).body(body).send();
      const asked = await me.caught(() => me.ctx.request(to).body(body).context("mine").sendAndAwaitResponse());
      return [asked?.error, asked?.context];
    }, B);
    expect(outcomes).toEqual(["Offline", "mine"]);
    await c.on("request", (me) => me.ctx.respond({ huge: 2n ** 70n }));
    await b.run((me, to) => me.ctx.request(to).body(1).context("b's").expectsResponse(10).send(), C);
    expect(await b.next()).toEqual(
      expect.objectContaining({ kind: "error", error: "Offline", context: "b's", body: 1 }),
    );
    expect(await b.run((me, to) => me.caught(() => me.ctx.request(to).sendAndAwaitResponse()), C)).toEqual(
      expect.objectContaining({ error: "Offline" }),
    );
    expect(on.deadLetters().map(({ reason }) => reason)).toEqual(Array(4).fill("unpackable"));
    expect(on.node.kernel.crashes.last()).toEqual([]);
  });

  test("be a program in memory, spawned from here or from there", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const c = await on.add(C, { placement: "inline" });
    const spawn = (of: typeof a): Promise<unknown> =>
      of.run((me, placement) => {
        const program = me.lib.defineProcess({});
        return me.caught(() => me.ctx.spawn({ name: "child", program, placement }));
      }, placement);
    expect(await spawn(c)).toEqual({
      name: "SpawnError",
      code: "InvalidProgram",
      message: `Cannot start process "child:c-package:template.os" as a program in memory cannot run in another thread or process (placement "${placement}"): give the file it is in, or leave the placement out`,
    });
    expect(await spawn(a)).toEqual({
      name: "SpawnError",
      code: "InvalidProgram",
      message: expect.stringContaining("give the file it is in"),
    });
    expect(on.stateOf("child:a-package:template.os")).toBeNull();
  });

  test("be a file that is no program, or throws as it loads: it never starts, and says why", async () => {
    const on = await startStage(placement);
    await on.add(A, { file: "wrong.mjs", files: { "wrong.mjs": "export default { stop() {} };" } });
    await on.add(B, { file: "throws.mjs", files: { "throws.mjs": "throw new Error('as it loads');" } });
    await on.heard("process-gone", A);
    await on.heard("process-gone", B);
    const errors = on.node.kernel.crashes.last().map(({ process, error }) => [process, error]);
    expect(Object.fromEntries(errors)).toEqual({
      [A]: expect.stringContaining("as it has no process as its default export: export default defineProcess({ … })"),
      [B]: "Error: as it loads",
    });
  });
});

describe.each(APART)("%s: a process there has", (placement) => {
  test("a thread or process of its own: modules of one file are not shared, and it is not the node's", async () => {
    const on = await startStage(placement);
    const [a, b] = [await on.add(A), await on.add(B)];
    const where = (me: Parameters<Parameters<typeof a.run>[0]>[0]): unknown => {
      const shared = globalThis as { counted?: number };
      shared.counted = (shared.counted ?? 0) + 1;
      const { isMainThread, threadId } = process.getBuiltinModule("node:worker_threads");
      return { counted: shared.counted, pid: process.pid, isMainThread, threadId, who: me.ctx.our.id.process };
    };
    const [one, two, again] = [await a.run(where), await b.run(where), await a.run(where)] as readonly Readonly<
      Record<string, unknown>
    >[];
    expect([one?.counted, two?.counted, again?.counted]).toEqual([1, 1, 2]);
    if (placement === "worker") {
      expect([one?.pid, two?.pid]).toEqual([process.pid, process.pid]);
      expect(new Set([0, one?.threadId, two?.threadId]).size).toBe(3);
    } else expect(new Set([process.pid, one?.pid, two?.pid]).size).toBe(3);
  });

  test("none of the node's secrets: an environment of a few names", async () => {
    const on = await startStage(placement);
    process.env.JACKFIELD_TEST_SECRET = "x";
    try {
      const a = await on.add(A);
      const secret = await a.run(() => process.env.JACKFIELD_TEST_SECRET ?? null);
      expect(secret).toBeNull();
    } finally {
      delete process.env.JACKFIELD_TEST_SECRET;
    }
  });
});

test("inline is no such: a program in memory, and bodies of any kind by reference", async () => {
  const on = await startStage("inline");
  const heard: unknown[] = [];
  on.node.addProcess(
    ProcessId.parse(B),
    program(({ body }) => void heard.push(body)),
    { public: true },
  );
  const a = await on.add(A);
  await a.run(
    (me, to) =>
      me.ctx
        .request(to)
        .body({ huge: 2n ** 70n })
        .send(),
    B,
  );
  expect(heard).toEqual([{ huge: 2n ** 70n }]);
});
