/** What a process keeps beyond its end, through state:distro:sys; as MessagePack. */
import {
  Address,
  Blob,
  Envelope,
  type Host,
  KernelError,
  packMessage,
  STATE,
  unpackMessage,
} from "../protocol/index.ts";

const STATE_SECONDS = 5; // seconds: contract kinode §3.3

/** The store refused, or what it gave back is no value. Nothing was changed. */
export class StateError extends KernelError {
  override readonly name = "StateError";
  constructor(act: string, who: string, rule: string) {
    super("state_failed", `Cannot ${act} the state of "${who}" as ${rule}`);
  }
}

export class StateCalls {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async get<Value>(): Promise<Value | undefined> {
    const answer = await this.#call("read", "GetState", null);
    return answer.blob === null ? undefined : (unpackMessage(answer.blob.bytes()) as Value);
  }

  async set(value: unknown): Promise<void> {
    await this.#call("write", "SetState", Blob.of(packMessage(value)));
  }

  async clear(): Promise<void> {
    await this.#call("clear", "DeleteState", null);
  }

  async #call(act: string, action: string, blob: Blob | null): Promise<Envelope> {
    const { our } = this.#host;
    const request = new Envelope("request", our, new Address(our.node, STATE), { [action]: our.id.text }, blob);
    request.expectsResponse = STATE_SECONDS;
    const answer = await this.#host.call(request);
    const { body } = answer;
    if (typeof body === "object" && body !== null && "Err" in body)
      throw new StateError(act, our.text, String(body.Err));
    return answer;
  }
}
