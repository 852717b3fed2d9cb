/**
 * One of very many clients: a TCP connection that upgrades, greets, and then counts the messages it is sent.
 *
 * 1. All clients read into one shared memory: a read is dealt with before the next is made.
 * 2. Nothing about time is kept here: 19,000 of them must cost the load process little.
 * 3. Leaving is a reset, so that no port stays taken for a minute (TIME_WAIT): ports are fewer than a bench's connections.
 * 4. Whatever goes wrong goes to `onFailure`, once; no callback comes after it, or after `drop`.
 */
import { connect, type Socket } from "node:net";
import { FrameReader, maskedFrame, Opcode } from "../load/frames.ts";
import { Greeting } from "../load/greeting.ts";
import { UpgradeAnswer, upgradeRequest } from "../load/upgrade.ts";
import { isWire, shown, type Wire, type WireTalk } from "../load/wire.ts";
import type { WireCrowd } from "./wire-crowd.ts";

export type ClientOptions = {
  readonly crowd: WireCrowd;
  /** Which of the crowd it is, from 0. */
  readonly index: number;
  /** Whether it counts what its talk calls an echo; otherwise none may come. */
  readonly counts: boolean;
  readonly onReady: (client: Client) => void;
  /** `frames` more have come. */
  readonly onFrames: (client: Client, frames: number) => void;
  readonly onFailure: (client: Client, error: Error) => void;
};

const READ_BYTES = 65536; // what node:net itself reads at a time
const CLOSE_NORMAL = maskedFrame(Opcode.close, Buffer.from([0x03, 0xe8])); // 1000

const shared = Buffer.alloc(READ_BYTES);

export class Client {
  readonly index: number;
  readonly #options: ClientOptions;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #stage: "upgrading" | "greeting" | "ready" | "closing" | "over" = "upgrading"; // moves forward only
  readonly #talk: WireTalk;
  readonly #answer = new UpgradeAnswer();
  readonly #greeting: Greeting;
  #onClosed: (() => void) | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.index = options.index;
    this.#reader = new FrameReader((opcode, payload) => this.#onFrame(opcode, payload));
    const onread = { buffer: shared, callback: (length: number) => this.#onRead(length) };
    const { port, path, talk } = options.crowd.placeOf(options.index);
    this.#talk = talk;
    this.#greeting = new Greeting(talk, (wire) => this.#say(wire));
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(port, path)));
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
    const from = this.#answer.take(shared, length);
    if (from === undefined) return length;
    this.#stage = "greeting";
    if (this.#greeting.go()) this.#ready();
    return from;
  }

  #ready(): void {
    this.#stage = "ready";
    const { counts, onReady } = this.#options;
    const { opcode, payload } = this.#talk.echo;
    if (counts) this.#reader.count(opcode, payload.length);
    onReady(this);
  }

  #say({ opcode, payload }: Wire): void {
    this.#socket.write(maskedFrame(opcode, payload));
  }

  /** Control frames, asides, and every other one that is not counted. */
  #onFrame(opcode: number, payload: Buffer): void {
    const aside = this.#talk.asides.find(({ hears }) => isWire(hears, opcode, payload));
    if (opcode === Opcode.close) {
      if (this.#stage !== "closing") throw new Error(`the server closed the channel${closeReason(payload)}`);
      this.drop();
      this.#onClosed?.();
    } else if (opcode === Opcode.ping) {
      this.#say({ opcode: Opcode.pong, payload });
    } else if (aside !== undefined) {
      if (aside.sends !== undefined) this.#say(aside.sends);
    } else if (opcode !== Opcode.pong && this.#stage === "greeting") {
      if (this.#greeting.hear(opcode, payload)) this.#ready();
    } else if (opcode !== Opcode.pong) {
      throw new Error(`a frame came unasked: ${shown(opcode, payload)}`);
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
