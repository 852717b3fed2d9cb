/**
 * A client of a `latest` channel: answers the server's pings, or keeps them for later.
 *
 * What is pushed without a key is never held back: a push is a mark, and what came before it was sent before it.
 */
import { push } from "./channels.ts";
import type { Recorder } from "./recorder.ts";
import type { RawSocket } from "./sockets.ts";

export class TelemetryClient {
  readonly socket: RawSocket;
  readonly id: number;
  /** Pings that it has read and not answered, oldest first. */
  readonly pings: Buffer[] = [];
  answers = true;
  #marks = 0;

  constructor(opened: { readonly client: RawSocket; readonly id: number }) {
    this.socket = opened.client;
    this.id = opened.id;
  }

  /** Reads up to a text: what came, in short for binary frames their first number. */
  async upTo(last: string): Promise<string[]> {
    const heard: string[] = [];
    for (;;) {
      const { kind, payload } = await this.socket.nextFrame();
      if (kind === "ping") this.#ping(payload);
      else if (kind === "binary") heard.push(String(payload.readUInt32BE(0)));
      else if (kind === "close") heard.push(`close ${payload.readUInt16BE(0)} ${payload.subarray(2).toString()}`);
      else heard.push(payload.toString());
      if (kind === "text" && heard.at(-1) === last) return heard;
      if (kind === "close") return heard;
    }
  }

  /** What it was sent so far; the server has its answers to that. */
  async soFar(process: Recorder): Promise<string[]> {
    const mark = `mark ${++this.#marks}`;
    await process.ask(push(this.id), mark);
    const heard = await this.upTo(mark);
    heard.pop();
    await this.acknowledged(process);
    return heard;
  }

  /** What it wrote so far has come. */
  async acknowledged(process: Recorder): Promise<void> {
    this.socket.sendText(`so far ${this.#marks}`);
    while ((await process.next()).text !== `so far ${this.#marks}`);
  }

  /** Answers the pings that it kept. */
  answerAll(): void {
    for (const payload of this.pings.splice(0)) this.socket.sendPong(payload);
  }

  #ping(payload: Buffer): void {
    if (this.answers) this.socket.sendPong(payload);
    else this.pings.push(payload);
  }
}
