/**
 * The one-time link of a node without a password: `/login?token=…`, printed at its start, as Jupyter does it.
 *
 * 1. Good once, for `loginLinkSeconds`, and only while no password is set. Kept nowhere: each start makes its own.
 * 2. Opening it uses nothing up: the page posts the token. Previews of links, which run no script, do not burn it.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../lib/protocol/index.ts";

const TOKEN_BYTES = 24;

export class LoginLink {
  readonly #clock: Clock;
  #hash: Buffer | null = null;
  #end = 0; // ms monotonic

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new token; the one before is over. @param seconds how long it is good */
  make(seconds: number): string {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    this.#hash = hashOf(token);
    this.#end = this.#clock.monotonic() + seconds * 1000;
    return token;
  }

  /** @returns whether `token` is the one, which is used up then */
  use(token: string): boolean {
    if (this.#hash === null || this.#clock.monotonic() >= this.#end) return false;
    if (!timingSafeEqual(hashOf(token), this.#hash)) return false;
    this.#hash = null;
    return true;
  }

  end(): void {
    this.#hash = null;
  }
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
