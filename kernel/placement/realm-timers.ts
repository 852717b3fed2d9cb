/** The timers of one process in a realm: they come due there, and go through its queue like any message. */
import { type Address, Envelope, type Timer } from "../../lib/protocol/index.ts";
import { type TimerWheel, WheelEntry } from "../timer-wheel.ts";

export class RealmTimers {
  readonly #wheel: TimerWheel;
  readonly #our: Address;
  readonly #post: (message: Envelope) => void;
  readonly #running = new Set<RealmTimer>();

  constructor(wheel: TimerWheel, our: Address, post: (message: Envelope) => void) {
    this.#wheel = wheel;
    this.#our = our;
    this.#post = post;
  }

  get size(): number {
    return this.#running.size;
  }

  add(ms: number, due: unknown): Timer {
    const timer = new RealmTimer(() => {
      this.#running.delete(timer);
      const message = new Envelope("timer", this.#our, this.#our, null, null);
      message.context = due;
      message.origin = timer;
      this.#post(message);
    });
    this.#running.add(timer);
    this.#wheel.add(timer, ms);
    return {
      cancel: () => {
        this.#running.delete(timer);
        this.#wheel.cancel(timer);
        timer.cancelled = true; // it may wait in the queue already
      },
    };
  }

  end(): void {
    for (const timer of this.#running) this.#wheel.cancel(timer);
    this.#running.clear();
  }
}

class RealmTimer extends WheelEntry {
  cancelled = false;
  readonly #due: () => void;

  constructor(due: () => void) {
    super();
    this.#due = due;
  }

  expire(): void {
    this.#due();
  }
}

export function isCancelled(message: Envelope): boolean {
  return message.origin instanceof RealmTimer && message.origin.cancelled;
}
