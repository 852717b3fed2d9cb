/** The harness itself: what a process meets in it is what it meets on a node. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { type Blob, capability, defineProcess, MESSAGING, SendError } from "../../lib/process/index.ts";

const KV = "kv:distro:sys";

describe("channels", () => {
  test("open, push and close reach the process in this order, with what they carry", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onOpen: (_, open) => void seen.push(open),
        onPush: (_, push, blob) => void seen.push({ ...push, text: blob.text(), isText: blob.isText }),
        onClose: (_, close) => void seen.push(close),
      }),
    );
    const opening = {
      path: "/room",
      peer: "10.0.0.1:4000",
      user: "alice.os",
      query: { room: "b" },
      headers: { "user-agent": "a browser" },
      protocol: "v2",
    };
    const channelId = await harness.open(opening);
    await harness.push(channelId, "hi");
    await harness.push(channelId, { a: 1 });
    await harness.push(channelId, new Uint8Array([104]));
    await harness.push(channelId, "beat", "Ping");
    await harness.close(channelId, 1001, "bye");
    expect(seen).toEqual([
      { channelId, ...opening },
      { channelId, messageType: "Text", text: "hi", isText: true },
      { channelId, messageType: "Text", text: '{"a":1}', isText: true },
      { channelId, messageType: "Binary", text: "h", isText: false },
      { channelId, messageType: "Ping", text: "beat", isText: false },
      { channelId, code: 1001, reason: "bye" },
    ]);
  });

  test("pushes() has JSON parsed, text and bytes as they are, and the publishes of subscribed topics, in order", async () => {
    const harness = await startProcess(
      defineProcess({
        onOpen(_, { channelId }, ctx) {
          ctx.publish("room", "before");
          ctx.subscribe(channelId, "room");
          ctx.push(channelId, { a: 1 });
          ctx.publish("room", "hello");
          ctx.push(channelId, new Uint8Array([0xff, 1]));
          ctx.push(channelId, "beat", "Ping");
          ctx.pushLatest(channelId, "volume", 11);
          ctx.unsubscribe(channelId, "room");
          ctx.publish("room", "after");
        },
      }),
    );
    const channelId = await harness.open();
    expect(harness.pushes(channelId)).toEqual([{ a: 1 }, "hello", new Uint8Array([0xff, 1]), 11]);
    expect(harness.frames(channelId)).toContainEqual({ messageType: "Text", data: 11, key: "volume" });
    expect(harness.frames(channelId)).toContainEqual({ messageType: "Ping", data: "beat" });
    expect(harness.published.map(({ value }) => value)).toEqual(["before", "hello", "after"]);
  });

  test("a channel that the process closes takes no more pushes, and its Close comes after the message in hand", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onOpen(_, { channelId }, ctx) {
          ctx.close(channelId, 4000, "no room");
          ctx.push(channelId, "too late");
          seen.push("opened");
        },
        onClose: (_, close) => void seen.push(close),
      }),
    );
    const channelId = await harness.open();
    expect(harness.closed(channelId)).toEqual({ code: 4000, reason: "no room" });
    expect(seen).toEqual(["opened", { channelId, code: 4000, reason: "no room" }]);
    expect(harness.pushes(channelId)).toEqual([]);
    expect(harness.refused).toEqual([
      { action: { WebSocketPush: { channel_id: channelId, message_type: "Text" } }, error: "WsChannelNotFound" },
    ]);
    await expect(harness.push(channelId, "x")).rejects.toThrow(/^Cannot use channel 1 as it has ended with 4000: /);
    await expect(harness.push(9, "x")).rejects.toThrow(/^Cannot look at channel 9 as there is none of that id: /);
  });

  test("a frame's blob expires with a handler that returns, and a view of it is overwritten", async () => {
    const kept: { blob?: Blob; view?: Uint8Array; own?: Blob } = {};
    const harness = await startProcess(
      defineProcess({
        onPush(_, __, blob) {
          if (blob.text() === "keep") kept.own = blob.keep();
          else Object.assign(kept, { blob, view: blob.bytes() });
        },
      }),
    );
    const channelId = await harness.open();
    await harness.push(channelId, "abc");
    await harness.push(channelId, "keep");
    expect(() => kept.blob?.text()).toThrow(/^Cannot read this blob as its handler has returned/);
    expect(kept.view).toEqual(new Uint8Array([0xdd, 0xdd, 0xdd]));
    expect(kept.own?.text()).toBe("keep");
  });

  test("a frame's blob stays readable in a handler that awaits, and while it waits behind one", async () => {
    const seen: (string | undefined)[] = [];
    const harness = await startProcess(
      defineProcess({
        async onPush(_, __, blob, ctx) {
          await ctx.getState();
          seen.push(blob.text());
        },
      }),
    );
    const channelId = await harness.open();
    await Promise.all([harness.push(channelId, "one"), harness.push(channelId, "two")]);
    expect(seen).toEqual(["one", "two"]);
  });
});

describe("requests", () => {
  const relay = defineProcess({
    async onPush(_, { channelId }, blob, ctx) {
      const key = blob.text();
      const answer = await ctx.request(KV).body({ get: key }).sendAndAwaitResponse(2);
      ctx.push(channelId, { key, body: answer.body, text: answer.blob?.text() });
    },
  });

  test("an awaited request waits for answer(), and the messages behind it wait too", async () => {
    const harness = await startProcess(relay);
    const channelId = await harness.open();
    const first = harness.push(channelId, "a");
    const second = harness.push(channelId, "b");
    const sent = await harness.nextSent();
    expect([sent.target.text, sent.body, sent.expectsResponse]).toEqual([`alice.os@${KV}`, { get: "a" }, 2]);
    expect(harness.sent).toHaveLength(1);
    await sent.answer({ ok: true }, { blob: "value" });
    await first;
    expect(harness.pushes(channelId)).toEqual([{ key: "a", body: { ok: true }, text: "value" }]);
    await (await harness.nextSent()).answer(null);
    await second;
    expect(harness.pushes(channelId)).toHaveLength(2);
  });

  test("fail() is thrown where the process awaits, and crashes who does not catch it", async () => {
    const harness = await startProcess(relay);
    const pushed = harness.push(await harness.open(), "a");
    const refused = expect(pushed).rejects.toMatchObject({ name: "SendError", kind: "Denied" });
    await (await harness.nextSent()).fail("Denied");
    await refused;
    expect(harness.status).toBe("crashed");
  });

  test("an awaited request that nobody answers ends with Timeout when its time has passed", async () => {
    const harness = await startProcess(relay);
    const pushed = harness.push(await harness.open(), "a");
    const refused = expect(pushed).rejects.toMatchObject({ kind: "Timeout", body: { get: "a" } });
    await harness.advance(1999);
    expect(harness.status).toBe("running");
    await harness.advance(1);
    await refused;
    await expect(harness.sent[0]?.answer(1)).rejects.toThrow(
      /^Cannot answer the request to "alice.os@kv:distro:sys" as /,
    );
  });

  test("a request sent without waiting ends in onResponse or onSendError, with its context", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        init: (ctx) => {
          for (const n of [1, 2, 3]) ctx.request(KV).body(n).context({ n }).expectsResponse(5).send();
        },
        onResponse: (_, { body, context }) => void seen.push([body, context]),
        onSendError: (_, { kind, context }) => void seen.push([kind, context]),
      }),
    );
    await harness.sent[1]?.answer("two");
    await harness.sent[0]?.fail("Overloaded");
    await harness.advance(5000);
    expect(seen).toEqual([
      ["two", { n: 2 }],
      ["Overloaded", { n: 1 }],
      ["Timeout", { n: 3 }],
    ]);
  });

  test("request() brings the answer; one that forwards with inherit lets the answer pass it by", async () => {
    const harness = await startProcess(
      defineProcess({
        onRequest(_, { body }, ctx) {
          if (body === "forward") ctx.request(KV).body("for you").inherit().send();
          else ctx.respond({ echo: body }, { blob: "b" });
        },
      }),
    );
    const answer = await harness.request({ n: 1 }, { from: "other:other:template.os" });
    expect([answer.body, answer.blob?.text()]).toEqual([{ echo: { n: 1 } }, "b"]);
    const forwarded = harness.request("forward", { blob: "mine" });
    const sent = await harness.nextSent();
    expect([sent.body, sent.data]).toEqual(["for you", "mine"]);
    await sent.answer("from kv");
    expect((await forwarded).body).toBe("from kv");
  });

  test("request() rejects with Timeout in its time, and with Offline when the process exits", async () => {
    const harness = await startProcess(
      defineProcess({ onRequest: (_, { body }, ctx) => (body === "exit" ? ctx.exit() : undefined) }),
    );
    const late = expect(harness.request("silence", { expectsResponse: 3 })).rejects.toMatchObject({ kind: "Timeout" });
    await harness.advance(3000);
    await late;
    const waiting = expect(harness.request("silence")).rejects.toBeInstanceOf(SendError);
    await expect(harness.request("exit")).rejects.toMatchObject({ kind: "Offline" });
    await waiting;
    expect(harness.status).toBe("exited");
  });

  test("bodies cannot be changed once they are sent, either way", async () => {
    const harness = await startProcess(
      defineProcess({
        onRequest(_, { body }, ctx) {
          const answer = { list: [1] };
          ctx.respond(answer);
          expect(() => answer.list.push(2)).toThrow(TypeError);
          expect(() => Object.assign(body as object, { a: 2 })).toThrow(TypeError);
        },
      }),
    );
    await expect(harness.request({ a: 1 })).resolves.toMatchObject({ body: { list: [1] } });
  });

  test("a process that calls itself gets SelfCallError; one that sends to itself gets the message next", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, { body }, ctx) {
          seen.push(body);
          if (body !== "go") return;
          await expect(ctx.request(ctx.our).sendAndAwaitResponse()).rejects.toMatchObject({ code: "self_call" });
          ctx.request(ctx.our).body("later").send();
          seen.push("sent");
        },
      }),
    );
    await harness.send("go");
    expect(seen).toEqual(["go", "sent", "later"]);
  });

  test("capabilities that came with a message can be saved, others only when the process issues them", async () => {
    const read = capability(`alice.os@${KV}`, '"read"');
    const write = capability(`alice.os@${KV}`, '"write"');
    const refused: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onRequest(_, { capabilities }, ctx) {
          refused.push(...ctx.capabilities.save([...capabilities, write]));
          expect(ctx.capabilities.has(read)).toBe(true);
        },
      }),
      { capabilities: [capability(`alice.os@${KV}`, MESSAGING)] },
    );
    await harness.send("grant", { capabilities: [read] });
    expect(refused).toEqual([write]);
  });
});
