/** A request that the process under test sent to another process: the test is that process. */
import {
  type Address,
  type BlobLike,
  Envelope,
  freezeBody,
  type Message,
  OptionError,
  type SendErrorKind,
  toBlob,
} from "../../protocol/index.ts";
import { decode } from "../decode.ts";
import { errorOf } from "./host.ts";

/** @returns settles when the process has taken it; undefined: nobody waits for it */
export type Deliver = (outcome: Envelope) => Promise<void> | undefined;

export class SentRequest {
  readonly target: Address;
  readonly body: unknown;
  /** The blob: parsed JSON, else text, else bytes; undefined when there was none. */
  readonly data: unknown;
  /** Seconds; null: it expects no answer. */
  readonly expectsResponse: number | null;
  /** All of it. */
  readonly message: Message;
  readonly #request: Envelope;
  readonly #deliver: Deliver;

  constructor(request: Envelope, deliver: Deliver) {
    this.#request = request;
    this.#deliver = deliver;
    this.target = request.target;
    this.body = request.body;
    this.data = request.blob === null ? undefined : decode(request.blob.keep());
    this.expectsResponse = request.expectsResponse;
    this.message = request;
  }

  /** Answers it. Settles when the process is at rest again. @throws {OptionError} nobody waits for an answer (any more) */
  async answer(body: unknown, options: { readonly blob?: BlobLike } = {}): Promise<void> {
    const { rsvp, id } = this.#request;
    if (rsvp === null) throw this.#unexpected("answer");
    const { blob } = options;
    const answer = new Envelope(
      "response",
      this.target,
      rsvp,
      freezeBody(body),
      blob === undefined ? null : toBlob(blob),
    );
    answer.id = id;
    await this.#give(answer, "answer");
  }

  /** Ends it without an answer. @throws {OptionError} nobody waits for an answer (any more) */
  async fail(kind: SendErrorKind): Promise<void> {
    if (this.#request.rsvp === null) throw this.#unexpected("fail");
    await this.#give(errorOf(this.#request, kind), "fail");
  }

  async #give(outcome: Envelope, act: string): Promise<void> {
    const taken = this.#deliver(outcome);
    if (taken === undefined) throw this.#unexpected(act);
    await taken;
  }

  #unexpected(act: string): OptionError {
    const rule = "nobody waits for its answer: it expects none, or has ended by an answer, its timeout or a restart";
    return new OptionError(`Cannot ${act} the request to "${this.target.text}" as ${rule}`);
  }
}
