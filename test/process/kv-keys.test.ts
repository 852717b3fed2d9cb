/** Keys of ctx.kv: the same again from their bytes, and in the order of what they mean. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeKey, encodeKey, encodePrefix, type KvKey } from "../../lib/process/kv-keys.ts";

const text = fc.string({ unit: "binary" });
const key: fc.Arbitrary<KvKey> = fc.letrec<{ key: KvKey }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text,
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 5 }),
    fc.array(tie("key"), { maxLength: 3 }),
  ),
})).key;

/** What the order is, said in another way. */
function compare(one: KvKey, other: KvKey): number {
  const [a, b] = [rank(one), rank(other)];
  if (a !== b) return a - b;
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one === "string" && typeof other === "string") return Buffer.compare(Buffer.from(one), Buffer.from(other));
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other);
  if (!Array.isArray(one) || !Array.isArray(other)) return 0;
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const order = compare(one[at] as KvKey, other[at] as KvKey);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

function rank(value: KvKey): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return value ? 2 : 1;
  if (typeof value === "number") return 3;
  if (typeof value === "string") return 4;
  return value instanceof Uint8Array ? 5 : 6;
}

/** -0 is 0. */
function plain(value: KvKey): KvKey {
  if (value === 0) return 0;
  return Array.isArray(value) ? (value as readonly KvKey[]).map(plain) : value;
}

describe("keys of ctx.kv", () => {
  test("come back as they were, also out of a larger Buffer", () => {
    fc.assert(
      fc.property(key, (each) => {
        expect(decodeKey(Buffer.concat([Buffer.of(1), encodeKey(each)]).subarray(1))).toEqual(plain(each));
      }),
      { numRuns: 500 },
    );
  });

  test("lie in the order of what they mean", () => {
    fc.assert(
      fc.property(key, key, (one, other) => {
        const bytes = Math.sign(Buffer.compare(encodeKey(one), encodeKey(other)));
        expect(bytes).toBe(Math.sign(compare(plain(one), plain(other))));
      }),
      { numRuns: 2000 },
    );
  });

  test("begin with the bytes of their prefix, and no others do", () => {
    const has = (whole: KvKey, prefix: KvKey): boolean =>
      Buffer.from(encodeKey(whole)).subarray(0, encodePrefix(prefix).length).equals(encodePrefix(prefix));
    expect(has("user/1", "user/")).toBe(true);
    expect(has("use", "user/")).toBe(false);
    expect(has("a\0b", "a")).toBe(true);
    expect(has(["user", 7, "x"], ["user", 7])).toBe(true);
    expect(has(["user", 70], ["user", 7])).toBe(false);
    expect(has(["users"], ["user"])).toBe(false);
    expect(has([["a"], 1], [["a"]])).toBe(true);
  });

  test.each<[string, unknown]>([
    ["Cannot use NaN as a key as it has no place among numbers", Number.NaN],
    ['Cannot use "\\ud800" as a key as it is no Unicode text', "\ud800"],
    [
      "Cannot use a value of type undefined as a key as it must be text, a number, true, false, null, bytes, or a list of such",
      undefined,
    ],
    [
      "Cannot use a value of type object as a key as it must be text, a number, true, false, null, bytes, or a list of such",
      [{}],
    ],
  ])("%s", (message, value) => {
    expect(() => encodeKey(value as KvKey)).toThrow(message);
  });

  test.each([
    [[]],
    [[0x20]],
    [[0x20, 0x61]],
    [[0x10, 1, 2]],
    [[0x40, 0x01]],
    [[0x01, 0x01]],
    [[0x99]],
    [[0x20, 0xff, 0]],
  ])("bytes %j are no key", (bytes) => {
    expect(() => decodeKey(Uint8Array.from(bytes))).toThrow(
      /^Cannot read a key as it was not written by ctx\.kv\.open|UTF-?8|encoded data/,
    );
  });
});
