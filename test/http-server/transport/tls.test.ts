/** TLS on both transports: what is spoken, and what a reload leaves alone. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { readTls } from "../../../http-server/transport/index.ts";
import { RawSocket, requestHead } from "../../support/sockets.ts";
import { connectTls, type PairName, pair, SERIALS, serialOf } from "../../support/tls.ts";
import { deferred, OPTIONS, openPair, type Server, start, stopAll, type TestHandlers, TRANSPORTS } from "./harness.ts";

const of = (name: PairName) => readTls(pair(name));
const echo: Partial<TestHandlers> = {
  open: (socket) => socket.subscribe("all"),
  message: (socket, data, isBinary) => socket.send(data, isBinary),
};

/** A wss client whose handshake is through. */
async function openSecure({ port }: Server): Promise<RawSocket> {
  const client = await connectTls(port);
  await client.upgrade();
  return client;
}

async function echoes(client: RawSocket, text: string): Promise<void> {
  client.sendText(text);
  expect(await client.nextText()).toBe(text);
}

describe.each(TRANSPORTS)("%s with TLS", (_name, listen) => {
  afterEach(stopAll);

  test("answers https, tells that it is secure, and who asks", async () => {
    const { port } = await start(
      listen,
      { http: ({ secure, remoteAddress }, response) => response.send(200, [], `${secure} ${remoteAddress}`) },
      { tls: of("one") },
    );
    const client = await connectTls(port);
    expect((await client.request()).body).toBe("true 127.0.0.1");
    expect((await client.request()).body).toBe("true 127.0.0.1"); // and keeps the connection
    expect(serialOf(client)).toBe(SERIALS.one);
  });

  test("without it tells that it is not secure", async () => {
    const { port } = await start(listen, { http: ({ secure }, response) => response.send(200, [], String(secure)) });
    const client = await RawSocket.connect(port);
    expect((await client.request()).body).toBe("false");
  });

  test("opens wss, and tells that it is secure", async () => {
    const asked = deferred<boolean>();
    const server = await start(
      listen,
      {
        ...echo,
        upgrade: ({ secure }) => {
          asked.resolve(secure);
          return { accept: true, data: { name: "a socket" }, protocol: "" };
        },
      },
      { tls: of("one") },
    );
    const client = await openSecure(server);
    await echoes(client, "hello");
    expect(await asked.promise).toBe(true);
  });

  test("carries a message of many records whole", async () => {
    const server = await start(listen, echo, { tls: of("one"), maxBackpressure: OPTIONS.maxPayload * 2 });
    const client = await openSecure(server);
    const bytes = Buffer.alloc(OPTIONS.maxPayload, 7);
    client.sendBinary(bytes);
    expect((await client.nextBinary()).equals(bytes)).toBe(true);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s", async (version) => {
    const { port } = await start(listen, {}, { tls: of("one") });
    const client = await connectTls(port, { minVersion: version, maxVersion: version });
    expect((await client.request()).status).toBe(200);
  });

  test("refuses TLS 1.1", async () => {
    const { port } = await start(listen, {}, { tls: of("one") });
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await expect(connectTls(port, old)).rejects.toMatchObject({ message: expect.stringContaining("protocol version") });
  });

  test("does not answer plain HTTP, and goes on", async () => {
    const { port, faults } = await start(listen, {}, { tls: of("one") });
    const plain = await RawSocket.connect(port);
    plain.write(requestHead());
    await plain.ended;
    await expect(plain.answer()).rejects.toThrow(/the server ended/);
    const client = await connectTls(port);
    expect((await client.request()).status).toBe(200);
    expect(faults).toEqual([]);
  });

  test("destroy() cuts a wss, an https and a handshake that was never begun", async () => {
    const closes: number[] = [];
    const server = await start(listen, { close: (_data, code) => closes.push(code) }, { tls: of("one") });
    const clients = [await openSecure(server), await connectTls(server.port), await RawSocket.connect(server.port)];
    await server.listener.destroy();
    await Promise.all(clients.map((client) => client.ended));
    expect(closes).toEqual([1006]);
  });
});

describe.each(TRANSPORTS)("%s after reload()", (name, listen) => {
  afterEach(stopAll);
  const startOne = (handlers: Partial<TestHandlers> = echo): Promise<Server> =>
    start(listen, handlers, { tls: of("one") });

  test("shows new connections the new certificate, and another one after another reload", async () => {
    const { listener, port } = await startOne();
    for (const next of ["two", "one", "two"] as const) {
      listener.reload(of(next));
      for (let i = 0; i < 3; i++) {
        const client = await connectTls(port);
        expect(serialOf(client)).toBe(SERIALS[next]);
        expect((await client.request()).status).toBe(200);
      }
    }
  });

  test("an old wss still echoes, and a publish reaches old and new", async () => {
    const server = await startOne();
    const old = await openSecure(server);
    server.listener.reload(of("two"));
    const young = await openSecure(server);
    expect([serialOf(old), serialOf(young)]).toEqual([SERIALS.one, SERIALS.two]);
    await echoes(old, "still here");
    await echoes(young, "here");
    server.listener.publish("all", "to all", false);
    expect(await old.nextText()).toBe("to all");
    expect(await young.nextText()).toBe("to all");
  });

  test("an old connection keeps its certificate, and gets the answer that was under way", async () => {
    const waiting: (() => void)[] = [];
    const asked = deferred<void>();
    const server = await startOne({
      http: (_request, response) => {
        waiting.push(() => response.send(200, [], "late"));
        asked.resolve();
      },
    });
    const client = await connectTls(server.port);
    const answer = client.request();
    await asked.promise;
    server.listener.reload(of("two"));
    for (const send of waiting) send();
    expect((await answer).body).toBe("late");
    expect(serialOf(client)).toBe(SERIALS.one);
  });

  test("tells each close once, of old and new, also when it is destroyed", async () => {
    const closes: number[] = [];
    const server = await startOne({ close: (_data, code) => closes.push(code) });
    const clients = [await openSecure(server)];
    server.listener.reload(of("two"));
    clients.push(await openSecure(server));
    await server.listener.destroy();
    await Promise.all(clients.map((client) => client.ended));
    expect(closes).toEqual([1006, 1006]);
  });

  test("stopListening() refuses new connections and keeps open ones", async () => {
    const server = await startOne();
    server.listener.reload(of("two"));
    const client = await openSecure(server);
    await server.listener.stopListening();
    await expect(connectTls(server.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await echoes(client, "still here");
  });

  test("without TLS nothing changes", async () => {
    const { listener, client } = await openPair(listen, echo);
    listener.reload(of("two"));
    await echoes(client, "plain");
    const next = await RawSocket.connect(listener.port);
    expect((await next.request()).status).toBe(200);
  });

  test("connections in flight while it reloads are all answered", async () => {
    const server = await startOne();
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: 5 }, () => connectTls(server.port));
      server.listener.reload(of(round % 2 === 0 ? "two" : "one"));
      for (const client of await Promise.all(clients)) {
        expect((await client.request()).status).toBe(200);
        client.destroy();
      }
    }
  });

  test(`with more reloads than \`certificates\` ${name === "uws" ? "the oldest but the first is cut" : "nothing is cut"}`, async () => {
    const server = await startOne();
    const clients = [await openSecure(server)];
    for (const next of ["two", "one", "two"] as const) {
      server.listener.reload(of(next)); // the third makes four, and 3 are allowed
      clients.push(await openSecure(server));
    }
    const isCut = (index: number): boolean => name === "uws" && index === 1;
    for (const [index, client] of clients.entries()) {
      if (isCut(index)) await client.ended;
      else await echoes(client, "still here");
    }
  });
});
