/** What callgrind writes, by its "Callgrind Format Specification", and what of it costs whom. */
import { describe, expect, test } from "@jest/globals";
import { readCallgrind } from "../../../bench/profile/callgrind.ts";
import { costsOf, keyOf } from "../../../bench/profile/costs.ts";

const HEAD = `# callgrind format
version: 1
creator: callgrind-3.19.0
desc: I1 cache: 32768 B, 64 B, 8-way associative

positions: instr line
events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
summary: 100 0 0 0 0 0
`;

const read = (body: string): object[] => [...readCallgrind(`${HEAD}\n${body}`)];
const cost = (instructions: number, codeMisses = 0, dataMisses = 0): object => ({
  instructions,
  codeMisses,
  dataMisses,
});

describe("readCallgrind()", () => {
  test("has what each instruction cost: reads and writes that missed together, counts left out are 0", () => {
    const lines = read("ob=(1) /usr/bin/node\nfl=(1) a.c\nfn=(1) uv_run\n0x1000 12 50 10 5 4 3 2 1 0 0\n0x1004 13 7\n");
    expect(lines).toEqual([
      { address: 0x1000, object: "/usr/bin/node", symbol: "uv_run", cost: cost(50, 4, 5) },
      { address: 0x1004, object: "/usr/bin/node", symbol: "uv_run", cost: cost(7) },
    ]);
  });

  test("counts addresses from the line before", () => {
    const lines = read("fn=(1) f\n0xa7900 0 1\n+4 +1 2\n* * 3\n-16 -2 4\n") as { address: number }[];
    expect(lines.map(({ address }) => address)).toEqual([0xa7900, 0xa7904, 0xa7904, 0xa78f4]);
  });

  test("leaves out what callees cost, but not the position it stands at", () => {
    const lines = read("fn=(1) f\n0x100 0 1\n+4 0 1\ncfn=(2) g\ncalls=66 -52 0\n+8 0 9999\n+1 0 2\n");
    expect(lines).toMatchObject([
      { address: 0x100, cost: cost(1) },
      { address: 0x104, cost: cost(1) },
      { address: 0x10d, symbol: "f", cost: cost(2) },
    ]);
  });

  test("knows a name that was spelled out before, for a caller or for a callee", () => {
    const lines = read(
      "ob=(1) a.so\nfn=(1) f (int)\n0x1 0 1\ncob=(2) b.so\ncfi=(3) b.c\ncfn=(2) g\ncalls=1 0x2 0\n* 0 9\n\nob=(2)\nfn=(2)\n0x2 0 1\n\nob=(1)\nfn=(1)\n0x3 0 1\n",
    );
    expect(lines).toMatchObject([
      { object: "a.so", symbol: "f (int)" },
      { object: "b.so", symbol: "g" },
      { object: "a.so", symbol: "f (int)" },
    ]);
  });

  test.each([
    ["without addresses", HEAD.replace("instr line", "line")],
    ["without caches", HEAD.replace(/events: .*/, "events: Ir")],
    ["that is none", ""],
  ])("refuses output %s", (_, text) => {
    expect(() => [...readCallgrind(text)]).toThrow("--dump-instr=yes --cache-sim=yes");
  });
});

describe("costsOf()", () => {
  const map = "1000 100 JS:*echo file:///p/dist/a.js:7:14\n1100 10 JS:~echo file:///p/dist/a.js:7:14\n";
  const body = [
    "ob=(1) ???\nfn=(1) 0x0000000000001000",
    "0x1000 0 40 0 0 10 20",
    "0x1080 0 60",
    "0x1100 0 4",
    "ob=(2) /lib/libc.so.6\nfn=(2) malloc",
    "0x9000 0 200 0 0 0 0 2",
    "0x9800 0 200",
    "fn=(3) free",
    "0x9900 0 1",
  ].join("\n");
  const { total, groups, functions } = costsOf(`${HEAD}\n${body}\n`, map, 4, "file:///p/");

  test("adds up by function, the dearest first, and leaves out what would read 0", () => {
    expect(functions).toEqual([
      { group: "libc.so.6", name: "malloc", ...cost(100, 0, 0.5) },
      { group: "JavaScript", name: "echo dist/a.js:7", ...cost(25, 2.5, 5) },
      { group: "JavaScript", name: "echo dist/a.js:7 (interpreted)", ...cost(1) },
    ]);
  });

  test("adds up by group, and everything, with what was left out", () => {
    expect(groups).toEqual({ "libc.so.6": cost(100.25, 0, 0.5), JavaScript: cost(26, 2.5, 5) });
    expect(Object.keys(groups)[0]).toBe("libc.so.6");
    expect(total).toEqual(cost(126.25, 2.5, 5.5));
  });

  test("keyOf() tells apart what has one name in two files", () => {
    expect(keyOf({ group: "a.so", name: "f" })).not.toBe(keyOf({ group: "b.so", name: "f" }));
    expect(keyOf({ group: "JavaScript", name: "echo dist/a.js:7" })).toBe("echo dist/a.js:7");
  });
});
