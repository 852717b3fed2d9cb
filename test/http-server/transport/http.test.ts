import { afterEach, describe, expect, test } from "@jest/globals";
import type { TransportResponse } from "../../../http-server/transport/transport.ts";
import { type HeadOptions, RawSocket, requestHead } from "../../support/sockets.ts";
import { deferred, start, stopAll, type TestHandlers, TRANSPORTS } from "./harness.ts";

type Http = TestHandlers["http"];

/** Answers with the length of the body, or "too much". */
const measure =
  (limit: number): Http =>
  (_request, response) =>
    response.readBody(limit, (body) =>
      response.send(body === null ? 413 : 200, [], body === null ? "too much" : `${body.length}: ${Buffer.from(body)}`),
    );

const CHUNKED = { "transfer-encoding": "chunked" };

describe.each(TRANSPORTS)("%s http", (name, listen) => {
  afterEach(stopAll);

  async function connect(http: Http): Promise<RawSocket & { faults?: unknown[] }> {
    const server = await start(listen, { http });
    return Object.assign(await RawSocket.connect(server.port), { faults: server.faults });
  }

  test("send() gives status, reason, headers and body", async () => {
    const client = await connect((_request, response) =>
      response.send(
        201,
        [
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
          ["X-Text", "é"],
        ],
        "größe",
      ),
    );
    const answer = await client.request({ path: "/x" });
    expect(answer).toMatchObject({ status: 201, reason: "Created", body: "größe" });
    expect(answer.headers).toMatchObject({ "set-cookie": "a=1, b=2", "x-text": "é", "content-length": "7" });
  });

  // PROTOCOL.md §7 says so: the library's parser takes bytes above 127 for blanks around a value.
  test("letters beyond ASCII in a header are read as UTF-8, on uWebSockets.js but for those at the ends", async () => {
    const client = await connect(({ headers }, response) =>
      response.send(200, [], JSON.stringify(headers.filter(([name]) => name.startsWith("x-")))),
    );
    const answer = await client.request({ headers: { "X-Within": "a é b", "X-End": "Zoé", "X-Alone": "é" } });
    const ends = name === "uws" ? ["Zo", ""] : ["Zoé", "é"];
    expect(JSON.parse(answer.body)).toEqual([
      ["x-within", "a é b"],
      ["x-end", ends[0]],
      ["x-alone", ends[1]],
    ]);
  });

  test("send() takes bytes", async () => {
    const client = await connect((_request, response) => response.send(200, [], new TextEncoder().encode("bytes")));
    expect((await client.request()).body).toBe("bytes");
  });

  test("send() in a later turn answers, and a second call does nothing", async () => {
    const kept = deferred<TransportResponse>();
    const client = await connect((_request, response) => kept.resolve(response));
    const answer = client.request();
    const response = await kept.promise;
    response.send(200, [], "first");
    response.send(200, [], "second");
    expect((await answer).body).toBe("first");
  });

  test.each<[what: string, method: "write" | "writeHead" | "writeHeadOnly", http: Http]>([
    ["whole", "write", (_request, response) => response.send(200, [], "x")],
    ["in pieces", "writeHead", (_request, response) => void response.begin(200, [], 1, () => {})],
    ["without a body", "writeHeadOnly", (_request, response) => void response.begin(204, [], null, () => {})],
  ])("an answer %s that the library does not take is reported, and its client cut", async (_what, method, http) => {
    const client = await connect((request, response) => {
      const value = (): void => {
        throw new Error("a defect");
      };
      Object.defineProperty(response, method, { value });
      http(request, response);
    });
    client.write(requestHead());
    await client.ended;
    expect(client.faults).toEqual([new Error("a defect")]);
  });

  test("the connection carries a second request", async () => {
    const client = await connect((request, response) => response.send(200, [], `${request.path}?${request.query}`));
    expect((await client.request({ path: "/one?a=b" })).body).toBe("/one?a=b");
    expect((await client.request({ path: "/two" })).body).toBe("/two?");
  });

  test("HEAD gets the length and no body", async () => {
    const client = await connect((_request, response) => response.send(200, [], "five!"));
    const answer = await client.request({ method: "HEAD" });
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers["content-length"]).toBe("5");
    expect((await client.request()).body).toBe("five!");
  });

  test.each([204, 304])("%i goes without a body", async (status) => {
    const client = await connect((_request, response) => response.send(status, [["etag", '"1"']], "left out"));
    const answer = await client.request();
    expect(answer).toMatchObject({ status, headers: { etag: '"1"' }, body: "" });
    expect(answer.headers["content-length"]).toBeUndefined();
    expect((await client.request()).status).toBe(status);
  });

  test("a handler's own Content-Length and Transfer-Encoding are left out", async () => {
    const headers = [
      ["Content-Length", "1"],
      ["Transfer-Encoding", "chunked"],
    ] as const;
    const client = await connect((_request, response) => response.send(200, headers, "four"));
    const answer = await client.request();
    expect(answer.body).toBe("four");
    expect(answer.headers["content-length"]).toBe("4");
    expect(answer.headers["transfer-encoding"]).toBeUndefined();
  });

  test.each<[method: string, status: number, body: string, length: string | undefined]>([
    ["GET", 200, "bye", "3"],
    ["HEAD", 200, "", "3"],
    ["GET", 204, "", undefined],
  ])("Connection: close ends the connection behind a %s answered with %i", async (method, status, body, length) => {
    const client = await connect((_request, response) => response.send(status, [["Connection", "close"]], "bye"));
    const answer = await client.request({ method });
    expect(answer).toMatchObject({ status, body, headers: { connection: "close" } });
    expect(answer.headers["content-length"]).toBe(length);
    if (body === "") client.net.end(); // behind no body uWebSockets.js only says so, and leaves it to the client
    await client.ended;
  });

  test.each<[string, number, [string, string][], string]>([
    ["a line break in a value", 200, [["x-a", "b\r\nset-cookie: c"]], "control character"],
    ["a space in a name", 200, [["x a", "b"]], "must be a token"],
    ["status 99", 99, [], "must be 200 to 999"],
  ])("an answer with %s becomes 500 and a fault", async (_what, status, headers, why) => {
    const client = await connect((_request, response) => response.send(status, headers, "x"));
    const answer = await client.request();
    expect(answer.status).toBe(500);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(String(client.faults)).toContain(why);
  });

  test("a throw becomes 500 and a fault, and the server lives", async () => {
    let broken = true;
    const client = await connect((_request, response) => {
      if (broken) throw new Error("defect in http");
      response.send(200, [], "fine");
    });
    expect((await client.request()).status).toBe(500);
    expect(client.faults).toEqual([new Error("defect in http")]);
    broken = false;
    expect((await client.request()).body).toBe("fine");
  });

  test("a throw where the body is read becomes 500 and a fault", async () => {
    const client = await connect((_request, response) =>
      response.readBody(10, () => {
        throw new Error("defect in done");
      }),
    );
    expect((await client.request({ method: "POST", headers: { "content-length": "2" } }, "ab")).status).toBe(500);
    expect(client.faults).toEqual([new Error("defect in done")]);
  });

  test.each<[string, HeadOptions, string, string]>([
    ["none", {}, "", "0: "],
    ["a GET's", { headers: { "content-length": "2" } }, "ab", "2: ab"],
    ["exactly the limit", { method: "POST", headers: { "content-length": "4" } }, "abcd", "4: abcd"],
    ["a chunked one", { method: "POST", headers: CHUNKED }, "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", "4: abcd"],
  ])("readBody(4) gives %s", async (_what, head, body, answered) => {
    const client = await connect(measure(4));
    expect(await client.request(head, body)).toMatchObject({ status: 200, body: answered });
  });

  test("readBody() joins what comes in pieces", async () => {
    const pieces = deferred<void>();
    const client = await connect((request, response) => {
      measure(100)(request, response);
      pieces.resolve();
    });
    client.write(`${requestHead({ method: "POST", headers: { "content-length": "6" } })}abc`);
    await pieces.promise;
    client.write("def");
    expect((await client.answer()).body).toBe("6: abcdef");
  });

  test.each<[string, HeadOptions, string]>([
    ["one byte over the limit", { method: "POST", headers: { "content-length": "5" } }, "abcde"],
    ["chunks over the limit", { method: "POST", headers: CHUNKED }, "3\r\nabc\r\n3\r\ndef\r\n"],
  ])("readBody(4) gives null for %s, and the connection ends", async (_what, head, body) => {
    const client = await connect(measure(4));
    const answer = await client.request(head, body);
    expect(answer).toMatchObject({ status: 413, body: "too much", headers: { connection: "close" } });
    await client.ended;
  });

  test("a client that leaves aborts the response, which then sends nothing", async () => {
    const kept = deferred<TransportResponse>();
    const left = deferred<boolean>();
    const client = await connect((_request, response) => {
      response.onAborted(() => left.resolve(response.aborted));
      kept.resolve(response);
    });
    client.write(requestHead());
    const response = await kept.promise;
    expect(response.aborted).toBe(false);
    client.destroy();
    expect(await left.promise).toBe(true);
    response.send(200, [], "to nobody");
    response.readBody(10, () => {
      throw new Error("nobody sends this");
    });
    expect(client.faults).toEqual([]);
  });

  test("a client that leaves within its body is not read", async () => {
    const bodies: unknown[] = [];
    const reading = deferred<void>();
    const left = deferred<void>();
    const client = await connect((_request, response) => {
      response.onAborted(() => left.resolve());
      response.readBody(10, (body) => bodies.push(body));
      reading.resolve();
    });
    client.write(`${requestHead({ method: "POST", headers: { "content-length": "5" } })}ab`);
    await reading.promise;
    client.destroy();
    await left.promise;
    expect(bodies).toEqual([]);
  });

  test("an answered response is not aborted when the client leaves", async () => {
    const faults: string[] = [];
    const closed = deferred<void>();
    const client = await connect((request, response) => {
      response.onAborted(() => (request.path === "/last" ? closed.resolve() : faults.push(request.path)));
      if (request.path !== "/last") response.send(200, [], "x");
    });
    await client.request({ method: "HEAD", path: "/first" });
    client.write(requestHead({ path: "/last" }));
    client.destroy();
    await Promise.race([closed.promise, client.ended]);
    expect(faults).toEqual([]);
  });

  test.each<[string, HeadOptions["headers"], string]>([
    ["two Content-Lengths", { "content-length": ["2", "5"] }, "ab"],
    ["an empty Content-Length", { "content-length": "" }, ""],
    ["a Content-Length that is no number", { "content-length": "-5" }, ""],
    ["an unknown Transfer-Encoding", { "transfer-encoding": "xchunked" }, "0\r\n\r\n"],
    ["both", { "content-length": "5", ...CHUNKED }, "0\r\n\r\n"],
    ["two Hosts", { host: ["a", "b"] }, ""],
    ["no Host", { host: undefined, accept: "*/*" }, ""],
  ])("a request with %s gets 400 and the connection ends", async (_what, headers, body) => {
    const served: string[] = [];
    const client = await connect((request, response) => {
      served.push(request.path);
      response.send(200, [], "");
    });
    const answer = await client.request({ method: "POST", headers: { ...headers } }, body);
    expect(answer).toMatchObject({ status: 400, headers: { connection: "close" } });
    await client.ended;
    expect(served).toEqual([]);
  });

  test("a refused HEAD ends the connection too", async () => {
    const client = await connect((_request, response) => response.send(200, [], ""));
    const answer = await client.request({ method: "HEAD", headers: { host: ["a", "b"] } });
    expect(answer).toMatchObject({ status: 400, headers: { connection: "close" } });
    await client.ended;
  });

  test.each([100, 150])("a head of %i fields gets 431", async (count) => {
    const client = await connect((_request, response) => response.send(200, [], ""));
    const names = Array.from({ length: count - 1 }, (_, at) => [`x-${at}`, "1"]); // and Host
    expect((await client.request({ headers: Object.fromEntries(names) })).status).toBe(431);
  });
});
