/** One of many clients against a real server: how it becomes ready, counts and leaves, and what it does not put up with. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type WebSocket, WebSocketServer } from "ws";
import { Client } from "../../bench/crowd/client.ts";
import { WireCrowd } from "../../bench/crowd/wire-crowd.ts";
import { maskedFrame, Opcode } from "../../bench/load/frames.ts";
import type { Step, Talk } from "../../bench/load/job.ts";
import { deferred } from "../support/deferred.ts";

const leave: (() => void)[] = [];
afterEach(() => {
  for (const each of leave.splice(0)) each();
});

/** Starts a server. @returns its port */
async function serve(onSocket: (socket: WebSocket, path: string) => void): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, { url = "" }) => {
    socket.on("error", () => undefined); // a reset
    onSocket(socket, url);
  });
  leave.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

type Visit = {
  readonly client: Client;
  readonly ready: Promise<void>;
  readonly failed: Promise<Error>;
  /** Resolves once so many texts were counted. */
  readonly counted: (texts: number) => Promise<void>;
};

/** Counts texts of two letters. */
const talk = (more: Partial<Talk> = {}): Talk => ({
  paths: ["/"],
  greeting: [],
  message: { text: "ab" },
  echo: { text: "ab" },
  asides: [],
  ...more,
});

const greets: Step = { sends: { text: "hello" }, hears: { text: '{"channel_id":' } };

function visit(port: number, talks: readonly Talk[] = [talk()], { counts = true, index = 0 } = {}): Visit {
  const ready = deferred();
  const failed = deferred<Error>();
  const enough = deferred();
  let texts = 0;
  let wanted = Number.POSITIVE_INFINITY;
  const client = new Client({
    crowd: new WireCrowd({ ports: [port], talks }),
    index,
    counts,
    onReady: () => ready.resolve(),
    onFrames: (_client, frames) => {
      texts += frames;
      if (texts >= wanted) enough.resolve();
    },
    onFailure: (_client, error) => failed.resolve(error),
  });
  leave.push(() => client.drop());
  const counted = (number: number): Promise<void> => {
    wanted = number;
    if (texts >= wanted) enough.resolve();
    return enough.promise;
  };
  return { client, ready: ready.promise, failed: failed.promise, counted };
}

describe("Client", () => {
  test("is ready once upgraded when there is nothing to greet with", async () => {
    const port = await serve(() => undefined);
    await visit(port).ready;
  });

  test("greets, and counts what comes with the answer and after it", async () => {
    const heard = deferred<string>();
    const port = await serve((socket) => {
      socket.on("message", (data) => {
        heard.resolve(String(data));
        socket.send('{"channel_id":7}');
        for (const text of ["ab", "cd", "ef"]) socket.send(text);
      });
    });
    const { ready, counted } = visit(port, [talk({ greeting: [greets] })]);
    await ready;
    await counted(3);
    expect(await heard.promise).toBe("hello");
  });

  test("greets in several steps, some of them the server's to begin", async () => {
    const heard: string[] = [];
    const port = await serve((socket) => {
      socket.on("message", (data) => {
        heard.push(String(data));
        socket.send(heard.length === 1 ? "40{…}" : "ab");
      });
      socket.send("0{…}");
    });
    const greeting: Step[] = [{ hears: { text: "0{" } }, { sends: { text: "40" }, hears: { text: "40{" } }];
    const { client, ready, counted } = visit(port, [talk({ greeting })]);
    await ready;
    client.send(maskedFrame(Opcode.text, Buffer.from("ab")));
    await counted(1);
    expect(heard).toEqual(["40", "ab"]);
  });

  test("answers an aside, whenever it comes, and does not count it", async () => {
    const heard = deferred<string>();
    const port = await serve((socket) => {
      socket.on("message", (data) => heard.resolve(String(data)));
      socket.send("2");
    });
    const { ready } = visit(port, [talk({ asides: [{ hears: { text: "2" }, sends: { text: "3" } }] })]);
    await ready;
    expect(await heard.promise).toBe("3");
  });

  test("speaks the talk and goes to the path that are its turn's", async () => {
    const came = deferred<string>();
    const port = await serve((_socket, path) => came.resolve(path));
    const paths = (...each: string[]): Talk => talk({ paths: each });
    await visit(port, [paths("/a", "/b"), paths("/c", "/d", "/e"), paths("/f")], { index: 7 }).ready;
    expect(await came.promise).toBe("/d"); // 7 is 1 modulo 3, twice
  });

  test("puts up with no message where it is to count none", async () => {
    const port = await serve((socket) => socket.send("ab"));
    const { failed } = visit(port, [talk()], { counts: false });
    expect((await failed).message).toContain("a frame came unasked: text of 2 bytes");
  });

  test("answers a ping", async () => {
    const pong = deferred<string>();
    const port = await serve((socket) => {
      socket.on("pong", (data) => pong.resolve(String(data)));
      socket.ping("still there?");
    });
    await visit(port).ready;
    expect(await pong.promise).toBe("still there?");
  });

  test("sends what it is given, says goodbye with 1000 and tells once it is answered", async () => {
    const heard = deferred<string>();
    const closed = deferred<number>();
    const port = await serve((socket) => {
      socket.on("message", (data) => heard.resolve(String(data)));
      socket.on("close", (code) => closed.resolve(code));
    });
    const { client, ready } = visit(port);
    await ready;
    client.send(maskedFrame(Opcode.text, Buffer.from("ab")));
    expect(await heard.promise).toBe("ab");
    const gone = deferred();
    client.close(() => gone.resolve());
    await gone.promise;
    expect(await closed.promise).toBe(1000);
  });

  test.each([
    [
      "an answer to its greeting that refuses it",
      '{"error":{"code":"bad_token"}}',
      'step 1 of the greeting was answered with text of 30 bytes "{\\"error\\":{\\"code\\":\\"bad_token\\"}}"',
    ],
  ])("fails on %s", async (_what, text, words) => {
    const port = await serve((socket) => socket.on("message", () => socket.send(text)));
    expect((await visit(port, [talk({ greeting: [greets] })]).failed).message).toContain(words);
  });

  test.each([
    [
      "a text of another length than it counts",
      (socket: WebSocket) => socket.send("abc"),
      "a frame came unasked: text of 3 bytes",
    ],
    ["bytes", (socket: WebSocket) => socket.send(Buffer.from("ab")), "a frame came unasked: binary of 2 bytes"],
    [
      "a close",
      (socket: WebSocket) => socket.close(1013, "too slow"),
      "the server closed the channel with 1013 too slow",
    ],
    ["a lost connection", (socket: WebSocket) => socket.terminate(), "Cannot go on with client 0, which is ready"],
  ])("fails on %s", async (_what, act, words) => {
    const port = await serve((socket) => socket.on("message", () => act(socket)));
    const { client, ready, failed } = visit(port);
    await ready;
    client.send(maskedFrame(Opcode.text, Buffer.from("go")));
    expect((await failed).message).toContain(words);
  });

  test("fails when the upgrade is refused", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", verifyClient: () => false });
    leave.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect((await visit(port).failed).message).toContain("the upgrade was answered with");
  });
});
