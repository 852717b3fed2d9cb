/**
 * Which statements may be run, by SQLite's own rules of what a token is (sqlite.org/src: tokenize.c, parse.y).
 *
 * 1. The first word decides what a statement is; only those listed here are run. So no statement opens or writes another
 *    file (ATTACH, VACUUM INTO), ends somebody else's transaction, or changes what the connection may do (PRAGMA, which
 *    SQLite carries out as it compiles them, EXPLAIN or not).
 * 2. That a query writes nothing is not decided here: WITH may begin either. SQLite is told so (query_only, database.ts).
 * 3. What a PRAGMA tells can be asked for as a table; of those, the ones that tell about the tables only.
 * 4. One statement at a time: SQLite would leave out what comes after the first without a word.
 * 5. Nothing is made in `temp`, which belongs to the connection, and that to all who use the database: it would stand in
 *    front of their tables, be gone when the connection is closed, and count for no limit.
 */
import { Refusal } from "../database-request.ts";

/** @property returns whether it may have rows though it writes @property changes whether it writes rows */
export type Statement = { readonly returns: boolean; readonly changes: boolean };

const READ = new Set(["SELECT", "VALUES", "WITH", "EXPLAIN"]);
const WRITE = new Set([
  "INSERT",
  "REPLACE",
  "UPDATE",
  "DELETE",
  "WITH",
  "CREATE",
  "ALTER",
  "DROP",
  "REINDEX",
  "ANALYZE",
]);
const CHANGES = new Set(["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"]);

const TELLING = new Set(
  ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"].concat(
    ["foreign_key_check", "integrity_check", "quick_check", "function_list", "collation_list", "compile_options"],
    ["user_version"],
  ),
);

/** @throws {Refusal} NotAReadKeyword, or it is more than one statement, or looks where it may not */
export function checkQuery(sql: string): Statement {
  const tokens = tokensOf(sql);
  const [first, second] = words(tokens);
  const isVersion = first === "PRAGMA" && second === "USER_VERSION" && tokens.length === 2;
  if (!isVersion && (first === undefined || !READ.has(first))) throw new Refusal("NotAReadKeyword");
  if (first === "EXPLAIN") {
    const [explained] = words(tokens.slice(second === "QUERY" ? 3 : 1));
    if (explained === undefined || (!READ.has(explained) && !WRITE.has(explained)) || explained === "EXPLAIN") {
      throw new Refusal("NotAReadKeyword");
    }
  }
  assertTables(tokens);
  assertOne(tokens);
  return { returns: true, changes: false };
}

/** @throws {Refusal} NotAWriteKeyword, or it is more than one statement, or looks where it may not */
export function checkWrite(sql: string): Statement {
  const tokens = tokensOf(sql);
  const [first, second] = words(tokens);
  const isVersion = first === "PRAGMA" && second === "USER_VERSION" && isNumberGiven(tokens.slice(2));
  if (!isVersion && (first === undefined || !WRITE.has(first))) throw new Refusal("NotAWriteKeyword");
  assertTables(tokens);
  assertOne(tokens);
  if (first === "CREATE") assertLasting(tokens);
  return {
    returns: first === "WITH" || tokens.some(({ kind, text }) => kind === "word" && text.toUpperCase() === "RETURNING"),
    changes: first !== undefined && CHANGES.has(first),
  };
}

/** @property text of a quoted one, what is in the quotes */
type Token = { readonly kind: "word" | "quoted" | "other"; readonly text: string };

/** Sticky; the order counts. White space is SQLite's, which is not JavaScript's; a byte order mark is some too. */
const SKIPPED = /(?:[ \t\n\f\r\uFEFF]|--[^\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*$))+/y;
const QUOTED = /'((?:[^']|'')*)'|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]/y;
const WORD = /[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_$\u0080-\uFFFF]*/y;
const VARIABLE_OR_NUMBER = /\?[0-9]*|[:@#$][A-Za-z0-9_$\u0080-\uFFFF]*|[0-9][A-Za-z0-9_$\u0080-\uFFFF]*/y;

function tokensOf(sql: string): readonly Token[] {
  if (sql.includes("\0")) throw new Refusal({ SqliteError: "a statement may not have a zero byte in it" });
  const tokens: Token[] = [];
  for (let at = 0; at < sql.length; ) {
    at += matchAt(SKIPPED, sql, at)?.[0].length ?? 0;
    if (at >= sql.length) break;
    const quoted = matchAt(QUOTED, sql, at);
    const word = quoted === undefined ? matchAt(WORD, sql, at) : undefined;
    const other = matchAt(VARIABLE_OR_NUMBER, sql, at);
    if (quoted !== undefined)
      tokens.push({ kind: "quoted", text: quoted.slice(1).find((text) => text !== undefined) ?? "" });
    else if (word !== undefined) tokens.push({ kind: "word", text: word[0] });
    else tokens.push({ kind: "other", text: other?.[0] ?? sql.charAt(at) });
    at += (quoted ?? word ?? other)?.[0].length ?? 1;
  }
  while (tokens[0]?.text === ";" && tokens[0].kind === "other") tokens.shift(); // as SQLite does
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** The first ones, in capitals. */
function words(tokens: readonly Token[]): readonly (string | undefined)[] {
  return tokens.slice(0, 2).map(({ kind, text }) => (kind === "word" ? text.toUpperCase() : undefined));
}

/** `= 3` */
function isNumberGiven(tokens: readonly Token[]): boolean {
  const [equals, number] = tokens;
  return tokens.length === 2 && equals?.text === "=" && number?.kind === "other" && /^[0-9]{1,9}$/.test(number.text);
}

/** Rule 3. */
function assertTables(tokens: readonly Token[]): void {
  for (const { kind, text } of tokens) {
    if (kind === "other") continue;
    if (text === "__proto__") throw new Refusal({ Forbidden: text }); // the driver would leave that column out of a row
    if (!/^pragma_/i.test(text)) continue;
    if (!TELLING.has(text.slice("pragma_".length).toLowerCase())) throw new Refusal({ Forbidden: text.slice(0, 100) });
  }
}

/** What stands between CREATE and the name of what is made. */
const MAKES = ["UNIQUE", "VIRTUAL", "TABLE", "INDEX", "VIEW", "TRIGGER", "IF", "NOT", "EXISTS"];

/** Rule 5. */
function assertLasting(tokens: readonly Token[]): void {
  const at = tokens.findIndex(({ kind, text }, each) => each > 0 && !(kind === "word" && isOneOf(text, MAKES)));
  const [named, dot] = tokens.slice(at === -1 ? tokens.length : at);
  const isWord = named?.kind === "word" && isOneOf(named.text, ["TEMP", "TEMPORARY"]);
  const isSchema = named?.kind !== "other" && named?.text.toUpperCase() === "TEMP" && dot?.text === ".";
  if ((isWord && at === 1) || isSchema) throw new Refusal({ Forbidden: "TEMP" });
}

function isOneOf(text: string, words: readonly string[]): boolean {
  return words.includes(text.toUpperCase());
}

function assertOne(tokens: readonly Token[]): void {
  const isEnd = ({ kind, text }: Token | { kind: undefined; text: undefined }): boolean =>
    kind === "other" && text === ";";
  const isWord = (at: number, ...texts: string[]): boolean => {
    const token = tokens[at];
    return token?.kind === "word" && texts.includes(token.text.toUpperCase());
  };
  const isTrigger = isWord(0, "CREATE") && isWord(isWord(1, "TEMP", "TEMPORARY") ? 2 : 1, "TRIGGER");
  // A trigger's own statements end with ; too: it is through at the END that stands right behind one.
  const isThrough = (at: number): boolean =>
    isTrigger ? isWord(at - 1, "END") && isEnd(tokens[at - 2] ?? NONE) : true;
  const end = tokens.findIndex((token, at) => isEnd(token) && isThrough(at));
  const rest = end === -1 ? [] : tokens.slice(end);
  if (!rest.every(isEnd)) throw new Refusal("MoreThanOneStatement");
}

const NONE = { kind: undefined, text: undefined } as const;
