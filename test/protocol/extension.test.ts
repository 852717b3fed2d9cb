/** What goes over the socket of an extension: contract kinode §5.9, byte by byte. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Packr, pack } from "msgpackr";
import {
  EXTENSION_BLOBS,
  EXTENSION_TYPE_FIELDS,
  EXTENSION_TYPES,
  packExtensionMessage,
  packedActionName,
  unpackExtensionMessage,
  unpackMessage,
} from "../../lib/protocol/index.ts";

/** The golden bytes of contract kinode §5.9. */
const GOLDEN =
  "81b4576562536f636b6574457874507573684461746183a26964cd0102b36b696e6f64655f6d6573736167655f74797065a8526573706f6e7365a4626c6f629201ccc8";
const MESSAGE = { id: 258, type: "Response", blob: new Uint8Array([1, 0xc8]) } as const;

/** As other languages write it: maps with text keys, no records. */
const packr = new Packr({ useRecords: false, variableMapSize: true });
const data = (argument: unknown): Uint8Array => packr.pack({ WebSocketExtPushData: argument });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const u64 = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.bigInt(2n ** 53n, 2n ** 64n - 1n));
const messages = fc.record({ id: u64, type: fc.constantFrom(...EXTENSION_TYPES), blob: fc.uint8Array() });

describe("packExtensionMessage()", () => {
  test("case 130: writes the golden bytes", () => {
    expect(hex(packExtensionMessage(MESSAGE, "kinode_message_type", "array"))).toBe(GOLDEN);
  });

  test("writes what any MessagePack reads, however long the blob, whatever the id", () => {
    const lengths = [0, 1, 15, 16, 255, 256, 65_535, 65_536].map((length) => ({ length, id: 1 }));
    const ids = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2n ** 64n - 1n];
    for (const { length, id } of [...lengths, ...ids.map((id) => ({ length: 2, id }))]) {
      const blob = new Uint8Array(length).map((_, at) => at);
      const read = { id: id < 2 ** 32 ? id : BigInt(id), hyperware_message_type: "Response" };
      const array = packExtensionMessage({ ...MESSAGE, id, blob }, "hyperware_message_type", "array");
      expect(unpackMessage(array)).toEqual({ WebSocketExtPushData: { ...read, blob: [...blob] } });
      const bin = packExtensionMessage({ ...MESSAGE, id, blob }, "hyperware_message_type", "bin");
      expect(unpackMessage(bin)).toEqual({ WebSocketExtPushData: { ...read, blob: Buffer.from(blob) } });
    }
  });

  test("writes ids from 2^32 up as u64, not as floating point", () => {
    const bytes = packExtensionMessage({ ...MESSAGE, id: 2 ** 32 }, "kinode_message_type", "array");
    expect(hex(bytes)).toContain("a26964cf0000000100000000");
  });
});

describe("unpackExtensionMessage()", () => {
  test("brings back what was written, in each spelling and way", () => {
    fc.assert(
      fc.property(
        messages,
        fc.constantFrom(...EXTENSION_TYPE_FIELDS),
        fc.constantFrom(...EXTENSION_BLOBS),
        (message, field, blobs) => {
          const read = unpackExtensionMessage(packExtensionMessage(message, field, blobs));
          expect(read).toEqual({ ...message, lent: blobs === "bin" });
        },
      ),
    );
  });

  test.each([
    ["by name", { id: 258, kinode_message_type: "Response", blob: [1, 200] }],
    ["by the newer name", { id: 258, hyperware_message_type: "Response", blob: [1, 200] }],
    ["in another order", { blob: [1, 200], kinode_message_type: "Response", id: 258 }],
    ["by position", [258, "Response", [1, 200]]],
    ["by position, blob as bin", [258, "Response", Buffer.from([1, 200])]],
    ["by name, blob as bin", { id: 258, kinode_message_type: "Response", blob: Buffer.from([1, 200]) }],
    [
      "with fields it does not know",
      {
        a: { b: [1, { c: "d".repeat(300) }] },
        id: 258,
        e: 1.5,
        kinode_message_type: "Response",
        f: new Date(),
        g: null,
        blob: [1, 200],
        h: Buffer.alloc(70_000),
      },
    ],
  ])("case 131, as inferred: reads it %s", (_, argument) => {
    expect(unpackExtensionMessage(data(argument))).toMatchObject({
      id: 258,
      type: "Response",
      blob: new Uint8Array([1, 200]),
    });
  });

  test.each([
    ["cd0102", 258],
    ["ce00000102", 258],
    ["cf0000000000000102", 258],
    ["d10102", 258],
    ["d30000000000000102", 258],
    ["cf0020000000000000", 2n ** 53n],
    ["d37fffffffffffffff", 2n ** 63n - 1n],
    ["cfffffffffffffffff", 2n ** 64n - 1n],
  ])("reads the id %s as %s", (id, value) => {
    const bytes = Buffer.from(GOLDEN.replace("cd0102", id), "hex");
    expect(unpackExtensionMessage(bytes)?.id).toBe(value);
  });

  test("reads one that stands within other bytes, and lends a blob that was written as bin", () => {
    const memory = Buffer.concat([Buffer.from("xx"), packExtensionMessage(MESSAGE, "kinode_message_type", "bin")]);
    const read = unpackExtensionMessage(memory.subarray(2));
    memory.fill(7, memory.byteLength - 2);
    expect(read).toMatchObject({ id: 258, lent: true, blob: new Uint8Array([7, 7]) });
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("hello")],
    ["a map of two", packr.pack({ WebSocketExtPushData: [1, "Response", []], b: 1 })],
    ["another action", packr.pack({ WebSocketClose: 1 })],
    ["a field missing", data({ id: 1, blob: [] })],
    ["too few by position", data([1, "Response"])],
    ["too many by position", data([1, "Response", [], 1])],
    ["a type nobody knows", data([1, "response", []])],
    ["a negative id", data([-1, "Response", []])],
    ["a text for an id", data(["1", "Response", []])],
    ["half an id", data([1.5, "Response", []])],
    ["a byte above 255", data([1, "Response", [256]])],
    ["a negative byte", data([1, "Response", [-1]])],
    ["a text for a blob", data([1, "Response", "ab"])],
    ["no array of three", data("Response")],
    ["something behind it", Buffer.concat([data([1, "Response", []]), Buffer.from([0])])],
    ["four thousand million bytes claimed", Buffer.from(GOLDEN.replace("9201ccc8", "ddffffffff01"), "hex")],
    ["as many as bin", Buffer.from(GOLDEN.replace("9201ccc8", "c6ffffffff01"), "hex")],
    ["as many fields", Buffer.from(GOLDEN.replace("6183a2", "61dfffffffffa2"), "hex")],
    ["as many of what is left out", Buffer.from(GOLDEN.replace("83a26964cd0102", "83a26965dfffffffff"), "hex")],
  ])("is undefined for %s", (_, bytes) => {
    expect(unpackExtensionMessage(bytes)).toBeUndefined();
  });

  test("is undefined for every beginning of a message, and throws for no bytes at all", () => {
    const whole = Buffer.from(GOLDEN, "hex");
    for (let length = 0; length < whole.byteLength; length++)
      expect(unpackExtensionMessage(whole.subarray(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        packedActionName(bytes);
        const behind = Buffer.concat([whole.subarray(0, 22), bytes]); // as the argument
        return unpackExtensionMessage(behind) === undefined || bytes.byteLength > 2;
      }),
      { numRuns: 2_000 },
    );
  });

  test("leaves out a value nested a million deep", () => {
    const deep = Buffer.concat([Buffer.from("84a178", "hex"), Buffer.alloc(1_000_000, 0x91), Buffer.from([1])]);
    const bytes = Buffer.concat([Buffer.from(GOLDEN.slice(0, 44), "hex"), deep, Buffer.from(GOLDEN.slice(46), "hex")]);
    expect(unpackExtensionMessage(bytes)?.id).toBe(258);
  });
});

describe("packedActionName()", () => {
  test("is the one key of a map, and undefined for all else", () => {
    expect(packedActionName(pack({ Bind: 1 }))).toBe("Bind");
    expect(packedActionName(Buffer.from([0xde, 0, 1, 0xd9, 1, 0x61]))).toBe("a"); // map 16, str 8
    for (const value of [{}, { a: 1, b: 2 }, ["Bind"], "Bind", 1, null, { ["x".repeat(65)]: 1 }])
      expect(packedActionName(packr.pack(value))).toBeUndefined();
    expect(packedActionName(packr.pack(new Map([[1, 2]])))).toBeUndefined();
  });
});
