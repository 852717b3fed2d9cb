/** Several requests in one piece (RFC 9112 §9.3.2): in order, up to what the client reads, and never behind a refused one. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { TransportResponse } from "../../../http-server/transport/index.ts";
import { RawSocket, requestHead } from "../../support/sockets.ts";
import { deferred, start, stopAll, TRANSPORTS } from "./harness.ts";

const CHUNKED = { "transfer-encoding": "chunked" };
const HIDDEN = requestHead({ path: "/hidden" });
const LARGE = new Uint8Array(256 * 1024); // bytes: more than is given to the library in one call

/** When and how a request with a body is answered. */
const ANSWERS: Readonly<Record<string, (response: TransportResponse) => void>> = {
  "that is answered when it has come": (response) => response.readBody(100, () => response.send(200, [], "")),
  "that is answered unread": (response) => response.send(200, [], ""),
  "whose answer is large": (response) => response.readBody(100, () => response.send(200, [], LARGE)),
  "whose answer comes in pieces": (response) => {
    response.readBody(100, () => {
      const writer = response.begin(200, [], null, () => {});
      writer?.write(new Uint8Array(10));
      writer?.end();
    });
  },
};

describe.each(TRANSPORTS)("%s pipeline", (_name, listen) => {
  afterEach(stopAll);

  test("20 requests in one piece are answered in order", async () => {
    const server = await start(listen, { http: ({ path }, response) => response.send(200, [], path) });
    const client = await RawSocket.connect(server.port);
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    client.write(paths.map((path) => requestHead({ path })).join(""));
    for (const path of paths) expect(await client.answer()).toMatchObject({ status: 200, body: path });
  });

  test("one whose answers nobody reads is cut, and the rest of it not served", async () => {
    const answer = new Uint8Array(32 * 1024);
    let served = 0;
    const server = await start(listen, {
      http: (_request, response) => {
        served++;
        response.send(200, [], answer);
      },
    });
    const client = await RawSocket.connect(server.port);
    client.pause();
    client.write(requestHead().repeat(2_000)); // 64 MB of answers: no connection holds that much on its way
    await (await RawSocket.connect(server.port)).request();
    client.resume();
    await client.ended;
    expect(served).toBeLessThan(1_000);
  });

  test("each request of a pipeline whose client leaves is told so", async () => {
    let served = 0;
    let aborted = 0;
    const all = deferred<void>();
    const some = deferred<void>();
    const server = await start(listen, {
      http: (_request, response) => {
        served++;
        response.onAborted(() => {
          if (++aborted === served) all.resolve();
        });
        some.resolve();
      },
    });
    const client = await RawSocket.connect(server.port);
    client.write(requestHead().repeat(5)); // uWebSockets.js cuts at the second: an answer is to come
    await some.promise;
    client.destroy();
    await all.promise;
    expect(aborted).toBe(served);
  });

  test("a slow reader gets the whole of a large answer", async () => {
    const body = Buffer.from("0123456789abcdef".repeat(1024 * 1024));
    const server = await start(listen, {
      http: ({ path }, response) => response.send(200, [], path === "/large" ? body : ""),
    });
    const client = await RawSocket.connect(server.port);
    client.pause();
    client.write(requestHead({ path: "/large" }));
    await (await RawSocket.connect(server.port)).request(); // by then the answer has filled what it could
    const chunks: Buffer[] = [];
    let missing = body.length;
    const whole = deferred<void>();
    client.net.on("data", (chunk: Buffer) => {
      missing -= chunk.length - (chunks.length === 0 ? chunk.indexOf("\r\n\r\n") + 4 : 0); // the head comes in one piece
      chunks.push(chunk);
      if (missing === 0) whole.resolve();
    });
    client.resume();
    await whole.promise;
    const all = Buffer.concat(chunks);
    expect(all.subarray(all.indexOf("\r\n\r\n") + 4).equals(body)).toBe(true);
  });

  test.each([
    ["two Hosts", requestHead({ headers: { host: ["a", "b"] } })],
    ["two lengths", requestHead({ method: "POST", headers: { "content-length": ["0", "5"] } })],
    ["no length", requestHead({ method: "POST", headers: { "content-length": "" } })],
    ["another coding", requestHead({ method: "POST", headers: { "transfer-encoding": "xchunked" } })],
    ["a method that is none", requestHead({ method: "G(T" })],
    ["no method", requestHead({ method: "" })],
    ["chunks in HTTP/1.0", `${requestHead({ version: "1.0", headers: CHUNKED })}0\r\n\r\n`],
    ["HTTP/1.2", requestHead({ version: "1.2" })],
    ["HTTP/2.0", requestHead({ version: "2.0" })],
    ["a handshake of version 8", requestHead({ headers: { upgrade: "websocket", connection: "Upgrade" } })],
  ])("behind a request that is refused for %s nothing is served", async (_what, refused) => {
    const served: string[] = [];
    const server = await start(listen, {
      http: ({ path }, response) => {
        served.push(path);
        response.send(200, [], "served");
      },
    });
    const client = await RawSocket.connect(server.port);
    client.write(refused + requestHead({ path: "/hidden" }));
    await client.ended;
    expect(served).toEqual([]);
  });

  test.each([
    ["a trailer that reads as a head", `0\r\nX: /hidden HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["a trailer that reads as a head without its first two bytes", `0\r\nA:GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["a chunk without its line break", `1\r\nxxx0\r\n\r\n${HIDDEN}`],
    ["chunks with line feeds alone", `1\nx\n0\n\n${HIDDEN}`],
    ["a chunk size of no digits", `\r\n\r\n${HIDDEN}`],
  ])("what stands in a chunked body behind %s is served as no request", async (_what, body) => {
    for (const answers of Object.values(ANSWERS)) {
      const served: string[] = [];
      const server = await start(listen, {
        http: ({ path }, response) => {
          served.push(path);
          answers(response);
        },
      });
      const client = await RawSocket.connect(server.port);
      client.write(requestHead({ method: "POST", path: "/outer", headers: CHUNKED }) + body);
      await (await RawSocket.connect(server.port)).request({ path: "/other" }); // all of it was read by then
      client.destroy();
      expect(served.filter((path) => path !== "/outer" && path !== "/other")).toEqual([]);
    }
  });

  test("a refused request that comes alone hears why", async () => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    const answer = await client.request({ headers: { host: ["a", "b"] } });
    expect(answer).toMatchObject({ status: 400 });
    await client.ended;
  });
});

describe.each(TRANSPORTS.filter(([name]) => name === "uws"))("%s, a request with a chunked body", (_name, listen) => {
  afterEach(stopAll);

  test.each(Object.keys(ANSWERS))("%s is the last of its connection", async (how) => {
    const served: string[] = [];
    const server = await start(listen, {
      http: ({ path }, response) => {
        served.push(path);
        if (path === "/outer") ANSWERS[how]?.(response);
        else response.send(200, [], "");
      },
    });
    const client = await RawSocket.connect(server.port);
    client.write(`${requestHead({ method: "POST", path: "/outer", headers: CHUNKED })}1\r\nx\r\n0\r\n\r\n`);
    expect((await client.answer()).headers.connection).toBe("close");
    client.write(requestHead({ path: "/next" }));
    const other = await RawSocket.connect(server.port);
    for (let turns = 0; turns < 3; turns++) await other.request({ path: "/other" }); // "/next" was there before
    expect(new Set(served)).toEqual(new Set(["/outer", "/other"]));
  });
});
