/**
 * Counts failures per client, each within a window of its own that begins with its first.
 *
 * 1. A client is an address; of IPv6 the /64, as whoever has one of its addresses has them all (RFC 6177).
 * 2. ADDRESSES_MAX are known at once. Beyond, new ones share one count: many addresses must not make room for more tries.
 */
import type { Clock } from "../lib/protocol/index.ts";

const ADDRESSES_MAX = 10_000; // addresses; some 100 bytes each

type Window = { failures: number; readonly end: number };

export class Throttle {
  readonly #clock: Clock;
  readonly #max: number; // failures
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>(); // the one that ends first comes first

  constructor(clock: Clock, max: number, windowMs: number) {
    this.#clock = clock;
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** @returns seconds to wait, 0 when `address` may try */
  retryAfter(address: string): number {
    const now = this.#forgetEnded();
    const window = this.#windows.get(this.#key(address));
    return window === undefined || window.failures < this.#max ? 0 : Math.ceil((window.end - now) / 1000);
  }

  failed(address: string): void {
    const now = this.#forgetEnded();
    const key = this.#key(address);
    const window = this.#windows.get(key);
    if (window === undefined) this.#windows.set(key, { failures: 1, end: now + this.#windowMs });
    else window.failures++;
  }

  /** The try counted last was no failure. */
  takeBack(address: string): void {
    this.#forgetEnded(); // what it was counted in may have ended
    const key = this.#key(address);
    const window = this.#windows.get(key);
    if (window !== undefined && --window.failures <= 0) this.#windows.delete(key);
  }

  #forgetEnded(): number {
    const now = this.#clock.monotonic();
    for (const [key, { end }] of this.#windows) {
      if (end > now) break;
      this.#windows.delete(key);
    }
    return now;
  }

  #key(address: string): string {
    const client = clientOf(address);
    return this.#windows.has(client) || this.#windows.size < ADDRESSES_MAX ? client : "";
  }
}

/** `address` itself; of an IPv6 address, its first 64 bits. */
export function clientOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const v4 = (after.at(-1) ?? before.at(-1))?.includes(".") === true ? 1 : 0; // one group that counts for two
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - v4 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
