/**
 * The words of a cluster template, each with the place where it stands. Contract hanami §8.1.
 *
 * 1. Blanks and tabs separate and mean nothing else; a line break is a word, which some dialects pass over.
 * 2. The longest word that fits is taken: `1a` is a name, `12` an integer, `1.5` a decimal.
 * 3. There are no comments, no quotes and no carriage returns: any other character is an error at its place.
 */

/** @property line from 1 @property column from 1, in UTF-16 units: templates are ASCII */
export type Place = { readonly line: number; readonly column: number };

export type TokenKind = "name" | "integer" | "decimal" | "mark" | "break" | "end";

/** @property text as written; a break is "\n", the end is "" */
export type Token = Place & { readonly kind: TokenKind; readonly text: string };

/** What is wrong with a template, and where. */
export type TemplateFault = Place & { readonly why: string };

const NAME = /[a-zA-Z_0-9]+/y;
const DECIMAL = /-?[0-9]+\.[0-9]+/y;
const INTEGER = /-?[0-9]+/y;
const MARK = /->|[:,()]/y;

/** @returns all words, the last is the end; or the first character that is none */
export function readTokens(text: string): readonly Token[] | TemplateFault {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    const column = at - lineStart + 1;
    if (character === " " || character === "\t") {
      at += 1;
      continue;
    }
    if (character === "\n") {
      tokens.push({ kind: "break", text: "\n", line, column });
      at += 1;
      line += 1;
      lineStart = at;
      continue;
    }
    const word = wordAt(text, at);
    if (word === undefined)
      return {
        line,
        column,
        why: `${JSON.stringify(character)} cannot stand here, write names, numbers and : , -> ( )`,
      };
    tokens.push({ ...word, line, column });
    at += word.text.length;
  }
  tokens.push({ kind: "end", text: "", line, column: at - lineStart + 1 });
  return tokens;
}

/** The longest that fits; of two as long, the number. No word begins as a mark does: marks are looked for first. */
function wordAt(text: string, at: number): { readonly kind: TokenKind; readonly text: string } | undefined {
  const mark = match(MARK, text, at);
  if (mark !== "") return { kind: "mark", text: mark };
  const decimal = match(DECIMAL, text, at);
  const integer = match(INTEGER, text, at);
  const name = match(NAME, text, at);
  const longest = Math.max(decimal.length, integer.length, name.length);
  if (longest === 0) return undefined;
  if (decimal.length === longest) return { kind: "decimal", text: decimal };
  return integer.length === longest ? { kind: "integer", text: integer } : { kind: "name", text: name };
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
