#!/usr/bin/env node
/**
 * The command as it is built: runs core.cjs by what V8 made of it last time.
 *
 * 1. Reading and compiling 1.7 MB of JavaScript is a third of a start. V8 can keep what it made of a script, but
 *    Node 20 cannot of ES modules: so core.cjs is a script, and is loaded here in place of `require`, for everybody else
 *    in this process too. This file is one as well, as Node loads a first ES module 5 ms later than a script.
 * 2. A start that finds nothing kept keeps it, beside core.cjs, one file for each version of Node; where that folder is not
 *    its to write, every start takes that third longer and nothing else is different.
 * 3. V8 refuses what is not from this very version and these flags. A build removes what was kept.
 */
"use strict";
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { Script } = require("node:vm");

const FLAGS_MS = 20; // after the start: the first requests are answered, and no function is hot
const KEEP_MS = 1000; // after the start: by then what the first requests need is compiled as well

const filename = require.resolve("./core.cjs");
const keptFile = `${filename}.${process.version}-${process.arch}`;
const kept = readKept();
const script = new Script(readFileSync(filename, "latin1"), { filename, cachedData: kept }); // it is ASCII
const core = new Module(filename);
require.cache[filename] = core;
script.runInThisContext()(core.exports, Module.createRequire(filename), core, filename);
core.loaded = true;

core.exports["bin/jackfield"]().main(process.argv.slice(2), () => {
  setTimeout(() => require("./v8-flags.cjs"), FLAGS_MS).unref();
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
    const { byOwnFlags } = require("./v8-flags.cjs");
    writeFileSync(
      unfinished,
      byOwnFlags(() => script.createCachedData()),
    );
    renameSync(unfinished, keptFile);
  } catch {
    // see 2.
  }
}
