/**
 * Whose code lies at an address: V8's perf map knows what V8 compiled, callgrind the symbols of everything else.
 *
 * A line of a perf map is `start size name`, in hexadecimal, as V8 writes it with `--perf-basic-prof`. Addresses are
 * used again for other code: the later line counts.
 */
import { placeOf } from "./place.ts";

/** `group`: JavaScript, V8 builtins (which the interpreter is part of), or the file that native code was loaded from. */
export type Code = { readonly group: string; readonly name: string };

export const JAVASCRIPT: string = "JavaScript";
const BUILTINS = "V8 builtins";
const ELSEWHERE = "elsewhere"; // callgrind knows no file: jumps between libraries, mostly

type Range = { readonly start: number; readonly end: number; readonly name: string };

const PAGE = 4096; // bytes; few functions are longer

export class PerfMap {
  /** By page: what lies on it, or partly, in the order of the map. */
  readonly #pages: Map<number, Range[]> = new Map();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [, start, size, name] = /^([0-9a-f]+) ([0-9a-f]+) (.*)$/.exec(line) ?? [];
      if (start === undefined || size === undefined || name === undefined) continue;
      const from = Number.parseInt(start, 16);
      this.#add({ start: from, end: from + Number.parseInt(size, 16), name });
    }
  }

  /** The name in the map; undefined where V8 compiled nothing. */
  find(address: number): string | undefined {
    const here = this.#pages.get(Math.floor(address / PAGE));
    return here?.findLast(({ start, end }) => start <= address && address < end)?.name;
  }

  #add(range: Range): void {
    for (let page = Math.floor(range.start / PAGE); page * PAGE < range.end; page += 1) {
      const here = this.#pages.get(page);
      if (here === undefined) this.#pages.set(page, [range]);
      else here.push(range);
    }
  }
}

/** The mark before a name says which compiler made the code. The best one goes without saying. */
const TIERS: Readonly<Record<string, string>> = { "~": " (interpreted)", "^": " (baseline)", "+": " (maglev)" };

/** @param name in the perf map: `JS:*echo file:///…/uwebsockets.js:7:14`, `Builtin:JSEntry` @param root as placeOf */
export function compiledCode(name: string, root: string): Code {
  const [, tier, own, url, line] = /^JS:([~^+*]?)'?(.*) (\S+):(\d+):\d+$/.exec(name) ?? [];
  if (tier !== undefined && own !== undefined && url !== undefined) {
    return { group: JAVASCRIPT, name: `${placeOf(own, url, Number(line), root)}${TIERS[tier] ?? ""}` };
  }
  return { group: BUILTINS, name: name.replace(/^Builtin:/, "") };
}

/** @param symbol as callgrind has it: an address where the file has no symbols @param object the file's path */
export function nativeCode(symbol: string, object: string): Code {
  const file = object === "???" ? ELSEWHERE : object.slice(object.lastIndexOf("/") + 1);
  return { group: file, name: symbol.replace(/^0x0+/, "0x") };
}
