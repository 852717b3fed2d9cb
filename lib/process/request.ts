/**
 * Builds one request: `ctx.request(to).body(x).expectsResponse(5).send()`.
 *
 * `send` does not wait: an answer, or the error that ends it, comes to `onResponse` or `onSendError` with `context`.
 * `sendAndAwaitResponse` waits, while the mailbox does too.
 * `durable` waits until the message is on this node's disk; then it arrives, whatever ends meanwhile. Nobody answers it.
 */
import {
  type Address,
  type AddressLike,
  type Blob,
  Blob as BlobClass,
  type BlobLike,
  type Capability,
  type DurableResult,
  Envelope,
  type Host,
  type Message,
  ON_BEHALF,
  OptionError,
  SendError,
  toBlob,
} from "../protocol/index.ts";
import type { AddressBook } from "./address-book.ts";
import { current } from "./current.ts";

export const AWAIT_SECONDS = 5; // seconds: what sendAndAwaitResponse waits unless told otherwise

const NONE: readonly Capability[] = []; // one for all: a request is made per message

export class Request {
  readonly #host: Host;
  readonly #addresses: AddressBook;
  #target: AddressLike | null = null;
  #body: unknown = null;
  #blob: Blob | null = null;
  #metadata: string | null = null;
  #context: unknown;
  #inherit = false;
  #seconds: number | null = null;
  #capabilities: readonly Capability[] = NONE;

  constructor(host: Host, addresses: AddressBook) {
    this.#host = host;
    this.#addresses = addresses;
  }

  /** For the process whose handler is running. @throws {NoProcessError} */
  static to(target: AddressLike): Request {
    return current("Request.to").request(target);
  }

  /** The seeds' way to begin. @throws {NoProcessError} */
  static new(): Request {
    const { host, addresses } = current("Request.new");
    return new Request(host, addresses);
  }

  target(target: AddressLike): this {
    this.#target = target;
    return this;
  }

  /** A JSON-shaped value; do not change it afterwards. */
  body(value: unknown): this {
    this.#body = value;
    return this;
  }

  blob(value: BlobLike): this {
    this.#blob = toBlob(value);
    return this;
  }

  /** The seeds' older name of `body`. */
  ipc(value: unknown): this {
    return this.body(value);
  }

  /** The seeds' older name of `blob`. */
  payload(value: BlobLike): this {
    return this.blob(value);
  }

  /** A value as the blob, as JSON text. */
  blobJson(value: unknown): this {
    this.#blob = BlobClass.json(value);
    return this;
  }

  metadata(text: string): this {
    this.#metadata = text;
    return this;
  }

  /** Stays here and comes back with the answer or the error. */
  context(value: unknown): this {
    this.#context = value;
    return this;
  }

  /** Pass on the blob in hand; without `expectsResponse` also let the answer go to whoever asked us. */
  inherit(inherit: boolean = true): this {
    this.#inherit = inherit;
    return this;
  }

  expectsResponse(seconds: number): this {
    this.#seconds = seconds;
    return this;
  }

  /** Those this process holds or issues; others are left out. */
  capabilities(capabilities: readonly Capability[]): this {
    this.#capabilities = capabilities;
    return this;
  }

  /**
   * For the sender of `message`: its capabilities go along, and no right of this process counts where they are checked.
   * Without it a process that does what others ask lets them use its own rights (the confused deputy).
   */
  onBehalfOf(message: Pick<Message, "capabilities">): this {
    this.#capabilities = [...message.capabilities, { issuer: this.#host.our.text, params: ON_BEHALF }];
    return this;
  }

  /** @throws {OptionError} no target, or a wait outside its limits @throws {IdError} the target is no address */
  send(): void {
    this.#host.send(this.#envelope(this.#seconds));
  }

  /** @throws {SendError} it ended without an answer @throws {SelfCallError} to this process itself @throws what `send` does */
  sendAndAwaitResponse(seconds: number = this.#seconds ?? AWAIT_SECONDS): Promise<Message> {
    try {
      return this.#host.call(this.#envelope(seconds)); // as it is: an async function would wrap it in another (bench/request)
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Fulfilled when the message is kept on this node's disk: it then comes to its target's `onRequest`, in the order sent,
   * also when nodes or servers end meanwhile (docs/cluster.md, "Durable messages"). There `message.durable` names it.
   * @throws {SendError} (rejects) Denied, Overloaded: the outbox is full, Offline: there is no way that could take it
   * @throws {OptionError} (rejects) it is too large, has no target, or asks for what a durable message cannot have
   */
  async durable(): Promise<void> {
    const envelope = this.#envelope(null);
    const { target, body, blob, metadata } = envelope;
    this.#assertPlain(target);
    const raw = blob?.keep().raw() ?? null; // now: a lent one is gone by the time that it is written
    const bytes = raw instanceof ArrayBuffer ? new Uint8Array(raw) : raw;
    const command = { target: target.text, body, blob: bytes, mime: blob?.mime ?? null, metadata };
    const refused = (await this.#host.command({ Durable: command })) as DurableResult | undefined; // undefined: in the harness
    if (refused === null || refused === undefined) return;
    const error = new Envelope("error", target, this.#host.our, body, blob);
    error.error = refused;
    throw new SendError(error);
  }

  /** @throws {OptionError} */
  #assertPlain(target: Address): void {
    const wants: readonly (readonly [boolean, string])[] = [
      [this.#seconds !== null, "nobody answers it: leave out expectsResponse"],
      [this.#context !== undefined, "no answer brings a context back: leave it out"],
      [this.#inherit, "it has only what it is given itself: leave out inherit"],
      [this.#capabilities.length > 0, "rights may have ended when it arrives: leave out capabilities and onBehalfOf"],
      [target.node === "*", "who holds a name of the cluster may change on the way: name a process of one node"],
    ];
    const why = wants.find(([isWanted]) => isWanted)?.[1];
    if (why !== undefined) throw new OptionError(`Cannot send "${target.text}" a durable message as ${why}`);
  }

  #envelope(seconds: number | null): Envelope {
    if (this.#target === null)
      throw new OptionError(
        'Cannot send a request as it has no target: name one with target("process:package:publisher")',
      );
    const { our } = this.#host;
    const envelope = new Envelope("request", our, this.#addresses.find(this.#target), this.#body, this.#blob);
    envelope.metadata = this.#metadata;
    if (seconds !== null) envelope.context = this.#context; // nobody else is to see it
    envelope.inherit = this.#inherit;
    envelope.expectsResponse = seconds;
    if (this.#capabilities.length > 0) envelope.capabilities = this.#capabilities;
    return envelope;
  }
}
