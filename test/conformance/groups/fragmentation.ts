/** 5: messages in several frames, and what may stand between those. */
import { closePayload } from "../../support/sockets.ts";
import { answers, type Case, fails, failsBut, type Group, type Script } from "../case.ts";
import { close, fragments, frame, OPCODE, ping, pong, said, text } from "../frames.ts";

const FIRST = "fragment1";
const SECOND = "fragment2";
const WHOLE = said("text", FIRST + SECOND);
const open = (data: string): Buffer => text(data, { final: false });
const more = (data: string): Buffer => frame(OPCODE.continuation, data, { final: false });
const last = (data: string): Buffer => frame(OPCODE.continuation, data);

/** Three times: in one write, frame by frame, and a byte a write. */
function thrice(id: string, what: string, send: Script, outcome: Pick<Case, "expect" | "differs">): Case[] {
  return [
    { id, what, send, ...outcome },
    { id: `${id}b`, what: `${what}, 1 byte a write`, send, chop: 1, ...outcome },
    { id: `${id}c`, what: `${what}, 7 bytes a write`, send, chop: 7, ...outcome },
  ];
}

const FIVE = ["fragment1", "fragment2", "fragment3", "fragment4", "fragment5"];

export const fragmentation: Group = {
  id: "5",
  title: "fragmentation",
  cases: [
    {
      id: "5.1",
      what: "a ping in two frames",
      send: [frame(OPCODE.ping, FIRST, { final: false }), last(SECOND)],
      ...fails(1002),
    },
    {
      id: "5.2",
      what: "a pong in two frames",
      send: [frame(OPCODE.pong, FIRST, { final: false }), last(SECOND)],
      ...fails(1002),
    },
    {
      id: "5.2b",
      what: "a close in two frames",
      send: [frame(OPCODE.close, closePayload(1000), { final: false }), last("bye")],
      ...fails(1002),
    },
    ...thrice("5.3", "a text in two frames", [open(FIRST), last(SECOND)], { expect: answers(WHOLE) }),
    ...thrice("5.6", "a text in two frames with a ping between", [open(FIRST), ping("ping"), last(SECOND)], {
      expect: answers(said("pong", "ping"), WHOLE),
    }),
    ...thrice("5.7", "a text in two frames with an unasked pong between", [open(FIRST), pong("pong"), last(SECOND)], {
      expect: answers(WHOLE),
    }),
    ...thrice("5.9", "a last continuation of nothing, then a text", [last("nothing"), text("text")], fails(1002)),
    ...thrice("5.12", "a continuation of nothing, then a text", [more("nothing"), text("text")], fails(1002)),
    ...thrice(
      "5.15",
      "a text in two frames, then a continuation of nothing and a text",
      [open(FIRST), last(SECOND), 1, more("nothing"), text("text")],
      fails(1002, WHOLE),
    ),
    ...thrice(
      "5.16",
      "twice: a continuation of nothing, then a text",
      [more(FIRST), text(SECOND), more(FIRST), text(SECOND)],
      fails(1002),
    ),
    ...thrice(
      "5.17",
      "twice: a last continuation of nothing, then an unfinished text",
      [last(FIRST), open(SECOND), last(FIRST), open(SECOND)],
      fails(1002),
    ),
    ...thrice("5.18", "a text within an unfinished text", [open(FIRST), text(SECOND)], fails(1002)),
    ...thrice(
      "5.18d",
      "a binary within an unfinished text",
      [open(FIRST), frame(OPCODE.binary, SECOND)],
      failsBut("mixed", 1002, answers(said("binary", FIRST + SECOND))),
    ),
    ...thrice(
      "5.18g",
      "a text within an unfinished binary",
      [frame(OPCODE.binary, FIRST, { final: false }), text(SECOND)],
      fails(1002),
    ),
    ...thrice(
      "5.19",
      "a text in five frames with two pings between",
      [
        open("fragment1"),
        more("fragment2"),
        ping("1"),
        more("fragment3"),
        more("fragment4"),
        ping("2"),
        last("fragment5"),
      ],
      { expect: answers(said("pong", "1"), said("pong", "2"), said("text", FIVE.join(""))) },
    ),
    {
      id: "5.20",
      what: "a text in five frames, each pong awaited",
      send: [
        open("fragment1"),
        more("fragment2"),
        ping("1"),
        1,
        more("fragment3fragment4"),
        ping("2"),
        1,
        last("fragment5"),
      ],
      expect: answers(said("pong", "1"), said("pong", "2"), said("text", FIVE.join(""))),
    },
    {
      id: "5.21",
      what: "a text of three empty frames",
      send: [open(""), more(""), last("")],
      expect: answers(said("text")),
    },
    {
      id: "5.22",
      what: "a binary of 1,000 frames of a byte",
      send: fragments(OPCODE.binary, Buffer.alloc(1_000, 7), 1),
      expect: answers(said("binary", Buffer.alloc(1_000, 7))),
    },
    {
      id: "5.23",
      what: "a close within an unfinished text ends it unheard",
      send: [open(FIRST), close(1000)],
      ends: true,
      expect: answers(),
    },
  ],
};
