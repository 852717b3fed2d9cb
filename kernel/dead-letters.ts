/**
 * Messages that nobody took: all counted, by reason; the last ones kept.
 *
 * A letter keeps the body, by reference, and the size of the blob, not its bytes.
 */
import type { Envelope, MessageKind } from "../lib/protocol/index.ts";
import { History } from "./history.ts";

/**
 * - `offline`: nobody by that address, or its node is not reachable. Cure: the address, or start it.
 * - `overloaded`: the mailbox was full. Cure: send less, or raise limits.mailbox.
 * - `denied`: no messaging capability. Cure: request_capabilities, or `public` at the target.
 * - `crashed`: it was in hand when its process crashed or was killed.
 * - `exited`: it waited when its process ended for good.
 * - `refused`: a system process said no to it, and nobody waits for the answer. Cure: send it with expectsResponse and look.
 * - `unpackable`: its body is nothing that MessagePack can carry, and its target runs in another thread or process.
 *   Cure: send values (DESIGN §3.5).
 * - `unexpected_answer`: late, a second one, or for an incarnation that has ended.
 */
export type DeadLetterReason =
  | "offline"
  | "overloaded"
  | "denied"
  | "crashed"
  | "exited"
  | "refused"
  | "unpackable"
  | "unexpected_answer";

export type DeadLetter = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly reason: DeadLetterReason;
  readonly kind: MessageKind;
  readonly source: string;
  readonly target: string;
  readonly body: unknown;
  /** Bytes, null when there was none. */
  readonly blobBytes: number | null;
};

export class DeadLetters {
  readonly #letters: History<DeadLetter>;
  readonly #counts = new Map<DeadLetterReason, number>();

  constructor(capacity: number) {
    this.#letters = new History(capacity);
  }

  add(at: number, reason: DeadLetterReason, envelope: Envelope): DeadLetter {
    const { kind, source, target, body, blob } = envelope;
    const blobBytes = blob === null || blob.expired ? null : blob.byteLength;
    const letter: DeadLetter = { at, reason, kind, source: source.text, target: target.text, body, blobBytes };
    this.#letters.add(letter);
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    return letter;
  }

  get total(): number {
    return this.#letters.total;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Oldest first. */
  last(): readonly DeadLetter[] {
    return this.#letters.last();
  }
}
