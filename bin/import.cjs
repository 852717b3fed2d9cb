/**
 * `import()` for core.cjs: a script that was compiled by hand has none.
 *
 * A door of ours (scripts/bundle-node.mjs) is not walked through: what it would hand out is in core.cjs already, and each
 * ES module takes a start some ms.
 */
"use strict";
const { pathToFileURL } = require("node:url");

const DIST = new URL("..", pathToFileURL(__filename)).href;
const END = ".js";

/** @param core its exports are its parts, by the paths of their doors in dist/, each without its ending */
module.exports = (core) => async (specifier) => {
  const isOurs = specifier.startsWith(DIST) && specifier.endsWith(END);
  const name = isOurs ? specifier.slice(DIST.length, -END.length) : "";
  return Object.hasOwn(core.exports, name) ? core.exports[name]() : import(specifier);
};
