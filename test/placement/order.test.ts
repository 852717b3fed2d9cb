/** DESIGN §3.1 and §3.2, wherever a process runs: one message at a time, and in the order sent. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { A, B, C, MIXTURES, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(MIXTURES)("%s: one message at a time", (placement) => {
  test("a handler that awaits is through before the next message begins", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", async (me, { body }) => {
      me.report(`begin ${body}`);
      for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
      me.report(`end ${body}`);
    });
    await a.run((me, to) => {
      for (let n = 1; n <= 3; n += 1) me.ctx.request(to).body(n).send();
    }, B);
    expect(await b.nextOf(6)).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  });

  test("also while it awaits the answer of another", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("asked");
    });
    await b.on(
      "request",
      async (me, { body }, to) => {
        me.report(`begin ${body}`);
        await me.ctx.request(to).body(body).sendAndAwaitResponse();
        me.report(`end ${body}`);
      },
      C,
    );
    await a.run((me, to) => {
      me.ctx.request(to).body(1).send();
      me.ctx.request(to).body(2).send();
    }, B);
    const release = (): Promise<void> => c.run((me) => me.ctx.respond("go on", { to: me.keep.asked }));
    expect([await c.next(), await b.next()]).toEqual(["asked", "begin 1"]);
    await release();
    expect([await c.next(), ...(await b.nextOf(2))]).toEqual(["asked", "end 1", "begin 2"]);
    await release();
    expect(await b.next()).toBe("end 2");
  });

  test("case 30: who awaits an answer gets it before messages that came meanwhile, which then come in order", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("asked");
    });
    b.start(async (me, to) => {
      const { body } = await me.ctx.request(to).body("which?").sendAndAwaitResponse();
      me.report(body);
    }, C);
    await c.next();
    await a.run((me, to) => {
      me.ctx.request(to).body(1).send();
      me.ctx.request(to).body(2).send();
    }, B);
    await c.run((me) => me.ctx.respond("this", { to: me.keep.asked }));
    const heard = await b.nextOf(3);
    expect(heard).toEqual(["this", expect.objectContaining({ body: 1 }), expect.objectContaining({ body: 2 })]);
  });

  test("no message is handled before an init that awaits has settled", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, {
      init: async (me) => {
        me.report("init begins");
        await me.ctx.getState();
        me.report("init ends");
      },
    });
    expect(await b.run(() => "handled")).toBe("handled");
    expect(await b.nextOf(2)).toEqual(["init begins", "init ends"]);
    expect(b.waiting).toEqual([]);
  });

  test("a synchronous handler does not meet another message, not even one to itself", async () => {
    const on = await startStage(placement);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => me.report(`handles ${body}`));
    await b.run((me, to) => {
      me.report("begins");
      me.ctx.request(to).body(1).send();
      me.ctx.request(to).body(2).send();
      me.report("ends");
    }, B);
    expect(await b.nextOf(4)).toEqual(["begins", "ends", "handles 1", "handles 2"]);
  });

  test("a handler that awaits does not hold up other processes", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    a.start(async (me) => {
      me.report("waits");
      await new Promise(() => undefined);
    });
    await a.next();
    expect(await b.run(() => "goes on")).toBe("goes on");
  });
});

describe.each(MIXTURES)("%s: order", (placement) => {
  test("of a thousand messages from one sender is kept, whatever their handlers do and however large their blobs are", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      const heard = me.keep.all;
      heard.push([message.body, message.blob?.byteLength ?? 0]);
      if (heard.length === 1000) me.report(heard);
      return Number(message.body) % 7 === 0 ? Promise.resolve() : undefined;
    });
    await a.run(async (me, to) => {
      for (let n = 0; n < 1000; n += 1) {
        const request = me.ctx.request(to).body(n);
        if (n % 100 === 99)
          request.blob(new Uint8Array(300_000)); // more than goes in one piece
        else if (n % 3 === 0) request.blob(`blob ${n}`);
        request.send();
        if (n % 250 === 249) await new Promise((resolve) => setImmediate(resolve));
      }
    }, B);
    const expected = Array.from({ length: 1000 }, (_, n) => [
      n,
      n % 100 === 99 ? 300_000 : n % 3 === 0 ? `blob ${n}`.length : 0,
    ]);
    expect(await b.next()).toEqual(expected);
  });

  test("holds between requests that expect an answer, that expect none, that pass on, answers and bare actions", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const heard = a.run((me, to) => {
      const send = (body: unknown): ReturnType<typeof me.ctx.request> => me.ctx.request(to).body(body);
      send("plain").send();
      send("expects").expectsResponse(5).send();
      me.ctx.host.tell(me.lib.Address.parse(`alice.os@${to}`), "told", null);
      send("inherits").inherit().send();
      send("awaited")
        .sendAndAwaitResponse(5)
        .catch(() => undefined);
      send("with a blob").blob("b").send();
      send("with capabilities")
        .capabilities([me.lib.capability(me.ctx.our, '"x"')])
        .send();
      send("last").send();
    }, B);
    await heard;
    const bodies = (await b.nextOf(8)).map((report) => (report as { readonly body: unknown }).body);
    expect(bodies).toEqual([
      "plain",
      "expects",
      "told",
      "inherits",
      "awaited",
      "with a blob",
      "with capabilities",
      "last",
    ]);
  });

  test("of answers and requests from one process to another is that of sending", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.ctx.request(message.source).body(`before ${message.body}`).send();
      me.ctx.respond(`answer ${message.body}`);
      me.ctx.request(message.source).body(`after ${message.body}`).send();
    });
    await a.run((me, to) => {
      for (let n = 1; n <= 3; n += 1) me.ctx.request(to).body(n).expectsResponse(5).send();
    }, B);
    const bodies = (await a.nextOf(9)).map((report) => (report as { readonly body: unknown }).body);
    expect(bodies).toEqual([1, 2, 3].flatMap((n) => [`before ${n}`, `answer ${n}`, `after ${n}`]));
  });

  test("of two senders is each one's own", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, { source, body }) => {
      const heard = me.keep.all;
      heard.push([source.id.process, body]);
      if (heard.length === 400) me.report(heard);
    });
    const send = [a, b].map((from) =>
      from.run(async (me, to) => {
        for (let n = 0; n < 200; n += 1) {
          me.ctx.request(to).body(n).send();
          if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      }, C),
    );
    await Promise.all(send);
    const heard = (await c.next()) as readonly [string, number][];
    const of = (name: string): number[] => heard.filter(([from]) => from === name).map(([, n]) => n);
    const all = Array.from({ length: 200 }, (_, n) => n);
    expect([of("a"), of("b")]).toEqual([all, all]);
  });

  test("of what a process sends after an await is behind what it sent before", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.run(async (me, to) => {
      me.ctx.request(to).body(1).send();
      await me.ctx.setState("kept");
      me.ctx.request(to).body(2).send();
      await null;
      me.ctx.request(to).body(3).send();
    }, B);
    const bodies = (await b.nextOf(3)).map((report) => (report as { readonly body: unknown }).body);
    expect(bodies).toEqual([1, 2, 3]);
  });
});
