/**
 * What lmdb asks of node:os, which no other part of a start asks: 0.3 ms; in the bundle it stands in for it.
 */
import { createRequire } from "node:module";

export const arch = () => process.arch;
export const platform = () => process.platform;
export const endianness = () => (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? "LE" : "BE");
export const tmpdir = () => createRequire(import.meta.url)("node:os").tmpdir();
