/**
 * A question of a client that waits for its answer: the browser client's `channel.request(body)`.
 *
 * Wire: `{"request": n, "body": …}` is answered by `{"response": n, "body": …}` or `{"response": n, "error": …}`, all
 * as text frames of JSON (lib/client/requests.ts). The client takes the first answer to each `n` and drops the rest;
 * one that comes after its timeout is dropped too. It may be answered later than in its own handler.
 */

/** What a `ClientRequest` needs of a context. */
type Pusher = { push(channelId: number, value: unknown): void };

export class ClientRequest {
  readonly channelId: number;
  /** The client's own number for it. */
  readonly n: number;
  /** A client may send anything: check it. */
  readonly body: unknown;
  readonly #ctx: Pusher;

  private constructor(ctx: Pusher, channelId: number, n: number, body: unknown) {
    this.#ctx = ctx;
    this.channelId = channelId;
    this.n = n;
    this.body = body;
  }

  /** @param value a frame's parsed JSON @returns undefined when it is no request of this convention */
  static read(ctx: Pusher, channelId: number, value: unknown): ClientRequest | undefined {
    if (typeof value !== "object" || value === null || !("request" in value)) return undefined;
    const { request, body } = value as { readonly request: unknown; readonly body?: unknown };
    if (typeof request !== "number" || !Number.isSafeInteger(request) || request < 1) return undefined;
    return new ClientRequest(ctx, channelId, request, body);
  }

  /** The client's promise resolves with `body`, as JSON carries it. */
  reply(body: unknown): void {
    this.#ctx.push(this.channelId, { response: this.n, body });
  }

  /** The client's promise rejects; `error` is what its RequestError tells. */
  refuse(error: unknown): void {
    this.#ctx.push(this.channelId, { response: this.n, error: error ?? null }); // left out, it would be an answer
  }
}
