import { afterEach, describe, expect, test } from "@jest/globals";
import { type HeadOptions, RawSocket, SAMPLE_KEY, upgradeHead } from "../../support/sockets.ts";
import { listenWs, start, stopAll, TRANSPORTS } from "./harness.ts";

type Row = [what: string, head: HeadOptions, status: number, body: string];

const without = (name: string): HeadOptions => ({ headers: { [name]: undefined } });
const saying = (name: string, value: string | string[]): HeadOptions => ({ headers: { [name]: value } });

const REFUSED: Row[] = [
  ["version 8", saying("sec-websocket-version", "8"), 426, "Sec-WebSocket-Version must be 13"],
  ["no version", without("sec-websocket-version"), 426, "Sec-WebSocket-Version must be 13: got none"],
  ["two versions", saying("sec-websocket-version", ["13", "13"]), 426, "Sec-WebSocket-Version must be 13"],
  ["Upgrade, but no Connection", without("connection"), 400, 'Connection must name "Upgrade"'],
  ["two protocols in Upgrade", saying("upgrade", "websocket, h2c"), 400, 'Upgrade must be "websocket" alone'],
  ["no key", without("sec-websocket-key"), 400, "Sec-WebSocket-Key must be one, of 16 bytes in base64: got none"],
  ["a key of 24 other characters", saying("sec-websocket-key", "!".repeat(24)), 400, "of 16 bytes in base64"],
  ["a key of 8 bytes", saying("sec-websocket-key", "AAAAAAAAAAA="), 400, "of 16 bytes in base64"],
  ["two keys", saying("sec-websocket-key", [SAMPLE_KEY, SAMPLE_KEY]), 400, "Sec-WebSocket-Key must be one"],
  ["two Hosts", saying("host", ["a", "b"]), 400, 'there must be one Host: got "a" and "b"'],
  ["an empty Host", saying("host", ""), 400, "Host must not be empty"],
  ["a Content-Length", saying("content-length", "2"), 400, "a WebSocket handshake has no body"],
  ["a Transfer-Encoding", saying("transfer-encoding", "chunked"), 400, "a WebSocket handshake has no body"],
  ["POST", { method: "POST" }, 400, "a WebSocket handshake must be a GET: got POST"],
  ["a sub-protocol twice", saying("sec-websocket-protocol", "a, a"), 400, "must be tokens, each once"],
  ["a sub-protocol that is no token", saying("sec-websocket-protocol", "a b"), 400, "must be tokens, each once"],
];

describe.each(TRANSPORTS)("%s handshake", (_name, listen) => {
  afterEach(stopAll);

  test.each(REFUSED)("with %s is refused and says why", async (_what, head, status, body) => {
    const upgraded: string[] = [];
    const server = await start(listen, {
      upgrade: (request) => {
        upgraded.push(request.path);
        return { accept: true, data: { name: "" }, protocol: "" };
      },
    });
    const client = await RawSocket.connect(server.port);
    const answer = await client.tryUpgrade(head);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(body);
    expect(answer.headers.connection).toBe("close");
    await client.ended;
    expect(upgraded).toEqual([]);
    expect(server.faults).toEqual([]);
  });

  test("of another version is told ours", async () => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    const answer = await client.tryUpgrade(saying("sec-websocket-version", "8"));
    expect([answer.status, answer.reason]).toEqual([426, "Upgrade Required"]);
    expect(answer.headers["sec-websocket-version"]).toBe("13");
  });

  test("over HTTP/1.0 gets 505", async () => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    expect((await client.tryUpgrade({ version: "1.0" })).status).toBe(505);
  });

  test("without Host gets 400", async () => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    expect((await client.tryUpgrade(without("host"))).status).toBe(400);
  });

  test.each<[string, HeadOptions]>([
    ["without Upgrade", without("upgrade")],
    ["for h2c", saying("upgrade", "h2c")],
    ["for h2c without a key", { headers: { upgrade: "h2c", "sec-websocket-key": undefined } }],
  ])("%s is served as plain HTTP", async (_what, head) => {
    const server = await start(listen, {
      http: (_request, response) => response.readBody(10, (body) => response.send(200, [], `body of ${body?.length}`)),
    });
    const client = await RawSocket.connect(server.port);
    expect(await client.tryUpgrade(head)).toMatchObject({ status: 200, body: "body of 0" });
  });

  test.each<[string, HeadOptions]>([
    ["a Connection that names more", saying("connection", "keep-alive, UPGRADE")],
    ["Upgrade in capitals", saying("upgrade", "WebSocket")],
    ["a Content-Length of 0", saying("content-length", "0")],
    ["an offer of permessage-deflate", saying("sec-websocket-extensions", "permessage-deflate")],
  ])("with %s is accepted, without extensions", async (_what, head) => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    const answer = await client.upgrade(head);
    expect(answer.headers["sec-websocket-accept"]).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect(answer.headers["sec-websocket-extensions"]).toBeUndefined();
    expect(answer.headers["sec-websocket-protocol"]).toBeUndefined();
  });

  test("selects the sub-protocol the handler chose, not the first offered", async () => {
    const server = await start(listen, { upgrade: () => ({ accept: true, data: { name: "" }, protocol: "b" }) });
    const client = await RawSocket.connect(server.port);
    const answer = await client.upgrade(saying("sec-websocket-protocol", ["a", "b, c"]));
    expect(answer.headers["sec-websocket-protocol"]).toBe("b");
  });

  test("that the handler refuses gets that answer and no socket", async () => {
    let opened = 0;
    const server = await start(listen, {
      upgrade: () => ({ accept: false, status: 403, headers: [["x-why", "origin"]], body: "not from here" }),
      open: () => {
        opened += 1;
      },
    });
    const client = await RawSocket.connect(server.port);
    expect(await client.tryUpgrade()).toMatchObject({
      status: 403,
      reason: "Forbidden",
      headers: { "x-why": "origin", connection: "close" },
      body: "not from here",
    });
    await client.ended;
    expect(opened).toBe(0);
  });

  test("whose handler throws gets 500, and the server lives", async () => {
    let broken = true;
    const server = await start(listen, {
      upgrade: () => {
        if (broken) throw new Error("defect in upgrade");
        return { accept: true, data: { name: "" }, protocol: "" };
      },
    });
    const client = await RawSocket.connect(server.port);
    expect((await client.tryUpgrade()).status).toBe(500);
    expect(server.faults).toEqual([new Error("defect in upgrade")]);
    broken = false;
    await (await RawSocket.connect(server.port)).upgrade();
  });

  test("shows the handler the request as it was sent", async () => {
    const seen: unknown[] = [];
    const server = await start(listen, {
      upgrade: (request) => {
        seen.push(request);
        return { accept: false, status: 403, headers: [], body: "" };
      },
    });
    const client = await RawSocket.connect(server.port);
    await client.tryUpgrade({ path: "/a%20b?c=d&e", headers: { "X-Twice": ["1", "2"], "x-text": "a é b" } });
    expect(seen).toEqual([
      {
        method: "GET",
        path: "/a%20b",
        query: "c=d&e",
        headers: [
          ["host", "localhost"],
          ["upgrade", "websocket"],
          ["connection", "Upgrade"],
          ["sec-websocket-version", "13"],
          ["sec-websocket-key", SAMPLE_KEY],
          ["x-twice", "1"],
          ["x-twice", "2"],
          ["x-text", "a é b"],
        ],
        remoteAddress: "127.0.0.1",
        remotePort: expect.any(Number),
        secure: false,
      },
    ]);
  });
});

describe("ws handshake for h2c", () => {
  afterEach(stopAll);

  test("with a body is refused: Node no longer parses it", async () => {
    const server = await start(listenWs);
    const client = await RawSocket.connect(server.port);
    client.write(`${upgradeHead({ method: "POST", headers: { upgrade: "h2c", "content-length": "2" } })}ab`);
    expect(await client.answer()).toMatchObject({
      status: 400,
      body: expect.stringContaining("may not come with a body"),
    });
    await client.ended;
  });
});
