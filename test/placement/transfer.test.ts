/** Channels handed from process to process, wherever each runs. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { bound, connect } from "../support/bound.ts";
import { A, B, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

type Opened = { readonly channelId: number };

describe.each(PLACEMENTS)("%s: transferChannel", (placement) => {
  test("hands a channel over with its note and the frames that wait, in order", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    const b = await on.add(B);
    await a.on(
      "push",
      async (me, { channelId, blob }, to) => {
        if (blob.text() !== "move") return me.report(blob.text());
        me.ctx.push(channelId, "moving");
        me.report(await me.ctx.transferChannel(channelId, to, { note: { name: "42" } }));
      },
      B,
    );
    await b.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, `b: ${blob.text()}`));
    const client = await connect(on, a);
    const { channelId } = (await a.next()) as Opened;
    for (const text of ["stays", "move", ...Array.from({ length: 50 }, (_, n) => `${n}`)]) client.sendText(text);
    expect(await a.nextOf(3)).toEqual([
      "stays",
      { Ok: null },
      {
        kind: "close",
        channelId,
        code: expect.any(Number),
        reason: expect.any(String),
        transferredTo: `alice.os@${B}`,
      },
    ]);
    expect(await b.next()).toEqual(
      expect.objectContaining({
        kind: "open",
        channelId,
        handover: { from: `alice.os@${A}`, note: { name: "42" } },
      }),
    );
    expect(await client.nextText()).toBe("moving");
    for (let n = 0; n < 50; n += 1) expect(await client.nextText()).toBe(`b: ${n}`);
    expect(await a.run((me, id) => me.ctx.sendWsPush(id, "no longer"), channelId)).toEqual({
      Err: "WsChannelNotFound",
    });
  });

  test.each(["in a handler that does not wait for it", "beside all handlers"])(
    "%s hands it over all the same: nobody crashes, each frame goes to one of the two, in order",
    async (how) => {
      const on = await startStage(placement, { http: true });
      const a = await bound(on, A);
      const b = await on.add(B);
      await a.on(
        "push",
        (me, { channelId, blob }, { how, to }) => {
          const text = blob.text();
          me.keep.all.push(text);
          if (text !== "20") return;
          const hand = (): void =>
            void me.ctx.transferChannel(channelId, to).then((result) => me.report([result, me.keep.all]));
          if (how === "beside all handlers") setTimeout(hand, 0);
          else hand();
        },
        { how, to: B },
      );
      await a.on("close", () => undefined);
      await b.on("open", () => undefined);
      await b.on("push", (me, { blob }) => {
        const text = blob.text();
        me.keep.all.push(text);
        if (text === "end") me.report(me.keep.all);
      });
      const client = await connect(on, a);
      const sent = Array.from({ length: 400 }, (_, n) => `${n}`);
      for (const text of sent) client.sendText(text);
      await a.next(); // it was opened
      const [result] = (await a.next()) as readonly [unknown];
      expect(result).toEqual({ Ok: null });
      client.sendText("end");
      const atB = (await b.next()) as readonly string[];
      const atA = await a.run((me) => me.keep.all);
      expect([...atA, ...atB]).toEqual([...sent, "end"]);
      expect(on.node.kernel.crashes.last()).toEqual([]);
    },
  );

  test("by a request that wants no answer may leave frames to both, which each passes on as it may: nobody crashes", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    const b = await on.add(B);
    await a.on(
      "push",
      (me, { channelId, blob }, to) => {
        if (blob.text() === "move") {
          const body = { WebSocketTransfer: { channel_id: channelId, to } };
          me.ctx.request("http-server:distro:sys").body(body).send();
          void me.ctx.onExit; // asked of the node: it has heard all of this before the next is begun
        }
        me.ctx.push(channelId, blob);
      },
      B,
    );
    await a.on("close", () => undefined);
    await b.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, `b: ${blob.text()}`));
    const client = await connect(on, a);
    await a.next();
    for (const text of ["move", ...Array.from({ length: 200 }, (_, n) => `${n}`)]) client.sendText(text);
    for (let n = 0; n < 200; n += 1) {
      const text = await client.nextText();
      if (text === "move") n -= 1;
      else expect(text).toBe(`b: ${n}`);
    }
    expect(await a.run(() => "lives")).toBe("lives");
    expect(on.node.kernel.crashes.last()).toEqual([]);
  });

  test("to nobody, or to who may not be messaged, is refused and changes nothing", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await on.add(B, { public: false });
    await a.on(
      "push",
      async (me, { channelId }, to) => {
        me.report(await me.ctx.transferChannel(channelId, to));
        me.report(await me.ctx.transferChannel(channelId, "nobody:nothing:template.os"));
        me.ctx.push(channelId, "still mine");
      },
      B,
    );
    const client = await connect(on, a);
    await a.next();
    client.sendText("x");
    expect(await a.nextOf(2)).toEqual([{ Err: "WsTargetDenied" }, { Err: "WsTargetNotFound" }]);
    expect(await client.nextText()).toBe("still mine");
  });
});
