/** MessagePack as other languages read and write it. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";

describe("packMessage()", () => {
  test("writes the bytes of the MessagePack specification", () => {
    const hex = (value: unknown): string => Buffer.from(packMessage(value)).toString("hex");
    expect(hex({ a: 1 })).toBe("81a16101"); // fixmap, fixstr, fixint: no record extension
    expect([hex(null), hex(true), hex("hi"), hex([1, -1])]).toEqual(["c0", "c3", "a26869", "9201ff"]);
    expect(hex(new Uint8Array([1, 2]))).toBe("c4020102"); // bin 8
  });

  test("gives bytes that the next call does not overwrite", () => {
    const first = packMessage("first");
    packMessage("other");
    expect(unpackMessage(first)).toBe("first");
  });

  test("brings back every JSON value", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!text.includes("__proto__")); // see below
        const value: unknown = JSON.parse(text);
        expect(unpackMessage(packMessage(value))).toEqual(JSON.parse(JSON.stringify(value))); // -0 is 0
      }),
    );
  });
});

describe("unpackMessage()", () => {
  test("reads a key named __proto__ as __proto_, so that it changes no prototype", () => {
    const read = unpackMessage(packMessage(JSON.parse('{"__proto__":{"admin":true}}'))) as object;
    expect([Object.keys(read), "admin" in read]).toEqual([["__proto_"], false]);
  });

  test.each([
    ["nothing", []],
    ["half a text", [0xa5, 0x68]],
    ["two values", [0x01, 0x02]],
  ])("throws for %s", (_, values) => {
    expect(() => unpackMessage(new Uint8Array(values))).toThrow(Error);
  });

  test("reads maps with text keys from other encoders as plain objects", () => {
    expect(unpackMessage(new Uint8Array([0xde, 0x00, 0x01, 0xa1, 0x61, 0x01]))).toEqual({ a: 1 }); // map 16
  });
});
