/** Spawning and stopping (DESIGN §3.10, contract kinode §3.1), wherever parent and child run. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const CHILD = "child:a-package:template.os";

describe.each(PLACEMENTS)("%s: what a process was given", (placement) => {
  test("is counted message by message", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.on("request", (me) => me.ctx.respond("heard"));
    const given = (): number => on.node.kernel.registry.get(ProcessId.parse(A))?.handled ?? 0;
    const before = given();
    await b.run(async (me, to) => {
      for (let n = 0; n < 20; n += 1) await me.ctx.request(to).sendAndAwaitResponse();
    }, A);
    expect(given() - before).toBe(20);
  });
});

describe.each(PLACEMENTS)("%s: spawn", (placement) => {
  test("runs a file of the package; case 40: parent and child message each other both ways", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const id = await a.run(async (me, placement) => {
      const id = await me.ctx.spawn({ name: "child", file: "puppet.mjs", placement });
      return [id.text, id instanceof me.lib.ProcessId];
    }, placement);
    expect(id).toEqual([CHILD, true]);
    const child = on.puppet(CHILD);
    await child.on("request", (me, { body }) => me.ctx.respond(`child heard ${body}`));
    await a.on("request", (me, { body }) => me.ctx.respond(`parent heard ${body}`));
    const ask = (from: typeof a, to: string): Promise<unknown> =>
      from.run(
        (me, to) =>
          me.ctx
            .request(to)
            .body("hi")
            .sendAndAwaitResponse()
            .then((it) => it.body),
        to,
      );
    expect(await ask(a, CHILD)).toBe("child heard hi");
    expect(await ask(child, A)).toBe("parent heard hi");
  });

  test("case 39: without a name gives a decimal u64 as name", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const name = await a.run((me) => me.ctx.spawn({ file: "puppet.mjs" }).then(({ process }) => process));
    expect(name).toMatch(/^\d{1,20}$/);
    expect(BigInt(name) < 2n ** 64n).toBe(true);
  });

  test("gives the child its on_exit, its publicity, and the capabilities that its parent holds or issues", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { public: false });
    const a = await on.add(A, { request: [B] });
    const c = await on.add(C);
    await a.run(
      (me, { placement, b, c }) =>
        me.ctx.spawn({
          name: "child",
          file: "puppet.mjs",
          placement,
          onExit: "Restart",
          public: false,
          requestCapabilities: [
            b,
            { process: "a:a-package:template.os", params: "own" },
            { process: c, params: "not held" },
          ],
          grantCapabilities: [c],
        }),
      { placement, b: B, c: C },
    );
    const child = on.puppet(CHILD);
    const known = await child.run((me) => [
      me.ctx.onExit,
      me.ctx.capabilities.list().map(({ issuer, params }) => `${issuer} ${params}`),
    ]);
    expect(known).toEqual(["Restart", expect.arrayContaining([`alice.os@${B} "messaging"`, `alice.os@${A} "own"`])]);
    expect((known[1] as string[]).filter((each) => each.startsWith(`alice.os@${C}`))).toEqual([]);
    await child.run((me, to) => me.ctx.request(to).body("from the child").send(), B);
    expect(await b.next()).toEqual(expect.objectContaining({ source: `alice.os@${CHILD}` }));
    const may = (id: string): Promise<boolean> =>
      c.run((me, id) => me.ctx.capabilities.canMessage(me.lib.Address.parse(`alice.os@${id}`)), id);
    expect(await may(CHILD)).toBe(true);
  });

  test("is refused for a name that is taken, or is none, for a file that is missing or no program; nothing is left", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, {
      files: {
        "empty.mjs": "export const nothing = 1;",
        "throws.mjs": "throw new Error('at import');",
        "wrong.mjs": "export default { stop() {} };",
      },
    });
    const spawn = (options: { readonly name?: string; readonly file: string }): Promise<unknown> =>
      a.run((me, { options, placement }) => me.caught(() => me.ctx.spawn({ ...options, placement })), {
        options,
        placement,
      });
    const fault = (code: string, text: string): unknown =>
      expect.objectContaining({ name: "SpawnError", code, message: expect.stringContaining(text) });
    expect(await spawn({ name: "a", file: "puppet.mjs" })).toEqual(
      fault("NameTaken", `Cannot start process "${A}" as a process of that name exists`),
    );
    expect(await spawn({ name: "No Name", file: "puppet.mjs" })).toEqual(
      fault("InvalidName", "a name has only the letters"),
    );
    expect(await spawn({ name: "child", file: "missing.mjs" })).toEqual(
      fault("NoFileAtPath", 'there is no file "missing.mjs" in its package'),
    );
    expect(await spawn({ name: "child", file: "../manifest.json" })).toEqual(fault("NoFileAtPath", "there is no file"));
    expect(on.stateOf(CHILD)).toBeNull();
    expect(await a.run(() => "lives")).toBe("lives");
    expect(await spawn({ name: "child", file: "puppet.mjs" })).toBeNull();
    expect(await on.puppet(CHILD).run(() => "lives")).toBe("lives");
  });

  test("of children from within a child, in any placement of its own", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run(async (me, placement) => {
      await me.ctx.spawn({ name: "child", file: "puppet.mjs", placement });
      await me.ctx.spawn({ name: "at-home", file: "puppet.mjs" });
    }, placement);
    const child = on.puppet(CHILD);
    await child.run(async (me, placement) => {
      await me.ctx.spawn({ name: "grandchild", file: "puppet.mjs", placement });
    }, placement);
    for (const name of ["child", "grandchild", "at-home"])
      expect(await on.puppet(`${name}:a-package:template.os`).run((me) => me.ctx.our.id.process)).toBe(name);
  });

  test("many in turn, each ended: nothing of them is left", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const before = on.node.kernel.registry.size;
    const count = placement === "inline" ? 100 : 4; // each of the others costs a start
    await a.run(
      async (me, { placement, count }) => {
        for (let n = 0; n < count; n += 1) {
          const child = await me.ctx.spawn({ name: `child-${n}`, file: "brief.mjs", placement });
          const { body } = await me.ctx.request(child).body(n).sendAndAwaitResponse(12);
          if (body !== n) throw new Error(`wanted ${n}, got ${body}`);
        }
      },
      { placement, count },
    );
    for (let n = 0; n < count; n += 1) await on.heard("process-gone", `child-${n}:a-package:template.os`);
    expect(on.node.kernel.registry.size).toBe(before);
  });
});

describe.each(PLACEMENTS)("%s: when the node stops", (placement) => {
  test("each process handles what waits, then says farewell, in reverse order of their start", async () => {
    const on = await startStage(placement, { limits: { drain: 10_000 } });
    const b = await on.add(B);
    const a = await on.add(A);
    for (const each of [a, b]) {
      await each.on("exit", async (me) => {
        await me.ctx.setState("kept"); // what was started before it still answers
        me.report("farewell");
        me.ctx.log("farewell");
      });
      await each.on("request", async (me, { body }) => {
        await me.gate("go on");
        me.ctx.log(`handled ${body}`);
      });
    }
    const sender = await on.add(C);
    await sender.run(
      (me, all) => {
        for (const to of all) for (let n = 1; n <= 3; n += 1) me.ctx.request(to).body(n).send();
      },
      [A, B],
    );
    const stopping = on.stop();
    for (const each of [b, a]) each.open("go on");
    await stopping;
    const of = (id: string): string[] =>
      on
        .logs()
        .filter((line) => line.startsWith(id))
        .map((line) => line.slice(id.length + 1));
    const handled = ["handled 1", "handled 2", "handled 3", "farewell"];
    expect([of(A), of(B)]).toEqual([handled, handled]);
    const ends = on.events.flatMap((event) => (event.type === "process-gone" ? [[event.process, event.why]] : []));
    const own = ends.filter(([id]) => [A, B].includes(String(id)));
    expect(own).toEqual([
      [A, "stop"],
      [B, "stop"],
    ]);
  });

  test("what has only begun to start is stopped with it, and nothing is left to keep the node from its end", async () => {
    const on = await startStage(placement);
    await on.add(A);
    await on.add(B, { init: () => new Promise(() => undefined) });
    await on.stop();
    expect([on.stateOf(A), on.stateOf(B)]).toEqual([null, null]);
  });

  test("a handler that does not end is waited for as long as limits.drain, and ended", async () => {
    const on = await startStage(placement, { limits: { drain: 100 } });
    const a = await on.add(A);
    a.start(async (me) => {
      me.report("waits");
      await new Promise(() => undefined);
    });
    await a.next();
    await on.stop();
    expect(on.stateOf(A)).toBeNull();
  });

  test("a farewell that throws is a crash record and not another start", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { onExit: "Restart" });
    await a.on("exit", async () => {
      await null;
      throw new Error("in farewell");
    });
    await on.stop();
    expect(on.node.kernel.crashes.last().map(({ error }) => error)).toEqual(["Error: in farewell"]);
    expect(on.events.filter((event) => event.type === "process-started" && event.process === A)).toHaveLength(1);
  });

  test("what crashes meanwhile is not started again", async () => {
    const on = await startStage(placement, { limits: { drain: 10_000 } });
    const a = await on.add(A, { onExit: "Restart" });
    const b = await on.add(B);
    await a.on("request", async (me) => {
      await me.gate("go on");
      throw new Error("while stopping");
    });
    await b.run((me, to) => me.ctx.request(to).body(1).send(), A);
    const stopping = on.stop();
    a.open("go on");
    await stopping;
    expect(on.events.filter((event) => event.type === "process-started" && event.process === A)).toHaveLength(1);
    expect(on.node.kernel.crashes.last().map(({ error }) => error)).toEqual(["Error: while stopping"]);
  });
});
