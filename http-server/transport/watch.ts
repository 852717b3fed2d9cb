/**
 * Who takes part in an exchange too slowly: one look a second at each that waits for its client.
 *
 * One timer per listener, by the machine's clock. uWebSockets.js has limits of its own (10 s, 16 KiB/s), which its
 * exchange holds off, so that both transports go by `HttpPace`. A throw here is reported: it would end the node.
 */

/** What is looked at while it waits. */
export interface Watched {
  /** A second has passed since the last call, or less than one since `add`. */
  beat(): void;
}

const BEAT_MS = 1000;

export class Watch {
  readonly #members = new Set<Watched>();
  readonly #fault: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;

  /** @param fault must not throw */
  constructor(fault: (error: unknown) => void) {
    this.#fault = fault;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  add(member: Watched): void {
    this.#members.add(member);
  }

  delete(member: Watched): void {
    this.#members.delete(member);
  }

  /** Nobody is looked at any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#members.clear();
  }

  #beat(): void {
    for (const member of this.#members) {
      try {
        member.beat();
      } catch (error) {
        this.#members.delete(member); // or it would be told each second
        this.#fault(error);
      }
    }
  }
}
