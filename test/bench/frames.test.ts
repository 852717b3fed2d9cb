/** bench/load/frames.ts: what a client masks, and how it tells frames apart however the bytes arrive. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FrameReader, frameBatches, maskedFrame, Opcode } from "../../bench/load/frames.ts";

/** A server's frame: final, unmasked. */
function serverFrame(opcode: number, payload: Uint8Array, final = true): Buffer {
  const { length } = payload;
  const first = (final ? 0x80 : 0) | opcode;
  if (length < 126) return Buffer.concat([Buffer.of(first, length), payload]);
  const head = Buffer.alloc(length < 65536 ? 4 : 10);
  head[0] = first;
  if (length < 65536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

type Seen = { readonly opcode: number; readonly payload: string };

function reader(): { readonly frames: FrameReader; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const frames = new FrameReader((opcode, payload) => seen.push({ opcode, payload: payload.toString("latin1") }));
  return { frames, seen };
}

/** Undoes the mask of a client's frame. */
function unmasked(frame: Buffer): Buffer {
  const short = (frame[1] ?? 0) & 0x7f;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  const mask = frame.subarray(at, at + 4);
  return Buffer.from(frame.subarray(at + 4).map((byte, i) => byte ^ (mask[i & 3] ?? 0)));
}

describe("maskedFrame()", () => {
  test.each([
    [0, 6],
    [125, 131],
    [126, 134],
    [65535, 65543],
    [65536, 65550],
  ])("frames %i bytes in %i", (bytes, length) => {
    const payload = Buffer.alloc(bytes, "abc");
    const frame = maskedFrame(Opcode.binary, payload);
    expect(frame).toHaveLength(length);
    expect(frame[0]).toBe(0x82);
    expect((frame[1] ?? 0) & 0x80).toBe(0x80);
    expect(unmasked(frame).equals(payload)).toBe(true);
  });
});

describe("frameBatches()", () => {
  test("gives k whole frames in a row for each k", () => {
    const payload = Buffer.from("hello");
    const batches = frameBatches(Opcode.text, payload, 3);
    expect(batches.map((batch) => batch.length)).toEqual([0, 11, 22, 33]);
    const third = batches[3]?.subarray(22) ?? Buffer.alloc(0);
    expect(third[0]).toBe(0x81);
    expect(unmasked(third).toString()).toBe("hello");
  });
});

describe("FrameReader", () => {
  test("hands over each frame before it is told to count", () => {
    const { frames, seen } = reader();
    const bytes = Buffer.concat([
      serverFrame(Opcode.text, Buffer.from("a")),
      serverFrame(Opcode.ping, Buffer.from("b")),
    ]);
    expect(frames.feed(bytes, 0, bytes.length)).toBe(0);
    expect(seen).toEqual([
      { opcode: Opcode.text, payload: "a" },
      { opcode: Opcode.ping, payload: "b" },
    ]);
  });

  test("counts frames of the one type and length, and hands over any other", () => {
    const { frames, seen } = reader();
    frames.count(Opcode.binary, 3);
    const bytes = Buffer.concat([
      serverFrame(Opcode.binary, Buffer.from("abc")),
      serverFrame(Opcode.text, Buffer.from("abc")),
      serverFrame(Opcode.binary, Buffer.from("abcd")),
      serverFrame(Opcode.binary, Buffer.from("abc"), false),
      serverFrame(Opcode.close, Buffer.from("abc")),
      serverFrame(Opcode.binary, Buffer.from("xyz")),
    ]);
    expect(frames.feed(bytes, 0, bytes.length)).toBe(2);
    expect(seen).toEqual([
      { opcode: Opcode.text, payload: "abc" },
      { opcode: Opcode.binary, payload: "abcd" },
      { opcode: Opcode.binary, payload: "abc" },
      { opcode: Opcode.close, payload: "abc" },
    ]);
  });

  test("counts the same wherever chunks end", () => {
    const lengths = fc.array(fc.constantFrom(0, 1, 64, 125, 126, 300, 65536), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        lengths,
        fc.constantFrom(1, 64, 126),
        fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
        (all, counted, cuts) => {
          const { frames, seen } = reader();
          frames.count(Opcode.text, counted);
          const bytes = Buffer.concat(all.map((length) => serverFrame(Opcode.text, Buffer.alloc(length, "z"))));
          let total = 0;
          for (let at = 0; at < bytes.length; ) {
            const end = Math.min(bytes.length, at + (cuts.next().value ?? 1));
            total += frames.feed(bytes, at, end);
            at = end;
          }
          expect(total).toBe(all.filter((length) => length === counted).length);
          expect(seen.map(({ payload }) => payload.length)).toEqual(all.filter((length) => length !== counted));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("refuses a length that is a misread header", () => {
    const { frames } = reader();
    const head = Buffer.alloc(10);
    head[0] = 0x82;
    head[1] = 127;
    head.writeBigUInt64BE(2n ** 40n, 2);
    expect(() => frames.feed(head, 0, head.length)).toThrow("Cannot read a frame of 1099511627776 bytes");
  });
});
