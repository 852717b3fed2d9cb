/**
 * Bytes from one thread to another through memory that both have: one writes, one reads, in the order written.
 *
 * 1. A batch that goes this way is announced by its length alone: posting a number costs 0.3 µs, handing over memory by
 *    postMessage 4 to 9, which was a fifth of what the node's thread did under load.
 * 2. Each begins at a multiple of a word, on both sides: V8 copies shared memory by words where both ends of the copy
 *    are such, else byte by byte, which was 1,500 instructions of each echoed frame (bench/profile).
 */
import { Buffer } from "node:buffer"; // not the global Buffer: that is an accessor

const WRITTEN = 0; // bytes ever, as u32: it may wrap around
const READ = 1;
const HANDED = 2; // batches ever that came another way and were taken
const CELLS = 4 * Int32Array.BYTES_PER_ELEMENT;
const WORD = 8; // bytes
const SIZE = 1024 * 1024; // bytes, a power of two: several batches of the biggest usual size

export class SharedRing {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param memory of the other end; left out: new */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS + SIZE)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory, 0, 3);
    this.#bytes = new Uint8Array(memory, CELLS);
  }

  /** @param bytes from the beginning of a word @returns false when there is no room now: nothing was written */
  write(bytes: Uint8Array): boolean {
    const written = Atomics.load(this.#cells, WRITTEN);
    const waiting = (written - Atomics.load(this.#cells, READ)) >>> 0;
    const taken = inWords(bytes.length);
    if (waiting + taken > SIZE) return false;
    const from = written & (SIZE - 1);
    const first = Math.min(bytes.length, SIZE - from);
    this.#bytes.set(first === bytes.length ? bytes : bytes.subarray(0, first), from);
    if (first < bytes.length) this.#bytes.set(bytes.subarray(first));
    Atomics.store(this.#cells, WRITTEN, (written + taken) | 0);
    return true;
  }

  /** Blocks until the other end has read everything. Not in the node's own thread. */
  waitUntilRead(): void {
    for (;;) {
      const read = Atomics.load(this.#cells, READ);
      if (read === Atomics.load(this.#cells, WRITTEN)) return;
      Atomics.wait(this.#cells, READ, read);
    }
  }

  /** Blocks until the other end has taken all but `most` of the `sent` batches that went another way. */
  waitUntilTaken(sent: number, most: number): void {
    for (;;) {
      const taken = Atomics.load(this.#cells, HANDED);
      if (((sent - taken) | 0) <= most) return;
      Atomics.wait(this.#cells, HANDED, taken);
    }
  }

  /** A batch came another way. */
  took(): void {
    Atomics.add(this.#cells, HANDED, 1);
    Atomics.notify(this.#cells, HANDED);
  }

  /** @param length of what was announced @returns a copy @throws {RangeError} that much was not written */
  read(length: number): Uint8Array {
    const read = Atomics.load(this.#cells, READ);
    const waiting = Math.min((Atomics.load(this.#cells, WRITTEN) - read) >>> 0, SIZE); // the other end may lie
    if (!(length <= waiting)) throw new RangeError("nothing was written");
    const bytes = Buffer.allocUnsafeSlow(length); // at the beginning of a word, and not filled with zeros first
    const from = read & (SIZE - 1);
    const first = Math.min(length, SIZE - from);
    bytes.set(this.#bytes.subarray(from, from + first));
    if (first < length) bytes.set(this.#bytes.subarray(0, length - first), first);
    Atomics.store(this.#cells, READ, (read + inWords(length)) | 0);
    Atomics.notify(this.#cells, READ);
    return bytes;
  }
}

/** Bytes that so many take up. */
function inWords(bytes: number): number {
  return (bytes + WORD - 1) & -WORD;
}
