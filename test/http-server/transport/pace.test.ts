/** How slow the client of an exchange may be, over both transports; and that uWebSockets.js's own 10 s do not count. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { BodyWriter, TransportHandlers, TransportResponse } from "../../../http-server/transport/transport.ts";
import { nextLoop } from "../../support/channels.ts";
import { RawSocket, requestHead } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";
import { deferred, type OPTIONS, start, stopAll, TRANSPORTS } from "./harness.ts";

type Http = TransportHandlers<never>["http"];

const MIB = 1024 * 1024;
const POST = { method: "POST", headers: { "content-length": "10" } };
const AT_ONCE = { pace: { bodySeconds: 1, bodyPace: 4, readerSeconds: 1 } };

/** Answers with the length of the body. */
const measure: Http = (_request, response) =>
  response.readBody(100_000, (body) => response.send(body === null ? 413 : 200, [], String(body?.length)));

describe.each(TRANSPORTS)("%s pace", (_name, listen) => {
  afterEach(stopAll);

  async function connect(http: Http, options: Partial<typeof OPTIONS> = {}): Promise<RawSocket> {
    const server = await start(listen, { http }, options);
    return await RawSocket.connect(server.port);
  }

  test("a body that stops gets 408 and the connection ends", async () => {
    const client = await connect(measure, AT_ONCE);
    client.write(`${requestHead(POST)}123`);
    expect(await client.answer()).toMatchObject({
      status: 408,
      headers: { connection: "close" },
      body: "Cannot take this body as it came too slowly: send it faster, or in parts\n",
    });
    await client.ended;
  });

  test("a body that drips gets 408, however long it goes on", async () => {
    const client = await connect(measure, AT_ONCE);
    client.write(requestHead(POST));
    const dripping = setInterval(() => client.write("1"), 500);
    try {
      expect((await client.answer()).status).toBe(408);
    } finally {
      clearInterval(dripping);
    }
  });

  test("a body that is held costs its client nothing", async () => {
    const pieces: string[] = [];
    const held = deferred<TransportResponse>();
    const client = await connect((_request, response) => {
      response.streamBody(100, {
        data: (bytes) => pieces.push(Buffer.from(bytes).toString()),
        end: () => response.send(200, [], pieces.join("")),
        failed: (status) => response.send(status, [], "failed"),
      });
      response.holdBody(true);
      held.resolve(response);
    }, AT_ONCE);
    client.write(`${requestHead(POST)}12345`);
    const response = await held.promise;
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // two windows and a half
    expect(response.aborted).toBe(false);
    response.holdBody(false);
    client.write("67890");
    expect(await client.answer()).toMatchObject({ status: 200, body: "1234567890" });
  });

  test("a body that nobody wants is not waited for", async () => {
    const client = await connect((_request, response) => response.send(404, [], ""), AT_ONCE);
    client.write(`${requestHead(POST)}123`);
    expect((await client.answer()).status).toBe(404);
    await client.ended;
  });

  test("a client that takes nothing of a large answer is cut, and not told that it is whole", async () => {
    const begun = deferred<BodyWriter | null>();
    const left = deferred<void>();
    const client = await connect((_request, response) => {
      response.onAborted(() => left.resolve());
      const writer = response.begin(200, [], 32 * MIB, () => {});
      writer?.write(new Uint8Array(32 * MIB));
      begun.resolve(writer);
    }, AT_ONCE);
    client.pause();
    client.write(requestHead());
    const writer = await begun.promise;
    expect(writer?.waiting).toBeGreaterThan(16 * MIB); // not copied into the socket's buffer
    await left.promise;
    expect(writer?.waiting).toBe(0);
  });

  test.each<[what: string, http: Http]>([
    ["one call", (_request, response) => response.send(200, [], new Uint8Array(16 * MIB).fill(97))],
    ["a text", (_request, response) => response.send(200, [], "a".repeat(16 * MIB))],
    [
      "pieces",
      (_request, response) => {
        const writer = response.begin(200, [], 16 * MIB, () => {});
        for (let piece = 0; piece < 16; piece++) writer?.write(new Uint8Array(MIB).fill(97));
        writer?.end();
      },
    ],
  ])("a large answer in %s arrives whole at a client that reads late", async (_what, http) => {
    const client = await connect(http);
    client.pause();
    client.write(requestHead());
    for (let turn = 0; turn < 100; turn++) await nextLoop();
    client.resume();
    expect((await client.answer("HEAD")).headers["content-length"]).toBe(String(16 * MIB));
    const expected = Buffer.alloc(MIB, 97);
    for (let piece = 0; piece < 16; piece++) expect((await client.bytes(MIB)).equals(expected)).toBe(true);
    client.write(requestHead({ headers: { connection: "close" } }));
    expect((await client.answer("HEAD")).status).toBe(200); // and the connection goes on
  });

  test("an answer that has all its bytes and no end yet is left alone, whatever is done to it", async () => {
    const begun = deferred<[TransportResponse, BodyWriter | null]>();
    const server = await start(listen, {
      http: (_request, response) => {
        response.streamBody(100, { data: () => {}, end: () => {}, failed: () => {} });
        const writer = response.begin(200, [], 5, () => {});
        writer?.write(Buffer.from("whole"));
        begun.resolve([response, writer]);
      },
    });
    const client = await RawSocket.connect(server.port);
    client.write(`${requestHead(POST)}123`);
    expect((await client.answer()).body).toBe("whole");
    const [response, writer] = await begun.promise;
    expect(() => {
      response.holdBody(true);
      response.holdBody(false);
      response.cut();
      writer?.write(Buffer.from("more"));
      writer?.end();
    }).not.toThrow();
    expect(server.faults).toEqual([]);
    expect((await (await RawSocket.connect(server.port)).request()).status).toBe(200); // the listener goes on
  });

  test("a throw within the look at who is slow is reported, once, and ends nothing", async () => {
    const { faults, port } = await start(
      listen,
      {
        http: (_request, response) => {
          response.readBody(100, () => {});
          Object.defineProperty(response, "beat", {
            value: () => {
              throw new Error("a defect");
            },
          });
        },
      },
      AT_ONCE,
    );
    const client = await RawSocket.connect(port);
    client.write(`${requestHead(POST)}123`);
    await until(() => faults.length > 0);
    expect(faults).toEqual([new Error("a defect")]);
  });

  test("an announced body that is too large is refused before it comes", async () => {
    const client = await connect(measure);
    client.write(requestHead({ method: "POST", headers: { "content-length": "100001" } }));
    expect(await client.answer()).toMatchObject({ status: 413, headers: { connection: "close" } });
    await client.ended;
  });

  test("Expect: 100-continue is answered before the body is sent", async () => {
    const client = await connect(measure);
    client.write(requestHead({ method: "POST", headers: { expect: "100-continue", "content-length": "3" } }));
    expect((await client.answer()).status).toBe(100);
    client.write("abc");
    expect(await client.answer()).toMatchObject({ status: 200, body: "3" });
  });

  test("an unknown Expect is served all the same", async () => {
    const client = await connect(measure);
    expect((await client.request({ headers: { expect: "a miracle" } })).status).toBe(200);
  });

  test("a refusal of what waits for 100 Continue ends the connection", async () => {
    const client = await connect((_request, response) => response.send(401, [], ""));
    client.write(requestHead({ method: "POST", headers: { expect: "100-continue", "content-length": "3" } }));
    let answer = await client.answer();
    if (answer.status === 100) answer = await client.answer(); // uWebSockets.js sends it whatever follows
    expect(answer).toMatchObject({ status: 401, headers: { connection: "close" } });
    await client.ended;
  });
});

test("a client that stalls for longer than uWebSockets.js allows goes on", async () => {
  const size = 32 * MIB;
  const http: Http = (request, response) => {
    if (request.path === "/early") {
      response.streamBody(100, { data: () => {}, end: () => {}, failed: () => {} });
      const length = request.query === "" ? null : 5;
      const writer = response.begin(200, [], length, () => {});
      writer?.write(Buffer.from("early"));
      writer?.end();
    } else if (request.method === "POST") measure(request, response);
    else response.send(200, [], new Uint8Array(size));
  };
  const clients = TRANSPORTS.map(async ([, listen]) => {
    const server = await start(listen, { http }, { pace: { bodySeconds: 60, bodyPace: 1, readerSeconds: 60 } });
    const sender = await RawSocket.connect(server.port);
    const reader = await RawSocket.connect(server.port);
    reader.pause();
    reader.write(requestHead());
    sender.write(`${requestHead(POST)}123`);
    // Answered before the end of their bodies, which come later: nothing is left open for them.
    const early = ["/early", "/early?5"].map(async (path) => {
      const client = await RawSocket.connect(server.port);
      client.write(`${requestHead({ ...POST, path })}123`);
      expect((await client.answer("HEAD")).status).toBe(200);
      client.write("4567890");
      await client.ended;
    });
    return { sender, reader, early };
  });
  await new Promise((resolve) => setTimeout(resolve, 14_000)); // it cuts at 12
  for (const { sender, reader, early } of await Promise.all(clients)) {
    sender.write("4567890");
    expect(await sender.answer()).toMatchObject({ status: 200, body: "10" });
    reader.resume();
    await reader.answer("HEAD");
    for (let left = size; left > 0; left -= MIB) await reader.bytes(MIB);
    await Promise.all(early);
  }
  await stopAll();
});
