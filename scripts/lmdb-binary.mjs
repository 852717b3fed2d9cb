/**
 * Loads lmdb's binary; in the bundle it stands in for the package by which lmdb does so.
 *
 * That one first learns which C library this is, for which it loads node:child_process and more, and then reads three
 * folders: 10 ms of every start. Here the binary for this Node and glibc is taken where `ldd` says glibc, and whatever is
 * unusual is left to that package.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { version } from "../node_modules/lmdb/package.json";

export default function load() {
  const require = createRequire(import.meta.url);
  const { arch, platform, versions } = process;
  const binaries = `@lmdb/lmdb-${platform}-${arch}`;
  try {
    const isOurs = require(`${binaries}/package.json`).version === version; // or it is there for somebody else's lmdb
    const isGlibc = readFileSync("/usr/bin/ldd", "latin1").includes("GNU C Library");
    if (isOurs && isGlibc) return require(`${binaries}/node.abi${versions.modules}.glibc.node`);
  } catch {
    // not beside us, or not for this Node, or it does not load
  }
  const lmdb = require.resolve("lmdb"); // <package>/dist/index.cjs
  return createRequire(lmdb)("node-gyp-build-optional-packages")(dirname(dirname(lmdb)));
}
