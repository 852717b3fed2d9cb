import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { copyOf } from "../../lib/protocol/arena.ts";

describe("copyOf", () => {
  test("gives the same bytes, which no later copy and no change of the source touches", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 6_000 }), { minLength: 1, maxLength: 40 }), (sources) => {
        const copies = sources.map((source) => copyOf(source));
        const expected = sources.map((source) => Buffer.from(source).toString("hex"));
        for (const source of sources) source.fill(255);
        expect(copies.map((copy) => Buffer.from(copy).toString("hex"))).toEqual(expected);
      }),
    );
  });

  test("takes a Buffer's own part of its memory", () => {
    const memory = Buffer.from("abcdef");
    expect(Buffer.from(copyOf(memory.subarray(2, 4))).toString()).toBe("cd");
  });

  test("gives what is large memory of its own, and what is small a part of a slab", () => {
    expect(copyOf(new Uint8Array(4 * 1024 + 1)).buffer.byteLength).toBe(4 * 1024 + 1);
    expect(copyOf(new Uint8Array(4 * 1024)).buffer.byteLength).toBe(64 * 1024);
  });
});
