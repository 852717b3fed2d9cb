/**
 * All time-outs of a node in one structure: a timer per request made awaited requests a quarter slower (DESIGN §9).
 *
 * 1. Slots of TICK ms in a ring; an entry further away than one round stays in its slot until its round comes.
 * 2. Nothing fires early; at most one TICK late.
 * 3. One clock timer, set for the next slot that has an entry, one round ahead at most. Cancelling leaves it set: it
 *    then finds nothing, and none is set while there are no entries.
 * 4. Adding and cancelling cost the same however many there are.
 */
import type { Clock } from "../lib/protocol/index.ts";

const TICK = 10; // ms: a tenth of the accuracy that contract kinode §10 case 15 asks for
const SLOTS = 512; // 5 s per round: the usual time-outs of 5 s stay within one; a power of two: see slotOf

/**
 * Something that comes due. An entry belongs to one wheel at a time. What is made per message has these fields of its own
 * (pending.ts) and extends nothing: V8 does not inline a super().
 */
export abstract class WheelEntry {
  /** Wheel only: the tick it fires at, and its neighbours in the slot. */
  tick = 0;
  before: WheelEntry | null = null;
  after: WheelEntry | null = null;
  slot = -1; // -1: in no wheel

  abstract expire(): void;
}

/** An entry that calls a function. What comes due often is a class of its own instead: no closure each (pending.ts). */
export class Alarm extends WheelEntry {
  readonly #due: () => void;

  constructor(due: () => void) {
    super();
    this.#due = due;
  }

  expire(): void {
    this.#due();
  }
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (WheelEntry | null)[] = new Array(SLOTS).fill(null);
  #tick: number; // the last one that was served
  #count = 0;
  #armedFor = Number.POSITIVE_INFINITY; // tick
  #disarm: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = Math.floor(clock.monotonic() / TICK);
  }

  get size(): number {
    return this.#count;
  }

  add(entry: WheelEntry, ms: number): void {
    const now = this.#clock.monotonic();
    if (this.#count === 0) this.#tick = Math.floor(now / TICK); // nothing to serve in between
    entry.tick = Math.max(this.#tick + 1, Math.ceil((now + ms) / TICK));
    entry.slot = slotOf(entry.tick);
    const first = this.#slots[entry.slot] ?? null;
    entry.before = null;
    entry.after = first;
    if (first !== null) first.before = entry;
    this.#slots[entry.slot] = entry;
    this.#count++;
    if (entry.tick < this.#armedFor) this.#arm(entry.tick, now);
  }

  /** Nothing happens when it already fired. */
  cancel(entry: WheelEntry): void {
    if (entry.slot === -1) return;
    if (entry.before === null) this.#slots[entry.slot] = entry.after;
    else entry.before.after = entry.after;
    if (entry.after !== null) entry.after.before = entry.before;
    entry.before = null; // or a dead one in V8's old generation would keep those that came after it
    entry.after = null;
    entry.slot = -1;
    this.#count--;
  }

  /** Forgets every entry; none fires. */
  clear(): void {
    for (const first of this.#slots) {
      for (let entry = first; entry !== null; entry = entry.after) entry.slot = -1; // a later cancel finds it gone
    }
    this.#slots.fill(null);
    this.#count = 0;
    this.#disarm?.();
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  readonly #due = (): void => {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    const end = Math.floor(now / TICK);
    const expired: WheelEntry[] = [];
    // After a long sleep one round visits every slot: more would visit them again.
    for (let tick = Math.max(this.#tick + 1, end - SLOTS + 1); tick <= end; tick++) {
      for (let entry = this.#slots[slotOf(tick)] ?? null; entry !== null; entry = entry.after) {
        if (entry.tick <= end) expired.push(entry);
      }
    }
    this.#tick = Math.max(this.#tick, end);
    expired.reverse().sort((a, b) => a.tick - b.tick); // slots list the newest first; of one tick, the oldest goes first
    for (const entry of expired) {
      if (entry.slot === -1) continue; // cancelled by one that fired before it
      this.cancel(entry);
      entry.expire();
    }
    if (this.#count > 0) this.#arm(this.#next(), now);
  };

  /** The tick of the first slot ahead that has an entry; at the latest one round from now. */
  #next(): number {
    for (let tick = this.#tick + 1; tick < this.#tick + SLOTS; tick++) {
      if (this.#slots[slotOf(tick)] !== null) return tick;
    }
    return this.#tick + SLOTS;
  }

  #arm(tick: number, now: number): void {
    if (tick >= this.#armedFor) return;
    this.#disarm?.();
    this.#armedFor = tick;
    // One round at most: setTimeout takes a delay above 2 ** 31 ms for none. An early look finds nothing and arms again.
    const delay = Math.min(SLOTS * TICK, Math.max(0, Math.ceil(tick * TICK - now)));
    this.#disarm = this.#clock.setTimeout(this.#due, delay);
  }
}

/** A mask where a remainder would be one of floating point: ticks are no 31-bit numbers on a machine that is up for long. */
function slotOf(tick: number): number {
  return tick & (SLOTS - 1);
}
