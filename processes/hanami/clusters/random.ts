/** Numbers that look random and are the same for the same text: a cluster's weights repeat with its uuid. */

/** @returns each call, a number from 0 to below 1 */
export function randomOf(seed: string): () => number {
  let state = hash(seed);
  return () => {
    // splitmix32: of 32 bits of state, every value once; first weights need no more
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value;
}
