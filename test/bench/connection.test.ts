/** A load connection against a real server: how it becomes ready, what it answers, and what it does not put up with. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { Connection } from "../../bench/load/connection.ts";
import { frameBatches } from "../../bench/load/frames.ts";
import type { Talk } from "../../bench/load/job.ts";
import { readTalk } from "../../bench/load/wire.ts";
import { deferred } from "../support/deferred.ts";

const INFLIGHT = 4;
const bare: Talk = { paths: ["/"], greeting: [], message: { text: "hi" }, echo: { text: "hi" }, asides: [] };

const leave: (() => void)[] = [];
afterEach(() => {
  for (const each of leave.splice(0)) each();
});

/** Starts a server. @returns its port */
async function serve(onSocket: (socket: WebSocket, path: string) => void): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, request) => onSocket(socket, request.url ?? ""));
  leave.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

type Visit = {
  readonly connection: Connection;
  readonly ready: Promise<void>;
  readonly failed: Promise<Error>;
  /** Resolves once so many were counted. */
  readonly counted: (echoes: number) => Promise<void>;
  readonly echoes: () => number;
};

function visit(port: number, talk: Talk): Visit {
  const wire = readTalk(talk);
  const ready = deferred();
  const failed = deferred<Error>();
  let echoes = 0;
  let wanted = Number.POSITIVE_INFINITY;
  const enough = deferred();
  const connection = new Connection({
    port,
    path: wire.paths[0] ?? "",
    talk: wire,
    inflight: INFLIGHT,
    batches: frameBatches(wire.message.opcode, wire.message.payload, INFLIGHT),
    onReady: ready.resolve,
    onEcho: (_now, _ms, times) => {
      echoes += times;
      if (echoes >= wanted) enough.resolve();
    },
    onFailure: failed.resolve,
  });
  leave.push(() => connection.drop());
  const counted = (many: number): Promise<void> => {
    wanted = many;
    return enough.promise;
  };
  return { connection, ready: ready.promise, failed: failed.promise, counted, echoes: () => echoes };
}

const echoing = (socket: WebSocket): void => {
  socket.on("message", (data: RawData, isBinary: boolean) => socket.send(data, { binary: isBinary }));
};

describe("Connection", () => {
  test("is ready once its first message came back", async () => {
    const { ready } = visit(await serve(echoing), bare);
    await ready;
  });

  test("greets step by step, text or binary, at its path", async () => {
    const heard: string[] = [];
    const port = await serve((socket, path) => {
      heard.push(path);
      socket.send('0{"sid":"x"}');
      socket.on("message", (data: Buffer, isBinary: boolean) => {
        heard.push(isBinary ? data.toString("hex") : data.toString());
        if (heard.length === 2) socket.send('40{"sid":"y"}');
        if (heard.length === 4) socket.send(Buffer.of(0x0a, 1, 2));
        if (heard.length === 5) socket.send("echo");
      });
    });
    const binary = { base64: Buffer.of(0x0a).toString("base64") };
    const { ready } = visit(port, {
      ...bare,
      paths: ["/a?b=c"],
      greeting: [
        { hears: { text: "0{" } },
        { sends: { text: "40" }, hears: { text: "40{" } },
        { sends: { text: "go on" } },
        { sends: binary, hears: binary },
      ],
      echo: { text: "echo" },
    });
    await ready;
    expect(heard).toEqual(["/a?b=c", "40", "go on", "0a", "hi"]);
  });

  test("counts echoes, keeps as many on their way, and loses none", async () => {
    let received = 0;
    const port = await serve((socket) => {
      socket.on("message", () => {
        received += 1;
        socket.send(Buffer.of(1, 2, 3));
      });
    });
    const echo = { base64: Buffer.of(1, 2, 3).toString("base64") };
    const { connection, ready, counted, echoes } = visit(port, { ...bare, echo });
    await ready;
    const hundred = counted(100);
    connection.start();
    await hundred;
    await connection.drain();
    expect(received).toBe(1 + echoes() + INFLIGHT); // the first, those counted, those that came while it drained
  });

  test("burst() sends so many and no more, again and again", async () => {
    let received = 0;
    const port = await serve((socket) => {
      socket.on("message", (data: RawData, isBinary: boolean) => {
        received += 1;
        socket.send(data, { binary: isBinary });
      });
    });
    const { connection, ready, echoes } = visit(port, bare);
    await ready;
    await connection.burst();
    expect(received).toBe(1 + INFLIGHT);
    await connection.burst();
    expect(received).toBe(1 + 2 * INFLIGHT);
    expect(echoes()).toBe(0); // none is told: it is no closed loop
  });

  test("answers an aside, and does not take it for an echo", async () => {
    const heard: string[] = [];
    const answered = deferred();
    const port = await serve((socket) => {
      socket.on("message", (data: Buffer) => {
        heard.push(data.toString());
        if (data.toString() === "3") return answered.resolve();
        if (heard.length === 3) socket.send("2");
        socket.send(data.toString());
      });
    });
    const { connection, ready } = visit(port, { ...bare, asides: [{ hears: { text: "2" }, sends: { text: "3" } }] });
    await ready;
    connection.start();
    await answered.promise;
    await connection.drain();
    expect(heard.filter((each) => each === "3")).toHaveLength(1);
  });

  test("answers the server's pings", async () => {
    const ponged = deferred();
    const port = await serve((socket) => {
      echoing(socket);
      socket.on("pong", () => ponged.resolve());
      socket.ping("are you there");
    });
    const { ready } = visit(port, bare);
    await ready;
    await ponged.promise;
  });

  test("fails when the greeting is answered otherwise", async () => {
    const port = await serve((socket) => socket.on("message", () => socket.send('{"error":{"code":"no"}}')));
    const greeting = [{ sends: { text: "{}" }, hears: { text: '{"channel_id":' } }];
    expect((await visit(port, { ...bare, greeting }).failed).message).toBe(
      'Cannot go on with a connection that is greeting: step 1 of the greeting was answered with text of 23 bytes "{\\"error\\":{\\"code\\":\\"no\\"}}"',
    );
  });

  test.each([
    ["another text", "ho", 'got text of 2 bytes "ho"'],
    ["the text in binary", Buffer.from("hi"), "got binary of 2 bytes 6869"],
  ])("fails when the first echo is %s", async (_, answer, got) => {
    const port = await serve((socket) => socket.on("message", () => socket.send(answer)));
    expect((await visit(port, bare).failed).message).toBe(
      `Cannot go on with a connection that is probing: each message must be answered with text of 2 bytes "hi": ${got}`,
    );
  });

  test("fails when a later answer has another length", async () => {
    let times = 0;
    const port = await serve((socket) =>
      socket.on("message", () => {
        times += 1;
        socket.send(times < 10 ? "hi" : "hi!");
      }),
    );
    const { connection, ready, failed } = visit(port, bare);
    await ready;
    connection.start();
    expect((await failed).message).toContain('got text of 3 bytes "hi!"');
  });

  test("fails when the server closes, with its code and reason", async () => {
    const port = await serve((socket) => socket.on("message", () => socket.close(4401, "bad token")));
    expect((await visit(port, bare).failed).message).toContain("the server closed the channel with 4401 bad token");
  });
});
