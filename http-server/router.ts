/**
 * Which binding a path belongs to (contract kinode §5.3).
 *
 * 1. `:name` takes one non-empty segment, `*name` the rest (at least one character). Colons inside a segment are literal.
 * 2. The most static segments win, then the most parameters, then the most wildcards.
 * 3. One trailing slash does not count. Nothing else is decoded or cleaned up.
 * 4. `/m/:id` and `/m/:other` are one slot: setting it again replaces.
 */

export type Match<Value> = {
  readonly value: Value;
  /** The path as it was set, in its stored form. */
  readonly pattern: string;
  /** Still percent-encoded. */
  readonly params: Readonly<Record<string, string>>;
};

type Pattern<Value> = { readonly text: string; readonly segments: readonly string[]; readonly value: Value };

const NO_PARAMS: Readonly<Record<string, string>> = {};
const ANY = "/"; // no segment has a slash. Only the homepage binds without a process id before it, so these are few

export class Router<Value> {
  readonly #static = new Map<string, Pattern<Value>>(); // by path: a path without parameters beats any other
  readonly #patterns = new Map<string, Pattern<Value>[]>(); // by first segment, ANY when that is variable; best first

  /** @returns what it replaces */
  set(path: string, value: Value): Value | undefined {
    const replaced = this.delete(path);
    const pattern: Pattern<Value> = { text: path, segments: segmentsOf(path), value };
    if (!pattern.segments.some(isVariable)) {
      this.#static.set(path, pattern);
      return replaced;
    }
    const key = keyOf(pattern.segments);
    const patterns = [...(this.#patterns.get(key) ?? []), pattern];
    this.#patterns.set(key, patterns.sort(byPrecedence));
    return replaced;
  }

  /** What stands in the slot of `path`. */
  get(path: string): Value | undefined {
    return (this.#static.get(path) ?? this.#inSlot(path))?.value;
  }

  /** @returns what was there */
  delete(path: string): Value | undefined {
    const exact = this.#static.get(path);
    if (exact !== undefined) {
      this.#static.delete(path);
      return exact.value;
    }
    const found = this.#inSlot(path);
    if (found === undefined) return undefined;
    const key = keyOf(found.segments);
    const left = (this.#patterns.get(key) ?? []).filter((pattern) => pattern !== found);
    if (left.length > 0) this.#patterns.set(key, left);
    else this.#patterns.delete(key);
    return found.value;
  }

  match(path: string): Match<Value> | undefined {
    const exact = this.#static.get(path);
    if (exact !== undefined) return { value: exact.value, pattern: exact.text, params: NO_PARAMS };
    const segments = segmentsOf(path);
    let best: (Match<Value> & { readonly of: Pattern<Value> }) | undefined;
    for (const key of [segments[0] ?? "", ANY]) {
      for (const pattern of this.#patterns.get(key) ?? []) {
        if (best !== undefined && byPrecedence(best.of, pattern) <= 0) break; // nor is any behind it better
        const params = matchSegments(pattern.segments, segments);
        if (params === undefined) continue;
        best = { value: pattern.value, pattern: pattern.text, params, of: pattern };
        break;
      }
    }
    return best;
  }

  *values(): Iterable<Value> {
    for (const pattern of this.#static.values()) yield pattern.value;
    for (const patterns of this.#patterns.values()) for (const pattern of patterns) yield pattern.value;
  }

  #inSlot(path: string): Pattern<Value> | undefined {
    const slot = slotOf(path);
    return this.#patterns.get(keyOf(segmentsOf(path)))?.find((pattern) => slotOf(pattern.text) === slot);
  }
}

/** Removes one trailing slash. */
export function withoutTrailingSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** `/a/b` → ["a", "b"]; the root has none. */
function segmentsOf(path: string): string[] {
  return path === "" ? [] : path.slice(1).split("/");
}

function keyOf([first = ""]: readonly string[]): string {
  return isVariable(first) ? ANY : first;
}

function isVariable(segment: string): boolean {
  return (segment.startsWith(":") || segment.startsWith("*")) && segment.length > 1;
}

/** The pattern without the names of its variables. */
export function slotOf(path: string): string {
  return segmentsOf(path)
    .map((segment) => (isVariable(segment) ? segment[0] : `=${segment}`))
    .join("/");
}

function byPrecedence<Value>(a: Pattern<Value>, b: Pattern<Value>): number {
  const count = (pattern: Pattern<Value>, mark: string): number =>
    pattern.segments.filter((segment) => isVariable(segment) && segment.startsWith(mark)).length;
  const fixed = (pattern: Pattern<Value>): number => pattern.segments.filter((segment) => !isVariable(segment)).length;
  return fixed(b) - fixed(a) || count(b, ":") - count(a, ":") || count(b, "*") - count(a, "*");
}

function matchSegments(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = Object.create(null) as Record<string, string>; // a param may be named __proto__
  for (const [index, segment] of pattern.entries()) {
    const given = path[index];
    if (given === undefined) return undefined;
    if (!isVariable(segment)) {
      if (segment !== given) return undefined;
    } else if (segment.startsWith(":")) {
      if (given === "") return undefined;
      params[segment.slice(1)] = given;
    } else {
      const rest = path.slice(index).join("/");
      if (rest === "") return undefined;
      params[segment.slice(1)] = rest;
      return params; // a wildcard takes all that is left
    }
  }
  return pattern.length === path.length ? params : undefined;
}
