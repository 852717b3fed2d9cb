/** What a process does wrong is thrown where it does it, at once, wherever it runs; and it lives on. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { A, B, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const NO_REQUEST = {
  name: "NoRequestToAnswerError",
  code: "no_request_to_answer",
  message: `Cannot respond from "alice.os@${A}" as the message in hand asks for no answer: reply to the request itself, while or after it is handled`,
};
const EXPIRED = {
  name: "BlobExpiredError",
  code: "blob_expired",
  message:
    "Cannot read this blob as its handler has returned: read it with text(), json() or bytes() while handling the message, or call keep() there to read it later",
};

describe.each(PLACEMENTS)("%s: thrown at once, and the process lives:", (placement) => {
  test("case 28: an answer outside any message to answer", async () => {
    const on = await startStage(placement);
    const b = await on.add(B);
    const a = await on.add(A, { init: (me) => me.report(me.caughtNow(() => me.ctx.respond("nobody"))) });
    expect(await a.next()).toEqual(NO_REQUEST);
    await a.on("request", (me) => me.report(me.caughtNow(() => me.ctx.respond("nobody asked"))));
    await b.run((me, to) => me.ctx.request(to).body("expects nothing").send(), A);
    expect(await a.next()).toEqual(NO_REQUEST);
    expect(await a.run(() => "lives")).toBe("lives");
    expect(on.events.filter(({ type }) => type === "process-crashed")).toEqual([]);
  });

  test("an answer to the request before, when the message in hand expects nothing", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.on("request", (me, { body }) => {
      if (body === "expects") return;
      me.report(me.caughtNow(() => me.ctx.respond("which?")));
    });
    await b.run((me, to) => {
      me.ctx.request(to).body("expects").expectsResponse(20).send();
      me.ctx.request(to).body("expects nothing").send();
    }, A);
    expect(await a.next()).toEqual(NO_REQUEST);
  });

  test("a wait out of range, by send() and by sendAndAwaitResponse()", async () => {
    const on = await startStage(placement, { limits: { requestSeconds: 100 } });
    const a = await on.add(A);
    const outcomes = await a.run(async (me, to) => {
      const request = (seconds: number): ReturnType<typeof me.ctx.request> =>
        me.ctx.request(to).expectsResponse(seconds);
      return [
        me.caughtNow(() => request(100).send()),
        me.caughtNow(() => request(101).send()),
        me.caughtNow(() => request(-1).send()),
        me.caughtNow(() => request(Number.NaN).send()),
        await me.caught(() => me.ctx.request(to).sendAndAwaitResponse(101)),
      ];
    }, B);
    const outside = (seconds: string): unknown => ({
      name: "OptionError",
      code: "invalid_option",
      message: `Cannot send to "alice.os@${B}" as expectsResponse must be 0 to 100 seconds: got ${seconds}`,
    });
    expect(outcomes).toEqual([null, outside("101"), outside("-1"), outside("NaN"), outside("101")]);
  });

  test("a request without a target, and to what is no address", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const outcomes = await a.run(async (me) => [
      me.caughtNow(() => me.lib.Request.new().body(1).send()),
      me.caughtNow(() => me.ctx.request("a:b").body(1).send()),
      await me.caught(() => me.ctx.request("a:b:c:d").body(1).sendAndAwaitResponse()),
    ]);
    expect(outcomes).toEqual([
      expect.objectContaining({ name: "OptionError", message: expect.stringContaining("has no target") }),
      expect.objectContaining({ name: "IdError", code: "MissingField" }),
      expect.objectContaining({ name: "IdError", code: "TooManyColons" }),
    ]);
  });

  test("case 31: a call to itself", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const ask = (to: string): Promise<unknown> =>
      a.run((me, to) => me.caught(() => me.ctx.request(to).body(1).sendAndAwaitResponse()), to);
    const itself = {
      name: "SelfCallError",
      code: "self_call",
      message: `Cannot await an answer from "alice.os@${A}" itself as it handles one message at a time: call the function directly, or send() without awaiting`,
    };
    for (const name of [A, `alice.os@${A}`, `our@${A}`]) expect(await ask(name)).toEqual(itself);
    expect(await a.run(() => "lives")).toBe("lives");
  });

  test("a call that expects nothing", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const thrown = await a.run(async (me, to) => {
      const { our, host } = me.ctx;
      const target = me.protocol.toAddress(to, our.node);
      return await me.caught(() => host.call(new me.protocol.Envelope("request", our, target, 1, null)));
    }, B);
    expect(thrown).toEqual({
      name: "OptionError",
      code: "invalid_option",
      message: `Cannot await an answer from "alice.os@${B}" as the request expects none: set expectsResponse(seconds)`,
    });
  });

  test("one request more than limits.pendingRequests, and one timer more than limits.timers", async () => {
    const on = await startStage(placement, { limits: { pendingRequests: 3, timers: 2 } });
    const a = await on.add(A);
    await on.add(B).then((b) => b.on("request", () => undefined));
    const outcomes = await a.run((me, to) => {
      const send = (): void => me.ctx.request(to).body(1).expectsResponse(60).send();
      const arm = (): void => void me.ctx.after(60_000, () => undefined);
      return [send, send, send, send, arm, arm, arm].map((act) => me.caughtNow(act));
    }, B);
    const limited = (message: string): unknown => ({ name: "LimitError", code: "limit_reached", message });
    expect(outcomes).toEqual([
      null,
      null,
      null,
      limited(
        `Cannot await one more answer in "alice.os@${A}" as limits.pendingRequests is 3 requests: end some first, or raise it`,
      ),
      null,
      null,
      limited(`Cannot set a timer of "alice.os@${A}" as limits.timers is 2 timers: end some first, or raise it`),
    ]);
    expect(await a.run((me, to) => me.caught(() => me.ctx.request(to).sendAndAwaitResponse(5)), B)).toEqual(
      expect.objectContaining({ name: "LimitError" }),
    );
  });

  test("what ended makes room again: pendingRequests and timers count what is outstanding", async () => {
    const on = await startStage(placement, { limits: { pendingRequests: 2, timers: 1 } });
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => me.ctx.respond(body));
    const rounds = await a.run(async (me, to) => {
      const answers: unknown[] = [];
      for (let n = 0; n < 10; n += 1) {
        answers.push((await me.ctx.request(to).body(n).sendAndAwaitResponse()).body);
        me.ctx.after(60_000, () => undefined).cancel();
      }
      return answers;
    }, B);
    expect(rounds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("a timer's delay out of range", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const outcomes = await a.run((me) =>
      [-1, Number.NaN, 2 ** 40 + 1].map((ms) => me.caughtNow(() => me.ctx.after(ms, () => undefined))),
    );
    expect(outcomes).toEqual(
      ["-1", "NaN", "1099511627777"].map((ms) => ({
        name: "OptionError",
        code: "invalid_option",
        message: `Cannot set a timer as its delay must be 0 to 1099511627776 ms: got ${ms}`,
      })),
    );
  });

  test("on_exit requests whose target is no address; the one before is kept", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { onExit: "Restart" });
    const outcome = await a.run((me) => [
      me.caughtNow(() => {
        me.ctx.onExit = { Requests: [{ target: "no address", body: 1 }] };
      }),
      me.ctx.onExit,
    ]);
    expect(outcome).toEqual([expect.objectContaining({ name: "IdError" }), "Restart"]);
  });
});

describe.each(PLACEMENTS)("%s: a blob that was lent", (placement) => {
  test("can be read in its handler, expires with it, and is refused where it is sent or answered with", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    const { RawSocket } = await import("../support/sockets.ts");
    await a.run((me) => me.ctx.bindWs("/", { authenticated: false }));
    await a.on("push", (me, { blob }) => {
      me.keep.blob = blob;
      me.report(blob.text());
    });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    await a.next();
    client.sendText("lent");
    expect(await a.next()).toBe("lent");
    const outcomes = await a.run(
      (me, to) => [
        me.keep.blob.expired,
        me.caughtNow(() => me.keep.blob.text()),
        me.caughtNow(() => me.keep.blob.keep()),
        me.caughtNow(() => me.ctx.request(to).blob(me.keep.blob).send()),
        me.caughtNow(() => me.ctx.respond("x", { blob: me.keep.blob })),
      ],
      B,
    );
    expect(outcomes).toEqual([true, EXPIRED, EXPIRED, EXPIRED, EXPIRED]);
  });

  test("lasts as long as a handler that awaits, and for ever when it is kept", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    const { RawSocket } = await import("../support/sockets.ts");
    await a.run((me) => me.ctx.bindWs("/", { authenticated: false }));
    await a.on("push", async (me, { blob }) => {
      me.keep.blob ??= blob.keep();
      const before = blob.text();
      await me.ctx.getState();
      await new Promise((resolve) => setTimeout(resolve, 1));
      me.report([before, blob.text(), me.keep.blob.text()]);
    });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    await a.next();
    for (const text of ["one", "two", "three"]) client.sendText(text);
    expect(await a.nextOf(3)).toEqual([
      ["one", "one", "one"],
      ["two", "two", "one"],
      ["three", "three", "one"],
    ]);
  });
});

describe.each(PLACEMENTS)("%s: getBlob and lastBlob", (placement) => {
  test("case 27: of a message without a blob there is none, and the last one is the earlier; an error brings none", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.on("request", (me) => {
      const { get_blob, has_blob, last_blob } = me.lib;
      me.report([get_blob()?.text() ?? null, has_blob(), last_blob()?.text() ?? null]);
    });
    await a.on("error", (me) => me.report([me.lib.last_blob()?.text() ?? null]));
    await b.run((me, to) => {
      me.ctx.request(to).body(1).send();
      me.ctx.request(to).body(2).blob("earlier").send();
      me.ctx.request(to).body(3).send();
      me.ctx.request(to).body(4).blob("newer").send();
      me.ctx.request(to).body(5).send();
    }, A);
    expect(await a.nextOf(5)).toEqual([
      [null, false, null],
      ["earlier", true, "earlier"],
      [null, false, "earlier"],
      ["newer", true, "newer"],
      [null, false, "newer"],
    ]);
    await a.run((me) => me.ctx.request("no:body:there").body(1).blob("its own").expectsResponse(5).send());
    expect(await a.next()).toEqual(["newer"]);
  });
});
