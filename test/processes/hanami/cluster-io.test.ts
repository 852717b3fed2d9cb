/** ClusterIO_Message on the wire: the samples of contract hanami §5.1 and §7.1 byte by byte, and what else may come. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type ClusterIo,
  decodeClusterIo,
  encodeClusterIo,
  type WireDialect,
} from "../../../processes/hanami/protobuf/cluster-io.ts";

const NAME = "0a0a746573745f696e707574"; // test_input
const ZEROS = "00".repeat(3136);

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function decoded(hex: string, fallback: WireDialect = "W1"): Omit<ClusterIo, "values"> & { readonly values: number[] } {
  const message = decodeClusterIo(bytes(hex), fallback);
  if ("undecodable" in message) throw new Error(message.undecodable);
  return { ...message, values: [...message.values] };
}

describe("decodeClusterIo()", () => {
  const zeros = new Array(784).fill(0);
  const of = (more: Partial<ClusterIo>): object => ({
    name: "test_input",
    isLast: false,
    processType: "request",
    target: "input",
    ...more,
  });
  test.each([
    ["W1 train input", `${NAME} 18 01 20 90 06 2a c0 18 ${ZEROS}`, "W1", of({ processType: "train" }), zeros],
    ["W2 train input", `${NAME} 18 01 28 90 06 32 c0 18 ${ZEROS}`, "W2", of({ processType: "train" }), zeros],
    [
      "W1 expected, last",
      "0a 0b 746573745f6f7574707574 10 01 18 01 20 02 2a 08 00000000 0000803f",
      "W1",
      of({ name: "test_output", isLast: true, processType: "train" }),
      [0, 1],
    ],
    [
      "W2 expected, last",
      "0a 0b 746573745f6f7574707574 10 01 18 01 20 02 28 02 32 08 00000000 0000803f",
      "W2",
      of({ name: "test_output", isLast: true, processType: "train", target: "expected" }),
      [0, 1],
    ],
    ["W1 request, last", `${NAME} 10 01 20 03 2a 0c 00000000 00000000 00004040`, "W1", of({ isLast: true }), [0, 0, 3]],
    ["W2 request, last", `${NAME} 10 01 28 03 32 0c 00000000 00000000 00004040`, "W2", of({ isLast: true }), [0, 0, 3]],
  ])("reads the sample %s", (_, hex, dialect, fields, values) => {
    expect(decoded(hex)).toEqual({ dialect, ...fields, count: values.length, values });
  });

  test("an empty vector does not say its dialect; the fallback does", () => {
    expect(decoded(NAME)).toMatchObject({ dialect: null, name: "test_input", target: "input", count: 0, values: [] });
    expect(decoded(`${NAME} 2002`, "W2")).toMatchObject({ dialect: null, target: "expected", count: 0 });
    expect(decoded(`${NAME} 2002`, "W1")).toMatchObject({ dialect: null, target: "input", count: 2 });
  });

  test.each([
    ["unpacked", "2d 0000803f 2d 00000040", "W1"],
    ["unpacked", "35 0000803f 35 00000040", "W2"],
    ["in two packs", "2a 04 0000803f 2a 04 00000040", "W1"],
    ["in both ways", "32 04 0000803f 35 00000040", "W2"],
  ])("values come %s", (_, hex, dialect) => {
    expect(decoded(hex)).toMatchObject({ dialect, values: [1, 2] });
  });

  test("the last of several counts, in any order, and what is unknown is passed over", () => {
    const hex = "2a 04 0000803f 20 05 1800 10 00 7a 02 aabb 0a 01 61 1801 0a 01 62 20 01 10 01 a10601020304050607 08";
    expect(decoded(hex)).toEqual({
      dialect: "W1",
      name: "b",
      isLast: true,
      processType: "train",
      target: "input",
      count: 1,
      values: [1],
    });
  });

  test.each([
    ["cut in a length", "0a0a7465", "it is no ClusterIO_Message"],
    ["of wire type 7", "0f", "it is no ClusterIO_Message"],
    ["with a name that is no UTF-8", "0a01ff", "it is no ClusterIO_Message"],
    ["with values of 3 bytes", "2a03000000", "its values are no whole number of floats"],
    ["with process type 2", "1802", "there is no process type 2"],
    ["with buffer type 9", "2009 2801", "there is no buffer type 9"],
  ])("refuses bytes %s", (_, hex, undecodable) => {
    expect(decodeClusterIo(bytes(hex), "W1")).toEqual({ undecodable });
  });

  test("never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom<WireDialect>("W1", "W2"), (some, fallback) => {
        const message = decodeClusterIo(some, fallback);
        expect("undecodable" in message || message.values instanceof Float32Array).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("reads what encodeClusterIo() writes, in either dialect", () => {
    const float = fc.float({ noNaN: true });
    fc.assert(
      fc.property(
        fc.record({
          name: fc.string({ unit: "grapheme", maxLength: 20 }),
          isLast: fc.boolean(),
          processType: fc.constantFrom("request" as const, "train" as const),
          values: fc.array(float, { minLength: 1, maxLength: 20 }).map((values) => Float32Array.from(values)),
        }),
        fc.constantFrom<WireDialect>("W1", "W2"),
        (message, dialect) => {
          const back = decodeClusterIo(encodeClusterIo(message, dialect), dialect === "W1" ? "W2" : "W1");
          expect(back).toEqual({ ...message, dialect, target: "input", count: message.values.length });
        },
      ),
    );
  });
});

describe("encodeClusterIo()", () => {
  const zero = Float32Array.of(0);
  test.each([
    ["W1", false, "18 01 20 01 2a 04 00000000"],
    ["W2", false, "18 01 28 01 32 04 00000000"],
    ["W1", true, "10 01 18 01 20 01 2a 04 00000000"],
    ["W2", true, "10 01 18 01 28 01 32 04 00000000"],
  ] as const)("writes the acknowledgement of %s, last %s", (dialect, isLast, hex) => {
    const written = encodeClusterIo({ name: "", isLast, processType: "train", values: zero }, dialect);
    expect(Buffer.from(written).toString("hex")).toBe(hex.replaceAll(" ", ""));
  });

  test("writes an output with its name, not last", () => {
    const output = { name: "answer", isLast: false, processType: "request", values: Float32Array.of(0, 1) } as const;
    expect(Buffer.from(encodeClusterIo(output, "W1")).toString("hex")).toBe("0a06616e7377657220022a08000000000000803f");
    expect(Buffer.from(encodeClusterIo(output, "W2")).toString("hex")).toBe("0a06616e7377657228023208000000000000803f");
  });
});
