/** What clients say they take, read as RFC 9110 §12.5.3 has it; and which bytes a Range names. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { acceptable } from "../../../http-server/accept-encoding.ts";
import { readRange } from "../../../http-server/byte-range.ts";

describe("acceptable()", () => {
  test.each<[header: string | undefined, codings: string[], identity: boolean]>([
    [undefined, [], true],
    ["", [], true],
    ["gzip, deflate, br, zstd", ["br", "gzip"], true],
    ["gzip", ["gzip"], true],
    ["x-gzip", ["gzip"], true],
    ["GZIP;Q=1", ["gzip"], true],
    ["br;q=0.5, gzip;q=0.8", ["gzip", "br"], true],
    ["br;q=0, gzip;q=0.001", ["gzip"], true],
    ["identity", [], true],
    ["identity;q=0.5, gzip;q=0.4", [], true],
    ["identity;q=0.5, gzip;q=0.5", ["gzip"], true],
    ["identity;q=0, gzip", ["gzip"], false],
    ["identity;q=0", [], false],
    ["*", ["br", "gzip"], true],
    ["*;q=0", [], false],
    ["*;q=0, identity", [], true],
    ["gzip, *;q=0", ["gzip"], false],
    ["br;q=1.5, gzip;q=x, deflate", [], true], // no weights
    [" gzip ; q=1.000 ,, br ; q=0.000", ["gzip"], true],
  ])("%j", (header, codings, identity) => {
    expect(acceptable(header)).toEqual({ codings, identity });
  });

  test("never throws, whatever comes", () => {
    fc.assert(fc.property(fc.string(), (header) => void acceptable(header)));
  });
});

describe("readRange()", () => {
  test("names bytes that are there, or none, whatever comes", () => {
    const digits = fc.oneof(fc.nat(30).map(String), fc.constant(""), fc.constant("9".repeat(400)));
    fc.assert(
      fc.property(digits, digits, fc.nat(20), (from, to, size) => {
        const range = readRange(`bytes=${from}-${to}`, size);
        if (typeof range === "string") return;
        expect(range.first >= 0 && range.first <= range.last && range.last < size).toBe(true);
        const length = range.last - range.first + 1;
        if (from === "") expect(length).toBe(Math.min(Number(to), size));
        else expect(range.first).toBe(Number(from));
      }),
    );
  });

  test("of nothing there is no part", () => {
    for (const range of ["bytes=0-", "bytes=0-0", "bytes=-1"]) expect(readRange(range, 0)).toBe("none");
  });
});
