/** What comes to a process by way of the http-server and is no plain frame: RPC, extensions, dialects, older names. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { DIALECTS, packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import { RawSocket } from "../support/sockets.ts";
import { A, B, PLACEMENTS, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

async function rpc(on: Stage, fields: unknown): Promise<Response> {
  return await fetch(`http://127.0.0.1:${on.port}/rpc:distro:sys/message`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
  });
}

describe.each(PLACEMENTS)("%s: RPC", (placement) => {
  test("is a request like any other, with its answer", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    await a.on("request", (me, message) => {
      me.report(me.seen(message));
      me.ctx.respond({ hi: 1 }, { blob: { mime: "x/y", bytes: new Uint8Array([66, 66]) } });
    });
    const answer = await rpc(on, {
      process: A,
      body: '{"n":1}',
      expects_response: 5,
      metadata: "m",
      mime: "text/plain",
      data: Buffer.from("blob").toString("base64"),
    });
    expect(await a.next()).toMatchObject({
      kind: "request",
      source: "alice.os@http-server:distro:sys",
      body: { n: 1 },
      blob: "blob",
      mime: "text/plain",
      metadata: "m",
      capabilities: [],
      asked: true,
    });
    const said = (await answer.json()) as {
      readonly body: number[];
      readonly lazy_load_blob: { readonly bytes: number[] };
    };
    expect([answer.status, Buffer.from(said.body).toString()]).toEqual([200, '{"hi":1}']);
    expect(Buffer.from(Buffer.from(said.lazy_load_blob.bytes).toString(), "base64").toString()).toBe("BB");
  });

  test.each([
    { WebSocketPush: { channel_id: 1, message_type: "Text" } },
    { WebSocketOpen: { path: "/", channel_id: 1 } },
    { WebSocketClose: 1 },
    { HttpClose: 1 },
  ])("is no event, whatever it looks like: %j", async (body) => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    expect((await rpc(on, { process: A, body: JSON.stringify(body) })).status).toBe(200);
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "request", body }));
  });
});

type Asked = { readonly id: number; readonly kinode_message_type: string; readonly blob: readonly number[] };

const frameOf = (id: number, kind: string, text: string): Uint8Array =>
  packMessage({ WebSocketExtPushData: { id, kinode_message_type: kind, blob: [...Buffer.from(text)] } });

async function nextAsked(client: RawSocket): Promise<Asked> {
  const frame = unpackMessage(await client.nextBinary()) as { readonly WebSocketExtPushData: Asked };
  return frame.WebSocketExtPushData;
}

describe.each(PLACEMENTS)("%s: an extension", (placement) => {
  test("is asked by its process, and asks it: answers go to each question, now or later", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    await a.run((me) => me.ctx.bindWs("/ext", { authenticated: false, extension: true }));
    await a.on("push", (me, { blob }) => {
      const text = blob.text();
      me.report([me.ctx.asked, text]);
      if (text === "now") me.ctx.respond(null, { blob: `answer to ${text}` });
      const { message } = me.ctx;
      if (text === "later" && message !== null) me.keep.asked = message;
    });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/ext`, headers: { host: `localhost:${on.port}` } });
    const { channelId } = (await a.next()) as { readonly channelId: number };

    const answer = a.run((me, id) => me.ctx.askExtension(id, "question").then((blob) => blob.text()), channelId);
    const { id, blob } = await nextAsked(client);
    expect(Buffer.from(blob).toString()).toBe("question");
    client.sendBinary(frameOf(id, "Response", "answer"));
    expect(await answer).toBe("answer");

    client.sendBinary(frameOf(7, "Request", "later"));
    client.sendBinary(frameOf(8, "Request", "now"));
    expect(await a.nextOf(2)).toEqual([
      [true, "later"],
      [true, "now"],
    ]);
    const now = await nextAsked(client);
    expect([now.id, Buffer.from(now.blob).toString()]).toEqual([8, "answer to now"]);
    await a.run((me) => me.ctx.respond("at last", { to: me.keep.asked }));
    const later = await nextAsked(client);
    expect([later.id, Buffer.from(later.blob).toString()]).toEqual([7, "at last"]);
  });

  test("that does not answer in time, or has left, is told as SendError", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    await a.run((me) => me.ctx.bindWs("/ext", { authenticated: false, extension: true }));
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/ext`, headers: { host: `localhost:${on.port}` } });
    const { channelId } = (await a.next()) as { readonly channelId: number };
    const ask = (seconds: number): Promise<unknown> =>
      a.run((me, { id, seconds }) => me.caught(() => me.ctx.askExtension(id, "?", { seconds })), {
        id: channelId,
        seconds,
      });
    expect(await ask(0.03)).toEqual(expect.objectContaining({ name: "SendError", error: "Timeout" }));
    await nextAsked(client);
    const left = ask(20);
    await nextAsked(client);
    client.destroy();
    expect(await left).toEqual(expect.objectContaining({ name: "SendError", error: "Offline" }));
    expect(await ask(20)).toEqual(expect.objectContaining({ name: "ExtensionError" }));
  });
});

describe.each(PLACEMENTS)("%s: a process of each dialect", (placement) => {
  test.each(DIALECTS)("%s: has its channel, and sees the message of a frame in its own words", async (dialect) => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, { dialect });
    await a.run((me) => me.ctx.bindWs("/", { authenticated: false }));
    await a.on("push", (me, { channelId, blob }) => {
      const { message } = me.ctx;
      me.report(message === null ? null : [message.kind, message.source.text, message.body, message.blob === blob]);
      me.ctx.push(channelId, blob);
    });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    const { channelId } = (await a.next()) as { readonly channelId: number };
    client.sendText("hello");
    const [kind, source, body, isSame] = (await a.next()) as readonly unknown[];
    expect([kind, isSame]).toEqual(["request", true]);
    const inline = { kinode: "http-server:distro:sys" } as Readonly<Record<string, string>>;
    if (dialect in inline) {
      expect(source).toBe(`alice.os@${inline[dialect]}`);
      expect(body).toEqual({ WebSocketPush: { channel_id: channelId, message_type: "Text" } });
    } else expect(JSON.stringify(body)).toContain(String(channelId));
    expect(await client.nextText()).toBe("hello");
  });
});

test.each(PLACEMENTS)("%s: who asks under an older name is answered under it", async (placement) => {
  const on = await startStage(placement, { http: true });
  const b = await on.add(B, { request: ["http-server:distro:sys", "http_server:sys:nectar"] });
  const answer = await b.run((me) =>
    me.ctx
      .request("http_server:sys:nectar")
      .body({ WebSocketPush: { channel_id: 1, message_type: "Text" } })
      .blob("x")
      .sendAndAwaitResponse()
      .then((it) => it.source.text),
  );
  expect(answer).toBe("alice.os@http_server:sys:nectar");
});
