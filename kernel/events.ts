/** What the kernel tells about itself. It logs nothing: who starts a node listens and decides. */
import type { EndReason } from "../lib/protocol/index.ts";
import type { CrashReport } from "./crash-reports.ts";
import type { DeadLetter } from "./dead-letters.ts";

export type KernelEvent =
  /** A process has registered its name and runs its init. */
  | { readonly type: "process-started"; readonly process: string; readonly incarnation: number }
  /** A handler or init threw. Cure: the report's stack. */
  | { readonly type: "process-crashed"; readonly report: CrashReport }
  /** It will be started again. Knobs: limits restartDelay, restartDelayMax. */
  | { readonly type: "process-restarting"; readonly process: string; readonly delayMs: number }
  /** It crashed more often than allowed, or its init refused an option, and stays down. Knobs: limits restarts, restartWindow. */
  | { readonly type: "process-gave-up"; readonly process: string; readonly restarts: number }
  /** The same message has crashed it again and again. Cure: its sender, or the handler of that action. Knobs: limits poisonCrashes, poisonWindow. */
  | {
      readonly type: "poison";
      readonly process: string;
      readonly source: string;
      readonly action: string;
      readonly crashes: number;
    }
  /** Its mailbox is full; `refused`: messages, since it was registered. Knobs: limits.mailbox, overloadNotice. */
  | {
      readonly type: "process-overloaded";
      readonly process: string;
      readonly refused: number;
      readonly waiting: number;
      readonly capacity: number;
    }
  /** It exists no more. */
  | { readonly type: "process-gone"; readonly process: string; readonly why: EndReason }
  /** Nobody took a message. Cure: by its reason, see dead-letters.ts. */
  | { readonly type: "dead-letter"; readonly letter: DeadLetter }
  /** A line a process wrote. */
  | { readonly type: "log"; readonly process: string; readonly text: string }
  /** A defect of a system process: it went on. */
  | { readonly type: "fault"; readonly process: string; readonly error: unknown };

export type { EndReason };

export type KernelListener = (event: KernelEvent) => void;

export class KernelEvents {
  readonly #listeners = new Set<KernelListener>();
  readonly #first: KernelListener;

  /** @param first hears all that is emitted, and does not make `heard` true */
  constructor(first: KernelListener = () => undefined) {
    this.#first = first;
  }

  /** Listeners run at once and must not throw. @returns a function that ends it */
  listen(listener: KernelListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get heard(): boolean {
    return this.#listeners.size > 0;
  }

  emit(event: KernelEvent): void {
    this.#first(event);
    for (const listener of this.#listeners) listener(event);
  }
}
