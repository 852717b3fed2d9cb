/** Several requests in one piece (RFC 9112 §9.3.2): in order, up to what the client reads, and never behind a refused one. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { RawSocket, requestHead } from "../../support/sockets.ts";
import { deferred, start, stopAll, TRANSPORTS } from "./harness.ts";

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

  test("a refused request that comes alone hears why", async () => {
    const server = await start(listen);
    const client = await RawSocket.connect(server.port);
    const answer = await client.request({ headers: { host: ["a", "b"] } });
    expect(answer).toMatchObject({ status: 400 });
    await client.ended;
  });
});
