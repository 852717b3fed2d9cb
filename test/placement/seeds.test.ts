/** The seeds' global names and machines, wherever a process runs: they act for the handler that is running. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { RawSocket } from "../support/sockets.ts";
import { A, B, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(PLACEMENTS)("%s: the seeds' names", (placement) => {
  test("act for the process whose handler runs, until its first await", async () => {
    const on = await startStage(placement);
    const [a, b] = [await on.add(A), await on.add(B)];
    const who = async (from: typeof a): Promise<unknown> =>
      await from.run(async (me) => {
        const before = me.lib.our().text;
        await null;
        return [before, me.caughtNow(() => me.lib.our())];
      });
    const after = {
      name: "NoProcessError",
      code: "no_process",
      message: 'Cannot use "our" here as no handler is running: call it before the handler\'s first await, or use ctx',
    };
    expect(await Promise.all([who(a), who(b), who(a)])).toEqual([
      [`alice.os@${A}`, after],
      [`alice.os@${B}`, after],
      [`alice.os@${A}`, after],
    ]);
  });

  test("are there in init, in a timer and in the farewell", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { init: (me) => me.report(me.lib.our().id.process) });
    await a.on("exit", (me) => me.lib.print_to_terminal(0, `bye of ${me.lib.our().id.process}`));
    await a.run((me) => {
      me.ctx.after(0, () => me.report(`timer of ${me.lib.our().id.process}`));
    });
    expect(await a.nextOf(2)).toEqual(["a", "timer of a"]);
    a.start((me) => me.ctx.exit());
    await on.heard("process-gone", A);
    expect(on.logs()).toEqual([`${A} bye of a`]);
  });

  test("send, ask, keep state, bind, push and spawn as ctx does", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => me.ctx.respond({ b: body }));
    expect(await a.run(async (me, to) => (await me.lib.Request.to(to).body(1).sendAndAwaitResponse()).body, B)).toEqual(
      { b: 1 },
    );
    expect(
      await a.run(
        (me, to) =>
          me.lib.Request.new()
            .target(to)
            .ipc(2)
            .sendAndAwaitResponse()
            .then((it) => it.ipc),
        B,
      ),
    ).toEqual({
      b: 2,
    });
    await a.run((me) => me.lib.set_state({ n: 1 }));
    expect(await a.run((me) => me.lib.get_state())).toEqual({ n: 1 });
    await a.run((me) => me.lib.clear_state());
    expect(await a.run(async (me) => (await me.lib.get_state()) ?? null)).toBeNull();
    expect(await a.run((me) => me.lib.bind_ws_path("/", false))).toEqual({ Ok: null });
    await a.on("push", (me, { channelId, messageType }) => {
      const { get_blob, get_payload, last_blob, our, send_ws_push, LazyLoadBlob } = me.lib;
      const blob = get_blob();
      if (blob === undefined || get_payload() !== blob || last_blob() !== blob) throw new Error("there is a blob");
      send_ws_push(our().node, channelId, messageType, blob);
      send_ws_push("our", channelId, "Text", LazyLoadBlob.new(null, "made"));
    });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    client.sendText("hello");
    expect([await client.nextText(), await client.nextText()]).toEqual(["hello", "made"]);
    const spawned = await a.run((me) =>
      me.lib.spawn("child", "puppet.mjs", "None", [], [], false).then((id) => id.text),
    );
    expect(await on.puppet(spawned).run((me) => me.lib.our().id.text)).toBe("child:a-package:template.os");
  });
});

describe.each(PLACEMENTS)("%s: a machine as a process", (placement) => {
  test("takes channels and requests as events, lets out its effects, and goes on after a crash where it stood", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, { file: "machine.mjs", onExit: "Restart" });
    await on.ask(A, { type: "count" }); // it has bound its path
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    client.sendText("ring");
    expect(await client.nextText()).toBe('{"rings":1}');
    client.sendText("ring");
    expect(await client.nextText()).toBe('{"rings":2}');
    expect((await on.ask(A, { type: "count" })).body).toEqual({ rings: 2 });
    await expect(on.ask(A, { type: "crash" })).rejects.toThrow("Cannot get an answer");
    expect((await on.ask(A, { type: "count" })).body).toEqual({ rings: 2 });
    client.sendText("ring");
    expect(await client.nextText()).toBe('{"rings":3}');
    expect(a.waiting).toEqual([]);
  });
});
