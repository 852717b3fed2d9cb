/** 1: data frames of every length form, 2: pings and pongs. */
import { closePayload } from "../../support/sockets.ts";
import { answers, type Case, fails, failsBut, type Group } from "../case.ts";
import { binary, frame, OPCODE, ping, pong, said, text } from "../frames.ts";

const SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536];
const CHOPS = [undefined, 1, 997] as const; // bytes a write

function sized(kind: "text" | "binary", group: number): Case[] {
  const encode = kind === "text" ? text : binary;
  return SIZES.flatMap((size, row) =>
    CHOPS.filter((chop) => chop === undefined || (chop === 1 ? size <= 128 : size > 128)).map((chop) => {
      const data = Buffer.alloc(size, kind === "text" ? 0x2a : 0xfe);
      return {
        id: `1.${group}.${row + 1}${chop === undefined ? "" : "b"}`,
        what: `${kind} of ${size} bytes${chop === undefined ? "" : `, ${chop} bytes a write`}`,
        send: [encode(data)],
        ...(chop === undefined ? {} : { chop }),
        expect: answers(said(kind, data)),
      };
    }),
  );
}

const LENGTHS = [
  [2, 2],
  [2, 126],
  [8, 2],
  [8, 126],
  [8, 65_535],
] as const;

const lengths = LENGTHS.map(([lengthBytes, size], row): Case => {
  const data = Buffer.alloc(size, 0x61);
  return {
    id: `1.3.${row + 1}`,
    what: `${size} bytes, counted in ${lengthBytes * 8} bits`,
    send: [text(data, { lengthBytes })],
    expect: answers(said("text", data)),
  };
});

/** uWebSockets.js takes the next four bytes for a mask: what it reads then is no frame, or nobody's. */
const DROPPED = { frames: [], told: 1006 };

const masks: Case[] = [
  {
    id: "1.4.1",
    what: "a text without a mask",
    send: [text("hello", { masked: false })],
    ...failsBut("unmasked", 1002, DROPPED),
  },
  {
    id: "1.4.2",
    what: "a ping without a mask, then another",
    send: [ping("", { masked: false }), ping("a second one")],
    ...failsBut("unmasked", 1002, DROPPED),
  },
  {
    id: "1.4.3",
    what: "a close without a mask, then another",
    send: [frame(OPCODE.close, closePayload(1000), { masked: false })],
    ...failsBut("unmasked", 1002, { frames: ["close"], told: 1006 }),
  },
  {
    id: "1.5.1",
    what: "a length with its highest bit set",
    send: [text("", { length: 1n << 63n, lengthBytes: 8 })],
    ...fails(1009),
  },
  {
    id: "1.5.2",
    what: "the largest length there is",
    send: [text("", { length: (1n << 64n) - 1n, lengthBytes: 8 })],
    ...fails(1009),
  },
];

export const framing: Group = {
  id: "1",
  title: "framing",
  cases: [...sized("text", 1), ...sized("binary", 2), ...lengths, ...masks],
};

const BYTES = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
const FULL = Buffer.alloc(125, 0xfe);
const TEN = Array.from({ length: 10 }, (_, at) => `payload ${at}`);

export const pings: Group = {
  id: "2",
  title: "pings and pongs",
  cases: [
    { id: "2.1", what: "a ping without payload", send: [ping()], expect: answers(said("pong")) },
    { id: "2.2", what: "a ping with text", send: [ping("Hello")], expect: answers(said("pong", "Hello")) },
    {
      id: "2.3",
      what: "a ping with bytes that are no text",
      send: [ping(BYTES)],
      expect: answers(said("pong", BYTES)),
    },
    { id: "2.4", what: "a ping of 125 bytes", send: [ping(FULL)], expect: answers(said("pong", FULL)) },
    { id: "2.5", what: "a ping of 126 bytes", send: [ping(Buffer.alloc(126))], ...fails(1002) },
    { id: "2.5b", what: "a ping of 65,536 bytes", send: [ping(Buffer.alloc(65_536))], ...fails(1002) },
    {
      id: "2.5c",
      what: "a ping whose 2 bytes are counted in 16 bits",
      send: [ping("ab", { lengthBytes: 2 })],
      ...fails(1002),
    },
    {
      id: "2.6",
      what: "a ping of 125 bytes, 1 byte a write",
      send: [ping(FULL)],
      chop: 1,
      expect: answers(said("pong", FULL)),
    },
    { id: "2.7", what: "an unasked pong without payload", send: [pong()], expect: answers() },
    { id: "2.8", what: "an unasked pong with text", send: [pong("unasked")], expect: answers() },
    { id: "2.8b", what: "a pong of 126 bytes", send: [pong(Buffer.alloc(126))], ...fails(1002) },
    {
      id: "2.9",
      what: "an unasked pong, then a ping",
      send: [pong("unasked"), ping("ping")],
      expect: answers(said("pong", "ping")),
    },
    {
      id: "2.10",
      what: "ten pings in one write",
      send: TEN.map((payload) => ping(payload)),
      expect: answers(...TEN.map((payload) => said("pong", payload))),
    },
    {
      id: "2.11",
      what: "ten pings, 1 byte a write",
      send: TEN.map((payload) => ping(payload)),
      chop: 1,
      expect: answers(...TEN.map((payload) => said("pong", payload))),
    },
    {
      id: "2.12",
      what: "pings between messages are answered in their places",
      send: [text("a"), ping("1"), text("b"), ping("2")],
      expect: answers(said("text", "a"), said("pong", "1"), said("text", "b"), said("pong", "2")),
    },
  ],
};
