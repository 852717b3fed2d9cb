#!/usr/bin/env node
/**
 * The command as it is built: runs core.cjs, and later.cjs when somebody asks for it, by what V8 made of them last time.
 *
 * 1. Reading and compiling 1.3 MB of JavaScript is a third of a start. V8 can keep what it made of a script, but Node 20
 *    cannot of ES modules: so core.cjs is a script, and is loaded here in place of `require`, for everybody else in this
 *    process too. This file is one as well, as Node loads a first ES module 5 ms later than a script.
 * 2. A start that finds nothing kept keeps it, beside core.cjs, one file for each version of Node; where that folder is not
 *    its to write, every start takes that third longer and nothing else is different.
 * 3. V8 refuses what is not from this very version and these flags. A build removes what was kept.
 * 4. later.cjs is what a start does not run. A node that runs has it in memory before somebody puts another version in its
 *    place: it is read soon after the start, and compiled and run when it is wanted.
 */
"use strict";
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const SOON_MS = 20; // after the start: the first requests are answered, and no function is hot
const KEEP_MS = 1000; // after the start: by then what the first requests need is compiled as well

/** Calls it while V8 has its own flags: see 3. Nobody has set others before `soon`. */
let byOwnFlags = (make) => make();

/** A script of ours, in place of the module that `require` would make of it. */
class Part {
  #filename;
  #read; // what is read and not compiled yet
  #script;
  #wasKept = false;

  constructor(filename) {
    this.#filename = filename;
    const module = new Module(this.#filename);
    module.loaded = true;
    Object.defineProperty(module, "exports", { get: () => this.#run(module), configurable: true });
    require.cache[this.#filename] = module;
  }

  read() {
    if (this.#script !== undefined) return;
    this.#read ??= { source: readFileSync(this.#filename), kept: this.#readKept() };
  }

  /** Whether what was kept is there, and V8 has not refused it. */
  get isKept() {
    return this.#wasKept && this.#script?.cachedDataRejected !== true;
  }

  /** Keeps what V8 has made of it by now. */
  keep() {
    const unfinished = `${this.#keptFile}.${process.pid}`; // others may start at the same time
    const script = this.#compiled();
    writeFileSync(
      unfinished,
      byOwnFlags(() => script.createCachedData()),
    );
    renameSync(unfinished, this.#keptFile);
  }

  #run(module) {
    Object.defineProperty(module, "exports", { value: {}, writable: true });
    this.#compiled().runInThisContext()(module.exports, Module.createRequire(this.#filename), module, this.#filename);
    return module.exports;
  }

  #compiled() {
    if (this.#script !== undefined) return this.#script;
    this.read();
    const { source, kept: cachedData } = this.#read;
    const text = source.toString("latin1"); // it is ASCII
    this.#script = byOwnFlags(() => new Script(text, { filename: this.#filename, cachedData }));
    this.#read = undefined;
    return this.#script;
  }

  get #keptFile() {
    return `${this.#filename}.${process.version}-${process.arch}`;
  }

  /** @returns undefined when nothing is kept for this version */
  #readKept() {
    try {
      const kept = readFileSync(this.#keptFile);
      this.#wasKept = true;
      return kept;
    } catch {
      return undefined;
    }
  }
}

const coreFile = require.resolve("./core.cjs");
const core = new Part(coreFile);
const later = new Part(join(dirname(coreFile), "later.cjs")); // it need not be there

require("./core.cjs")
  ["bin/jackfield"]()
  .main(process.argv.slice(2), () => {
    setTimeout(soon, SOON_MS).unref();
    setTimeout(keep, KEEP_MS).unref();
  });

function soon() {
  ({ byOwnFlags } = require("./v8-flags.cjs"));
  try {
    later.read();
  } catch {
    // whoever asks for it is told
  }
}

function keep() {
  if (core.isKept && later.isKept) return;
  try {
    core.keep();
    later.keep();
  } catch {
    // see 2.
  }
}
