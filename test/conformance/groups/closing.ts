/** 7: the closing handshake, its codes and reasons, and what comes after it. */
import { answers, type Case, fails, failsBut, type Group } from "../case.ts";
import { close, fragments, frame, OPCODE, ping, said, text } from "../frames.ts";

const HELLO = "Hello World!";
const BIG = Buffer.alloc(256 * 1024, 0x42);

const GOOD = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const BAD = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

const UNKNOWN_TO_UWS = [1012, 1013, 1014, 3000, 3999];
const EMPTY = { frames: ["close"], told: 1006 };

const accepted = GOOD.map(
  (code, at): Case => ({
    id: `7.7.${at + 1}`,
    what: `close code ${code}`,
    send: [close(code)],
    ends: true,
    expect: { frames: [`close ${code}`], told: code },
    ...(UNKNOWN_TO_UWS.includes(code) ? { differs: { uws: { by: "closeCodes", expect: EMPTY } } } : {}),
  }),
);

const refused = BAD.map(
  (code, at): Case => ({
    id: `7.9.${at + 1}`,
    what: `close code ${code}, which may not be sent`,
    send: [close(code)],
    ends: true,
    ...failsBut("emptyClose", 1002, EMPTY),
  }),
);

/** After the close frame: nothing is answered any more. */
function after(id: string, what: string, ...send: Uint8Array[]): Case {
  return { id, what, send: [close(1000), ...send], ends: true, expect: answers() };
}

export const closing: Group = {
  id: "7",
  title: "close handling",
  cases: [
    { id: "7.1.1", what: "a message, then a close", send: [text(HELLO)], expect: answers(said("text", HELLO)) },
    after("7.1.2", "two closes", close(1000)),
    after("7.1.3", "a ping after the close", ping("late")),
    after("7.1.4", "a text after the close", text("late")),
    {
      id: "7.1.5",
      what: "a close within an unfinished text, then its end",
      send: [text("fragment1", { final: false }), close(1000), frame(OPCODE.continuation, "fragment2")],
      ends: true,
      expect: answers(),
    },
    {
      id: "7.1.6",
      what: "256 KiB, a close, then a ping",
      send: [text(BIG), text(HELLO), close(1000), ping("late")],
      ends: true,
      expect: answers(said("text", BIG), said("text", HELLO)),
    },
    {
      id: "7.1.7",
      what: "a close after 100 frames of an unfinished text",
      send: [...fragments(OPCODE.text, Buffer.alloc(100, 0x61), 1).slice(0, -1)],
      expect: answers(),
    },
    {
      id: "7.3.1",
      what: "an empty close",
      send: [frame(OPCODE.close)],
      ends: true,
      expect: { frames: ["close"], told: 1005 },
    },
    {
      id: "7.3.2",
      what: "a close of 1 byte",
      send: [frame(OPCODE.close, "a")],
      ends: true,
      ...failsBut("closeByte", 1002, { frames: ["close"], told: 1005 }),
    },
    { id: "7.3.3", what: "a close with a code alone", send: [close(1000)], ends: true, expect: answers() },
    {
      id: "7.3.4",
      what: "a close with a reason",
      send: [close(1000, HELLO)],
      ends: true,
      expect: { frames: [`close 1000 "${HELLO}"`], told: 1000 },
    },
    {
      id: "7.3.4b",
      what: "a close with a reason, 1 byte a write",
      send: [close(1000, HELLO)],
      chop: 1,
      ends: true,
      expect: { frames: [`close 1000 "${HELLO}"`], told: 1000 },
    },
    {
      id: "7.3.5",
      what: "a close with a reason of 123 bytes",
      send: [close(1000, "*".repeat(123))],
      ends: true,
      expect: { frames: [`close 1000 "${"*".repeat(123)}"`], told: 1000 },
    },
    {
      id: "7.3.6",
      what: "a close with a reason of 124 bytes",
      send: [close(1000, "*".repeat(124))],
      ends: true,
      ...fails(1002),
    },
    {
      id: "7.5.1",
      what: "a close whose reason is no UTF-8",
      send: [close(1000, Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80]))],
      ends: true,
      ...failsBut("emptyClose", 1007, EMPTY),
    },
    ...accepted,
    ...refused,
  ],
};
