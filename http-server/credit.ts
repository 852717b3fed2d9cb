/**
 * How much a client may be sent before it has answered: a window, closed by what is sent and opened by its pongs.
 *
 * 1. A frame uses credit when it is sent. A ping behind it gives the credit back when it is answered, for itself and all
 *    pings before it: a client may answer the newest of several only (RFC 6455 §5.5.3).
 * 2. There is none left when `frames` or `bytes` are unanswered, or the oldest ping has waited for `ms`. Then a ping is
 *    on its way: `isPingDue` says so twice per window.
 */

export type CreditWindow = {
  readonly frames: number;
  readonly bytes: number;
  readonly ms: number;
};

type Ping = { readonly number: number; readonly frames: number; readonly bytes: number; readonly at: number };

const PINGS_PER_WINDOW = 2; // one would leave a client that keeps up without credit for a round trip

export class Credit {
  readonly #window: CreditWindow;
  /** Sent and not answered for. */
  #frames = 0;
  #bytes = 0;
  /** Of these, behind the last ping. */
  #framesBehind = 0;
  #bytesBehind = 0;
  #pings: Ping[] = []; // unanswered, oldest first
  #pinged = 0; // how many; also the number of the last one
  #pingedAt = Number.NEGATIVE_INFINITY;

  constructor(window: CreditWindow) {
    this.#window = window;
  }

  /** Hot path: whether a frame of so many bytes has to wait. A first one of any size has not. */
  isOut(bytes: number, now: number): boolean {
    const { frames, bytes: limit, ms } = this.#window;
    if (this.#frames === 0) return false;
    if (this.#frames >= frames || this.#bytes + bytes > limit) return true;
    const oldest = this.#pings[0];
    return oldest !== undefined && now - oldest.at >= ms;
  }

  /** Hot path: a frame was sent. */
  use(bytes: number): void {
    this.#frames++;
    this.#bytes += bytes;
    this.#framesBehind++;
    this.#bytesBehind += bytes;
  }

  /** Hot path: whether what was sent should be followed by a ping now. */
  isPingDue(now: number): boolean {
    if (this.#framesBehind === 0) return false;
    const { frames, bytes, ms } = this.#window;
    return (
      this.#framesBehind * PINGS_PER_WINDOW >= frames ||
      this.#bytesBehind * PINGS_PER_WINDOW >= bytes ||
      (now - this.#pingedAt) * PINGS_PER_WINDOW >= ms
    );
  }

  /** Whether every frame has a ping behind it, and one of these is unanswered: then credit comes by itself. */
  get isPinged(): boolean {
    return this.#framesBehind === 0 && this.#pings.length > 0;
  }

  /** A ping is sent behind all that was. @returns its number */
  ping(now: number): number {
    this.#pinged = (this.#pinged + 1) >>> 0;
    this.#pings.push({ number: this.#pinged, frames: this.#framesBehind, bytes: this.#bytesBehind, at: now });
    this.#framesBehind = 0;
    this.#bytesBehind = 0;
    this.#pingedAt = now;
    return this.#pinged;
  }

  /** A pong has come. @returns false when no such ping is unanswered */
  answered(number: number): boolean {
    const index = this.#pings.findIndex((ping) => ping.number === number);
    if (index === -1) return false;
    for (const { frames, bytes } of this.#pings.splice(0, index + 1)) {
      this.#frames -= frames;
      this.#bytes -= bytes;
    }
    return true;
  }
}
