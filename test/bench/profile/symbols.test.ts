/** Names of code: V8's perf map, callgrind's symbols, and how people are told where a function is. */
import { describe, expect, test } from "@jest/globals";
import { placeOf } from "../../../bench/profile/place.ts";
import { compiledCode, nativeCode, PerfMap } from "../../../bench/profile/symbols.ts";

const ROOT = "file:///home/x/project/";

describe("PerfMap.find()", () => {
  test("is the code that holds an address, from its first byte to before its end", () => {
    const map = new PerfMap("1000 20 a\n1020 10 b c\n");
    expect([0xfff, 0x1000, 0x101f, 0x1020, 0x102f, 0x1030].map((address) => map.find(address))).toEqual([
      undefined,
      "a",
      "a",
      "b c",
      "b c",
      undefined,
    ]);
  });

  test("is the later one where memory was used again", () => {
    const map = new PerfMap("1000 100 old\n1040 20 new\n");
    expect([0x103f, 0x1040, 0x105f, 0x1060].map((address) => map.find(address))).toEqual(["old", "new", "new", "old"]);
  });

  test("finds code that is longer than a page, and code at the end of one", () => {
    const map = new PerfMap("1ff0 10 short\n2000 3000 long\n");
    expect([0x1fff, 0x2000, 0x3800, 0x4fff, 0x5000].map((address) => map.find(address))).toEqual([
      "short",
      "long",
      "long",
      "long",
      undefined,
    ]);
  });

  test("passes over a line that was cut off", () => {
    expect(new PerfMap("1000 20 a\n10").find(0x1000)).toBe("a");
  });
});

describe("compiledCode()", () => {
  test.each([
    ["JS:*message file:///home/x/project/dist/a.js:81:18", "message dist/a.js:81"],
    ["JS:^message file:///home/x/project/dist/a.js:81:18", "message dist/a.js:81 (baseline)"],
    ["JS:~message file:///home/x/project/dist/a.js:81:18", "message dist/a.js:81 (interpreted)"],
    ["JS:+message file:///home/x/project/dist/a.js:81:18", "message dist/a.js:81 (maglev)"],
    ["JS:*#due file:///home/x/project/dist/a.js:1:2", "#due dist/a.js:1"],
    ["JS:* file:///home/x/project/dist/a.js:1:2", "(anonymous) dist/a.js:1"],
    ["JS:*get address node:net:2371:10", "get address node:net:2371"],
  ])("%s is JavaScript", (name, shown) => {
    expect(compiledCode(name, ROOT)).toEqual({ group: "JavaScript", name: shown });
  });

  test.each([
    ["Builtin:JSEntry", "JSEntry"],
    ["BytecodeHandler:Star0", "BytecodeHandler:Star0"],
    ["RegExp:^a (b):1:2$", "RegExp:^a (b):1:2$"],
  ])("%s is V8's", (name, shown) => {
    expect(compiledCode(name, ROOT)).toEqual({ group: "V8 builtins", name: shown });
  });
});

describe("nativeCode()", () => {
  test.each([
    ["malloc", "/usr/lib/libc.so.6", "libc.so.6", "malloc"],
    ["0x00000000000ffde0", "/p/uws.node", "uws.node", "0xffde0"],
    ["0x000000002f106520", "???", "elsewhere", "0x2f106520"],
  ])("%s of %s", (symbol, object, group, name) => {
    expect(nativeCode(symbol, object)).toEqual({ group, name });
  });
});

describe("placeOf()", () => {
  test.each([
    ["push", "file:///home/x/project/dist/kernel/bus.js", "push dist/kernel/bus.js:3"],
    ["send", "/home/x/project/node_modules/ws/lib/sender.js", "send node_modules/ws/lib/sender.js:3"],
    ["f", "file:///home/x/elsewhere/lib/a/b/c.js", "f a/b/c.js:3"],
    ["", "node:internal/streams/writable", "(anonymous) node:internal/streams/writable:3"],
    ["(garbage collector)", "", "(garbage collector)"],
  ])("of %j in %j", (name, url, shown) => {
    expect(placeOf(name, url, 3, ROOT)).toBe(shown);
  });
});
