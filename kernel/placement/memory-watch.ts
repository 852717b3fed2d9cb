/**
 * How much memory an operating-system process holds, against its limit. V8's own limit leaves out Buffers.
 *
 * 1. Looked at every LOOK ms while it has something to do, and every tenth time while it has not: a look costs 30 µs.
 * 2. What grows faster than that is for the system to end: see OOM_SCORE in child-carrier.ts.
 * 3. Where there is no /proc, its own word is taken, which comes with each PONG.
 */
import { readFileSync } from "node:fs";

const LOOK = 100; // ms
const IDLE_LOOKS = 10;
const KIB_PER_MIB = 1024;

export class MemoryWatch {
  readonly #pid: number;
  readonly #limit: number; // MiB
  readonly #outgrown: (why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #looks = 0; // since it was last active

  /** @param outgrown called once */
  constructor(pid: number, limit: number, outgrown: (why: string) => void) {
    this.#pid = pid;
    this.#limit = limit;
    this.#outgrown = outgrown;
    this.#timer = setInterval(() => this.#look(), LOOK).unref();
  }

  /** It was given something to do. */
  active(): void {
    this.#looks = 0;
  }

  holds(mib: number): void {
    if (mib <= this.#limit) return;
    this.end();
    this.#outgrown(
      `limits.isolatedMemory is ${this.#limit} MiB: it holds ${Math.round(mib)}, keep less, or raise the limit`,
    );
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (++this.#looks > IDLE_LOOKS && this.#looks % IDLE_LOOKS !== 0) return;
    const kib = residentKib(this.#pid);
    if (kib !== null) this.holds(kib / KIB_PER_MIB);
  }
}

/** @returns null where it cannot be told */
function residentKib(pid: number): number | null {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return kib === undefined ? null : Number(kib);
  } catch {
    return null;
  }
}
