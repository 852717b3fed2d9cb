/**
 * One client: a TCP connection that upgrades, greets, and then keeps `inflight` messages on their way.
 *
 * 1. Ready means proven: the first echo is compared byte by byte. Later ones are told by header and length alone;
 *    any other frame must be an aside, and is answered as such.
 * 2. As many echoes as a chunk completes are answered with as many messages, in one write.
 * 3. Echoes come in the order sent, so the oldest time on the ring belongs to the next echo.
 * 4. Nothing may be lost: `drain` waits for all that is still on its way.
 * 5. Whatever goes wrong goes to `onFailure`, once; the connection is of no use afterwards.
 */
import { connect, type Socket } from "node:net";
import { FrameReader, maskedFrame, Opcode } from "./frames.ts";
import { Greeting } from "./greeting.ts";
import { UpgradeAnswer, upgradeRequest } from "./upgrade.ts";
import { isWire, shown, type Wire, type WireTalk } from "./wire.ts";

export type ConnectionOptions = {
  readonly port: number;
  /** Where it upgrades: one of `talk.paths`. */
  readonly path: string;
  readonly talk: WireTalk;
  readonly inflight: number;
  /** `batches[k]`: k messages in a row. */
  readonly batches: readonly Buffer[];
  readonly onReady: () => void;
  /** `times` echoes arrived at `now` (ms) after `ms` each. */
  readonly onEcho: (now: number, ms: number, times: number) => void;
  readonly onFailure: (error: Error) => void;
};

const READ_MIN = 4096; // bytes: an upgrade's answer in one read
const READ_MAX = 65536; // bytes: what node:net itself reads at a time
const HEADER_MAX = 10; // bytes before the payload of an echo

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #stage: "upgrading" | "greeting" | "probing" | "ready" | "draining" | "over" = "upgrading"; // moves forward only
  readonly #answer = new UpgradeAnswer();
  readonly #greeting: Greeting;
  /** When each message on its way was sent, in ms; a ring. */
  readonly #sentAt: Float64Array;
  #oldest = 0;
  /** While draining: messages still on their way. */
  #missing = 0;
  #drained: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { port, path, talk, inflight } = options;
    this.#sentAt = new Float64Array(inflight);
    this.#greeting = new Greeting(talk, (wire) => this.#send(wire));
    this.#reader = new FrameReader((opcode, payload) => this.#onFrame(opcode, payload));
    const waiting = inflight * (talk.echo.payload.length + HEADER_MAX); // bytes: all that can be
    const readBytes = Math.min(READ_MAX, Math.max(READ_MIN, waiting));
    const onread = { buffer: Buffer.alloc(readBytes), callback: this.#onRead.bind(this) }; // no Buffer per read, no readable stream
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(port, path)));
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("the server closed the connection"));
  }

  /** Sends the first `inflight` messages. Call it once, after `onReady`. */
  start(): void {
    const { talk, inflight } = this.#options;
    this.#reader.count(talk.echo.opcode, talk.echo.payload.length);
    this.#sentAt.fill(performance.now());
    this.#write(inflight);
  }

  /** Sends nothing more. Resolves when every message on its way came back; never when one was lost. Call it once. */
  drain(): Promise<void> {
    this.#stage = "draining";
    this.#missing = this.#sentAt.length;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Instead of `start`: sends `inflight` messages and resolves when all came back. Then it may be called again. */
  burst(): Promise<void> {
    this.start();
    return this.drain();
  }

  /** Leaves without a goodbye; no callback comes after this. */
  drop(): void {
    this.#stage = "over";
    this.#socket.destroy();
  }

  #onRead(length: number, chunk: Uint8Array): boolean {
    try {
      const bytes = chunk as Buffer; // the one given in the constructor
      const from = this.#stage === "upgrading" ? this.#passHead(bytes, length) : 0;
      const echoes = this.#reader.feed(bytes, from, length);
      if (echoes > 0 && this.#stage === "draining") this.#onLastEchoes(echoes);
      else if (echoes > 0) this.#onEchoes(echoes);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    return this.#stage !== "over"; // false would pause the socket
  }

  #onEchoes(echoes: number): void {
    const now = performance.now();
    const size = this.#sentAt.length;
    for (let left = echoes; left > 0; ) {
      const sentAt = this.#sentAt[this.#oldest] ?? now;
      let times = 0; // what went out in one write shares its time, so it is recorded at once
      while (left > 0 && this.#sentAt[this.#oldest] === sentAt) {
        this.#sentAt[this.#oldest] = now; // the message that takes its place
        this.#oldest = this.#oldest + 1 === size ? 0 : this.#oldest + 1;
        left -= 1;
        times += 1;
      }
      this.#options.onEcho(now, now - sentAt, times);
    }
    this.#write(echoes);
  }

  #onLastEchoes(echoes: number): void {
    this.#missing -= echoes;
    if (this.#missing < 0) throw new Error(`${-this.#missing} echoes more came than messages were sent`);
    if (this.#missing === 0) this.#drained?.();
  }

  #write(messages: number): void {
    const batch = this.#options.batches[messages];
    if (batch === undefined) throw new Error(`Cannot answer ${messages} echoes as fewer messages were on their way`);
    this.#socket.write(batch);
  }

  /** Returns where the frames start in `bytes`. */
  #passHead(bytes: Buffer, length: number): number {
    const from = this.#answer.take(bytes, length);
    if (from === undefined) return length;
    this.#stage = "greeting";
    if (this.#greeting.go()) this.#probe();
    return from;
  }

  #probe(): void {
    this.#stage = "probing";
    this.#send(this.#options.talk.message);
  }

  #send({ opcode, payload }: Wire): void {
    this.#socket.write(maskedFrame(opcode, payload));
  }

  /** Control frames and asides at any time, and every frame until the connection is ready. */
  #onFrame(opcode: number, payload: Buffer): void {
    const { talk, onReady } = this.#options;
    if (opcode === Opcode.close) {
      const reason = payload.length >= 2 ? ` with ${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}` : "";
      throw new Error(`the server closed the channel${reason}`);
    }
    if (opcode === Opcode.ping) this.#send({ opcode: Opcode.pong, payload });
    if (opcode >= Opcode.close) return;
    const aside = talk.asides.find(({ hears }) => isWire(hears, opcode, payload));
    if (aside !== undefined) {
      if (aside.sends !== undefined) this.#send(aside.sends);
    } else if (this.#stage === "greeting") {
      if (this.#greeting.hear(opcode, payload)) this.#probe();
    } else if (this.#stage === "probing" && isWire(talk.echo, opcode, payload)) {
      this.#stage = "ready";
      onReady();
    } else {
      const wanted = shown(talk.echo.opcode, talk.echo.payload);
      throw new Error(`each message must be answered with ${wanted}: got ${shown(opcode, payload)}`);
    }
  }

  #fail(what: string): void {
    if (this.#stage === "over") return;
    const stage = this.#stage;
    this.drop();
    this.#options.onFailure(new Error(`Cannot go on with a connection that is ${stage}: ${what}`));
  }
}
