/** http-client:distro:sys over the bus: HTTP (contract kinode §6, case 144), and where a process may reach. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Host, VirtualClock } from "../../../lib/protocol/index.ts";
import {
  askClient,
  type ClientNode,
  clientCap,
  startClient,
  startServer,
  type TestServer,
} from "../../support/client-node.ts";
import { until } from "../../support/until.ts";

const P = "app:b:c";
let client: ClientNode;
let server: TestServer;
let host: Host;
let left = 0; // clients of /silent

function start(options: Parameters<typeof startClient>[0] = {}): void {
  client = startClient(options);
  const { host: made } = client.recorder(P);
  if (made === undefined) throw new Error("the process has not started");
  host = made;
  client.grant(P, { local: true });
}

beforeEach(async () => {
  server = await startServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    const to = url.searchParams.get("to");
    if (url.pathname === "/redirect") {
      response.writeHead(Number(url.searchParams.get("status") ?? 302), { location: to ?? "/" }).end("moved");
    } else if (url.pathname === "/bytes") {
      response.end("x".repeat(Number(url.searchParams.get("count"))));
    } else if (url.pathname === "/silent") {
      response.on("close", () => left++);
    } else if (url.pathname === "/half") {
      response.writeHead(200, { "content-length": "10" });
      response.write("half");
    } else if (url.pathname === "/cut") {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    } else {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        response.writeHead(
          200,
          [
            ["Content-Type", "application/json"],
            ["x-request-id", "7"],
            ["X-Twice", "a"],
            ["X-Twice", "b"],
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2"],
          ].flat(),
        );
        const { method, url: path, headers } = request;
        response.end(JSON.stringify({ method, path, headers, body: Buffer.concat(pieces).toString() }));
      });
    }
  });
});
afterEach(async () => {
  await client.node.stop();
  await server.close();
});

const get = (path: string, more: object = {}): object => ({
  Http: { method: "GET", version: null, url: `http://${server.host}${path}`, headers: {}, ...more },
});

describe("the contract's Http", () => {
  beforeEach(() => start());

  test("case 144: a GET is answered with status, headers in Pascal case, and the body as a blob", async () => {
    const { body, text, mime } = await askClient(host, get("/x?y=1"));
    expect(body).toEqual({
      Ok: {
        Http: {
          status: 200,
          headers: expect.objectContaining({
            "Content-Type": "application/json",
            "X-Request-Id": "7",
            "X-Twice": "a, b",
            "Set-Cookie": "b=2",
          }),
          set_cookies: ["a=1", "b=2"],
          url: `http://${server.host}/x?y=1`,
        },
      },
    });
    expect(mime).toBe("application/json");
    expect(JSON.parse(text ?? "")).toMatchObject({ method: "GET", path: "/x?y=1", body: "" });
  });

  test("method, headers and body go along", async () => {
    const action = {
      Http: { method: "PUT", version: "HTTP/1.1", url: `http://${server.host}/`, headers: { "X-A": "b" } },
    };
    const { text } = await askClient(host, action, "the body");
    expect(JSON.parse(text ?? "")).toMatchObject({ method: "PUT", headers: { "x-a": "b" }, body: "the body" });
  });

  test.each([
    [{ method: "G ET" }, { BadMethod: { method: "G ET" } }],
    [{ method: "" }, { BadMethod: { method: "" } }],
    [{ method: "CONNECT" }, { BadMethod: { method: "CONNECT" } }],
    [{ url: "no url" }, { BadUrl: { url: "no url" } }],
    [{ url: "file:///etc/passwd" }, { BadUrl: { url: "file:///etc/passwd" } }],
    [{ url: "http://a:b@example.com/" }, { BadUrl: { url: "http://a:b@example.com/" } }],
    [{ version: "HTTP/3.0" }, { BadVersion: { version: "HTTP/3.0" } }],
    [{ headers: { "a b": "c" } }, { BuildRequestFailed: 'no header: "a b"' }],
    [{ headers: { a: "b\r\nc: d" } }, { BuildRequestFailed: 'no header: "a"' }],
    [{ headers: { Host: "example.com" } }, { BuildRequestFailed: "the header Host is not for a process to set" }],
    [
      { headers: { "Transfer-Encoding": "x" } },
      { BuildRequestFailed: "the header Transfer-Encoding is not for a process to set" },
    ],
    [{ url: "http://127.0.0.1:1/" }, { ExecuteRequestFailed: expect.stringContaining("ECONNREFUSED") }],
  ])("%j is refused with its word", async (more, error) => {
    expect((await askClient(host, get("/", more))).body).toEqual({ Err: error });
    expect(server.seen).toEqual([]);
  });

  test.each([
    [null],
    ["Http"],
    [{}],
    [{ Http: {} }],
    [{ Http: null }],
    [{ Fly: {} }],
    [{ Http: { method: "GET", url: 7 } }],
    [{ Http: { method: "GET", url: "http://x", headers: { a: 1 } } }],
    [{ WebSocketPush: { channel_id: 1, message_type: "Song" } }],
    [{ WebSocketClose: { channel_id: -1 } }],
  ])("%j is MalformedRequest", async (body) =>
    expect((await askClient(host, body)).body).toEqual({ Err: "MalformedRequest" }),
  );
});

describe("redirects", () => {
  beforeEach(() => start());

  test("are followed, a POST becomes a GET at 302, stays one at 307", async () => {
    const post = (status: number): object => get(`/redirect?status=${status}&to=/end`, { method: "POST" });
    const one = JSON.parse((await askClient(host, post(302), "body")).text ?? "");
    expect(one).toMatchObject({ method: "GET", path: "/end", body: "" });
    const two = JSON.parse((await askClient(host, post(307), "body")).text ?? "");
    expect(two).toMatchObject({ method: "POST", path: "/end", body: "body" });
  });

  test("what is for one origin alone stays behind", async () => {
    const other = await startServer((request, response) => response.end(JSON.stringify(request.headers)));
    const headers = { Authorization: "secret", Cookie: "secret", "X-Else": "kept" };
    const { text } = await askClient(host, get(`/redirect?to=http://${other.host}/`, { headers }));
    await other.close();
    expect(text).not.toContain("secret");
    expect(JSON.parse(text ?? "")).toMatchObject({ "x-else": "kept" });
  });

  test("manual is the redirect itself, error an error; limits.redirects is their end", async () => {
    const { body } = await askClient(host, get("/redirect?to=/end", { redirect: "manual" }));
    expect(body).toMatchObject({ Ok: { Http: { status: 302, headers: { Location: "/end" } } } });
    expect((await askClient(host, get("/redirect?to=/end", { redirect: "error" }))).body).toEqual({
      Err: { ExecuteRequestFailed: "it redirects to /end" },
    });
    await client.node.stop();
    start({ limits: { redirects: 1 } });
    expect((await askClient(host, get("/redirect?to=/end"))).body).toMatchObject({ Ok: {} });
    const twice = `/redirect?to=${encodeURIComponent("/redirect?to=/end")}`;
    expect((await askClient(host, get(twice))).body).toEqual({ Err: { LimitReached: { limit: "redirects", max: 1 } } });
  });
});

describe("limits", () => {
  test("responseBytes and requestBytes: at them, and one more, with and without a length", async () => {
    start({ limits: { responseBytes: 100, requestBytes: 10 } });
    expect((await askClient(host, get("/bytes?count=100"))).text).toHaveLength(100);
    const large = { Err: { LimitReached: { limit: "responseBytes", max: 100 } } };
    expect((await askClient(host, get("/bytes?count=101"))).body).toEqual(large);
    expect((await askClient(host, get("/bytes?count=0", { method: "POST" }), "0123456789")).body).toMatchObject({
      Ok: {},
    });
    expect((await askClient(host, get("/", { method: "POST" }), "0123456789x")).body).toEqual({
      Err: { LimitReached: { limit: "requestBytes", max: 10 } },
    });
  });

  test("bufferedBytes: what is held of all answers that are not complete; it is let go again", async () => {
    start({ limits: { bufferedBytes: 100 } });
    const large = { Err: { LimitReached: { limit: "bufferedBytes", max: 100 } } };
    for (let i = 0; i < 3; i++) expect((await askClient(host, get("/bytes?count=101"))).body).toEqual(large);
    for (let i = 0; i < 3; i++) expect((await askClient(host, get("/bytes?count=100"))).text).toHaveLength(100);
  });

  test("requestTime, by the node's clock; a shorter one that was asked for; the caller's own", async () => {
    const clock = new VirtualClock();
    start({ limits: { requestTime: 5000 }, nodeOptions: { clock } });
    const passing = async (ms: number, action: object, seconds = 20): Promise<unknown> => {
      const answer = askClient(host, action, null, [], seconds);
      const before = server.seen.length;
      await until(() => server.seen.length > before);
      for (let passed = 0; passed < ms; passed += 10) clock.advance(10);
      return (await answer).body;
    };
    const late = (ms: number): object => ({ Err: { ExecuteRequestFailed: `it took longer than ${ms} ms` } });
    expect(await passing(5010, get("/silent"))).toEqual(late(5000));
    expect(await passing(5010, get("/half"))).toEqual(late(5000));
    expect(await passing(110, get("/silent", { timeout: 100 }))).toEqual(late(100));
  });

  test("requests of one process, and of all: at them, and one more", async () => {
    const clock = new VirtualClock();
    start({ limits: { requests: 2, requestsTotal: 3 }, nodeOptions: { clock } });
    const other = client.recorder("other:b:c");
    client.grant("other:b:c", { local: true });
    const waiting = [host, host, other.host].map((from) => askClient(from, get("/silent", { timeout: 3000 })));
    await until(() => server.seen.length === 3);
    expect((await askClient(host, get("/"))).body).toEqual({ Err: { LimitReached: { limit: "requests", max: 2 } } });
    expect((await askClient(other.host, get("/"))).body).toEqual({
      Err: { LimitReached: { limit: "requestsTotal", max: 3 } },
    });
    for (let passed = 0; passed < 3010; passed += 10) clock.advance(10);
    await Promise.all(waiting);
    expect((await askClient(host, get("/"))).body).toMatchObject({ Ok: {} });
  });

  test("one that gets no timer is refused, and takes no share of limits.requests with it", async () => {
    const clock = new VirtualClock();
    start({ limits: { requests: 2 }, nodeOptions: { clock, limits: { timers: 1 } } });
    const first = askClient(host, get("/silent", { timeout: 1000 }));
    await until(() => server.seen.length === 1);
    for (let i = 0; i < 3; i++)
      expect((await askClient(host, get("/"))).body).toEqual({
        Err: { ExecuteRequestFailed: expect.stringContaining("Cannot set a timer") },
      });
    for (let passed = 0; passed < 1010; passed += 10) clock.advance(10);
    await first;
    expect((await askClient(host, get("/"))).body).toMatchObject({ Ok: {} });
  });

  test("an answer that breaks off is no answer", async () => {
    start();
    expect((await askClient(host, get("/cut"))).body).toEqual({ Err: { ExecuteRequestFailed: expect.any(String) } });
  });

  test("more hosts than limits.hosts are all served", async () => {
    start({ limits: { hosts: 1 } });
    const other = await startServer((_, response) => response.end("other"));
    for (let i = 0; i < 3; i++) {
      expect((await askClient(host, get("/bytes?count=1"))).text).toBe("x");
      expect((await askClient(host, { Http: { method: "GET", url: `http://${other.host}/` } })).text).toBe("other");
    }
    await other.close();
  });
});

describe("streams", () => {
  test("a large answer comes piece by piece, and its server is held back meanwhile", async () => {
    start({ limits: { responseBytes: 1000 } });
    const total = 64 * 1024 * 1024;
    let written = 0;
    const large = await startServer((_, response) => {
      const piece = Buffer.alloc(64 * 1024, "y");
      const write = (): void => {
        while (written < total) {
          written += piece.byteLength;
          if (!response.write(piece)) return void response.once("drain", write);
        }
        response.end();
      };
      write();
    });
    const action = { Http: { method: "GET", url: `http://${large.host}/`, stream: true } };
    const { body } = await askClient(host, action);
    const { stream_id } = (body as { Ok: { Http: { stream_id: number } } }).Ok.Http;
    const read = (): ReturnType<typeof askClient> => askClient(host, { HttpRead: { stream_id } });
    let seen = (await read()).text?.length ?? 0;
    expect(written).toBeLessThan(total / 2); // nobody reads
    const stranger = client.recorder("other:b:c");
    expect((await askClient(stranger.host, { HttpRead: { stream_id } })).body).toEqual({
      Err: { NoStream: { stream_id } },
    });
    for (let done = false; !done; ) {
      const piece = await read();
      done = (piece.body as { Ok: { HttpRead: { done: boolean } } }).Ok.HttpRead.done;
      seen += piece.text?.length ?? 0;
    }
    expect(seen).toBe(total);
    expect((await read()).body).toEqual({ Err: { NoStream: { stream_id } } });
    await large.close();
  });

  test("one that is cancelled, or not read, ends its connection and its share of limits.requests", async () => {
    const clock = new VirtualClock();
    start({ limits: { requests: 1 }, nodeOptions: { clock } });
    let closed = 0;
    const endless = await startServer((_, response) => {
      response.write("begin");
      response.on("close", () => closed++);
    });
    const action = { Http: { method: "GET", url: `http://${endless.host}/`, stream: true } };
    const begin = async (): Promise<number> =>
      ((await askClient(host, action)).body as { Ok: { Http: { stream_id: number } } }).Ok.Http.stream_id;
    const first = await begin();
    expect((await askClient(host, action)).body).toEqual({ Err: { LimitReached: { limit: "requests", max: 1 } } });
    expect((await askClient(host, { HttpCancel: { stream_id: first } })).body).toEqual({ Ok: "HttpAck" });
    await until(() => closed === 1);
    const second = await begin();
    for (let passed = 0; passed < 120_010; passed += 10) clock.advance(10);
    await until(() => closed === 2);
    expect((await askClient(host, { HttpRead: { stream_id: second } })).body).toEqual({
      Err: { NoStream: { stream_id: second } },
    });
    await endless.close();
  });
});

describe("where a process may reach", () => {
  const denied = { Err: { Denied: expect.any(Object) } };

  test.each([
    "127.0.0.1",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "a.localhost",
    "LOCALHOST.",
  ])("not this machine as http://%s, without a capability: nothing is sent", async (name) => {
    start();
    const plain = client.recorder("plain:b:c");
    for (const action of [
      { Http: { method: "GET", url: `http://${name}:${server.port}/` } },
      { WebSocketOpen: { url: `ws://${name}:${server.port}/`, headers: {}, channel_id: 1 } },
    ]) {
      const { body } = await askClient(plain.host, action);
      const error = JSON.stringify((body as { Err: unknown }).Err);
      if (name.toLowerCase().includes("localhost") && !error.includes("Denied") && !error.includes("WsOpenFailed")) {
        expect(error).toMatch(/ENOTFOUND|EAI_AGAIN/); // a name that this machine's resolver does not know
      } else expect(error).toMatch(/Denied|WsOpenFailed/);
    }
    expect(server.seen).toEqual([]);
  });

  test("one host by its own capability, and by a redirect no other", async () => {
    start();
    const other = await startServer((_, response) => response.end("other"));
    const narrow = client.recorder("narrow:b:c");
    client.grant("narrow:b:c", { kind: "http", host: server.host, local: true });
    expect((await askClient(narrow.host, get("/bytes?count=1"))).text).toBe("x");
    const url = `http://${other.host}/`;
    expect((await askClient(narrow.host, { Http: { method: "GET", url } })).body).toEqual(denied);
    expect((await askClient(narrow.host, get(`/redirect?to=${url}`))).body).toEqual(denied);
    expect(other.seen).toEqual([]);
    await other.close();
  });

  test("a deputy that attaches its client's capability reaches what the client may, and nothing of its own", async () => {
    start();
    const other = await startServer((_, response) => response.end("other"));
    const clients = clientCap({ kind: "http", host: server.host, local: true });
    client.grant(P, { kind: "http", host: server.host, local: true }); // as it came with the client's request
    expect((await askClient(host, get("/bytes?count=1"), null, [clients])).text).toBe("x");
    const elsewhere = { Http: { method: "GET", url: `http://${other.host}/` } };
    expect((await askClient(host, elsewhere, null, [clients])).body).toEqual(denied);
    expect(
      (await askClient(host, { Http: { method: "GET", url: "http://example.com/" } }, null, [clients])).body,
    ).toEqual(denied);
    const onBehalf = { issuer: host.our.text, params: '"on-behalf"' };
    expect((await askClient(host, get("/"), null, [onBehalf])).body).toEqual(denied);
    expect(other.seen).toEqual([]);
    expect((await askClient(host, elsewhere)).text).toBe("other");
    await other.close();
  });

  test("row 30: a request of another node is refused", async () => {
    start();
    const { kernel } = client.node;
    const { Address, Envelope, ProcessId } = await import("../../../lib/protocol/index.ts");
    const id = ProcessId.parse("http-client:distro:sys");
    const target = kernel.registry.get(id);
    if (target === undefined) throw new Error("there is no http-client");
    const foreign = new Address("bob.os", ProcessId.parse(P));
    for (const body of [get("/"), { WebSocketOpen: { url: `ws://${server.host}/`, headers: {}, channel_id: 1 } }]) {
      const request = new Envelope("request", foreign, target.address, body, null);
      target.post(request);
    }
    expect((await askClient(host, get("/last"))).body).toMatchObject({ Ok: {} });
    expect(server.seen).toEqual(["GET /last"]);
  });
});

test("what is under way ends when the node stops", async () => {
  start();
  left = 0;
  void askClient(host, get("/silent"));
  await until(() => server.seen.length === 1);
  await client.node.stop();
  await until(() => left === 1);
});
