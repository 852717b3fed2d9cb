/** A process and its extension, as lib/process has it: in the harness, and on a node over a socket. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { type Context, defineProcess, ExtensionError, SendError } from "../../lib/process/index.ts";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import { startNode, stopNodes } from "../support/channels.ts";
import { P } from "../support/node.ts";
import { RawSocket } from "../support/sockets.ts";

/** Asks its newest extension what it is asked itself, by message; tells an extension that asks that it is welcome. */
const asker = (extension: boolean | "bin") =>
  defineProcess<{ readonly newest: number }>({
    async init(ctx) {
      await ctx.bindWs("/ext", { authenticated: false, extension });
      return { newest: 0 };
    },
    onOpen: (_, { channelId }) => ({ newest: channelId }),
    onPush: (_, { channelId }, blob, ctx) => {
      if (ctx.asked) ctx.respond(`welcome ${channelId}`, { blob: `${blob.text()}, welcome` });
      else ctx.push(channelId, `heard ${blob.text()}`);
    },
    onRequest: (state, message, ctx) => relay(state.newest, message.body, ctx),
  });

async function relay(newest: number, body: unknown, ctx: Context<{ readonly newest: number }>): Promise<void> {
  try {
    const answer = await ctx.askExtension(newest, body, { seconds: 2 });
    ctx.respond({ answer: answer.text() });
  } catch (error) {
    if (!(error instanceof ExtensionError || error instanceof SendError)) throw error;
    ctx.respond({ code: error.code, message: error.message });
  }
}

describe("in the harness", () => {
  test("what it asks an extension is sent, for the test to answer", async () => {
    const harness = await startProcess(asker(true));
    expect(harness.bound.ws).toEqual(["/ext"]);
    const channel = await harness.open({ path: "/ext" });
    const answered = harness.request({ n: 1 });
    const asked = await harness.nextSent();
    expect(asked).toMatchObject({
      body: {
        WebSocketExtPushOutgoing: { channel_id: channel, message_type: "Binary", desired_reply_type: "Response" },
      },
      data: { n: 1 },
      expectsResponse: 2,
    });
    await asked.answer(null, { blob: "one" });
    expect((await answered).body).toEqual({ answer: "one" });
  });

  test("one that does not answer is Timeout; one that is not there, WsChannelNotFound", async () => {
    const harness = await startProcess(asker(true));
    expect((await harness.request("?")).body).toEqual({
      code: "WsChannelNotFound",
      message:
        "Cannot ask extension 0 as no extension of this process has that channel: ask when its channel is open, and less at once",
    });
    await harness.open({ path: "/ext" });
    const answered = harness.request("?");
    await harness.nextSent();
    await harness.advance(2000);
    expect((await answered).body).toMatchObject({ code: "Timeout" });
  });

  test("what an extension asks comes to onPush, and is answered there", async () => {
    const harness = await startProcess(asker(true));
    const channel = await harness.open({ path: "/ext" });
    const body = { WebSocketPush: { channel_id: channel, message_type: "Binary" } };
    const answer = await harness.request(body, { from: "http-server:distro:sys", blob: "me" });
    expect([answer.body, answer.blob?.text()]).toEqual([`welcome ${channel}`, "me, welcome"]);
  });
});

describe("on a node", () => {
  afterEach(stopNodes);

  type Frame = { readonly id: number; readonly kinode_message_type: string; readonly blob: readonly number[] };
  const message = (frame: Buffer): Frame =>
    (unpackMessage(frame) as { readonly WebSocketExtPushData: Frame }).WebSocketExtPushData;

  test.each([true, "bin"] as const)("extension: %j asks and is asked", async (extension) => {
    const on = await startNode("uws");
    on.add(P, asker(extension), { public: true });
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${P}/ext` });
    client.sendText("noise");
    expect(await client.nextText()).toBe("heard noise");
    client.sendBinary(packMessage({ WebSocketExtPushData: [7, "Request", Buffer.from("me")] }));
    const welcomed = message(await client.nextBinary());
    expect(Buffer.from(welcomed.blob).toString()).toBe("me, welcome");
    expect(Array.isArray(welcomed.blob)).toBe(extension === true);
    const rpc = fetch(`${on.url}/rpc:distro:sys/message`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ process: P, body: '{"n":1}', expects_response: 5 }),
    });
    const { id, kinode_message_type, blob } = message(await client.nextBinary());
    expect(Buffer.from(blob).toString()).toBe('{"n":1}');
    client.sendBinary(packMessage({ WebSocketExtPushData: { id, kinode_message_type, blob: Buffer.from("one") } }));
    const { body } = (await (await rpc).json()) as { readonly body: readonly number[] };
    expect(Buffer.from(body).toString()).toBe('{"answer":"one"}');
  });
});
