/**
 * Which streams of which sessions each output goes to. The registry is listened to once per name, whoever asks.
 *
 * 1. A name is held while a start of it waits for the registry, and while a stream of it is open.
 * 2. A sample becomes JSON once, for all of them.
 * 3. A sample that no message can carry, or no JSON, is dropped for all; the log says so, once in `quietMs` per name.
 */
import type { Sample } from "jackfield/process";
import { LABGRAPH_LIMITS } from "./limits.ts";
import { type EncodedSample, encodeSample } from "./server-message.ts";

/** One open stream of an output. */
export type Taker = {
  readonly name: string;
  take(sample: EncodedSample): void;
};

export type OutputsPort = {
  /** Nobody has `name` any more. */
  readonly unused: (name: string) => void;
  readonly log: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

type Output = { starts: number; readonly takers: Set<Taker>; dropped: number; loggedAt: number };

export class Outputs {
  readonly #outputs = new Map<string, Output>();
  readonly #port: OutputsPort;

  constructor(port: OutputsPort) {
    this.#port = port;
  }

  /** How many names are held. */
  get size(): number {
    return this.#outputs.size;
  }

  /** A start of `name` waits: to be released, after `add` where that is called. */
  hold(name: string): void {
    this.#of(name).starts++;
  }

  release(name: string): void {
    const output = this.#of(name);
    output.starts--;
    this.#forgetUnused(name, output);
  }

  /** It takes what comes from now on. */
  add(taker: Taker): void {
    this.#of(taker.name).takers.add(taker);
  }

  remove(taker: Taker): void {
    const output = this.#of(taker.name);
    output.takers.delete(taker);
    this.#forgetUnused(taker.name, output);
  }

  publish({ name, data, producedTimestampS: produced }: Sample): void {
    const output = this.#outputs.get(name);
    if (output === undefined || output.takers.size === 0) return;
    let encoded: EncodedSample;
    try {
      encoded = encodeSample({ data, produced, built: this.#port.now() / 1000 });
    } catch (error) {
      this.#drop(name, output, `it is nothing that JSON can hold: ${error instanceof Error ? error.message : error}`);
      return;
    }
    if (encoded.bytes > LABGRAPH_LIMITS.messageBytes) {
      this.tooLarge(name, encoded.bytes);
      return;
    }
    for (const taker of output.takers) taker.take(encoded);
  }

  /** A sample of `name` does not fit into a message to some client. */
  tooLarge(name: string, bytes: number): void {
    const { messageBytes } = LABGRAPH_LIMITS;
    const output = this.#outputs.get(name);
    if (output !== undefined)
      this.#drop(name, output, `a message has at most ${messageBytes} bytes: the sample has ${bytes}, publish less`);
  }

  #drop(name: string, output: Output, why: string): void {
    output.dropped++;
    const now = this.#port.now();
    if (now - output.loggedAt < LABGRAPH_LIMITS.quietMs) return;
    output.loggedAt = now;
    this.#port.log(`Cannot send a sample of "${name}" as ${why}; ${output.dropped} dropped so far`);
  }

  #of(name: string): Output {
    let output = this.#outputs.get(name);
    if (output === undefined) {
      output = { starts: 0, takers: new Set(), dropped: 0, loggedAt: Number.NEGATIVE_INFINITY };
      this.#outputs.set(name, output);
    }
    return output;
  }

  #forgetUnused(name: string, output: Output): void {
    if (output.starts > 0 || output.takers.size > 0) return;
    this.#outputs.delete(name);
    this.#port.unused(name);
  }
}
