/**
 * One of very many clients: a TCP connection that upgrades, greets, and then counts what it is sent.
 *
 * 1. All clients read into one shared memory: a read is dealt with before the next is made.
 * 2. Nothing about time is kept here: 19,000 of them must cost the load process little.
 * 3. Leaving is a reset, so that no port stays taken for a minute (TIME_WAIT): ports are fewer than a bench's connections.
 * 4. Whatever goes wrong goes to `onFailure`, once; no callback comes after it, or after `drop`.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { FrameReader, maskedFrame, Opcode } from "../load/frames.ts";
import type { Crowd } from "./job.ts";

export type ClientOptions = {
  readonly crowd: Crowd;
  /** Which of the crowd it is, from 0. */
  readonly index: number;
  /** Payload of the texts that it counts; -1: none may come. */
  readonly counts: number;
  readonly onReady: (client: Client) => void;
  /** `frames` more texts have come. */
  readonly onFrames: (client: Client, frames: number) => void;
  readonly onFailure: (client: Client, error: Error) => void;
};

const READ_BYTES = 65536; // what node:net itself reads at a time
const HEAD_MAX = 16384; // bytes of an HTTP answer
const CLOSE_NORMAL = maskedFrame(Opcode.close, Buffer.from([0x03, 0xe8])); // 1000

const shared = Buffer.alloc(READ_BYTES);

export class Client {
  readonly index: number;
  readonly #options: ClientOptions;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #stage: "upgrading" | "greeting" | "ready" | "closing" | "over" = "upgrading"; // moves forward only
  #head = "";
  #onClosed: (() => void) | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.index = options.index;
    this.#reader = new FrameReader((opcode, payload) => this.#onFrame(opcode, payload));
    const onread = { buffer: shared, callback: (length: number) => this.#onRead(length) };
    const { ports } = options.crowd;
    const port = ports[options.index % ports.length] ?? 0;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(port)));
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("the server closed the connection"));
  }

  /** @param frames masked, whole */
  send(frames: Buffer): void {
    this.#socket.write(frames);
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }

  /** Says goodbye and resets once the server has said it too. */
  close(onClosed: () => void): void {
    this.#stage = "closing";
    this.#onClosed = onClosed;
    this.#socket.write(CLOSE_NORMAL);
  }

  /** Leaves without a goodbye. */
  drop(): void {
    this.#stage = "over";
    this.#socket.resetAndDestroy();
  }

  #onRead(length: number): boolean {
    try {
      const from = this.#stage === "upgrading" ? this.#passHead(length) : 0;
      const frames = this.#reader.feed(shared, from, length);
      if (frames > 0 && this.#stage === "ready") this.#options.onFrames(this, frames);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    return this.#stage !== "over"; // false would pause the socket
  }

  /** Returns where the frames start. */
  #passHead(length: number): number {
    const before = this.#head.length;
    this.#head += shared.toString("latin1", 0, length);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1 && this.#head.length < HEAD_MAX) return length;
    if (end === -1 || !this.#head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`the upgrade was answered with ${JSON.stringify(this.#head.slice(0, 200))}`);
    }
    this.#head = "";
    const { greetings } = this.#options.crowd;
    const greeting = greetings[this.index % greetings.length];
    if (greeting === undefined) {
      this.#ready();
    } else {
      this.#stage = "greeting";
      this.#socket.write(maskedFrame(Opcode.text, Buffer.from(greeting)));
    }
    return end + 4 - before;
  }

  #ready(): void {
    this.#stage = "ready";
    const { counts, onReady } = this.#options;
    if (counts >= 0) this.#reader.count(Opcode.text, counts);
    onReady(this);
  }

  /** Control frames, and every other one that is not counted. */
  #onFrame(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.close) {
      if (this.#stage !== "closing") throw new Error(`the server closed the channel${closeReason(payload)}`);
      this.drop();
      this.#onClosed?.();
    } else if (opcode === Opcode.ping) {
      this.#socket.write(maskedFrame(Opcode.pong, payload));
    } else if (opcode === Opcode.text && this.#stage === "greeting") {
      const text = payload.toString();
      if (!text.startsWith(this.#options.crowd.answer)) {
        throw new Error(`the greeting was answered with ${text.slice(0, 200)}`);
      }
      this.#ready();
    } else if (opcode !== Opcode.pong) {
      throw new Error(`a frame came unasked: ${JSON.stringify(payload.toString().slice(0, 200))}`);
    }
  }

  #fail(what: string): void {
    if (this.#stage === "over") return;
    const error = new Error(`Cannot go on with client ${this.index}, which is ${this.#stage}: ${what}`);
    this.drop();
    this.#options.onFailure(this, error);
  }
}

function closeReason(payload: Buffer): string {
  return payload.length >= 2 ? ` with ${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}` : "";
}

function upgradeRequest(port: number): string {
  const lines = [
    "GET / HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
