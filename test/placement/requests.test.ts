/** DESIGN §3.4, wherever a process runs: context, answers that come now or later, calls within calls. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Message } from "../../lib/process/index.ts";
import { A, B, C, D, MIXTURES, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(MIXTURES)("%s: the context of a request", (placement) => {
  test("is any value, stays with its sender and comes back as it was: the very same object", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => me.ctx.respond(message.body));
    await a.on("response", (me, { context, body }) => {
      const { call, self } = context as { readonly call: () => string; readonly self: unknown };
      me.report({ body, called: call(), same: context === me.keep.body, cyclic: self === context });
    });
    await a.run((me, to) => {
      const context: Record<string, unknown> = { call: () => "a function" };
      context.self = context;
      me.keep.body = context;
      me.ctx.request(to).body(1).context(context).expectsResponse(5).send();
    }, B);
    expect(await a.next()).toEqual({ body: 1, called: "a function", same: true, cyclic: true });
  });

  test("is nobody else's to see, whether an answer is wanted or not", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { context }) => me.report(context === undefined ? "none" : "seen"));
    await a.run((me, to) => {
      me.ctx.request(to).body(1).context({ secret: 1 }).expectsResponse(5).send();
      me.ctx.request(to).body(2).context({ secret: 2 }).send();
    }, B);
    expect([await b.next(), await b.next()]).toEqual(["none", "none"]);
  });

  test("of each of many is its own, whatever the order of the answers", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.keep.all.push(message);
      if (me.keep.all.length < 50) return;
      for (const to of (me.keep.all as Message[]).reverse()) me.ctx.respond(to.body, { to });
    });
    await a.on("response", (me, { body, context }) => {
      me.keep.all.push([body, context]);
      if (me.keep.all.length === 50) me.report(me.keep.all);
    });
    await a.run((me, to) => {
      for (let n = 0; n < 50; n += 1) me.ctx.request(to).body(n).context(`c${n}`).expectsResponse(5).send();
    }, B);
    expect(await a.next()).toEqual(Array.from({ length: 50 }, (_, n) => [49 - n, `c${49 - n}`]));
  });
});

describe.each(MIXTURES)("%s: an answer", (placement) => {
  test("may come later, to the message that was kept, in any order, and from a later handler", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.keep.all.push(message);
      me.report("kept");
    });
    await a.run((me, to) => {
      me.ctx.request(to).body(1).context("first").expectsResponse(5).send();
      me.ctx.request(to).body(2).context("second").expectsResponse(5).send();
    }, B);
    await b.nextOf(2);
    await b.run((me) => {
      const [first, second] = me.keep.all as [Message, Message];
      me.ctx.respond("to second", { to: second });
      me.ctx.respond("to first", { to: first });
    });
    expect(await a.nextOf(2)).toEqual([
      expect.objectContaining({ body: "to second", context: "second" }),
      expect.objectContaining({ body: "to first", context: "first" }),
    ]);
  });

  test("to a request that nobody waits for any more goes to nobody, least of all to who asks now", async () => {
    const on = await startStage(placement);
    const [a, b, c] = [await on.add(A), await on.add(B), await on.add(C)];
    await b.on("request", (me, message) => {
      if (message.body === "late") {
        me.keep.asked = message;
        me.report("kept");
      } else if (message.body === "now") {
        me.ctx.respond("for who is late", { to: me.keep.asked });
        me.ctx.respond("for who asks now");
      } else me.ctx.respond(message.body);
    });
    await a.run((me, to) => me.ctx.request(to).body("late").expectsResponse(0.03).send(), B);
    expect(await b.next()).toBe("kept");
    expect(await a.next()).toEqual(expect.objectContaining({ error: "Timeout", body: "late" }));
    const ask = (of: typeof c, body: unknown): Promise<unknown> =>
      of.run(
        (me, { to, body }) =>
          me.ctx
            .request(to)
            .body(body)
            .sendAndAwaitResponse()
            .then((it) => it.body),
        { to: B, body },
      );
    expect(await ask(c, "now")).toBe("for who asks now");
    await c.run(async (me, to) => {
      for (let n = 0; n < 1000; n += 1) await me.ctx.request(to).body(n).sendAndAwaitResponse(); // whatever is kept of requests has been looked through
    }, B);
    expect(await ask(c, "now")).toBe("for who asks now");
    expect(on.deadLetters().map(({ reason, body }) => [reason, body])).toEqual([
      ["unexpected_answer", "for who is late"],
      ["unexpected_answer", "for who is late"],
    ]);
    expect(a.waiting).toEqual([]);
  });

  test("may come from a timer, or from a promise that goes on after its handler", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      if (message.body === "timer") me.ctx.after(1, (_, ctx) => ctx.respond("by timer", { to: message }));
      else setTimeout(() => me.ctx.respond("by promise", { to: message }), 1);
    });
    const ask = (body: string): Promise<unknown> =>
      a.run(
        (me, { to, body }) =>
          me.ctx
            .request(to)
            .body(body)
            .sendAndAwaitResponse()
            .then((answer) => answer.body),
        { to: B, body },
      );
    expect(await ask("timer")).toBe("by timer");
    expect(await ask("promise")).toBe("by promise");
  });

  test("in the handler of an answer goes to the request for which that was asked", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, { body }) => me.ctx.respond(`c: ${body}`));
    await b.on("request", (me, { body }, to) => me.ctx.request(to).body(body).expectsResponse(5).send(), C);
    await b.on("response", (me, { body }) => me.ctx.respond(`b: ${body}`));
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body("a")
          .context("mine")
          .sendAndAwaitResponse()
          .then((it) => me.seen(it)),
      B,
    );
    expect(answer).toEqual(expect.objectContaining({ source: `alice.os@${B}`, body: "b: c: a", context: "mine" }));
  });

  test("in the handler of an error goes there too", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) =>
      me.ctx.request("nobody:nothing:template.os").body(body).expectsResponse(5).send(),
    );
    await b.on("error", (me, { kind }) => me.ctx.respond(`b: ${kind}`));
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body("a")
          .sendAndAwaitResponse()
          .then((it) => it.body),
      B,
    );
    expect(answer).toBe("b: Offline");
  });

  test("after an await in its handler is to the message in hand", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await c.on("request", (me, { body }) => me.ctx.respond(`c: ${body}`));
    await b.on(
      "request",
      async (me, { body }, to) => {
        const answer = await me.ctx.request(to).body(body).sendAndAwaitResponse();
        const state = await me.ctx.getState();
        me.ctx.respond([answer.body, state ?? null]);
      },
      C,
    );
    await a.run((me, to) => {
      for (let n = 1; n <= 3; n += 1) me.ctx.request(to).body(n).context(n).expectsResponse(5).send();
    }, B);
    expect(await a.nextOf(3)).toEqual(
      [1, 2, 3].map((n) => expect.objectContaining({ body: [`c: ${n}`, null], context: n })),
    );
  });

  test.each(["answers", "throws", "passes on", "pushes its blob on"])(
    "after an await in which others came, its handler %s: that is about the message in hand",
    async (what) => {
      const on = await startStage(placement);
      const [a, b, c] = [await on.add(A), await on.add(B, { onExit: "Restart" }), await on.add(C)];
      await c.on("request", (me, { body, blob }) => me.ctx.respond(`c: ${body} ${blob?.text()}`));
      await b.on(
        "request",
        async (me, { body }, { what, to }) => {
          me.report(`begins ${body}`);
          await me.gate(`go on ${body}`);
          if (what === "throws" && body === 1) throw new Error("on purpose");
          if (what === "passes on") me.ctx.request(to).body(body).inherit().send();
          else if (what === "pushes its blob on") me.ctx.respond(body, { inherit: true });
          else me.ctx.respond(`b: ${body} ${me.ctx.message?.body}`);
        },
        { what, to: C },
      );
      const send = (n: number): Promise<void> =>
        a.run((me, { to, n }) => me.ctx.request(to).body(n).blob(`blob ${n}`).context(n).expectsResponse(10).send(), {
          to: B,
          n,
        });
      await send(1);
      expect(await b.next()).toBe("begins 1");
      await send(2);
      await send(3);
      for (const n of [1, 2, 3]) b.open(`go on ${n}`);
      const ended = (await a.nextOf(what === "throws" ? 1 : 3)) as readonly Readonly<Record<string, unknown>>[];
      const expected: Readonly<Record<string, (n: number) => unknown>> = {
        answers: (n) => ["response", n, `b: ${n} ${n}`, null],
        throws: (n) => ["error", n, n, `blob ${n}`],
        "passes on": (n) => ["response", n, `c: ${n} blob ${n}`, null],
        "pushes its blob on": (n) => ["response", n, n, `blob ${n}`],
      };
      expect(ended.map(({ kind, context, body, blob }) => [kind, context, body, blob])).toEqual(
        ended.map((_, at) => expected[what]?.(at + 1)),
      );
      if (what !== "throws") return;
      const kept = (await b.nextOf(2)) as readonly Readonly<Record<string, unknown>>[]; // of the next incarnation
      expect(kept.map(({ body, blob }) => [body, blob])).toEqual([
        [2, "blob 2"],
        [3, "blob 3"],
      ]);
    },
  );

  test("carries blob, metadata and capabilities, and the blob in hand with inherit; case 25: an explicit one wins", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => {
      const capabilities = [me.lib.capability(me.ctx.our, '"mine"'), me.lib.capability("alice.os@x:y:z", '"forged"')];
      if (body === "all")
        me.ctx.respond(body, { blob: { mime: "x/y", bytes: new Uint8Array([65]) }, metadata: "m", capabilities });
      else if (body === "inherit") me.ctx.respond(body, { inherit: true });
      else if (body === "both") me.ctx.respond(body, { inherit: true, blob: "explicit" });
      else me.ctx.respond(body);
    });
    const ask = (body: string): Promise<unknown> =>
      a.run(
        (me, { to, body }) =>
          me.ctx
            .request(to)
            .body(body)
            .blob("asked with")
            .sendAndAwaitResponse()
            .then((answer) => me.seen(answer)),
        { to: B, body },
      );
    expect(await ask("all")).toEqual(
      expect.objectContaining({
        blob: "A",
        mime: "x/y",
        metadata: "m",
        capabilities: [`alice.os@${B} "mine"`],
      }),
    );
    expect(await ask("inherit")).toEqual(expect.objectContaining({ blob: "asked with" }));
    expect(await ask("both")).toEqual(expect.objectContaining({ blob: "explicit" }));
    expect(await ask("none")).toEqual(expect.objectContaining({ blob: null, metadata: null, capabilities: [] }));
  });
});

describe.each(MIXTURES)("%s: awaited calls", (placement) => {
  test("nest: each handler waits for the next", async () => {
    const on = await startStage(placement);
    const [a, b, c, d] = [await on.add(A), await on.add(B), await on.add(C), await on.add(D)];
    await d.on("request", (me, { body }) => me.ctx.respond(`d(${body})`));
    for (const [from, name, to] of [
      [b, "b", C],
      [c, "c", D],
    ] as const)
      await from.on(
        "request",
        async (me, { body }, { name, to }) => {
          const answer = await me.ctx.request(to).body(body).sendAndAwaitResponse();
          me.ctx.respond(`${name}(${answer.body})`);
        },
        { name, to },
      );
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body("x")
          .sendAndAwaitResponse()
          .then((it) => it.body),
      B,
    );
    expect(answer).toBe("b(c(d(x)))");
  });

  test("many at once settle each with its own answer, blobs too", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body, blob }) => me.ctx.respond(body, { blob: `${blob?.text()}!` }));
    const answers = await a.run(
      (me, to) =>
        Promise.all(
          Array.from({ length: 100 }, async (_, n) => {
            const { body, blob } = await me.ctx.request(to).body(n).blob(`blob ${n}`).sendAndAwaitResponse();
            return [body, blob?.text()];
          }),
        ),
      B,
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, n) => [n, `blob ${n}!`]));
  });

  test("from init are answered before the first message", async () => {
    const on = await startStage(placement);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => me.ctx.respond(`b: ${body}`));
    const a = await on.add(A, {
      init: async (me) => {
        const answer = await me.ctx.request("b:b-package:template.os").body("from init").sendAndAwaitResponse();
        me.report(answer.body);
      },
    });
    await a.run((me) => me.report("first message"));
    expect(await a.nextOf(2)).toEqual(["b: from init", "first message"]);
  });

  test("that are not awaited by the handler may settle after it, in the time of another message", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("asked");
    });
    await a.run((me, to) => {
      void me.ctx
        .request(to)
        .body(1)
        .sendAndAwaitResponse()
        .then((answer) => me.report(["settled", answer.body]));
    }, B);
    await b.next();
    expect(await a.run(() => "between")).toBe("between");
    await b.run((me) => me.ctx.respond("at last", { to: me.keep.asked }));
    expect(await a.next()).toEqual(["settled", "at last"]);
  });
});

test.each(MIXTURES)(
  "%s: case 43: a process named kernel of another package gets its requests like any other",
  async (placement) => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const kernel = await on.add("kernel:my-app:template.os");
    await a.run((me) =>
      me.ctx.request("kernel:my-app:template.os").body({ KillProcess: "b:b-package:template.os" }).send(),
    );
    expect(await kernel.next()).toEqual(expect.objectContaining({ body: { KillProcess: B } }));
  },
);
