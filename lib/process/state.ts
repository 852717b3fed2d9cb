/** What a process keeps beyond its end, through state:distro:sys; as MessagePack. */
import {
  Address,
  Blob,
  Envelope,
  type Host,
  KernelError,
  packMessage,
  STATE,
  textOf,
  unpackMessage,
} from "../protocol/index.ts";

const STATE_SECONDS = 5; // seconds: contract kinode §3.3

/** The store refused, or what it gave back is no value. Nothing was changed. */
export class StateError extends KernelError {
  override readonly name = "StateError";
  constructor(act: string, who: string, rule: string, options?: ErrorOptions) {
    super("state_failed", `Cannot ${act} the state of "${who}" as ${rule}`, options);
  }
}

export class StateCalls {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async get<Value>(): Promise<Value | undefined> {
    const { blob } = await this.#call("read", "GetState", null);
    if (blob === null) return undefined;
    return this.#asValue("read", () => unpackMessage(blob.bytes()) as Value);
  }

  async set(value: unknown): Promise<void> {
    const bytes = this.#asValue("write", () => packMessage(value));
    await this.#call("write", "SetState", Blob.of(bytes));
  }

  async clear(): Promise<void> {
    await this.#call("clear", "DeleteState", null);
  }

  #asValue<Result>(act: string, convert: () => Result): Result {
    try {
      return convert();
    } catch (cause) {
      const rule = `it is no MessagePack value: ${textOf(cause)}`;
      throw new StateError(act, this.#host.our.text, rule, { cause });
    }
  }

  /** The durable message in hand: it is struck out in the transaction that writes this (docs/adr/0036). */
  #nameDurable(request: Envelope): void {
    const durable = this.#host.inHand()?.durable ?? null;
    if (durable !== null) request.metadata = JSON.stringify({ durable });
  }

  async #call(act: string, action: string, blob: Blob | null): Promise<Envelope> {
    const { our } = this.#host;
    const request = new Envelope("request", our, new Address(our.node, STATE), { [action]: our.id.text }, blob);
    request.expectsResponse = STATE_SECONDS;
    if (action !== "GetState") this.#nameDurable(request);
    const answer = await this.#host.call(request);
    const { body } = answer;
    if (typeof body === "object" && body !== null && "Err" in body)
      throw new StateError(act, our.text, String(body.Err));
    return answer;
  }
}
