/** What another node may send: read, or refused by a FrameError; never anything else. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FrameError } from "../../../kernel/link/errors.ts";
import {
  BatchReader,
  batchOf,
  bodyOf,
  frameOf,
  HEAD_BYTES,
  packChunk,
  readAck,
  readAnswer,
  readChunk,
  readHead,
  readProbe,
  readRequest,
} from "../../../kernel/link/frame.ts";
import { packMessage } from "../../../lib/protocol/index.ts";

const READERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  readBatch: (bytes) => lanesOf(bytes),
  readHead,
  readRequest,
  readAnswer,
  readChunk,
  readAck,
  readProbe,
};

const value = fc.anything({ withBigInt: true, withMap: true, withSet: true, withTypedArray: true, withDate: true });
/** Almost right: lists of the kinds of fields that frames have. */
const field = fc.oneof(
  fc.nat(),
  fc.double(),
  fc.string(),
  fc.constantFrom(null, undefined, "q", "r", "Offline"),
  fc.uint8Array(),
  fc.array(fc.tuple(fc.nat(), fc.nat())),
  value,
);

describe.each(Object.entries(READERS))("%s", (_, read) => {
  const isReadOrRefused = (bytes: Uint8Array): void => {
    try {
      read(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(FrameError);
    }
  };

  test("takes any bytes, or refuses them by a FrameError", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), isReadOrRefused), { numRuns: 2_000 });
  });

  test("likewise any MessagePack, cut anywhere", () => {
    const packed = fc.array(field, { maxLength: 11 }).map((list) => {
      try {
        return packMessage(list);
      } catch {
        return new Uint8Array(); // what cannot be packed cannot be sent
      }
    });
    const cut = fc.tuple(packed, fc.nat(300)).map(([bytes, at]) => (at > 200 ? bytes : bytes.subarray(0, at)));
    fc.assert(fc.property(cut, isReadOrRefused), { numRuns: 2_000 });
  });

  test("and a list in a list, as deep as a frame is long", () => {
    isReadOrRefused(new Uint8Array(200_000).fill(0x91));
  });
});

function lanesOf(bytes: Uint8Array): string[] {
  const batch = new BatchReader(bytes);
  const lanes: string[] = [];
  while (batch.next()) lanes.push(`${batch.lane} ${batch.start} ${batch.end}`);
  return lanes;
}

describe("a batch", () => {
  const frames = [
    { lane: "q" as const, body: packMessage([1]) },
    { lane: "k" as const, body: new Uint8Array() },
    { lane: "c" as const, body: new Uint8Array(70_000) },
  ];

  test("gives what it was made of", () => {
    const bytes = batchOf(1, 5, frames);
    expect(readHead(bytes)).toEqual({ epoch: 1, seq: 5 });
    expect(lanesOf(bytes)).toEqual(["q 16 18", "k 23 23", `c 28 70028`]);
    expect(lanesOf(batchOf(1, 5, []))).toEqual([]);
  });

  test("that is cut anywhere else than between two frames is refused", () => {
    const bytes = batchOf(1, 5, frames);
    for (let length = 12; length < 100; length++) {
      if (length === 18 || length === 23) continue;
      expect(() => lanesOf(bytes.subarray(0, length))).toThrow(
        new FrameError("its fields are not those of the lane b"),
      );
    }
  });
});

describe("a head", () => {
  test("holds more frames than 32 bits count", () => {
    const frame = frameOf(2 ** 32 - 1, 2 ** 32 + 5, packMessage([1]));
    expect(readHead(frame)).toEqual({ epoch: 2 ** 32 - 1, seq: 2 ** 32 + 5 });
    expect(bodyOf(frame)).toEqual(packMessage([1]));
  });

  test.each([
    ["none", [], "it has 0 bytes: a head has 11"],
    ["too few", [1, 2, 3], "it has 3 bytes: a head has 11"],
    ["another version", [7], "it is of version 7, and this node speaks 1: run one Jackfield on all nodes"],
  ])("of bytes that are %s is refused", (_, bytes, why) => {
    expect(HEAD_BYTES).toBe(11);
    expect(() => readHead(new Uint8Array(bytes))).toThrow(new FrameError(why));
  });
});

test("a time that no timer can have is refused", () => {
  for (const seconds of [Number.POSITIVE_INFINITY, 1e300, Number.NaN, -1])
    expect(() => readRequest(packMessage([1, "a:b:c", "a:b:c", seconds, 1, null, null, null, null]))).toThrow(
      new FrameError("its fields are not those of the lane q"),
    );
});

test("pieces of nothing are refused", () => {
  const chunk = packChunk({ transfer: 1, lane: "q", index: 0, count: 5, bytes: new Uint8Array() });
  expect(() => readChunk(chunk)).toThrow(new FrameError("its fields are not those of the lane c"));
});
