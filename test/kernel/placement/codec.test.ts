/** What crosses the border of a realm arrives as it was; what is cut short is refused, and never read beyond its end. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LimitError, SpawnError } from "../../../kernel/errors.ts";
import { BatchReader } from "../../../kernel/placement/batch-reader.ts";
import { type Batch, BatchWriter, LARGE_BLOB } from "../../../kernel/placement/batch-writer.ts";
import { packError, unpackError } from "../../../kernel/placement/error-codec.ts";
import { KnownAddresses } from "../../../kernel/placement/known-addresses.ts";
import {
  packBody,
  readAnswer,
  readMessage,
  readRequest,
  writeAnswer,
  writeMessage,
  writeRequest,
} from "../../../kernel/placement/message-codec.ts";
import { FRAME } from "../../../kernel/placement/records.ts";
import { SharedRing } from "../../../kernel/placement/shared-ring.ts";
import type { Slab } from "../../../kernel/placement/slab.ts";
import { BATCH, StreamBatches, streamed } from "../../../kernel/placement/stream-batches.ts";
import {
  Address,
  Blob,
  type Capability,
  Envelope,
  IdError,
  packMessage,
  unpackMessage,
} from "../../../lib/protocol/index.ts";

const OUR = Address.parse("alice.os@a:b:c");
const OTHER = Address.parse("alice.os@d:e:f");
const THIRD = Address.parse("bob.os@g:h:i");

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const body = fc.jsonValue();
const bytes = fc.uint8Array({ maxLength: 300 });
const mime = fc.option(text);
const blob = fc.option(
  fc.oneof(
    fc.tuple(bytes, mime).map(([data, type]) => Blob.of(data, type)),
    fc.tuple(text, mime).map(([data, type]) => Blob.of(data, type)),
    fc.constant(Blob.of(new Uint8Array(LARGE_BLOB).fill(7))),
  ),
);
const metadata = fc.option(text);
const seconds = fc.option(fc.nat());
const capabilities: fc.Arbitrary<readonly Capability[]> = fc.array(
  fc.record({ issuer: fc.constant(OTHER.text), params: text }),
  { maxLength: 3 },
);

function written(write: (out: BatchWriter) => void): Batch {
  const out = new BatchWriter();
  write(out.section(1));
  const { bytes: lent, large } = out.take() as Batch; // something was written
  return { bytes: new Uint8Array(lent), large };
}

function reading(batch: Batch): BatchReader {
  const reader = new BatchReader(batch);
  expect(reader.nextSection()).toBe(1);
  return reader;
}

/** As another thread or process has it: bytes and plain values. */
function plain(value: Blob | null | undefined): unknown {
  return value == null
    ? null
    : { bytes: Buffer.from(value.bytes()).toString("base64"), mime: value.mime, isText: value.isText };
}

describe("messages", () => {
  test("to a realm arrive as they were", () => {
    const message = fc
      .record({
        kind: fc.constantFrom("request", "response"),
        source: fc.constantFrom(OTHER, THIRD),
        target: fc.constantFrom(OUR, OTHER),
        rsvp: fc.constantFrom(null, OTHER, THIRD),
        id: fc.maxSafeNat(),
        body,
        blob,
        metadata,
        capabilities,
        expectsResponse: seconds,
        origin: fc.constantFrom(null, "rpc"),
      })
      .map(({ kind, source, target, ...rest }) =>
        Object.assign(new Envelope(kind as "request", source, target, null, null), rest),
      );
    fc.assert(
      fc.property(message, (sent) => {
        const batch = written((out) => writeMessage(out, sent, packBody(sent.body, "send to", "x"), OUR));
        const got = readMessage(reading(batch), OUR, new KnownAddresses()) as Envelope;
        const facts = ({ kind, id, source, target, rsvp, metadata: meta, capabilities: caps }: Envelope): unknown => ({
          ...{ kind, id, meta, caps, source: source.text, target: target.text, rsvp: rsvp?.text ?? null },
        });
        expect(facts(got)).toEqual(facts(sent));
        expect(got.body).toEqual(unpackMessage(packMessage(sent.body)));
        expect([got.expectsResponse, got.origin]).toEqual([sent.expectsResponse, sent.origin]);
        expect(plain(got.blob)).toEqual(plain(sent.blob));
      }),
    );
  });

  test("of a realm arrive as they were: requests and answers", () => {
    fc.assert(
      fc.property(
        fc.record({ body, blob, metadata, capabilities, inherit: fc.boolean(), expectsResponse: seconds }),
        ({ body: sent, blob: piece, ...rest }) => {
          const request = Object.assign(new Envelope("request", OUR, OTHER, sent, piece), rest);
          const packed = packBody(sent, "send to", "x");
          const { expectsResponse: _, ...answerRest } = rest;
          const batch = written((out) => {
            writeRequest(out, request, packed, piece);
            writeAnswer(out, { ...answerRest, body: sent, blob: piece }, packed);
          });
          const reader = reading(batch);
          const got = readRequest(reader, OUR, new KnownAddresses());
          const { inherit, expectsResponse, metadata: meta, capabilities: caps } = got;
          expect({ inherit, expectsResponse, metadata: meta, capabilities: caps }).toEqual(rest);
          expect([got.source, got.target.text]).toEqual([OUR, OTHER.text]);
          expect(plain(got.blob)).toEqual(plain(piece));
          const answer = readAnswer(reader);
          expect({ ...answer, blob: plain(answer.blob) }).toEqual({
            ...answerRest,
            body: unpackMessage(packed),
            blob: plain(piece),
          });
          expect(reader.nextRecord()).toBe(0);
        },
      ),
    );
  });

  test("that are cut short throw, wherever the cut is, and nothing is read behind it", () => {
    const sent = new Envelope("request", OTHER, OUR, { a: [1, "two"] }, Blob.of("three"));
    const { bytes: whole } = written((out) => writeMessage(out, sent, packMessage(sent.body), OUR));
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.slice(0, length);
      if (length >= 8) new DataView(cut.buffer).setUint32(4, length - 8, true); // the section says so itself
      const reader = new BatchReader({ bytes: cut, large: [] });
      const read = (): unknown => reader.nextSection() === -1 || readMessage(reader, OUR, new KnownAddresses());
      if (length === 0) expect(read()).toBe(true);
      else expect(read).toThrow();
    }
  });

  test("any bytes at all throw or are read, and take no longer than they are long", () => {
    fc.assert(
      fc.property(bytes, (garbage) => {
        const reader = new BatchReader({ bytes: garbage, large: [] });
        try {
          while (reader.nextSection() !== -1) readRequest(reader, OUR, new KnownAddresses());
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe("sections", () => {
  test("of several slots lead each to its own records, and what is left of one is passed over", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat({ max: 99 })), { minLength: 1 }), (said) => {
        const out = new BatchWriter();
        for (const [slot, value] of said) out.section(slot).u8(5).u32(value);
        const reader = new BatchReader(out.take() as Batch);
        const heard: [number, number][] = [];
        for (let slot = reader.nextSection(); slot !== -1; slot = reader.nextSection()) {
          if (slot === 3) continue; // nobody is there
          while (reader.nextRecord() === 5) heard.push([slot, reader.u32()]);
        }
        expect(heard).toEqual(said.filter(([slot]) => slot !== 3));
        expect(out.take()).toBeNull();
      }),
    );
  });
});

describe("frames", () => {
  type Kept = { readonly slab: Slab; readonly at: number; readonly bytes: Uint8Array };

  test("stay where they were written until they are released, whatever is written meanwhile", () => {
    const step = fc.oneof(
      fc.record({ frame: fc.uint8Array({ maxLength: 60 }), times: fc.integer({ min: 1, max: 400 }) }),
      fc.constant("take" as const),
      fc.constant("rest" as const),
      fc.record({ release: fc.integer({ min: 1, max: 500 }) }),
      fc.record({ body: fc.integer({ min: 1, max: 40_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const out = new BatchWriter(true);
        const kept: Kept[] = [];
        let written: Uint8Array[] = [];
        let seq = 0;
        const take = (): void => {
          const batch = out.take();
          if (batch === null) return;
          expect(batch.bytes.byteOffset % 8).toBe(0); // SharedRing, rule 2
          const reader = new BatchReader({ bytes: new Uint8Array(batch.bytes), large: [] });
          const heard: Uint8Array[] = [];
          expect(reader.nextSection()).toBe(1);
          for (let type = reader.nextRecord(); type !== 0; type = reader.nextRecord()) {
            if (type === FRAME) {
              expect([reader.u32(), reader.u32(), reader.u8()]).toEqual([seq, 7, 1]);
              heard.push(reader.lent().bytes());
            } else heard.push(reader.bytes());
          }
          expect(Buffer.compare(Buffer.concat(heard), Buffer.concat(written))).toBe(0);
          written = [];
        };
        for (const now of steps) {
          if (now === "take") take();
          else if (now === "rest") {
            take();
            out.rest();
            seq++;
          } else if ("frame" in now) {
            for (let n = 0; n < now.times; n++) {
              const at = out.section(1).frame(seq, 7, 1, now.frame, true);
              kept.push({ slab: out.slab, at, bytes: now.frame });
              written.push(now.frame);
            }
          } else if ("body" in now) {
            const value = new Uint8Array(now.body).fill(9);
            out.section(1).u8(5).bytes(value);
            written.push(value);
          } else for (const { slab } of kept.splice(0, now.release)) slab.held--;
          for (const { slab, at, bytes: own } of kept)
            if (Buffer.compare(slab.bytes.subarray(at, at + own.length), own) !== 0) throw new Error("it was changed");
        }
      }),
    );
  });

  test("that come and go use the same memory again", () => {
    const out = new BatchWriter(true);
    const slabs = new Set<Slab>();
    let kept: Slab[] = [];
    for (let round = 0; round < 200; round++) {
      const before = kept;
      kept = [];
      for (let n = 0; n < 1000; n++) {
        out.section(1).frame(n, 7, 0, new Uint8Array(64), false);
        kept.push(out.slab);
        slabs.add(out.slab);
      }
      out.take();
      for (const slab of before) slab.held--; // as many are always under way
      out.rest();
    }
    expect(slabs.size).toBeLessThan(12); // 16 MB went through them
  });
});

describe("StreamBatches", () => {
  const batches = fc.array(fc.tuple(bytes, fc.array(bytes, { maxLength: 3 })), { maxLength: 5 });

  test("puts batches together again, however the stream was cut", () => {
    fc.assert(
      fc.property(batches, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
        const got: Batch[] = [];
        const stream = new StreamBatches((kind, batch) => {
          expect(kind).toBe(BATCH);
          got.push(batch);
        });
        const all = Buffer.concat(sent.flatMap(([part, large]) => streamed(BATCH, { bytes: part, large })));
        for (let at = 0; at < all.length; ) {
          const { value: cut } = cuts.next();
          stream.push(all.subarray(at, at + cut));
          at += cut;
        }
        expect(got.map(({ bytes: part, large }) => [[...part], large.map((each) => [...each])])).toEqual(
          sent.map(([part, large]) => [[...part], large.map((each) => [...each])]),
        );
      }),
    );
  });

  test("refuses what claims to be longer than any batch is", () => {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(0xffff_ffff, 4);
    const stream = new StreamBatches(() => undefined);
    expect(() => stream.push(head)).toThrow("a batch claims 4294967295, more than 1073741824");
  });
});

describe("SharedRing", () => {
  test("gives back what was written, in order, and says no when it is full", () => {
    const chunks = fc.array(fc.tuple(fc.integer({ min: 1, max: 400_000 }), fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(chunks, (steps) => {
        const writer = new SharedRing();
        const reader = new SharedRing(writer.memory);
        const waiting: Uint8Array[] = [];
        const read = (): void => {
          const next = waiting.shift();
          if (next !== undefined) expect(Buffer.compare(reader.read(next.length), next)).toBe(0);
        };
        for (const [index, [size, reads]] of steps.entries()) {
          const chunk = new Uint8Array(size).fill(index);
          const fits =
            [chunk, ...waiting].reduce((sum, each) => sum + Math.ceil(each.length / 8) * 8, 0) <= 1024 * 1024;
          expect(writer.write(chunk)).toBe(fits);
          if (fits) waiting.push(chunk);
          if (reads) read();
        }
        while (waiting.length > 0) read();
      }),
      { numRuns: 20 },
    );
  });

  test("reads nothing that was not written", () => {
    expect(() => new SharedRing().read(1)).toThrow("nothing was written");
  });
});

describe("errors", () => {
  test("keep class, text and facts", () => {
    const errors = [
      new SpawnError("NameTaken", "a:b:c", "it is"),
      new LimitError("set a timer of", "a", "timers", 1, "timers"),
      new IdError("TooManyAts", "address", "a@b@c", "it has"),
    ];
    for (const error of errors) {
      const got = unpackError(unpackMessage(packMessage(packError(error, false)))) as SpawnError;
      expect(got).toBeInstanceOf(error.constructor);
      const { name, message, code } = error;
      expect([got.name, got.message, got.code]).toEqual([name, message, code]);
    }
  });

  test("of other classes keep their name and stack; what is none keeps its text", () => {
    const error = new RangeError("too far");
    const got = unpackError(unpackMessage(packMessage(packError(error, true)))) as Error;
    expect([got.name, got.message, got.stack]).toEqual(["RangeError", "too far", error.stack]);
    expect(unpackError(packError("a text", true))).toBe("a text");
  });

  test("believes no end that says it has written more than there is room for", () => {
    const ring = new SharedRing();
    Atomics.store(new Int32Array(ring.memory), 0, 2 ** 30);
    expect(() => ring.read(1024 * 1024 + 1)).toThrow("nothing was written");
    expect(ring.read(1024 * 1024)).toHaveLength(1024 * 1024);
  });
});
