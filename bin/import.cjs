/**
 * `import()` for core.cjs: a script that was compiled by hand has none. A start has no ES module, as the first takes it 6 ms:
 *
 * 1. A door of ours (scripts/bundle-node.mjs) is not walked through: what it would hand out is in core.cjs already.
 * 2. uWebSockets.js is a few lines of ES modules around a binary: that is loaded as they would. Where there is none for
 *    this Node, or none that loads, the package itself says so.
 */
"use strict";
const { existsSync } = require("node:fs");
const { dirname, join, sep } = require("node:path");
const { fileURLToPath } = require("node:url");

const DIST = dirname(__dirname) + sep;
const END = ".js";
const UWS = "uWebSockets.js";

/** @param partsOf returns the parts of core.cjs, by the paths of their doors in dist/, each without its ending */
module.exports = (partsOf) => async (specifier) => {
  if (specifier === UWS) return uws() ?? import(specifier);
  const name = /^file:[^?#]*$/.test(specifier) ? doorOf(fileURLToPath(specifier)) : "";
  const parts = partsOf();
  return Object.hasOwn(parts, name) ? parts[name]() : import(specifier);
};

function doorOf(file) {
  return file.startsWith(DIST) && file.endsWith(END) ? file.slice(DIST.length, -END.length).replaceAll(sep, "/") : "";
}

/** @returns undefined when it is not where this version of the package has it */
function uws() {
  const { arch, platform, versions } = process;
  const binary = join(UWS, "dist/bin", `uws_${platform}_${arch}_${versions.modules}.node`);
  const folder = require.resolve.paths(UWS)?.find((each) => existsSync(join(each, UWS)));
  try {
    return folder === undefined ? undefined : require(join(folder, binary));
  } catch {
    return undefined;
  }
}
