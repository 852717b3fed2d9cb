/** permessage-deflate (RFC 7692) where a binding asks for it; test/conformance walks the frames themselves. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type HttpServerLimits, httpServerLimits } from "../../../http-server/limits.ts";
import { defineProcess } from "../../../lib/process/index.ts";
import {
  bindWs,
  err,
  hear,
  nextLoop,
  OK,
  publish,
  push,
  registration,
  startNode,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
} from "../../support/channels.ts";
import { deflate, inflate, OFFER, RSV1 } from "../../support/deflate.ts";
import { P, type TestNode } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { encodeFrame, type HttpAnswer, RawSocket } from "../../support/sockets.ts";

const LONG = "a text that repeats itself, ".repeat(100); // 2,800 bytes
const EXTENSIONS = "sec-websocket-extensions";

async function connect(
  on: TestNode,
  path: string,
  offer: string | null = OFFER,
): Promise<{ readonly client: RawSocket; readonly answer: HttpAnswer }> {
  const client = await RawSocket.connect(on.port);
  const answer = await client.upgrade({ path, headers: { cookie: on.cookie, [EXTENSIONS]: offer ?? undefined } });
  return { client, answer };
}

function compressed(kind: "text" | "binary", data: string | Uint8Array): Buffer {
  return encodeFrame(kind, deflate(data), { reserved: RSV1 });
}

async function openId(p: Recorder): Promise<number> {
  const [said = ""] = await hear(p, 1);
  return Number(said.replace("open ", ""));
}

/** A node whose P compresses on `/z` and does not on `/`. */
async function startWithZ(
  transport: (typeof TRANSPORTS)[number],
  limits: Partial<HttpServerLimits> = {},
): Promise<{ readonly on: TestNode; readonly p: Recorder }> {
  const { on, p } = await startWithP(transport, { limits });
  expect(await p.ask(bindWs("/"))).toEqual(OK);
  expect(await p.ask(bindWs("/z", { compress: true }))).toEqual(OK);
  return { on, p };
}

describe.each(TRANSPORTS)("%s compression", (transport) => {
  afterEach(stopNodes);

  test("is negotiated where the binding wants it, with nothing kept between messages", async () => {
    const { on } = await startWithZ(transport);
    const { answer } = await connect(on, `/${P}/z`);
    expect(answer.headers[EXTENSIONS]?.split("; ").sort()).toEqual([
      "client_no_context_takeover",
      "permessage-deflate",
      "server_no_context_takeover",
    ]);
  });

  test("is neither negotiated on another path nor on the main route, and all goes plain there", async () => {
    const { on, p } = await startWithZ(transport);
    const { client, answer } = await connect(on, `/${P}`);
    expect(answer.headers).not.toHaveProperty(EXTENSIONS);
    const id = await openId(p);
    await p.ask(push(id), LONG);
    expect(await client.nextFrame()).toMatchObject({ kind: "text", reserved: 0, payload: Buffer.from(LONG) });
    const main = await connect(on, "/");
    expect(main.answer.headers).not.toHaveProperty(EXTENSIONS);
    main.client.sendText(JSON.stringify(registration(on)));
    await main.client.nextText();
    await p.ask(push(await openId(p)), LONG);
    expect(await main.client.nextFrame()).toMatchObject({ reserved: 0, payload: Buffer.from(LONG) });
  });

  test("a client that offers none is served plain on a path that compresses, and may not send compressed", async () => {
    const { on, p } = await startWithZ(transport);
    const { client, answer } = await connect(on, `/${P}/z`, null);
    expect(answer.headers).not.toHaveProperty(EXTENSIONS);
    await p.ask(push(await openId(p)), LONG);
    expect(await client.nextFrame()).toMatchObject({ reserved: 0, payload: Buffer.from(LONG) });
    client.write(compressed("text", "x"));
    await client.ended;
    expect(await hear(p, 1)).toEqual([expect.stringMatching(/^close \d+ 1006/)]);
  });

  test.each(["Text", "Binary"] as const)(
    "a %s push of compressBytes goes compressed, one byte less goes plain",
    async (type) => {
      const { on, p } = await startWithZ(transport, { compressBytes: 500 });
      const { client } = await connect(on, `/${P}/z`);
      const id = await openId(p);
      const text = "\u00e9".repeat(250); // its bytes count, not its letters
      await p.ask(push(id, type), text);
      await p.ask(push(id, type), text.slice(1));
      const long = await client.nextFrame();
      expect([long.kind, long.reserved, inflate(long.payload).toString()]).toEqual([type.toLowerCase(), RSV1, text]);
      expect(long.payload.length).toBeLessThan(50);
      expect(await client.nextFrame()).toMatchObject({ reserved: 0, payload: Buffer.from(text.slice(1)) });
    },
  );

  test("the default of compressBytes is 1 KiB", () => {
    expect(httpServerLimits().compressBytes).toBe(1024);
  });

  test("each message stands alone: the second of two alike can be read without the first", async () => {
    const { on, p } = await startWithZ(transport);
    const { client } = await connect(on, `/${P}/z`);
    const id = await openId(p);
    await p.ask(push(id), LONG);
    await p.ask(push(id), LONG);
    const [first, second] = [await client.nextFrame(), await client.nextFrame()];
    expect(second.payload.equals(first.payload)).toBe(true);
    expect(inflate(second.payload).toString()).toBe(LONG);
  });

  test("what a client sends compressed is echoed straight from the memory it was inflated in", async () => {
    const on = await startNode(transport);
    const echo = defineProcess({
      init: async (ctx) => void (await ctx.bindWs("/z", { compress: true })),
      onPush: (_, { channelId }, blob, ctx) => ctx.push(channelId, blob),
    });
    on.add(P, echo);
    await nextLoop(); // it has bound its path
    const { client } = await connect(on, `/${P}/z`);
    client.write(Buffer.concat([compressed("text", LONG), encodeFrame("text", "plain"), compressed("binary", LONG)]));
    const [first, second, third] = [await client.nextFrame(), await client.nextFrame(), await client.nextFrame()];
    expect([first.kind, inflate(first.payload).toString()]).toEqual(["text", LONG]);
    expect(second).toMatchObject({ reserved: 0, payload: Buffer.from("plain") });
    expect([third.kind, inflate(third.payload).toString()]).toEqual(["binary", LONG]);
  });

  test("a publish goes compressed to those who negotiated it, plain to the others, and plain to all below compressBytes", async () => {
    const { on, p } = await startWithZ(transport);
    const plain = (await connect(on, `/${P}`)).client;
    await p.ask(subscribe(await openId(p), "room"));
    await p.ask(publish("room"), LONG); // before anybody compresses
    const deflating = [(await connect(on, `/${P}/z`)).client, (await connect(on, `/${P}/z`)).client];
    for (const _ of deflating) await p.ask(subscribe(await openId(p), "room"));
    await p.ask(publish("room"), LONG);
    await p.ask(publish("room"), "short");
    for (const text of [LONG, LONG, "short"])
      expect(await plain.nextFrame()).toMatchObject({ kind: "text", reserved: 0, payload: Buffer.from(text) });
    for (const client of deflating) {
      const frame = await client.nextFrame();
      expect([frame.kind, frame.reserved, inflate(frame.payload).toString()]).toEqual(["text", RSV1, LONG]);
      expect(await client.nextFrame()).toMatchObject({ reserved: 0, payload: Buffer.from("short") });
    }
  });

  test("messageBytes is for what a message inflates to: at it a message comes, one byte past it ends the socket", async () => {
    const { on, p } = await startWithZ(transport, { messageBytes: 100_000 });
    const { client } = await connect(on, `/${P}/z`);
    const id = await openId(p);
    client.write(compressed("binary", Buffer.alloc(100_000)));
    expect((await p.next()).bytes?.byteLength).toBe(100_000);
    client.write(compressed("binary", Buffer.alloc(100_001)));
    const [close] = await hear(p, 1);
    expect(close).toMatch(new RegExp(`^close ${id} (1006|1009)`));
    await client.ended;
  });

  test("a bomb of 100 MB is cut at messageBytes, and the node goes on", async () => {
    const { on, p } = await startWithZ(transport);
    const { client } = await connect(on, `/${P}/z`);
    const id = await openId(p);
    client.write(compressed("binary", Buffer.alloc(100_000_000)));
    expect(await hear(p, 1)).toEqual([expect.stringMatching(new RegExp(`^close ${id} (1006|1009)`))]);
    await client.ended;
    const next = (await connect(on, `/${P}/z`)).client;
    await openId(p);
    next.sendText("still");
    expect((await p.next()).text).toBe("still");
  });

  test.each(["yes", 1, {}])("compress: %j is told MalformedRequest", async (compress) => {
    const { p } = await startWithP(transport);
    expect(await p.ask(bindWs("/", { compress }))).toEqual(err("MalformedRequest"));
  });
});
