#!/usr/bin/env node
/**
 * The command as it is built: runs core.cjs by what V8 made of it last time.
 *
 * 1. Reading and compiling some 600 kB of JavaScript is a third of a start. V8 can keep what it made of a script, but
 *    Node 20 cannot of ES modules: so core.cjs is a script, and is loaded here in place of `require`, for everybody else
 *    in this process too.
 * 2. A start that finds nothing kept keeps it, beside core.cjs, one file for each version of Node; where that folder is not
 *    its to write, every start takes that third longer and nothing else is different.
 * 3. V8 refuses what is not from this very version and these flags. A build removes what was kept.
 */
import Module, { createRequire } from "node:module";

const require = createRequire(import.meta.url);
// Not by `import`: for that Node reads every property of a built-in, some of which load more of them.
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const { dirname } = require("node:path");
const { Script } = require("node:vm");

require("./v8-flags.cjs"); // first: what V8 kept is good for these flags only

const KEEP_MS = 1000; // after the start: by then what the first requests need is compiled as well

const filename = require.resolve("./core.cjs");
const keptFile = `${filename}.${process.version}-${process.arch}`;
const kept = readKept();
const script = new Script(Module.wrap(readFileSync(filename, "latin1")), { filename, cachedData: kept }); // it is ASCII
const core = new Module(filename);
require.cache[filename] = core;
script.runInThisContext()(core.exports, createRequire(filename), core, filename, dirname(filename));
core.loaded = true;

await core.exports["bin/jackfield"]().main(process.argv.slice(2), () => {
  if (kept === undefined || script.cachedDataRejected) setTimeout(keep, KEEP_MS).unref();
});

/** @returns undefined when nothing is kept for this version */
function readKept() {
  try {
    return readFileSync(keptFile);
  } catch {
    return undefined;
  }
}

function keep() {
  const unfinished = `${keptFile}.${process.pid}`; // others may start at the same time
  try {
    writeFileSync(unfinished, script.createCachedData());
    renameSync(unfinished, keptFile);
  } catch {
    // see 2.
  }
}
