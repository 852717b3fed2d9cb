/**
 * Where small pieces of lent memory are kept: side by side in slabs.
 *
 * Above 64 bytes V8 gives a new Uint8Array memory of its own, at some 900 ns for 200 bytes; a view of a slab costs 60.
 * A slab lives as long as one of its views: who stores bytes for long copies them first, as with Node's own Buffer pool.
 */
const SLAB = 64 * 1024; // bytes
const PIECE_MAX = 4 * 1024; // bytes; above, memory of its own costs less than the rest of a slab that is thrown away

let memory = new ArrayBuffer(0); // of the slab: to ask a Uint8Array for it is a call out of JavaScript
let used = 0;

/** A copy of `bytes`. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > PIECE_MAX) return new Uint8Array(bytes); // not slice(): a Buffer's shares the memory
  if (used + length > memory.byteLength) {
    memory = new ArrayBuffer(SLAB);
    used = 0;
  }
  const copy = new Uint8Array(memory, used, length);
  copy.set(bytes);
  used += length;
  return copy;
}
