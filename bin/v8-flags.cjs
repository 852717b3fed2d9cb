/**
 * What the command tells V8 before any function is hot: it may inline nearly four times as much into one.
 *
 * 1. A frame passes through some thirty small methods; V8's own limit (920 bytes of bytecode) ends in the middle of them.
 *    With 2,000 an echoed frame takes 473 instructions of JavaScript, in two functions; with 2,500 it is one, and 442. With
 *    a handler that parses and writes JSON that is two again, 735; with 3,500 one, 656. 5,000 gains no more (bench/profile).
 * 2. node:v8 takes a start some 2 ms and the flag counts for hot functions alone: so the command says it when it runs.
 * 3. What V8 keeps of a script is good for the flags of that moment only, and is read before 2: it is made by V8's own.
 */
"use strict";
const { setFlagsFromString } = require("node:v8");

const setInlined = (bytes) => setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${bytes}`);

setInlined(3500);

/** @returns what `make` returns, called while V8 has its own flags */
exports.byOwnFlags = (make) => {
  setInlined(920);
  try {
    return make();
  } finally {
    setInlined(3500);
  }
};
