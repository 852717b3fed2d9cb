/** 9: large messages up to limits.messageBytes and past it, whole, in frames and in small writes; 10: what is left. */
import { answers, type Case, fails, type Group } from "../case.ts";
import { binary, fragments, frame, OPCODE, said, text } from "../frames.ts";
import { MESSAGE_BYTES } from "../settings.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

type Kind = "text" | "binary";
const KINDS: readonly Kind[] = ["text", "binary"];

/** The same bytes each time, and no run of them soon again. */
function dataOf(kind: Kind, size: number): Buffer {
  const pattern = Array.from({ length: 4_093 }, (_, at) =>
    kind === "text" ? 0x20 + ((at * at) % 95) : (at * at) % 256,
  );
  return Buffer.alloc(size, Buffer.from(pattern));
}

function whole(group: number, sizes: readonly number[], chop?: number): Case[] {
  return KINDS.flatMap((kind, column) =>
    sizes.map((size, row): Case => {
      const data = dataOf(kind, size);
      return {
        id: `9.${group + column}.${row + 1}`,
        what: `${kind} of ${size / KIB} KiB${chop === undefined ? "" : `, ${chop} bytes a write`}`,
        send: [kind === "text" ? text(data) : binary(data)],
        ...(chop === undefined ? {} : { chop }),
        expect: answers(said(kind, data)),
      };
    }),
  );
}

/** ws takes 16,384 frames for one message. */
const FRAMES_MAX = 16_384;

function inFrames(group: number, size: number, sizes: readonly number[]): Case[] {
  return KINDS.flatMap((kind, column) =>
    sizes.map((each, row): Case => {
      const data = dataOf(kind, size);
      const tooMany = Math.ceil(size / each) > FRAMES_MAX;
      return {
        id: `9.${group + column}.${row + 1}`,
        what: `${kind} of ${size / KIB} KiB in frames of ${each} bytes`,
        send: fragments(OPCODE[kind], data, each),
        expect: answers(said(kind, data)),
        ...(tooMany ? { differs: { ws: { by: "frames", expect: { frames: ["close 1008"], told: 1006 } } } } : {}),
      };
    }),
  );
}

const past = KINDS.flatMap((kind, column): Case[] => {
  const data = dataOf(kind, MESSAGE_BYTES + 1);
  return [
    {
      id: `9.9.${column + 1}`,
      what: `${kind} of one byte more than limits.messageBytes`,
      send: [kind === "text" ? text(data) : binary(data)],
      ...fails(1009),
    },
    {
      id: `9.9.${column + 3}`,
      what: `${kind} of one byte more, in frames of 64 KiB`,
      send: fragments(OPCODE[kind], data, 64 * KIB),
      ...fails(1009),
    },
    {
      id: `9.9.${column + 5}`,
      what: `${kind} of a claimed 65 MiB: it is not waited for`,
      send: [frame(OPCODE[kind], "", { length: BigInt(65 * MIB) })],
      ...fails(1009),
    },
  ];
});

const many = KINDS.flatMap((kind, column) =>
  [0, 16, 64, 256, 1024, 4096].map((size, row): Case => {
    const data = dataOf(kind, size);
    const encoded = kind === "text" ? text(data) : binary(data);
    return {
      id: `9.${7 + column}.${row + 1}`,
      what: `1,000 of ${kind} with ${size} bytes, one answered before the next`,
      send: Array.from({ length: 1_000 }, () => [encoded, 1]).flat(),
      expect: answers(...Array.from({ length: 1_000 }, () => said(kind, data))),
    };
  }),
);

export const limits: Group = {
  id: "9",
  title: "limits",
  cases: [
    ...whole(1, [64 * KIB, 256 * KIB, MIB, MESSAGE_BYTES]),
    ...inFrames(3, MESSAGE_BYTES, [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, MESSAGE_BYTES]),
    ...whole(5, [64 * KIB, 256 * KIB], 64),
    ...many,
    ...past,
  ],
};

const AUTO = dataOf("text", 65_536);

export const misc: Group = {
  id: "10",
  title: "more of fragmentation",
  cases: [
    {
      id: "10.1.1",
      what: "a text of 65,536 bytes in frames of 1,300",
      send: fragments(OPCODE.text, AUTO, 1_300),
      expect: answers(said("text", AUTO)),
    },
    {
      id: "10.1.2",
      what: "a frame that begins in one write and ends in the next, each way",
      send: [text("a".repeat(200)), text("b".repeat(200))],
      chop: 103,
      expect: answers(said("text", "a".repeat(200)), said("text", "b".repeat(200))),
    },
    {
      id: "10.1.3",
      what: "a thousand messages in one write",
      send: Array.from({ length: 1_000 }, (_, at) => text(`message ${at}`)),
      expect: answers(...Array.from({ length: 1_000 }, (_, at) => said("text", `message ${at}`))),
    },
  ],
};
