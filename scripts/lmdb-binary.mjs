/**
 * Loads lmdb's binary; in the bundle it stands in for the package by which lmdb does so.
 *
 * That one first learns which C library this is, for which it loads node:child_process and more: 10 ms of every start.
 * Here a binary for glibc is taken when `ldd` says glibc, and whatever is unusual is left to that package.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

export default function load() {
  const here = createRequire(import.meta.url);
  const lmdb = here.resolve("lmdb"); // <package>/dist/index.cjs
  const fromLmdb = createRequire(lmdb);
  try {
    const { arch, platform, versions } = process;
    if (readFileSync("/usr/bin/ldd", "latin1").includes("GNU C Library"))
      return fromLmdb(`@lmdb/lmdb-${platform}-${arch}/node.abi${versions.modules}.glibc.node`);
  } catch {
    // no such binary, or it does not load
  }
  return fromLmdb("node-gyp-build-optional-packages")(dirname(dirname(lmdb)));
}
