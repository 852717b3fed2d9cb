/** The browser client's requests: how a process reads and answers them, and that the client understands. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { connect, type RequestError } from "../../lib/client/index.ts";
import { startProcess } from "../../lib/process/harness.ts";
import { type ClientRequest, defineProcess } from "../../lib/process/index.ts";
import { P, startTestNode, type TestNode } from "../support/node.ts";

/** Answers twice what it is asked, refuses what is no number, and echoes what is no request. */
const doubling = defineProcess({
  onPush(_, { channelId }, blob, ctx) {
    const value = blob.json();
    const request = ctx.clientRequest(channelId, value);
    if (request === undefined) ctx.push(channelId, { echo: value });
    else if (typeof request.body === "number") request.reply(request.body * 2);
    else request.refuse({ reason: "no number" });
  },
});

describe("clientRequest()", () => {
  test("answers and refusals carry the request's number; other frames are none", async () => {
    const harness = await startProcess(doubling);
    const channelId = await harness.open();
    const frames = [
      { request: 1, body: 21 },
      { request: 2, body: "x" },
      { request: 3 },
      { request: 0, body: 1 },
      { request: 1.5, body: 1 },
      { request: "1", body: 1 },
      { requests: 1 },
      [1],
      null,
    ];
    for (const frame of frames) await harness.push(channelId, frame);
    expect(harness.pushes(channelId)).toEqual([
      { response: 1, body: 42 },
      { response: 2, error: { reason: "no number" } },
      { response: 3, error: { reason: "no number" } },
      ...frames.slice(3).map((echo) => ({ echo })),
    ]);
  });

  test("a refusal without a reason is a refusal all the same", async () => {
    const harness = await startProcess(
      defineProcess({
        onPush: (_, { channelId }, blob, ctx) => ctx.clientRequest(channelId, blob.json())?.refuse(undefined),
      }),
    );
    const channelId = await harness.open();
    await harness.push(channelId, { request: 7 });
    expect(harness.pushes(channelId)).toEqual([{ response: 7, error: null }]);
  });

  test("may be answered later", async () => {
    const harness = await startProcess(
      defineProcess<ClientRequest | null>({
        init: () => null,
        onPush(_, { channelId }, blob, ctx) {
          ctx.after(10, (waiting) => waiting?.reply("later"));
          return ctx.clientRequest(channelId, blob.json()) ?? null;
        },
      }),
    );
    const channelId = await harness.open();
    await harness.push(channelId, { request: 1 });
    await harness.advance(10);
    expect(harness.pushes(channelId)).toEqual([{ response: 1, body: "later" }]);
  });
});

describe("with the client, on a node", () => {
  let node: TestNode | undefined;
  afterEach(() => node?.stop());

  test("request() resolves with the reply, and rejects with the refusal", async () => {
    node = await startTestNode();
    node.add(P, doubling);
    const channel = connect({ process: P, url: `ws://127.0.0.1:${node.port}/`, token: node.token, WebSocket });
    expect(await channel.request(21)).toBe(42);
    const refused = (await channel.request("x").catch((error: unknown) => error)) as RequestError;
    expect(refused).toMatchObject({ code: "request_failed" });
    channel.close();
  });
});
