/** ctx.http: requests and WebSockets as a process uses them, against http-client:distro:sys. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { type Context, defineProcess, HttpClientError } from "../../lib/process/index.ts";
import { type ClientNode, startClient, startServer, type TestServer } from "../support/client-node.ts";
import { thrownBy } from "../support/kernel.ts";
import { until } from "../support/until.ts";

const P = "app:b:c";
let client: ClientNode;
let server: TestServer;

beforeEach(async () => {
  client = startClient();
  server = await startServer(
    (request, response) => {
      if (request.url === "/large") return void response.end("y".repeat(300_000));
      response.writeHead(request.url === "/none" ? 404 : 200, { "X-A": "b", "Set-Cookie": "c=1" });
      response.end(JSON.stringify({ method: request.method }));
    },
    (socket, request) => {
      if (request.url === "/greet") socket.send("at once");
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    },
  );
});
afterEach(async () => {
  await client.node.stop();
  await server.close();
});

async function ctxOf(): Promise<Context> {
  return await new Promise((resolve) => {
    client.add(P, defineProcess({ init: (ctx) => resolve(ctx as Context) }));
    client.grant(P, { local: true });
  });
}

describe("fetch", () => {
  test("gives status, headers in lower case, cookies, text and JSON, whatever the status", async () => {
    const { http } = await ctxOf();
    const answer = await http.fetch(`http://${server.host}/x`, { method: "POST", body: "b", headers: { a: "b" } });
    expect(answer).toMatchObject({ status: 200, ok: true, url: `http://${server.host}/x`, cookies: ["c=1"] });
    expect(answer.headers["x-a"]).toBe("b");
    expect(answer.json()).toEqual({ method: "POST" });
    expect(answer.text()).toBe('{"method":"POST"}');
    expect(await http.fetch(`http://${server.host}/none`)).toMatchObject({ status: 404, ok: false });
  });

  test("an error has the contract's word and says what was asked", async () => {
    const { http } = await ctxOf();
    const error = await thrownBy(() => http.fetch("nowhere"));
    expect(error).toBeInstanceOf(HttpClientError);
    expect(error).toMatchObject({
      kind: "BadUrl",
      message: 'Cannot GET "nowhere" as http-client:distro:sys says: BadUrl {"url":"nowhere"}',
    });
    const onBehalfOf = { capabilities: [] };
    expect(await thrownBy(() => http.fetch(`http://${server.host}/`, { onBehalfOf }))).toMatchObject({
      kind: "Denied",
    });
    expect(await thrownBy(() => http.openWs(`ws://${server.host}/`, { onBehalfOf }))).toMatchObject({ kind: "Denied" });
    expect(server.seen).toEqual([]);
  });

  test("stream reads a body piece by piece, to its end or not", async () => {
    const { http } = await ctxOf();
    const { status, body } = await http.stream(`http://${server.host}/large`);
    let bytes = 0;
    for await (const piece of body) bytes += piece.byteLength;
    expect([status, bytes]).toEqual([200, 300_000]);
    for (let i = 0; i < 70; i++) {
      const { body } = await http.stream(`http://${server.host}/large`);
      for await (const _ of body) break; // none is left open: limits.requests is 64
    }
  });
});

describe("WebSockets", () => {
  test("frames come to onClientPush in order, after the open is known; the end to onClientClose", async () => {
    const heard: unknown[] = [];
    let ctx: Context | undefined;
    client.add(
      P,
      defineProcess({
        init: (given) => {
          ctx = given as Context;
        },
        async onRequest(_, message, ctx) {
          const channelId = await ctx.http.openWs(`ws://${server.host}/greet`);
          heard.push(["open", channelId]);
          await ctx.http.pushWs(channelId, "text");
          await ctx.http.pushWs(channelId, Uint8Array.of(7));
          await ctx.http.pushWs(channelId, { json: true });
          ctx.respond("done", { to: message });
        },
        async onClientPush(_, { channelId, messageType }, blob) {
          await null;
          heard.push([channelId, messageType, messageType === "Text" ? blob.text() : [...blob.bytes()]]);
        },
        onClientClose: (_, close) => void heard.push(close),
      }),
    );
    client.grant(P, { local: true });
    const asker = client.recorder("asker:b:c");
    expect(await asker.ask("begin", null, P)).toBe("done");
    await until(() => heard.length === 5);
    expect(heard).toEqual([
      ["open", 1],
      [1, "Text", "at once"],
      [1, "Text", "text"],
      [1, "Binary", [7]],
      [1, "Text", '{"json":true}'],
    ]);
    await ctx?.http.closeWs(1, 4000, "enough");
    await until(() => heard.length === 6);
    expect(heard[5]).toEqual({ channelId: 1, code: 4000, reason: "enough" });
  });

  test("a process that crashed goes on with its channel; one that opens it anew has the new one", async () => {
    const heard: unknown[] = [];
    let runs = 0;
    client.add(
      P,
      defineProcess({
        init: () => void runs++,
        async onRequest(_, message, ctx) {
          await ctx.http.openWs(`ws://${server.host}/`, { channelId: 5 });
          ctx.respond("open", { to: message });
        },
        onClientPush(_, { channelId }, blob) {
          const text = blob.text();
          if (text === "poison") throw new Error("poison");
          heard.push([runs, channelId, text]);
        },
      }),
    );
    client.grant(P, { local: true });
    const asker = client.recorder("asker:b:c");
    await asker.ask("begin", null, P);
    const [first] = server.sockets;
    for (const text of ["one", "poison", "two"]) first?.send(text);
    await until(() => heard.length === 2);
    expect(heard).toEqual([
      [1, 5, "one"],
      [2, 5, "two"],
    ]);
    await asker.ask("again", null, P);
    await until(() => first?.readyState === 3);
    server.sockets[1]?.send("three");
    await until(() => heard.length === 3);
    expect(heard[2]).toEqual([2, 5, "three"]);
  });

  test("the harness hands frames over as the http-client does", async () => {
    const heard: string[] = [];
    const app = defineProcess({
      onClientPush: (_, { channelId }, blob) => void heard.push(`${channelId}: ${blob.text()}`),
      onClientClose: (_, { code }) => void heard.push(`closed ${code}`),
    });
    const harness = await startProcess(app);
    const from = "http-client:distro:sys";
    const push = { WebSocketPush: { channel_id: 1, message_type: "Text" } };
    expect((await harness.request(push, { from, blob: "hello" })).body).toBe("Ok");
    await harness.send({ WebSocketClose: { channel_id: 1, code: 1000, reason: "" } }, { from });
    await harness.send(push, { from: "other:b:c", blob: "forged" }); // goes to onRequest, which is not there
    expect(heard).toEqual(["1: hello", "closed 1000"]);
  });

  test("without these handlers its requests come to onRequest, as the contract has them", async () => {
    const heard: unknown[] = [];
    client.add(
      P,
      defineProcess({
        async init(ctx) {
          void ctx
            .request("http-client:distro:sys")
            .body({
              WebSocketOpen: { url: `ws://${server.host}/`, headers: {}, channel_id: 9 },
            })
            .capabilities([{ issuer: ctx.our.text, params: '"messaging"' }])
            .expectsResponse(5)
            .send();
        },
        onRequest: (_, { body, blob }) => void heard.push([body, blob?.text()]),
        onResponse: (_, { body }) => void heard.push(body),
      }),
    );
    client.grant(P, { local: true });
    await until(() => server.sockets.length === 1);
    server.sockets[0]?.send("plain");
    await until(() => heard.length === 2);
    expect(heard).toEqual([
      { Ok: "WebSocketAck" },
      [{ WebSocketPush: { channel_id: 9, message_type: "Text" } }, "plain"],
    ]);
  });
});
