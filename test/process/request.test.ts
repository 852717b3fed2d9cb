/** The request builder and respond(): what leaves, and what is refused before it does. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { Address, type Context, capability, defineProcess, type Message, ProcessId } from "../../lib/process/index.ts";

const KV = "kv:distro:sys";

/** Runs `work` in a handler. @returns what it returned, and the process */
async function within<Result>(work: (ctx: Context) => Result) {
  const results: Result[] = [];
  const program = defineProcess({ onRequest: (_, __, ctx) => void results.push(work(ctx as Context)) });
  const harness = await startProcess(program, { capabilities: [capability(`alice.os@${KV}`, '"read"')] });
  await harness.send("go", { blob: "in hand" });
  return { harness, result: results[0] };
}

describe("Request", () => {
  test("send() carries body, blob, metadata, context, seconds and held capabilities", async () => {
    const held = capability(`alice.os@${KV}`, '"read"');
    const { harness } = await within((ctx) =>
      ctx
        .request(KV)
        .body({ a: 1 })
        .blob({ mime: "text/plain", bytes: new Uint8Array([104, 105]) })
        .metadata("meta")
        .context({ c: 1 })
        .expectsResponse(7)
        .capabilities([held, capability(`alice.os@${KV}`, '"write"'), capability(ctx.our, '"own"')])
        .send(),
    );
    const { message } = harness.sent[0] ?? {};
    expect(message).toMatchObject({ body: { a: 1 }, metadata: "meta", context: { c: 1 }, expectsResponse: 7 });
    expect([message?.blob?.mime, message?.blob?.text()]).toEqual(["text/plain", "hi"]);
    expect(message?.capabilities).toEqual([held, capability("alice.os@test:test:template.os", '"own"')]);
  });

  test.each([
    ["a process id", KV],
    ["an address", `our@${KV}`],
    ["a ProcessId", ProcessId.parse(KV)],
    ["an Address", Address.parse(`alice.os@${KV}`)],
  ])("target() takes %s", async (_, target) => {
    const { harness } = await within((ctx) => ctx.request(target).send());
    expect(harness.sent[0]?.target.text).toBe(`alice.os@${KV}`);
  });

  test("ipc() and payload() are body() and blob(); blobJson() is a blob of JSON", async () => {
    const { harness } = await within((ctx) => {
      ctx.request(KV).ipc(1).payload("p").send();
      ctx.request(KV).blobJson({ a: 1 }).send();
    });
    expect(harness.sent.map(({ body, data }) => [body, data])).toEqual([
      [1, "p"],
      [null, { a: 1 }],
    ]);
    expect(harness.sent[1]?.message.blob?.mime).toBe("application/json");
  });

  test("inherit() passes on the blob in hand, unless there is one of its own", async () => {
    const { harness } = await within((ctx) => {
      ctx.request(KV).inherit().send();
      ctx.request(KV).inherit().blob("own").send();
      ctx.request(KV).inherit(false).send();
    });
    expect(harness.sent.map(({ data }) => data)).toEqual([undefined, "own", undefined]); // nobody asked: nothing to inherit
    const relay = await startProcess(defineProcess({ onRequest: (_, __, ctx) => ctx.request(KV).inherit().send() }));
    void relay.request("go", { blob: "in hand" });
    expect((await relay.nextSent()).data).toBe("in hand");
  });

  test("without a target, to what is no address, and with a wait out of range it is refused", async () => {
    await within((ctx) => {
      expect(() => ctx.request("").send()).toThrow(/^Cannot read process id ""/);
      expect(() => ctx.request("a:b").send()).toThrow(/^Cannot read process id "a:b" as a part is missing/);
      expect(() => ctx.request(KV).expectsResponse(-1).send()).toThrow(/^Cannot send to "alice.os@kv:distro:sys" as /);
    });
  });

  test("a blob that has expired is refused where it is sent", async () => {
    let late: (() => void) | undefined;
    const harness = await startProcess(
      defineProcess({
        onPush(_, __, blob, ctx) {
          late = () => ctx.request(KV).blob(blob).send();
        },
        onRequest: () => late?.(),
      }),
    );
    await harness.push(await harness.open(), "x");
    await expect(harness.send("now")).rejects.toMatchObject({ name: "BlobExpiredError", code: "blob_expired" });
  });

  test("sendAndAwaitResponse() waits 5 seconds unless told", async () => {
    const kinds: string[] = [];
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, { body }, ctx) {
          const request = ctx.request(KV);
          if (body === "own") request.expectsResponse(2);
          try {
            await request.sendAndAwaitResponse();
          } catch (error) {
            kinds.push(`${body} ${(error as { kind: string }).kind}`);
          }
        },
      }),
    );
    void harness.send("default");
    await harness.advance(4999);
    expect(kinds).toEqual([]);
    await harness.advance(1);
    void harness.send("own");
    await harness.advance(2000);
    expect(kinds).toEqual(["default Timeout", "own Timeout"]);
  });
});

describe("respond()", () => {
  test("answers the request in hand, or an earlier one by its message", async () => {
    const harness = await startProcess(
      defineProcess<Message | null>({
        init: () => null,
        onRequest(first, message, ctx) {
          if (first === null) return message;
          ctx.respond("second", { blob: "b", metadata: "m" });
          ctx.respond("first", { to: first });
          return undefined;
        },
      }),
    );
    const first = harness.request(1);
    const second = await harness.request(2);
    expect([(await first).body, second.body, second.blob?.text(), second.metadata]).toEqual([
      "first",
      "second",
      "b",
      "m",
    ]);
  });

  test("where none is wanted it throws, and the process may go on", async () => {
    await within((ctx) => {
      expect(() => ctx.respond("x")).toThrow(
        'Cannot respond from "alice.os@test:test:template.os" as the message in hand asks for no answer: reply to the request itself, while or after it is handled',
      );
    });
  });
});
