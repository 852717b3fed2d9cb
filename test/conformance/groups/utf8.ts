/** 6: UTF-8, valid and not, in one frame and in many. Invalid text may be refused early, and must be at the end of its message. */
import { answers, type Case, fails, type Group } from "../case.ts";
import { fragments, frame, OPCODE, said, text } from "../frames.ts";

type Row = readonly [what: string, bytes: string | readonly number[]];

const HELLO = "Hello-µ@ßöäüàá-UTF-8!!";
const KOSME = "κόσμε";

const VALID: readonly Row[] = [
  ["the shortest of one byte, U+0000", "\u0000"],
  ["the shortest of two bytes, U+0080", "\u0080"],
  ["the shortest of three bytes, U+0800", "\u0800"],
  ["the shortest of four bytes, U+10000", "\u{10000}"],
  ["the longest of one byte, U+007F", "\u007f"],
  ["the longest of two bytes, U+07FF", "\u07ff"],
  ["the longest of three bytes, U+FFFF", "\uffff"],
  ["the last code point, U+10FFFF", "\u{10ffff}"],
  ["the last before the surrogates, U+D7FF", "\ud7ff"],
  ["the first after the surrogates, U+E000", "\ue000"],
  ["the replacement character", "\ufffd"],
  ["a byte order mark", "\ufeffx"],
  ["a byte order mark within", "x\ufeff"],
  ["letters of several scripts", HELLO],
  ["Greek", KOSME],
  ["emoji of several code points", "👩‍👩‍👧‍👦 🇪🇺"],
  ...Array.from({ length: 17 }, (_, plane): Row => {
    const ends = String.fromCodePoint(plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff);
    return [`the two non-characters that end plane ${plane}`, ends];
  }),
  ["the non-characters U+FDD0 to U+FDEF", String.fromCodePoint(...Array.from({ length: 32 }, (_, at) => 0xfdd0 + at))],
];

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, at) => first + at);
const lonely = (first: number, count: number): number[] => range(first, count).flatMap((start) => [start, 0x20]);
const hex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

const SURROGATES = [0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff];
/** A surrogate as if it were a character. */
const bytesOf = (unit: number): number[] => [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)];

const CUT = [
  [0xc0],
  [0xe0, 0x80],
  [0xf0, 0x80, 0x80],
  [0xf8, 0x80, 0x80, 0x80],
  [0xfc, 0x80, 0x80, 0x80, 0x80],
  [0xdf],
  [0xef, 0xbf],
  [0xf7, 0xbf, 0xbf],
  [0xfb, 0xbf, 0xbf, 0xbf],
  [0xfd, 0xbf, 0xbf, 0xbf, 0xbf],
];

const OVERLONG = [
  [0xc0, 0xaf],
  [0xe0, 0x80, 0xaf],
  [0xf0, 0x80, 0x80, 0xaf],
  [0xf8, 0x80, 0x80, 0x80, 0xaf],
  [0xfc, 0x80, 0x80, 0x80, 0x80, 0xaf],
  [0xc1, 0xbf],
  [0xe0, 0x9f, 0xbf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf8, 0x87, 0xbf, 0xbf, 0xbf],
  [0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf],
  [0xc0, 0x80],
  [0xe0, 0x80, 0x80],
  [0xf0, 0x80, 0x80, 0x80],
  [0xf8, 0x80, 0x80, 0x80, 0x80],
  [0xfc, 0x80, 0x80, 0x80, 0x80, 0x80],
];

const INVALID: readonly Row[] = [
  ["Greek with a byte that is none", [...Buffer.from(KOSME), 0xed, 0xa0, 0x80, ...Buffer.from("edited")]],
  ["beyond the last code point", [0xf4, 0x90, 0x80, 0x80]],
  ["far beyond it", [0xf7, 0xbf, 0xbf, 0xbf]],
  ["the shortest of five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ["the longest of five bytes", [0xfb, 0xbf, 0xbf, 0xbf, 0xbf]],
  ["the shortest of six bytes", [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]],
  ["the longest of six bytes", [0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]],
  ...[[0x80], [0xbf], ...[2, 3, 4, 5, 6, 7].map((count) => range(0x80, 2).concat(range(0x80, count - 2)))].map(
    (bytes): Row => [`continuation bytes alone: ${hex(bytes)}`, bytes],
  ),
  ["every continuation byte", range(0x80, 64)],
  ["every first byte of two, each with a blank", lonely(0xc0, 32)],
  ["every first byte of three, each with a blank", lonely(0xe0, 16)],
  ["every first byte of four, each with a blank", lonely(0xf0, 8)],
  ["every first byte of five, each with a blank", lonely(0xf8, 4)],
  ["every first byte of six, each with a blank", lonely(0xfc, 2)],
  ...CUT.map((bytes): Row => [`cut short: ${hex(bytes)}`, bytes]),
  ["all of those in a row", CUT.flat()],
  ["cut short, then a letter", [0xe2, 0x82, 0x41]],
  ["the byte fe", [0xfe]],
  ["the byte ff", [0xff]],
  ["fe fe ff ff", [0xfe, 0xfe, 0xff, 0xff]],
  ...OVERLONG.map((bytes): Row => [`longer than need be: ${hex(bytes)}`, bytes]),
  ...SURROGATES.map((unit): Row => [`the surrogate ${unit.toString(16)}`, bytesOf(unit)]),
  ...SURROGATES.slice(0, 4).flatMap((high) =>
    [0xdc00, 0xdfff].map((low): Row => {
      const what = `the pair ${high.toString(16)} ${low.toString(16)} as two characters`;
      return [what, [...bytesOf(high), ...bytesOf(low)]];
    }),
  ),
];

/** Whole, and in frames of a byte, which no character of several fits. */
function twice(id: string, [what, given]: Row, outcome: (bytes: Buffer) => Pick<Case, "expect" | "differs">): Case[] {
  const bytes = Buffer.from(given as string);
  return [
    { id, what, send: [text(bytes)], ...outcome(bytes) },
    { id: `${id}b`, what: `${what}, in frames of a byte`, send: fragments(OPCODE.text, bytes, 1), ...outcome(bytes) },
  ];
}

const valid = VALID.flatMap((row, at) =>
  twice(`6.5.${at + 1}`, row, (data) => ({ expect: answers(said("text", data)) })),
);
const invalid = INVALID.flatMap((row, at) => twice(`6.6.${at + 1}`, row, () => fails(1007)));

const characters = [HELLO, KOSME].map(
  (word, at): Case => ({
    id: `6.2.${at + 1}`,
    what: "a frame for each character",
    send: [...word].map((letter, index, all) =>
      frame(index === 0 ? OPCODE.text : OPCODE.continuation, letter, { final: index === all.length - 1 }),
    ),
    expect: answers(said("text", word)),
  }),
);

export const utf8: Group = {
  id: "6",
  title: "UTF-8",
  cases: [
    { id: "6.1.1", what: "an empty text", send: [text("")], expect: answers(said("text")) },
    {
      id: "6.1.2",
      what: "a text of three empty frames",
      send: [text("", { final: false }), frame(OPCODE.continuation, "", { final: false }), frame(OPCODE.continuation)],
      expect: answers(said("text")),
    },
    {
      id: "6.1.3",
      what: "a text in the middle of three frames",
      send: [
        text("", { final: false }),
        frame(OPCODE.continuation, "mid", { final: false }),
        frame(OPCODE.continuation),
      ],
      expect: answers(said("text", "mid")),
    },
    ...characters,
    {
      id: "6.3.1",
      what: "a character over two frames with a ping between",
      send: [
        text(Buffer.from([0xe2, 0x82]), { final: false }),
        frame(OPCODE.ping, "p"),
        frame(OPCODE.continuation, Buffer.from([0xac])),
      ],
      expect: answers(said("pong", "p"), said("text", "€")),
    },
    {
      id: "6.3.2",
      what: "a binary may hold what is no UTF-8",
      send: [frame(OPCODE.binary, Buffer.from(OVERLONG.flat()))],
      expect: answers(said("binary", Buffer.from(OVERLONG.flat()))),
    },
    {
      id: "6.4.1",
      what: "a text that is bad in its first frame, ended by a second",
      send: [text(Buffer.from([0xf4, 0x90, 0x80, 0x80]), { final: false }), frame(OPCODE.continuation, "edited")],
      ...fails(1007),
    },
    {
      id: "6.4.2",
      what: "a text that is bad over the border of its frames",
      send: [text(Buffer.from([0xf4]), { final: false }), frame(OPCODE.continuation, Buffer.from([0x90, 0x80, 0x80]))],
      ...fails(1007),
    },
    {
      id: "6.4.3",
      what: "a bad text, 1 byte a write",
      send: [text(Buffer.from([...Buffer.from(KOSME), 0xed, 0xa0, 0x80]))],
      chop: 1,
      ...fails(1007),
    },
    ...valid,
    ...invalid,
  ],
};
