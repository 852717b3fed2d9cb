/** From the first message on the main route to a channel: contract kinode §5.7 and its cases 88 to 102. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { packMessage, unpackMessage, VirtualClock } from "../../../lib/protocol/index.ts";
import {
  channelId,
  connectMain,
  hear,
  openChannel,
  registration,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
} from "../../support/channels.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import type { RawSocket } from "../../support/sockets.ts";

/** Reads the refusal: an error frame, a close frame with the same reason, and the end. */
async function refusal(client: RawSocket): Promise<{ error: string; code: number }> {
  const { error } = JSON.parse(await client.nextText()) as { error: { code: string; message: string } };
  const { code, reason } = await client.nextClose();
  expect(error.message).not.toBe("");
  expect(error.message.startsWith(reason) && reason !== "").toBe(true); // a close reason holds 123 bytes
  client.sendClose(code);
  await client.ended;
  return { error: error.code, code };
}

async function registerWith(on: TestNode, message: string, headers = {}): Promise<RawSocket> {
  const client = await connectMain(on, headers);
  client.sendText(message);
  return client;
}

describe.each(TRANSPORTS)("%s WsRegister", (transport) => {
  afterEach(stopNodes);

  describe("case 88: a registration opens a channel, and is answered as it was asked", () => {
    test.each([
      ["text", "bare", (value: unknown) => value],
      ["text", "wrapped", (value: unknown) => ({ WsRegister: value })],
      ["binary", "bare", (value: unknown) => value],
      ["binary", "wrapped", (value: unknown) => ({ WsRegister: value })],
    ] as const)("JSON in a %s frame, %s", async (frame, _, wrap) => {
      const { on, p } = await startWithP(transport);
      const client = await connectMain(on);
      const json = JSON.stringify(wrap(registration(on)));
      if (frame === "text") client.sendText(json);
      else client.sendBinary(Buffer.from(json));
      const id = channelId(await client.nextText());
      expect(id).toBe(id >>> 0);
      expect(id).not.toBe(0);
      const open = await p.next();
      expect(open).toMatchObject({
        kind: "request",
        source: "alice.os@http-server:distro:sys",
        body: { WebSocketOpen: { path: "/", channel_id: id } },
        bytes: null,
      });
    });

    test.each([
      ["bare", (value: unknown) => value],
      ["wrapped", (value: unknown) => ({ WsRegister: value })],
    ] as const)("MessagePack, %s", async (_, wrap) => {
      const { on, p } = await startWithP(transport);
      const client = await connectMain(on);
      client.sendBinary(packMessage(wrap(registration(on))));
      const answer = unpackMessage(await client.nextBinary());
      const [open] = await hear(p, 1);
      expect(`open ${(answer as { channel_id: number }).channel_id}`).toBe(open);
      expect(Object.keys(answer as object)).toEqual(["channel_id"]);
    });
  });

  test("case 88: source_socket_addr begins with the peer's address", async () => {
    const { on, p } = await startWithP(transport);
    await openChannel(on);
    const { body } = await p.next();
    expect(body).toMatchObject({
      WebSocketOpen: { source_socket_addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    });
  });

  test("a register token opens a channel as a session token does", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on, { auth_token: on.server.issueToken("register") });
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
  });

  test("case 90: a missing encrypted is accepted", async () => {
    const { on } = await startWithP(transport);
    const client = await registerWith(on, JSON.stringify({ auth_token: on.token, target_process: P }));
    expect(channelId(await client.nextText())).toBeGreaterThan(0);
  });

  test("case 91: extra keys are accepted", async () => {
    const { on } = await startWithP(transport);
    const { id } = await openChannel(on, { nonsense: { deep: [1] }, WsRegister: 1, __proto__x: 2 });
    expect(id).toBeGreaterThan(0);
  });

  test.each([
    ["no JSON (case 93)", "hi"],
    ["an empty message", ""],
    ["an array", "[]"],
    ["null", "null"],
    ["a number", "12"],
    ["no target_process (near 92)", JSON.stringify({ auth_token: "x" })],
    ["a target that is no text", JSON.stringify({ auth_token: "x", target_process: 7 })],
    ["a target with too few parts (near 95)", JSON.stringify({ auth_token: "x", target_process: "chat:chat" })],
    ["a target with too many parts (near 95)", JSON.stringify({ auth_token: "x", target_process: "a:b:c:d" })],
    ["an empty target", JSON.stringify({ auth_token: "x", target_process: "" })],
    ["a token that is no text", JSON.stringify({ auth_token: 7, target_process: P })],
    ["encrypted, which is not offered yet (near 92)", JSON.stringify({ target_process: P, encrypted: true })],
    ["a slow_reader nobody knows", JSON.stringify({ target_process: P, slow_reader: "latest-ish" })],
    ["a wrapped thing that is none", JSON.stringify({ WsRegister: [1] })],
  ])("%s is refused with 4400 and tells no process", async (_, message) => {
    const { on, p } = await startWithP(transport);
    expect(await refusal(await registerWith(on, message))).toEqual({ error: "malformed", code: 4400 });
    const { id } = await openChannel(on); // marks the end of what P was told
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
  });

  test("a malformed MessagePack message is refused in MessagePack", async () => {
    const { on } = await startWithP(transport);
    const client = await connectMain(on);
    client.sendBinary(Buffer.from([0x81, 0xa1]));
    expect(unpackMessage(await client.nextBinary())).toMatchObject({ error: { code: "malformed" } });
    expect(await client.nextClose()).toMatchObject({ code: 4400 });
  });

  test("case 94: after a ping as the first frame the server still waits", async () => {
    const { on, p } = await startWithP(transport);
    const client = await connectMain(on);
    client.sendPing("p1");
    expect(await client.nextFrame()).toMatchObject({ kind: "pong", payload: Buffer.from("p1") });
    client.sendPong("unasked");
    client.sendText(JSON.stringify(registration(on)));
    const id = channelId(await client.nextText());
    client.sendText("marker");
    expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} marker`]);
  });

  describe("case 96: a token that is not good here is refused with 4401 and tells no process", () => {
    test.each([
      ["a bad signature", (token: string) => `${token.slice(0, -4)}AAAA`],
      [
        "another algorithm",
        (token: string) => token.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString("base64url")),
      ],
      ["no signature", (token: string) => token.replace(/[^.]+$/, "")],
      ["an empty token", () => ""],
      ["no token at all", () => "hello"],
    ])("%s", async (_, spoil) => {
      const { on, p } = await startWithP(transport);
      const client = await registerWith(on, JSON.stringify(registration(on, { auth_token: spoil(on.token) })));
      expect(await refusal(client)).toEqual({ error: "bad_token", code: 4401 });
      const { id } = await openChannel(on);
      expect(await hear(p, 1)).toEqual([`open ${id}`]);
    });

    test("a token of bob.os, in JSON and in MessagePack", async () => {
      const { on, p } = await startWithP(transport);
      const bob = await startNode(transport, { nodeOptions: { name: "bob.os" } });
      const json = await registerWith(on, JSON.stringify(registration(on, { auth_token: bob.token })));
      expect(await refusal(json)).toEqual({ error: "bad_token", code: 4401 });
      const packed = await connectMain(on);
      packed.sendBinary(packMessage(registration(on, { auth_token: bob.token })));
      expect(unpackMessage(await packed.nextBinary())).toMatchObject({ error: { code: "bad_token" } });
      expect(await packed.nextClose()).toMatchObject({ code: 4401 });
      const { id } = await openChannel(on);
      expect(await hear(p, 1)).toEqual([`open ${id}`]);
    });

    test("an expired one, which was good a second before", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { limits: { sessionSeconds: 60 }, nodeOptions: { clock } });
      clock.advance(59_999);
      const { id } = await openChannel(on);
      clock.advance(1);
      const late = await registerWith(on, JSON.stringify(registration(on)));
      expect(await refusal(late)).toEqual({ error: "bad_token", code: 4401 });
      const next = await openChannel(on, { auth_token: on.server.issueToken() });
      expect(await hear(p, 2)).toEqual([`open ${id}`, `open ${next.id}`]);
    });

    test("no token and no cookie", async () => {
      const { on, p } = await startWithP(transport);
      const client = await registerWith(on, JSON.stringify({ target_process: P }));
      expect(await refusal(client)).toEqual({ error: "bad_token", code: 4401 });
      const { id } = await openChannel(on);
      expect(await hear(p, 1)).toEqual([`open ${id}`]);
    });

    test("a bad token beside a good cookie", async () => {
      const { on } = await startWithP(transport);
      const message = JSON.stringify(registration(on, { auth_token: "bad" }));
      expect(await refusal(await registerWith(on, message, { cookie: on.cookie }))).toEqual({
        error: "bad_token",
        code: 4401,
      });
    });
  });

  test.each([
    ["left out", { target_process: P }],
    ["null", { target_process: P, auth_token: null }],
  ])("case 97: auth_token %s with a session cookie on the upgrade is accepted", async (_, message) => {
    const { on, p } = await startWithP(transport);
    const client = await registerWith(on, JSON.stringify(message), { cookie: `a=b; ${on.cookie}` });
    const id = channelId(await client.nextText());
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
  });

  test("case 98: a process that does not exist is refused with 4404", async () => {
    const { on } = await startWithP(transport);
    const client = await registerWith(on, JSON.stringify(registration(on, { target_process: "no:such:one" })));
    expect(await refusal(client)).toEqual({ error: "no_such_process", code: 4404 });
  });

  test("case 98: whoever has no good token is not told which processes exist", async () => {
    const { on } = await startWithP(transport);
    const message = JSON.stringify({ auth_token: "bad", target_process: "no:such:one" });
    expect(await refusal(await registerWith(on, message))).toEqual({ error: "bad_token", code: 4401 });
  });

  test("a process that did not let the http-server message it is refused with 4404", async () => {
    const { on, p } = await startWithP(transport);
    on.add(Q, p.program, { grantCapabilities: [] });
    const client = await registerWith(on, JSON.stringify(registration(on, { target_process: Q })));
    expect(await refusal(client)).toEqual({ error: "no_such_process", code: 4404 });
  });

  test("the http-server itself takes no channels", async () => {
    const { on } = await startWithP(transport);
    const target = { target_process: "http-server:distro:sys" };
    const client = await registerWith(on, JSON.stringify(registration(on, target)));
    expect(await refusal(client)).toEqual({ error: "no_such_process", code: 4404 });
  });

  describe("case 99: the time to register", () => {
    test("ends with 4408 after registerDeadline, not before", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { nodeOptions: { clock } });
      const [silent, last] = [await connectMain(on), await connectMain(on)];
      clock.advance(9_999);
      last.sendText(JSON.stringify(registration(on)));
      const id = channelId(await last.nextText());
      clock.advance(11); // the timer wheel's ticks are 10 ms
      expect(await refusal(silent)).toEqual({ error: "too_late", code: 4408 });
      last.sendText("marker");
      expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} marker`]);
    });

    test("a ping does not make it longer, and a registered channel has no such end", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { nodeOptions: { clock }, limits: { registerDeadline: 1_000 } });
      const { client, id } = await openChannel(on);
      const pinging = await connectMain(on);
      clock.advance(900);
      pinging.sendPing();
      await pinging.nextFrame();
      clock.advance(200);
      expect(await refusal(pinging)).toEqual({ error: "too_late", code: 4408 });
      clock.advance(60_000);
      client.sendText("still here");
      expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} still here`]);
      expect(on.node.kernel.wheel.size).toBe(0);
    });
  });

  test("case 100: a text frame arrives as Text with its bytes", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.sendText("hello");
    await p.next();
    expect(await p.next()).toMatchObject({
      kind: "request",
      source: "alice.os@http-server:distro:sys",
      body: { WebSocketPush: { channel_id: id, message_type: "Text" } },
      text: "hello",
    });
  });

  test("near case 101: a binary frame arrives as Binary with its bytes, UTF-8 or not", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.sendBinary(Buffer.from([0xff, 0x00, 0x41]));
    await p.next();
    const { body, bytes } = await p.next();
    expect(body).toEqual({ WebSocketPush: { channel_id: id, message_type: "Binary" } });
    expect([...(bytes ?? [])]).toEqual([0xff, 0x00, 0x41]);
  });

  test("case 102: a second registration is plain data", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    const again = JSON.stringify(registration(on));
    client.sendText(again);
    expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} ${again}`]);
  });
});
