/** The two messages of an upload, byte by byte as the sheet has them (§5.1), and whatever else may come. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  readFileUpload,
  readFileUploadResponse,
  writeFileUpload,
  writeFileUploadResponse,
} from "../../../processes/hanami/protobuf/upload.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const CHUNK = 131_072;

describe("FileUpload_Message", () => {
  test.each([
    ["the first full chunk", 0, CHUNK, "12 80 80 08", 131_076],
    ["the second full chunk", CHUNK, CHUNK, "08 80 80 08 12 80 80 08", 131_080],
    ["the last chunk of 300,000 bytes", 262_144, 37_856, "08 80 80 10 12 e0 a7 02", 37_864],
    ["twelve bytes", 0, 12, "12 0c", 14],
  ])("%s has the sheet's bytes, both ways", (_what, position, length, head, total) => {
    const data = new Uint8Array(length).fill(7);
    const bytes = Buffer.concat([hex(head), data]);
    expect(bytes.byteLength).toBe(total);
    expect(readFileUpload(bytes)).toEqual({ position, data: Buffer.from(data) });
    expect(Buffer.from(writeFileUpload({ position, data })).equals(bytes)).toBe(true);
  });

  test("nothing is a chunk of nothing at 0", () => {
    expect(readFileUpload(new Uint8Array(0))).toEqual({ position: 0, data: new Uint8Array(0) });
  });

  test("data is a view of what was read", () => {
    const bytes = hex("12 02 41 42");
    const message = readFileUpload(bytes);
    if ("error" in message) throw new Error(message.error);
    expect(message.data.buffer).toBe(bytes.buffer);
    expect(message.data.byteOffset).toBe(bytes.byteOffset + 2);
  });

  test.each([
    ["fields in another order", "12 01 41 08 05"],
    ["a field several times: the last counts", "08 01 12 01 42 08 05 12 01 41"],
    ["unknown fields of every wire type", "18 01 21 0000000000000000 2a 01 ff 35 00000000 3b 08 01 3c 08 05 12 01 41"],
    ["known fields of another wire type", "0a 01 ff 10 07 08 05 12 01 41"],
    ["a varint longer than it needs to be", "08 85 80 00 12 81 00 41"],
  ])("%s", (_what, text) => {
    expect(readFileUpload(hex(text))).toEqual({ position: 5, data: Buffer.from("A") });
  });

  test("a position of 64 bits is no smaller than any file", () => {
    expect(readFileUpload(hex("08 ff ff ff ff ff ff ff ff ff 01"))).toMatchObject({ position: 2 ** 64 });
  });

  test.each([
    ["data that ends early", "12 05 41", "premature EOF at byte 3 of 3"],
    ["a number that ends early", "08 80", "premature EOF at byte 2 of 2"],
    ["a number of too many bytes", "08 ff ff ff ff ff ff ff ff ff ff 01", "invalid varint at byte 1 of 12"],
    ["field 0", "00 01", "illegal tag: field no 0 wire type 0 at byte 1 of 2"],
    ["a group's end without its beginning", "0c", "cant skip wire type 4 at byte 1 of 1"],
    ["text", "hello", "cant skip wire type 4 at byte 3 of 5"],
  ])("%s is no message, and it says where", (_what, text, error) => {
    const bytes = text === "hello" ? Buffer.from(text) : hex(text);
    expect(readFileUpload(bytes)).toEqual({ error: expect.stringContaining(`no FileUpload_Message: ${error}`) });
  });

  test("groups in groups without end are no message", () => {
    expect(readFileUpload(new Uint8Array(100_000).fill(0x0b))).toHaveProperty("error");
  });

  test("any bytes are a message or a reason, and never a throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const message = readFileUpload(bytes);
        if ("error" in message) expect(message.error).toMatch(/^no FileUpload_Message: .+ at byte \d+ of \d+$/);
        else {
          expect(message.position).toBeGreaterThanOrEqual(0);
          expect(message.data.byteLength).toBeLessThanOrEqual(bytes.byteLength);
        }
      }),
    );
  });

  test("what is written is read", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 300 }), (position, data) => {
        expect(readFileUpload(writeFileUpload({ position, data }))).toEqual({ position, data });
      }),
    );
  });
});

describe("FileUploadResponse_Message", () => {
  test.each([
    ["success", true, "", "08 01"],
    ["a failure", false, "x", "12 01 78"],
    ["a failure that says nothing", false, "", ""],
  ])("%s has the sheet's bytes, both ways", (_what, success, errorMessage, text) => {
    expect(Buffer.from(writeFileUploadResponse({ success, errorMessage })).equals(hex(text))).toBe(true);
    expect(readFileUploadResponse(hex(text))).toEqual({ success, errorMessage });
  });

  test("what is written is read; any bytes are a message or a reason", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.string({ unit: "grapheme" }), (success, errorMessage) => {
        const response = { success, errorMessage };
        expect(readFileUploadResponse(writeFileUploadResponse(response))).toEqual(response);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const response = readFileUploadResponse(bytes);
        expect("error" in response || typeof response.success === "boolean").toBe(true);
      }),
    );
  });
});
