/**
 * A realm that is an operating-system process, seen from inside: batches come by a socket, everything else by calls that
 * wait, so that what was written has left whatever comes next.
 *
 * It ends with its node: by the end of its socket, or, when a handler blocks, by a thread that watches another one.
 */
import { readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import { BEGUN_BYTES, FD } from "./child-pipes.ts";
import type { Question } from "./questions.ts";
import type { RealmCarrier } from "./realm-carrier.ts";
import { BATCH, QUESTION, StreamBatches, streamed } from "./stream-batches.ts";

/** In a thread of its own, which a handler that blocks does not stop. Its quotes keep it from what the build does to imports. */
const LIFELINE = `
const { Socket } = require('node:net');
new Socket({ fd: ${FD.lifeline} }).on("error", () => {}).on("close", () => process.kill(process.pid, "SIGKILL")).resume();
`;
const LIFELINE_HEAP = 4; // MiB: it does nothing

export class ChildRealm implements RealmCarrier {
  readonly #begun = Buffer.alloc(BEGUN_BYTES);

  constructor() {
    // Ctrl-C, or a service manager, signals the node too, which stops this process when it is through with its messages.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
    const limits = { maxOldGenerationSizeMb: LIFELINE_HEAP, maxYoungGenerationSizeMb: LIFELINE_HEAP };
    new Worker(LIFELINE, { eval: true, resourceLimits: limits }).unref();
  }

  listen(received: (batch: Batch) => void): void {
    const batches = new StreamBatches((_, batch) => received(batch));
    const socket = new Socket({ fd: FD.batches, readable: true, writable: false });
    socket.on("data", (chunk) => batches.push(chunk));
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", () => process.exit(0));
  }

  post(batch: Batch): void {
    for (const part of streamed(BATCH, batch)) writeAll(FD.replies, part);
  }

  ask(slot: number, question: Question): unknown {
    const bytes = packMessage({ slot, question });
    for (const part of streamed(QUESTION, { bytes, large: [] })) writeAll(FD.replies, part);
    return unpackMessage(readAll(FD.answers, readAll(FD.answers, 4).readUInt32LE(0)));
  }

  begins(slot: number, seq: number): void {
    this.#begun.writeUInt32LE(slot, 0);
    this.#begun.writeUInt32LE(seq, 4);
    writeSync(FD.begun, this.#begun, 0, BEGUN_BYTES, 0);
  }

  /** There is one process here: what it has begun is looked at only while it is not done. */
  returns(): void {}
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function readAll(fd: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const read = readSync(fd, bytes, at, length - at, null);
    if (read === 0) process.exit(0); // the node is gone
    at += read;
  }
  return bytes;
}
