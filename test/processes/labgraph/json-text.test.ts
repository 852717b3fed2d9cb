/** memberText, nestingOf: against JSON.parse, over any text that it takes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { memberText, nestingOf } from "../../../processes/labgraph/json-text.ts";

/** JSON with white space where it may be. */
const texts = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 1, "\t", "\r\n "))
  .map(([value, space]) => [value, JSON.stringify(value, null, space)] as const);

describe("memberText()", () => {
  test("of several of one name it is the last, as JSON.parse has it", () => {
    expect(memberText('{"a":1,"a" : 9007199254740993 }', ["a"])).toBe("9007199254740993");
    expect(memberText('{"a":{"b":1},"\\u0061":{"b":[2, "]"]}}', ["a", "b"])).toBe('[2, "]"]');
  });

  test("there is none in what is no object, or has none", () => {
    expect(memberText("[1]", ["0"])).toBeUndefined();
    expect(memberText('{"a":1}', ["b"])).toBeUndefined();
    expect(memberText('{"a":{}}', ["a", "toString"])).toBeUndefined();
  });

  test("it finds every member of any object", () => {
    fc.assert(
      fc.property(texts, ([value, text]) => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) return;
        for (const [name, member] of Object.entries(value)) {
          expect(JSON.stringify(JSON.parse(memberText(text, [name]) ?? "missing"))).toBe(JSON.stringify(member));
        }
      }),
    );
  });
});

describe("nestingOf()", () => {
  test("counts what JSON.parse makes of it", () => {
    const depth = (value: unknown): number =>
      typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
    fc.assert(fc.property(texts, ([value, text]) => expect(nestingOf(text)).toBe(depth(value))));
  });
});
