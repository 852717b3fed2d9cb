/** The client with the `ws` package against a real server on loopback: what a scripted double cannot show. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import { type Channel, type ChannelEvents, connect, KinodeEncryptorApi } from "../../lib/client/index.ts";
import { PROCESS } from "./fake-socket.ts";

let server: WebSocketServer;
let url = "";

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

function next<Name extends keyof ChannelEvents>(channel: Channel, name: Name): Promise<ChannelEvents[Name]> {
  return new Promise((resolve) => {
    const stop = channel.on(name, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** Registers whoever comes, then sends back each frame as it came. */
function echo(): void {
  server.on("connection", (socket) => {
    socket.once("message", () => {
      socket.send(`{"channel_id":7}`);
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
  });
}

describe("connect() with ws", () => {
  test("registers, and carries text, JSON and bytes both ways", async () => {
    echo();
    const channel = connect({ process: PROCESS, url, WebSocket });
    const heard: unknown[] = [];
    channel.send("text");
    channel.send({ a: 1 });
    channel.send(new Uint8Array([1, 2]));
    for await (const message of channel) if (heard.push(message.data) === 3) break;
    expect([channel.channelId, heard]).toEqual([7, ["text", `{"a":1}`, new Uint8Array([1, 2])]]);
    channel.close();
  });

  test("hears why it is refused, and does not come back", async () => {
    server.on("connection", (socket) => {
      socket.send(`{"error":{"code":"bad_token","message":"log in again"}}`);
      socket.close(4401, "bad_token");
    });
    const channel = connect({ process: PROCESS, url, WebSocket });
    const refused = next(channel, "error");
    const closed = await next(channel, "close");
    expect([(await refused).code, closed.code, closed.retryInMs, channel.state]).toEqual([
      "bad_token",
      4401,
      undefined,
      "closed",
    ]);
  });

  test("comes back after a loss", async () => {
    echo();
    const channel = connect({ process: PROCESS, url, WebSocket, limits: { retryFirstMs: 1 } });
    await next(channel, "open");
    for (const client of server.clients) client.terminate();
    expect((await next(channel, "open")).again).toBe(true);
    channel.close(3000, "done");
  });

  test("says what failed when nobody listens", async () => {
    const nowhere = "ws://127.0.0.1:1/";
    const channel = connect({ process: PROCESS, url: nowhere, WebSocket, reconnect: false });
    const failed = next(channel, "error");
    expect((await next(channel, "close")).code).toBe(1006);
    expect((await failed).message).toMatch(
      /^Cannot reach "ws:\/\/127.0.0.1:1\/" as its connection failed: .*ECONNREFUSED/,
    );
  });

  test("closes quietly before the socket is open: ws's own error for that is not thrown", async () => {
    const ended: Promise<unknown>[] = [];
    class Watched extends WebSocket {
      constructor(address: string) {
        super(address);
        ended.push(new Promise((resolve) => this.addEventListener("close", resolve)));
      }
    }
    const channel = connect({ process: PROCESS, url, WebSocket: Watched });
    const errors: unknown[] = [];
    channel.on("error", (error) => errors.push(error));
    channel.close();
    await Promise.all(ended);
    expect([channel.state, ended.length, errors]).toEqual(["closed", 1, []]);
  });

  test("carries the encryptor api's frames as binary", async () => {
    const received = new Promise<unknown>((resolve) => {
      server.on("connection", (socket) => {
        socket.once("message", () => {
          socket.send(`{"channel_id":7}`);
          socket.once("message", (data, isBinary) => resolve([isBinary, String(data)]));
        });
      });
    });
    const api = new KinodeEncryptorApi({ processId: PROCESS, uri: url, WebSocket });
    api.send({ data: { hello: "world" } });
    expect(await received).toEqual([true, `{"hello":"world"}`]);
    api.channel.close();
  });
});
