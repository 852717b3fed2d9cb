/**
 * state:distro:sys: one blob per process, kept beyond its end and the node's (contract kinode §3.3).
 *
 *   {"GetState": id} → "GetState" and the blob, or no blob    {"SetState": id} + blob → "SetState"    {"DeleteState": id} → "DeleteState"
 *
 * 1. A process reaches its own state only: whatever `id` says, the sender's counts, and another id is refused. No
 *    capability changes that, attached or held: there is none to give. Who asks on behalf of another has no state there.
 * 2. An answer to a write says that it is on the disk. Others are handled meanwhile, and go to the disk together;
 *    who asks sees what was set last.
 * 3. What the disk does not take is answered `{"Err":"NotKept: …"}`: what was there before is still there.
 */
import { type Context, defineProcess, isOnBehalf, type Message, type Program } from "jackfield/process";
import { VALUE_MAX, WRITES_BYTES_MAX, WRITES_MAX } from "./limits.ts";
import type { Change, StateStore } from "./store.ts";

/** What is to be written in one transaction with a state. @property done it was */
export type Along = { readonly changes: readonly Change[]; done(): void };

/** @param along for a write of `process`, which says `metadata`; undefined: nothing */
export type AlongOf = (process: string, metadata: string | null) => Along | undefined;

export function stateProcess(store: StateStore, along: AlongOf = () => undefined): Program {
  return defineProcess({
    onRequest: new Requests(store, along).onRequest,
    onExit: () => store.close(),
  });
}

class Requests {
  readonly #store: StateStore;
  readonly #along: AlongOf;
  readonly #writes = new Set<Promise<void>>();
  #bytes = 0; // of these

  constructor(store: StateStore, along: AlongOf) {
    this.#store = store;
    this.#along = along;
  }

  readonly onRequest = (_: undefined, message: Message, ctx: Context): void | Promise<void> => {
    const respond: Respond = (body, blob) => {
      if (message.rsvp !== null) ctx.respond(body, blob === undefined ? { to: message } : { to: message, blob });
    };
    const [action, id] = readRequest(message);
    const key = message.source.id.text;
    if (id !== key || message.source.node !== ctx.node || isOnBehalf(message)) return respond({ Err: "NotYourState" });
    if (action === "GetState") return respond("GetState", this.#store.get(key));
    if (action === "DeleteState") return this.#write(this.#set(message, null), 0, action, respond);
    if (action !== "SetState") return respond({ Err: "MalformedRequest" });
    const { blob } = message;
    if (blob === null) return respond({ Err: "NoBlob" });
    const { byteLength } = blob;
    if (byteLength > VALUE_MAX)
      return respond({ Err: `TooLarge: at most ${VALUE_MAX} bytes, got ${byteLength}: keep so much in files` });
    return this.#write(this.#set(message, blob.keep().bytes()), byteLength, action, respond);
  };

  /** @param value null: none */
  #set({ source, metadata }: Message, value: Uint8Array | null): Promise<void> {
    const key = source.id.text;
    const along = metadata === null ? undefined : this.#along(key, metadata);
    const changes = along?.changes ?? [];
    const written = value === null ? this.#store.delete(key, changes) : this.#store.set(key, value, changes);
    return along === undefined ? written : written.then(() => along.done());
  }

  /** @returns a promise to wait for, when enough are on their way */
  #write(written: Promise<void>, bytes: number, action: string, respond: Respond): void | Promise<void> {
    const answered = written
      .then(
        () => respond(action),
        (error: unknown) => respond({ Err: `NotKept: ${error instanceof Error ? error.message : String(error)}` }),
      )
      .catch(() => undefined) // this incarnation has ended: who asked has heard of it
      .finally(() => {
        this.#writes.delete(answered);
        this.#bytes -= bytes;
      });
    this.#writes.add(answered);
    this.#bytes += bytes;
    return this.#isFull ? this.#untilRoom() : undefined;
  }

  get #isFull(): boolean {
    return this.#writes.size >= WRITES_MAX || this.#bytes > WRITES_BYTES_MAX;
  }

  async #untilRoom(): Promise<void> {
    while (this.#isFull) await Promise.race(this.#writes);
  }
}

type Respond = (body: unknown, blob?: Uint8Array) => void;

function readRequest({ body }: Message): readonly [action: string, id: unknown] {
  const [entry] = typeof body === "object" && body !== null ? Object.entries(body) : [];
  return entry ?? ["", undefined];
}
