/**
 * SQLite's values as JSON, which has no bytes and whose numbers end at 2^53.
 *
 *   NULL null    TEXT "text"    INTEGER 5, beyond 2^53 {"$int":"9007199254740993"}
 *   BLOB {"$blob":"<base64>"}   REAL 1.5, where JSON has no number {"$float":"Infinity"}
 *
 * Text is text, whatever it looks like (case 141). true and false go in as 1 and 0.
 */
import { isRecord, Refusal } from "../database-request.ts";

export type SqlValue = null | string | number | bigint | boolean | Uint8Array;
export type SqlParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const INT = /^-?[0-9]{1,19}$/;
const [INT_MIN, INT_MAX] = [-(2n ** 63n), 2n ** 63n - 1n];

/** A JSON array, in the order of `?`; or an object of named ones: {":name": 1}. @throws {Refusal} InvalidParameters */
export function readParameters(text: string | undefined): SqlParameters {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    throw invalid("they are no JSON: write an array, or an object by name");
  }
  if (Array.isArray(value)) return value.map((each, at) => readValue(each, `number ${at + 1}`));
  if (!isRecord(value)) throw invalid("they are neither an array nor an object");
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, readValue(each, name)]));
}

function readValue(value: unknown, which: string): SqlValue {
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "string") {
    // SQLite's text would end there; half a surrogate pair is no text.
    if (value.includes("\0"))
      throw invalid(`${which} is text with a zero character in it: send it as {"$blob": base64}`);
    if (/\p{Surrogate}/u.test(value)) throw invalid(`${which} is text that is no Unicode`);
    return value;
  }
  const [entry, ...more] = isRecord(value) ? Object.entries(value) : [];
  const [tag, inner] = entry ?? [];
  if (more.length === 0 && typeof inner === "string") {
    if (tag === "$blob" && BASE64.test(inner)) return new Uint8Array(Buffer.from(inner, "base64"));
    if (tag === "$int" && INT.test(inner) && BigInt(inner) >= INT_MIN && BigInt(inner) <= INT_MAX) return BigInt(inner);
    if (tag === "$float" && (inner === "Infinity" || inner === "-Infinity")) return Number(inner);
  }
  throw invalid(
    `${which} is none of null, true, false, number, text, {"$blob": base64}, {"$int": digits within 64 bits}, {"$float": "Infinity" or "-Infinity"}`,
  );
}

/** One row, as JSON text. */
export function writeRow(row: Readonly<Record<string, SqlValue>>): string {
  return JSON.stringify(row, (_, value: unknown) => writeValue(value));
}

function writeValue(value: unknown): unknown {
  if (typeof value === "bigint") return { $int: value.toString() };
  if (value instanceof Uint8Array) return { $blob: Buffer.from(value).toString("base64") };
  if (typeof value === "number" && !Number.isFinite(value)) return { $float: String(value) };
  return value;
}

function invalid(why: string): Refusal {
  return new Refusal({ InvalidParameters: why });
}
