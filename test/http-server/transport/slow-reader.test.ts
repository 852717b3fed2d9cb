import { afterEach, describe, expect, test } from "@jest/globals";
import { DROPPED, QUEUED } from "../../../http-server/transport/index.ts";
import { deferred, OPTIONS, openPair, stopAll, type TestSocket, TRANSPORTS } from "./harness.ts";

const MESSAGE_BYTES = 60_000; // a few more of these than the operating system takes, and the queue is long
const KERNEL_MAX = 64 * 1024 * 1024; // bytes: no loopback connection takes this much from a sender

/** Sends to a client that does not read until the outcome is `wanted`. */
function sendUntil(socket: TestSocket, wanted: number): number {
  const message = new Uint8Array(MESSAGE_BYTES);
  for (let sent = 0; sent < KERNEL_MAX; sent += MESSAGE_BYTES) {
    if (socket.send(message, true) === wanted) return sent;
  }
  throw new Error(`no send came out as ${wanted}`);
}

describe.each(TRANSPORTS)("%s socket with a slow reader", (_name, listen) => {
  afterEach(stopAll);

  test("send() keeps a copy: the caller may write over its bytes at once", async () => {
    const { client, socket } = await openPair(listen);
    client.pause();
    sendUntil(socket, QUEUED);
    const bytes = Buffer.from("kept");
    socket.send(bytes, true);
    bytes.fill("x");
    socket.end(1000, "");
    client.resume();
    let last = "";
    for (let frame = await client.nextFrame(); frame.kind === "binary"; frame = await client.nextFrame()) {
      last = frame.payload.toString();
    }
    expect(last).toBe("kept");
  });

  test("send() to a stalled reader goes from SENT to QUEUED to DROPPED, and drain() follows", async () => {
    const lost = deferred<number>();
    const drained = deferred<number>();
    const { client, socket } = await openPair(listen, {
      dropped: (_socket, bytes) => lost.resolve(bytes),
      drain: (from) => drained.resolve(from.getBufferedAmount()),
    });
    client.pause();
    expect(socket.getBufferedAmount()).toBe(0);
    sendUntil(socket, QUEUED);
    const queued = socket.getBufferedAmount();
    expect(queued).toBeGreaterThan(0);
    sendUntil(socket, DROPPED);
    const full = socket.getBufferedAmount();
    expect(full).toBeGreaterThan(OPTIONS.maxBackpressure);
    expect(full).toBeLessThan(OPTIONS.maxBackpressure + 2 * MESSAGE_BYTES);
    expect(await lost.promise).toBeGreaterThanOrEqual(MESSAGE_BYTES);
    client.resume();
    expect(await drained.promise).toBeLessThan(full);
  });

  test("cork() leaves every frame whole and in order for a stalled reader", async () => {
    const { client, socket } = await openPair(listen, {}, { maxBackpressure: KERNEL_MAX });
    client.pause();
    const sizes = [200, 600_000, 3_000, 70_000, 16_384, 1, 125_000];
    const rounds = 15; // 12 MB: more than the operating system takes
    const sent: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const sendAll = (): void => {
        for (const size of sizes) {
          socket.send(Buffer.alloc(size, sent.length % 251), true);
          sent.push(size);
        }
      };
      if (round % 3 === 0) sendAll();
      else socket.cork(sendAll);
    }
    expect(socket.getBufferedAmount()).toBeGreaterThan(0);
    client.resume();
    for (const [at, size] of sent.entries()) {
      const payload = await client.nextBinary();
      if (!payload.equals(Buffer.alloc(size, at % 251))) throw new Error(`frame ${at} of ${size} bytes is not as sent`);
    }
  });
});
