/** 12: compressed messages (RFC 7692 §7.2): sizes, kinds of block, windows, frames; and what must not be. */
import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import { deflate } from "../../support/deflate.ts";
import { closePayload } from "../../support/sockets.ts";
import { answers, type Case, fails, failsBut, type Group } from "../case.ts";
import { close, fragments, frame, OPCODE, ping, said, text } from "../frames.ts";
import { COMPRESS_BYTES, MESSAGE_BYTES } from "../settings.ts";

const RSV1 = 4; // of the three reserved bits

type Kind = "text" | "binary";

/** A message of the server's: compressed when it is long. */
function echoed(kind: Kind, data: string | Uint8Array): string {
  return said(kind, data, Buffer.byteLength(Buffer.from(data)) >= COMPRESS_BYTES);
}

function compressed(kind: Kind, data: string | Uint8Array): Buffer {
  return frame(OPCODE[kind], deflate(data), { reserved: RSV1 });
}

const PROSE = "It was a bright cold day in April, and the clocks were striking thirteen. ";

/** What is sent of each kind: prose, JSON, bytes of one value, and bytes that look random and do not compress. */
const CONTENT: readonly (readonly [name: string, kind: Kind, make: (size: number) => Buffer])[] = [
  ["prose", "text", (size) => Buffer.alloc(size, PROSE)],
  [
    "JSON",
    "text",
    (size) => Buffer.from(JSON.stringify(Array.from({ length: size }, (_, id) => ({ id })))).subarray(0, size),
  ],
  ["zeros", "binary", (size) => Buffer.alloc(size)],
  ["noise", "binary", noise],
];

/** A linear congruential generator's high bytes. */
function noise(size: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length: size }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

const SIZES = [1, 16, 64, 256, COMPRESS_BYTES - 1, COMPRESS_BYTES, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

const sized = CONTENT.flatMap(([name, kind, make], group) =>
  SIZES.flatMap((size, row): Case[] => {
    const data = make(size);
    const one = echoed(kind, data);
    const whole = deflate(data);
    return [
      {
        id: `12.${group + 1}.${row + 1}`,
        what: `${name} of ${size} bytes, three times`,
        send: [compressed(kind, data), 1, compressed(kind, data), 1, compressed(kind, data)],
        expect: answers(one, one, one),
      },
      {
        id: `12.${group + 1}.${row + 1}b`,
        what: `${name} of ${size} bytes, in four frames`,
        send: fragments(OPCODE[kind], whole, Math.ceil(whole.length / 4), RSV1),
        expect: answers(one),
      },
    ];
  }),
);

/** One message, compressed by zlib with these options: each must be understood (RFC 7692 §7.2.2). */
const OPTIONS: readonly (readonly [what: string, options: ZlibOptions])[] = [
  ...[9, 10, 11, 12, 13, 14, 15].map((bits) => [`a window of ${bits} bits`, { windowBits: bits }] as const),
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => [`level ${level}`, { level }] as const),
  ["Huffman codes alone", { strategy: constants.Z_HUFFMAN_ONLY }],
  ["runs alone", { strategy: constants.Z_RLE }],
  ["the codes of the format alone", { strategy: constants.Z_FIXED }],
];

const LONG = PROSE.repeat(60); // beyond the smallest windows
const windows = OPTIONS.map(
  ([what, options], at): Case => ({
    id: `12.5.${at + 1}`,
    what: `compressed with ${what}`,
    send: [
      frame(OPCODE.text, deflateRawSync(LONG, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), {
        reserved: RSV1,
      }),
    ],
    expect: answers(echoed("text", LONG)),
  }),
);

const raw = (hex: string, parts: { final?: boolean; reserved?: number } = { reserved: RSV1 }): Buffer =>
  frame(OPCODE.text, Buffer.from(hex.replaceAll(" ", ""), "hex"), parts);

/** The examples of RFC 7692 §7.2.3, each of which is "Hello", and their kin. */
const blocks: Case[] = [
  {
    id: "12.6.1",
    what: "RFC 7692 §7.2.3.1: one block",
    send: [raw("f248 cdc9 c907 00")],
    expect: answers(said("text", "Hello")),
  },
  {
    id: "12.6.2",
    what: "RFC 7692 §7.2.3.1: one block, in two frames",
    send: [
      raw("f248 cd", { final: false, reserved: RSV1 }),
      frame(OPCODE.continuation, Buffer.from("c9c90700", "hex")),
    ],
    expect: answers(said("text", "Hello")),
  },
  {
    id: "12.6.3",
    what: "RFC 7692 §7.2.3.3: a block that is stored",
    send: [raw("0005 00fa ff48 656c 6c6f 00")],
    expect: answers(said("text", "Hello")),
  },
  {
    id: "12.6.4",
    what: "RFC 7692 §7.2.3.4: a block that calls itself the last",
    send: [raw("f348 cdc9 c907 0000")],
    expect: answers(said("text", "Hello")),
    differs: { uws: { by: "lastBlock", expect: { frames: [], told: 1006 } } },
  },
  {
    id: "12.6.5",
    what: "RFC 7692 §7.2.3.5: two blocks",
    send: [raw("f248 0500 0000 ffff cac9 c907 00")],
    expect: answers(said("text", "Hello")),
  },
  { id: "12.6.6", what: "RFC 7692 §7.2.3.6: an empty message", send: [raw("00")], expect: answers(said("text")) },
  {
    id: "12.6.7",
    what: "three times one block: none needs the one before",
    send: [raw("f248 cdc9 c907 00"), raw("f248 cdc9 c907 00"), raw("f248 cdc9 c907 00")],
    expect: answers(said("text", "Hello"), said("text", "Hello"), said("text", "Hello")),
  },
  {
    id: "12.6.8",
    what: "a message that is not compressed, between two that are",
    send: [compressed("text", "a"), text("b"), compressed("text", "c")],
    expect: answers(said("text", "a"), said("text", "b"), said("text", "c")),
  },
  {
    id: "12.6.9",
    what: "a ping between the frames of a compressed message",
    send: [
      raw("f248 cd", { final: false, reserved: RSV1 }),
      ping("p"),
      frame(OPCODE.continuation, Buffer.from("c9c90700", "hex")),
    ],
    expect: answers(said("pong", "p"), said("text", "Hello")),
  },
  {
    id: "12.6.10",
    what: "a compressed message with empty frames",
    send: [
      raw("", { final: false, reserved: RSV1 }),
      frame(OPCODE.continuation, Buffer.from("f248cdc9c90700", "hex"), { final: false }),
      frame(OPCODE.continuation),
    ],
    expect: answers(said("text", "Hello")),
  },
  {
    id: "12.6.11",
    what: "a compressed message, 1 byte a write",
    send: [compressed("text", LONG)],
    chop: 1,
    expect: answers(echoed("text", LONG)),
  },
  {
    id: "12.6.12",
    what: "a close behind a compressed message",
    send: [compressed("text", LONG), close(1000, "bye")],
    ends: true,
    expect: { frames: [echoed("text", LONG), 'close 1000 "bye"'], told: 1000 },
  },
];

/** As `deflate`, by a compressor that has sent `before` already: what it refers to has been forgotten. */
function takenOver(before: string, data: string): Buffer {
  const all = deflateRawSync(data, { dictionary: Buffer.from(before), finishFlush: constants.Z_SYNC_FLUSH });
  return all.subarray(0, -4);
}

const wrong: Case[] = [
  {
    id: "12.7.1",
    what: "RSV1 on a continuation",
    send: [text("a", { final: false }), frame(OPCODE.continuation, "b", { reserved: RSV1 })],
    ...fails(1002),
  },
  {
    id: "12.7.2",
    what: "RSV1 on the second frame of a compressed message",
    send: [
      raw("f248 cd", { final: false, reserved: RSV1 }),
      frame(OPCODE.continuation, Buffer.from("c9c90700", "hex"), { reserved: RSV1 }),
    ],
    ...fails(1002),
  },
  {
    id: "12.7.3",
    what: "RSV1 on a ping",
    send: [ping("p", { reserved: RSV1 })],
    ...failsBut("controlBit", 1002, answers(said("pong", "p"))),
  },
  {
    id: "12.7.4",
    what: "RSV1 on a pong",
    send: [frame(OPCODE.pong, "p", { reserved: RSV1 })],
    ...failsBut("controlBit", 1002, answers()),
  },
  {
    id: "12.7.5",
    what: "RSV1 on a close",
    send: [frame(OPCODE.close, closePayload(1000), { reserved: RSV1 })],
    ends: true,
    ...failsBut("controlBit", 1002, answers()),
  },
  ...[1, 2, 3, 5, 6, 7].map(
    (bits): Case => ({
      id: `12.7.${5 + bits}`,
      what: `a text with the reserved bits ${bits.toString(2).padStart(3, "0")}`,
      send: [frame(OPCODE.text, deflate("x"), { reserved: bits })],
      ...fails(1002),
    }),
  ),
  { id: "12.8.1", what: "bytes that are no DEFLATE", send: [raw("ffff ffff")], ...fails(1007) },
  { id: "12.8.2", what: "a block of a kind that there is not", send: [raw("06")], ...fails(1007) },
  {
    id: "12.8.3",
    what: "a stored block whose length is not itself",
    send: [raw("0005 0000 0048 656c 6c6f")],
    ...fails(1007),
  },
  {
    id: "12.8.4",
    what: "a message that refers to the one before",
    send: [compressed("text", PROSE), 1, frame(OPCODE.text, takenOver(PROSE, PROSE), { reserved: RSV1 })],
    ...fails(1007, said("text", PROSE)),
  },
  {
    id: "12.8.5",
    what: "a text that inflates to what is no UTF-8",
    send: [compressed("text", Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80]))],
    ...fails(1007),
  },
  {
    id: "12.8.6",
    what: "a binary that inflates to what is no UTF-8",
    send: [compressed("binary", Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80]))],
    expect: answers(said("binary", Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80]))),
  },
  {
    id: "12.9.1",
    what: "a message that inflates to limits.messageBytes",
    send: [compressed("binary", Buffer.alloc(MESSAGE_BYTES))],
    expect: answers(echoed("binary", Buffer.alloc(MESSAGE_BYTES))),
  },
  {
    id: "12.9.2",
    what: "a message that inflates to one byte more",
    send: [compressed("binary", Buffer.alloc(MESSAGE_BYTES + 1))],
    ...fails(1009),
  },
  {
    id: "12.9.3",
    what: "a bomb that inflates to 256 MiB",
    send: [frame(OPCODE.binary, bomb(256), { reserved: RSV1 })],
    ...fails(1009),
  },
];

/** So many MiB of zeros, which need not be held to be compressed: the blocks of one are those of the next. */
function bomb(mebibytes: number): Buffer {
  const one = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
  return Buffer.concat(Array.from({ length: mebibytes }, () => one));
}

export const compression: Group = {
  id: "12",
  title: "compression",
  cases: [...sized, ...windows, ...blocks, ...wrong].map((each) => ({ ...each, compress: true })),
};
