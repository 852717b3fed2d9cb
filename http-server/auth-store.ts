/** Keeps what logins need across restarts of the node, as the http-server's own state. */
import { Address, Blob, Envelope, type Host, packMessage, STATE, unpackMessage } from "../lib/protocol/index.ts";
import type { AuthRecord } from "./auth.ts";

const STATE_SECONDS = 5; // seconds: contract kinode §3.3

export class AuthStore {
  readonly #host: () => Host;

  constructor(host: () => Host) {
    this.#host = host;
  }

  /** @returns undefined on a first start, or on a node without state:distro:sys @throws {SendError} */
  async load(): Promise<AuthRecord | undefined> {
    const answer = await this.#call("GetState", null);
    return answer.blob === null ? undefined : (unpackMessage(answer.blob.bytes()) as AuthRecord);
  }

  /** Kept when it resolves. @throws {SendError} */
  async save(record: AuthRecord): Promise<void> {
    await this.#call("SetState", Blob.of(packMessage(record)));
  }

  async #call(action: string, blob: Blob | null): Promise<Envelope> {
    const host = this.#host();
    const request = new Envelope(
      "request",
      host.our,
      new Address(host.our.node, STATE),
      { [action]: host.our.id.text },
      blob,
    );
    request.expectsResponse = STATE_SECONDS;
    return await host.call(request);
  }
}
