/**
 * What one process in a realm waits for: `context`, and what a request brings back, never leave the realm.
 *
 * The node decides how each ends, and when; each ends once. Blobs are held as in kernel/pending.ts.
 */
import { Envelope, SendError, type SendErrorKind } from "../../lib/protocol/index.ts";

type Waiting = {
  readonly request: Envelope;
  readonly prompting: Envelope | null;
  /** Null: the outcome is a message. */
  readonly awaiting: Awaiting | null;
  /** Called when it has ended. */
  readonly onEnd: (() => void) | null;
};

type Awaiting = { readonly resolve: (answer: Envelope) => void; readonly reject: (error: SendError) => void };

export class RealmRequests {
  readonly #waiting = new Map<number, Waiting>();
  #lastCall = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** @returns its number */
  add(
    request: Envelope,
    prompting: Envelope | null,
    awaiting: Waiting["awaiting"],
    onEnd: Waiting["onEnd"] = null,
  ): number {
    this.#lastCall = (this.#lastCall + 1) >>> 0 || 1; // 0 is none
    request.blob?.hold();
    prompting?.blob?.hold();
    this.#waiting.set(this.#lastCall, { request, prompting, awaiting, onEnd });
    return this.#lastCall;
  }

  /** For a handler that awaits it. */
  settle(call: number, outcome: Envelope | SendErrorKind): void {
    const waiting = this.#take(call);
    if (waiting === undefined || waiting.awaiting === null) return;
    const message = messageOf(waiting, outcome);
    if (message.kind === "error") {
      message.blob?.keep();
      waiting.awaiting.reject(new SendError(message));
    } else waiting.awaiting.resolve(message);
  }

  /** For the mailbox. @returns undefined when nobody waits for it */
  message(call: number, outcome: Envelope | SendErrorKind): Envelope | undefined {
    const waiting = this.#take(call);
    if (waiting === undefined) return undefined;
    const { prompting } = waiting;
    if (prompting?.blob?.expired === false) prompting.blob.keep(); // what follows may pass it on
    return messageOf(waiting, outcome);
  }

  #take(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    waiting?.onEnd?.();
    waiting?.request.blob?.release();
    waiting?.prompting?.blob?.release();
    return waiting;
  }
}

function messageOf({ request, prompting }: Waiting, outcome: Envelope | SendErrorKind): Envelope {
  const message =
    typeof outcome === "string"
      ? new Envelope("error", request.target, request.source, request.body, request.blob)
      : outcome;
  if (typeof outcome === "string") message.error = outcome;
  message.id = request.id;
  message.context = request.context;
  message.prompting = prompting;
  return message;
}
