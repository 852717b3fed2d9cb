import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cutReason, readReason, sendableCode } from "../../../http-server/transport/closing.ts";
import { plainAddress } from "../../../http-server/transport/remote-address.ts";
import { wellFormed } from "../../../http-server/transport/text.ts";
import { encodeFrame, OPCODE } from "../../../http-server/transport/ws-frame.ts";

describe("wellFormed()", () => {
  test.each([
    ["", ""],
    ["é😀", "é😀"],
    ["a\ud800b", "a\ufffdb"],
    ["\udc00", "\ufffd"],
  ])("of %j is %j", (text, repaired) => {
    expect(wellFormed(text)).toBe(repaired);
  });
});

describe("cutReason()", () => {
  test("fits a close frame, and loses no more than one code point would take", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (reason) => {
        const cut = cutReason(reason);
        const bytes = Buffer.byteLength(cut);
        expect(bytes).toBeLessThanOrEqual(123);
        expect(wellFormed(reason).startsWith(cut)).toBe(true);
        if (cut.length < reason.length) expect(bytes).toBeGreaterThan(123 - 4);
        expect(readReason(Buffer.from(cut))).toBe(cut);
      }),
    );
  });
});

describe("readReason()", () => {
  test("repairs what is no UTF-8", () => {
    expect(readReason(new Uint8Array([0x61, 0xff, 0x62]))).toBe("a\ufffdb");
  });
});

describe("sendableCode()", () => {
  test.each([1000, 1003, 1007, 1014, 3000, 4999])("leaves %i", (code) => {
    expect(sendableCode(code)).toBe(code);
  });
  test.each([999, 1004, 1005, 1006, 1015, 2999, 5000, -1, Number.NaN])("makes 1000 of %d", (code) => {
    expect(sendableCode(code)).toBe(1000);
  });
});

describe("plainAddress()", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:10.0.0.7", "10.0.0.7"],
    ["0000:0000:0000:0000:0000:ffff:0a00:0007", "10.0.0.7"],
    ["0000:0000:0000:0000:0000:0000:0000:0001", "::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["", ""],
  ])("of %j is %j", (text, plain) => {
    expect(plainAddress(text)).toBe(plain);
  });
});

describe("encodeFrame()", () => {
  test.each([
    [0, "8200"],
    [125, "827d"],
    [126, "827e007e"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
  ])("of %i bytes has the head RFC 6455 §5.2 gives", (size, head) => {
    const frame = encodeFrame(OPCODE.binary, new Uint8Array(size));
    expect(frame.subarray(0, head.length / 2).toString("hex")).toBe(head);
    expect(frame.length).toBe(head.length / 2 + size);
  });

  test("makes UTF-8 of a string, repaired", () => {
    expect(encodeFrame(OPCODE.text, "é\ud800").toString("hex")).toBe("8105c3a9efbfbd");
  });
});
