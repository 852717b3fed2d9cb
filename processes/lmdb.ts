/**
 * lmdb, as state:distro:sys and kv:distro:sys keep things in it: its only door. Keys and values are bytes.
 *
 * 1. A write that the disk does not take rejects, and does nothing else. So lmdb does not gather the writes of a turn
 *    itself (`eventTurnBatching`): where such a batch fails, a promise rejects that nobody is given, which ends the
 *    program. Writes of one moment go to the disk together without it too.
 * 2. Keys go in as bytes, UTF-8, which is how lmdb's own encoding of texts has them. The reader of texts that this one has
 *    made by eval is made by our build (scripts/bundle-node.mjs), and nobody here reads with it.
 */
import { open, type RootDatabase } from "lmdb";

export type { Key, RangeOptions, RootDatabase } from "lmdb";

/** @param folder is made when it is not there */
export function openLmdb(folder: string): RootDatabase<Buffer, Buffer> {
  return open({
    path: folder,
    noSubdir: false, // or lmdb takes a name with a dot in it, as alice.os has, for a file
    encoding: "binary",
    keyEncoding: "binary",
    eventTurnBatching: false, // rule 1
  });
}

/** What a write came to, with the system's reason where it failed: lmdb has that in another promise, which must be looked at too. */
export async function written<Result>(write: Promise<Result>): Promise<Result> {
  try {
    return await write;
  } catch (thrown) {
    const reason = (thrown as { readonly commitError?: Promise<never> }).commitError;
    throw reason === undefined ? thrown : await reason.catch((error: unknown) => error);
  }
}
