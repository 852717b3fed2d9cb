/** Contract kinode §10, "Kernel", cases 22 to 31: inherit, blobs, answers and calls. Neighbours of a case have no number. */
import { describe, expect, test } from "@jest/globals";
import { A, B, C, type Cast, withA, withAB } from "../support/cast.ts";
import { ask, program, request, settle, silent, started, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("inherit", () => {
  /** B passes on what it gets, as `options` say; C's answers are the test's. */
  function chain(
    options: { readonly blob?: string; readonly expects?: number } = {},
  ): Cast & { b: Recorder; c: Recorder } {
    const [b, c] = [new Recorder(), new Recorder()];
    b.onMessage = (message, host) => {
      if (message.kind === "request") tell(host, C, "passed on", { inherit: true, ...options });
    };
    const cast = withAB(b.program);
    cast.add(C, c.program, { public: true });
    return { ...cast, b, c };
  }

  test("case 22: lets the last of a chain answer the first, with the first one's context; the one between gets nothing", async () => {
    const { a, b, c } = chain();
    c.onMessage = (_, host) => host.respond({ body: "from c" });
    tell(a.host, B, "hi", { expects: 5, context: "a's" });
    await settle();
    expect(a.all).toMatchObject([{ kind: "response", source: `alice.os@${C}`, body: "from c", context: "a's" }]);
    expect(b.all.map(({ kind }) => kind)).toEqual(["request"]);
  });

  test("passes on the blob of the message in hand, whether or not that expects an answer", async () => {
    const { a, c } = chain();
    tell(a.host, B, "hi", { expects: 5, blob: "a's first" });
    tell(a.host, B, "hi", { blob: "a's second" });
    await settle();
    expect(c.all.map(({ text }) => text)).toEqual(["a's first", "a's second"]);
  });

  test("does not pass on the blob of an earlier message", async () => {
    const { a, c } = chain();
    tell(a.host, B, "hi", { expects: 5, blob: "old" });
    tell(a.host, B, "hi", { expects: 5 });
    await settle();
    expect(c.all.map(({ text }) => text)).toEqual(["old", null]);
  });

  test("case 24: passes on the explicit blob where one is given", async () => {
    const { a, c } = chain({ blob: "b's" });
    tell(a.host, B, "hi", { expects: 5, blob: "a's" });
    await settle();
    expect(c.all.map(({ text }) => text)).toEqual(["b's"]);
  });

  test("of a request that expects an answer itself passes on the blob, and the answer comes to its own sender", async () => {
    const { a, b, c } = chain({ expects: 5 });
    c.onMessage = (_, host) => host.respond({ body: "from c" });
    tell(a.host, B, "hi", { expects: 5, blob: "a's" });
    await settle();
    expect(c.all.map(({ text }) => text)).toEqual(["a's"]);
    expect(b.all.map(({ body }) => body)).toEqual(["hi", "from c"]);
    expect(a.all).toEqual([]);
  });

  test("case 25: a response with an explicit blob carries that one", async () => {
    const { a } = withAB(
      program((_, host) => host.respond({ body: 1, inherit: true, blob: request(host, A, 0, { blob: "b's" }).blob })),
    );
    tell(a.host, B, "hi", { expects: 5, blob: "a's" });
    await settle();
    expect(a.all.map(({ text }) => text)).toEqual(["b's"]);
  });

  test.each([
    [true, "a's"],
    [false, null],
  ])("a response without one, inherit %p, carries %p", async (inherit, text) => {
    const { a } = withAB(program((_, host) => host.respond({ body: 1, inherit })));
    tell(a.host, B, "hi", { expects: 5, blob: "a's" });
    await settle();
    expect(a.all.map((message) => message.text)).toEqual([text]);
  });
});

describe("case 27: the blob", () => {
  test("of a message without one is none, and the last blob is the earlier one", async () => {
    const seen: unknown[] = [];
    const { a } = withAB(program((message, host) => void seen.push([message.blob, host.lastBlob()?.text()])));
    tell(a.host, B, 1, { blob: "earlier" });
    tell(a.host, B, 2);
    tell(a.host, B, 3);
    await settle();
    expect(seen.slice(1)).toEqual([
      [null, "earlier"],
      [null, "earlier"],
    ]);
  });

  test("that an error brings back is not the last one received", async () => {
    const { a } = withA();
    tell(a.host, A, "to myself", { blob: "received" });
    await settle();
    tell(a.host, "no:such:process", 1, { expects: 1, blob: "sent" });
    await settle();
    expect([a.all[1]?.text, a.host?.lastBlob()?.text()]).toEqual(["sent", "received"]);
    tell(a.host, A, "to myself, without a blob");
    await settle();
    expect(a.host?.lastBlob()?.text()).toBe("received");
  });
});

describe("respond()", () => {
  test("case 28: outside any message to answer is an error, and the process lives", async () => {
    const { a, node } = withA();
    expect(await thrownBy(() => a.host?.respond({ body: 1 }))).toMatchObject({
      name: "NoRequestToAnswerError",
      code: "no_request_to_answer",
      message: `Cannot respond from "alice.os@${A}" as the message in hand asks for no answer: reply to the request itself, while or after it is handled`,
    });
    tell(a.host, A, "still here");
    await settle();
    expect(a.all.map(({ body }) => body)).toEqual(["still here"]);
    expect(node.kernel.crashes.total).toBe(0);
  });

  test("does not answer the request before, when the message in hand expects nothing", async () => {
    const { a, advance, node } = withAB(
      program((message, host) => {
        if (message.rsvp === null) host.respond({ body: "for whom?" });
      }),
    );
    tell(a.host, B, "a question", { expects: 1 });
    tell(a.host, B, "no question");
    await advance(1_100);
    expect(a.all.map(({ error }) => error)).toEqual(["Offline"]); // B crashed on it
    expect(node.kernel.crashes.last()).toMatchObject([{ error: expect.stringContaining("NoRequestToAnswerError") }]);
  });

  test("in the handler of an answer answers the request for which that was asked", async () => {
    const b = new Recorder();
    b.onMessage = (message, host) => {
      if (message.kind === "request") tell(host, C, message.body, { expects: 5 });
      else host.respond({ body: `for ${message.body}`, inherit: true });
    };
    const { a, add } = withAB(b.program);
    const c = new Recorder();
    add(C, c.program, { public: true });
    for (const n of [1, 2]) tell(a.host, B, n, { expects: 5, context: `context ${n}`, blob: `blob ${n}` });
    await settle();
    for (const { envelope } of [...c.all].reverse()) c.host?.respond({ body: envelope.body }, envelope);
    await settle();
    expect(a.all.map(({ body, context, text }) => [body, context, text])).toEqual([
      ["for 2", "context 2", "blob 2"],
      ["for 1", "context 1", "blob 1"],
    ]);
  });
});

describe("call()", () => {
  test("case 30: gets its answer before messages that came meanwhile, which then come in order", async () => {
    const log: unknown[] = [];
    const b = program(async (message, host) => {
      log.push(message.body);
      if (message.body === "go") log.push((await ask(host, C, "question")).body);
    });
    const { a, add } = withAB(b);
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, "go");
    const { envelope } = await c.next();
    for (const n of [1, 2]) tell(a.host, B, n);
    await settle();
    expect(log).toEqual(["go"]);
    c.host?.respond({ body: "answer" }, envelope);
    await settle();
    expect(log).toEqual(["go", "answer", 1, 2]);
  });

  test.each([A, `our@${A}`])("case 31: to oneself, %s, is an error, and the process lives", async (self) => {
    const { a } = withA();
    expect(await thrownBy(() => ask(a.host, self, 1))).toMatchObject({
      name: "SelfCallError",
      code: "self_call",
      message: `Cannot await an answer from "alice.os@${A}" itself as it handles one message at a time: call the function directly, or send() without awaiting`,
    });
    tell(a.host, A, "still here");
    expect((await a.next()).body).toBe("still here");
  });

  test("without a time to wait is an error, and the process lives", async () => {
    const { a } = withA();
    const host = started(a.host);
    expect(await thrownBy(() => host.call(request(host, B, 1)))).toMatchObject({ code: "invalid_option" });
    tell(host, A, "still here");
    expect((await a.next()).body).toBe("still here");
  });

  test("throws what ends it without an answer", async () => {
    const { a, advance } = withAB(silent);
    const outcome = thrownBy(() => ask(a.host, B, "hi", { expects: 1, blob: "b", context: "mine" }));
    await advance(1_010);
    expect(await outcome).toMatchObject({ name: "SendError", kind: "Timeout", body: "hi", context: "mine" });
    expect(a.all).toEqual([]);
  });
});
