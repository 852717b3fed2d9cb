import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { NESTING_MAX, packMessage, parseUntrustedJson, unpackUntrusted } from "../../lib/protocol/index.ts";

/** An array in an array in …, `depth` of them, with something else in the innermost. */
function nested(depth: number): unknown {
  let value: unknown = "inside";
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const TOO_DEEP = `Cannot read a value as it may be nested ${NESTING_MAX} deep: it is deeper, flatten it`;

describe.each([
  ["parseUntrustedJson", parseUntrustedJson, json],
  ["unpackUntrusted", unpackUntrusted, packMessage],
])("%s()", (_name, read, write) => {
  test("reads a value that is nested NESTING_MAX deep, and not one that is deeper", () => {
    expect(read(write(nested(NESTING_MAX)))).toEqual(nested(NESTING_MAX));
    expect(() => read(write(nested(NESTING_MAX + 1)))).toThrow(TOO_DEEP);
  });

  test("throws for what is nested so deep that the stack ends", () => {
    const bytes =
      read === unpackUntrusted ? Buffer.alloc(100_000, 0x91) : Buffer.from("[".repeat(1e6) + "]".repeat(1e6));
    expect(() => read(bytes)).toThrow(Error);
  });

  test("gives a value or throws an Error, for any bytes (seed 4)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(String(error)).toMatch(/Error: ./); // not instanceof: jest has an Error of its own
        }
      }),
      { numRuns: 2_000, seed: 4 },
    );
  });
});

test("unpackUntrusted() takes bytes for one value, however many they are", () => {
  expect(unpackUntrusted(packMessage(new Uint8Array(100_000)))).toHaveLength(100_000);
});
