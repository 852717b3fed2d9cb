/** What is known of a process's end by a throw. */
import type { Envelope } from "../lib/protocol/index.ts";

export type CrashReport = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly process: string;
  readonly incarnation: number;
  readonly error: string;
  /** For people at the node; never sent to a client. */
  readonly stack: string | null;
  /** The message in hand; null: it was in its init. */
  readonly message: { readonly kind: string; readonly source: string } | null;
};

export function crashReport(
  at: number,
  process: string,
  incarnation: number,
  thrown: unknown,
  inHand: Envelope | null,
): CrashReport {
  return {
    at,
    process,
    incarnation,
    error: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown),
    stack: thrown instanceof Error ? (thrown.stack ?? null) : null,
    message: inHand === null ? null : { kind: inHand.kind, source: inHand.source.text },
  };
}
