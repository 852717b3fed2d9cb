/** A process that writes down what it is sent, and does what the test tells it to. */
import { Blob, Envelope, type Host, type Program, toAddress } from "../../lib/protocol/index.ts";

export type Recorded = {
  readonly kind: Envelope["kind"];
  readonly source: string;
  readonly body: unknown;
  /** The blob as text (UTF-8 repaired) and as bytes, copied; null when there was none. */
  readonly text: string | null;
  readonly bytes: Uint8Array | null;
  readonly metadata: string | null;
  readonly context: unknown;
  readonly error: Envelope["error"];
  /** For answering later. */
  readonly envelope: Envelope;
};

export class Recorder {
  readonly all: Recorded[] = [];
  /** Called for each message, within its handler; may answer with `host`. */
  onMessage: (message: Recorded, host: Host) => void | Promise<void> = () => undefined;
  /** The newest incarnation's calls. */
  host: Host | undefined;
  readonly #taken: ((message: Recorded) => void)[] = [];
  #read = 0;

  readonly program: Program = {
    start: (host) => {
      this.host = host;
      return { handle: (envelope) => this.#handle(envelope, host) };
    },
  };

  /** The next message not yet taken by `next`, in order; waits for it. */
  next(): Promise<Recorded> {
    const message = this.all[this.#read];
    this.#read++;
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#taken.push(resolve));
  }

  /** Messages not yet taken by `next`. */
  get waiting(): readonly Recorded[] {
    return this.all.slice(this.#read);
  }

  /** Sends an action to the http-server (or `target`) and waits for the body of its answer. */
  async ask(
    body: unknown,
    blob: Uint8Array | string | null = null,
    target = "http-server:distro:sys",
  ): Promise<unknown> {
    return (await this.#call(body, blob, target)).body;
  }

  /** The same, with the blob of the answer as text. */
  async askFor(body: unknown, seconds = 5): Promise<readonly [body: unknown, text: string | null]> {
    const answer = await this.#call(body, null, "http-server:distro:sys", seconds);
    return [answer.body, answer.blob?.text() ?? null];
  }

  #call(body: unknown, blob: Uint8Array | string | null, target: string, seconds = 5): Promise<Envelope> {
    const { host } = this;
    if (host === undefined) throw new Error("the process has not started");
    const request = new Envelope(
      "request",
      host.our,
      toAddress(target, host.our.node),
      body,
      blob === null ? null : Blob.of(blob),
    );
    request.expectsResponse = seconds;
    return host.call(request);
  }

  #handle(envelope: Envelope, host: Host): void | Promise<void> {
    const bytes = envelope.blob === null ? null : envelope.blob.bytes().slice();
    const message: Recorded = {
      kind: envelope.kind,
      source: envelope.source.text,
      body: envelope.body,
      text: bytes === null ? null : new TextDecoder().decode(bytes),
      bytes,
      metadata: envelope.metadata,
      context: envelope.context,
      error: envelope.error,
      envelope,
    };
    this.all.push(message);
    this.#taken.shift()?.(message);
    return this.onMessage(message, host);
  }
}
