/** DESIGN §3.4, wherever processes run: what is passed on with inherit, and who is answered then (contract kinode §2.3). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Message } from "../../lib/process/index.ts";
import { A, B, C, D, MIXTURES, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(MIXTURES)("%s: inherit", (placement) => {
  test("case 22: lets the last of a chain answer the first, with the first one's context; the ones between get nothing", async () => {
    const on = await startStage(placement);
    const [a, b, c, d] = [await on.add(A), await on.add(B), await on.add(C), await on.add(D)];
    const passOn = (id: string): readonly [typeof pass, string] => [pass, id];
    const pass = (me: Parameters<Parameters<typeof b.on>[1]>[0], { body }: Message, to: string): void =>
      me.ctx.request(to).body(body).inherit().send();
    await b.on("request", ...passOn(C));
    await c.on("request", ...passOn(D));
    await d.on("request", (me, message) => me.ctx.respond(me.seen(message)));
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body("x")
          .blob("with")
          .context("a's own")
          .sendAndAwaitResponse()
          .then((it) => me.seen(it)),
      B,
    );
    expect(answer).toEqual(
      expect.objectContaining({
        source: `alice.os@${D}`,
        context: "a's own",
        body: expect.objectContaining({ source: `alice.os@${C}`, body: "x", blob: "with", context: null, asked: true }),
      }),
    );
    for (const between of [b, c]) {
      await between.run(() => undefined);
      expect(between.waiting).toEqual([]);
    }
  });

  test("case 23: passes on the blob of the message in hand; case 24: an explicit one wins", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await b.on(
      "request",
      (me, { body }, to) => {
        if (body === "inherit") me.ctx.request(to).body(body).inherit().send();
        if (body === "explicit") me.ctx.request(to).body(body).inherit().blob("explicit").send();
        if (body === "no inherit") me.ctx.request(to).body(body).send();
      },
      C,
    );
    await a.run((me, to) => {
      for (const body of ["inherit", "explicit", "no inherit"]) me.ctx.request(to).body(body).blob("original").send();
    }, B);
    const heard = (await c.nextOf(3)) as readonly Readonly<Record<string, unknown>>[];
    expect(heard.map(({ body, blob, asked }) => [body, blob, asked])).toEqual([
      ["inherit", "original", false],
      ["explicit", "explicit", false],
      ["no inherit", null, false],
    ]);
  });

  test("does not pass on the blob of an earlier message", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await b.on("request", (me, { body }, to) => me.ctx.request(to).body(body).inherit().send(), C);
    await a.run((me, to) => {
      me.ctx.request(to).body(1).blob("of the first").send();
      me.ctx.request(to).body(2).send();
    }, B);
    expect(await c.nextOf(2)).toEqual([
      expect.objectContaining({ body: 1, blob: "of the first" }),
      expect.objectContaining({ body: 2, blob: null }),
    ]);
  });

  test("of a request that expects an answer itself passes on the blob, and the answer comes to its own sender", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, message) => me.ctx.respond(me.seen(message)));
    await b.on(
      "request",
      (me, _message, to) => me.ctx.request(to).body("b asks").inherit().context("b's").expectsResponse(5).send(),
      C,
    );
    await a.run((me, to) => me.ctx.request(to).body("a asks").blob("original").expectsResponse(5).send(), B);
    expect(await b.next()).toEqual(
      expect.objectContaining({
        kind: "response",
        context: "b's",
        body: expect.objectContaining({ source: `alice.os@${B}`, blob: "original" }),
      }),
    );
    await b.run((me) => me.ctx.getState());
    expect(a.waiting).toEqual([]);
  });

  test("in the handler of an answer leads on to the one who is to be answered, with the blob of its request", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    const d = await on.add(D);
    await c.on("request", (me) => me.ctx.respond("go ahead"));
    await d.on("request", (me, message) => me.ctx.respond({ d: message.blob?.text() ?? null }));
    await b.on("request", (me, _message, to) => me.ctx.request(to).body("may I?").expectsResponse(5).send(), C);
    await b.on("response", (me, _answer, to) => me.ctx.request(to).body("then do").inherit().send(), D);
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body(1)
          .blob("a's")
          .context("c")
          .sendAndAwaitResponse()
          .then((it) => me.seen(it)),
      B,
    );
    expect(answer).toEqual(expect.objectContaining({ source: `alice.os@${D}`, body: { d: "a's" }, context: "c" }));
  });

  test("the first requester hears of the end of who has its request now, not of who passed it on", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("has it");
    });
    await b.on("request", (me, { body }, to) => me.ctx.request(to).body(body).inherit().send(), C);
    await a.run((me, to) => me.ctx.request(to).body(1).context("mine").expectsResponse(20).send(), B);
    await c.next();
    await b.crash(() => {
      throw new Error("who passed it on");
    });
    expect(a.waiting).toEqual([]);
    c.start((me) => me.ctx.exit());
    expect(await a.next()).toEqual(expect.objectContaining({ error: "Offline", context: "mine" }));
  });
});
