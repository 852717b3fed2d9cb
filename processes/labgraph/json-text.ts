/**
 * Looks into a text of JSON that JSON.parse has taken already, for what it does not tell.
 *
 * 1. A value as it was written: a request id beyond 2^53 changes when it is parsed, and is echoed as it came.
 * 2. How deep values are nested: JSON.parse goes to any depth, what walks its result does not.
 */

/** The text of the member that `path` leads to; of several of one name the last, as JSON.parse has it. */
export function memberText(text: string, path: readonly string[]): string | undefined {
  let start = skipSpace(text, 0);
  let end = text.length;
  for (const name of path) {
    const found = member(text, start, name);
    if (found === undefined) return undefined;
    ({ start, end } = found);
  }
  return text.slice(start, end);
}

/** How many arrays and objects are within one another at most: 0 for a bare number. */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = skipString(text, at) - 1;
    else if (char === BRACE || char === BRACKET) deepest = Math.max(deepest, ++depth);
    else if (char === BRACE_END || char === BRACKET_END) depth--;
  }
  return deepest;
}

type Span = { readonly start: number; readonly end: number };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;

function member(text: string, object: number, name: string): Span | undefined {
  if (text.charCodeAt(object) !== BRACE) return undefined;
  let found: Span | undefined;
  let at = skipSpace(text, object + 1);
  while (at < text.length && text.charCodeAt(at) !== BRACE_END) {
    const keyEnd = skipString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd)); // it may be written with escapes
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1); // behind the colon
    const end = skipValue(text, start);
    if (key === name) found = { start, end };
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return found;
}

function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  let at = start;
  if (first !== BRACE && first !== BRACKET) {
    while (at < text.length && !/[\s,\]}]/.test(text[at] ?? "")) at++;
    return at;
  }
  for (let depth = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = skipString(text, at) - 1;
    else if (char === BRACE || char === BRACKET) depth++;
    else if ((char === BRACE_END || char === BRACKET_END) && --depth === 0) return at + 1;
  }
  return at;
}

/** @returns behind the closing quote */
function skipString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at++;
    else if (char === QUOTE) return at + 1;
  }
  return text.length;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && " \t\n\r".includes(text[at] ?? "")) at++;
  return at;
}
