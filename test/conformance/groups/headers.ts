/** 3: reserved bits, 4: reserved opcodes. */
import { closePayload } from "../../support/sockets.ts";
import { type Case, fails, type Group } from "../case.ts";
import { frame, OPCODE, said, text } from "../frames.ts";

const BITS = [1, 2, 3, 4, 5, 6, 7]; // RSV1 is 4, RSV2 is 2, RSV3 is 1
const GREETING = "Hello-µ@ßöäüàá-UTF-8!!";

const reserved: Case[] = (["text", "binary", "ping", "pong", "close"] as const).flatMap((kind, row) =>
  BITS.map((bits) => ({
    id: `3.${row + 1}.${bits}`,
    what: `a ${kind} with the reserved bits ${bits.toString(2).padStart(3, "0")}`,
    send: [text(GREETING), 1, frame(OPCODE[kind], kind === "close" ? closePayload(1000) : "x", { reserved: bits })],
    ...fails(1002, said("text", GREETING)),
  })),
);

const CHOPPED: Case = {
  id: "3.6.1",
  what: "a reserved bit, 1 byte a write",
  send: [text(GREETING), 1, text("x", { reserved: 4 })],
  chop: 1,
  ...fails(1002, said("text", GREETING)),
};

const OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

const opcodes: Case[] = OPCODES.flatMap((opcode, row) =>
  ["", "reserved payload"].map((payload, column) => ({
    id: `4.${opcode < 8 ? 1 : 2}.${(row % 5) + 1}${column === 0 ? "" : "b"}`,
    what: `opcode ${opcode} ${payload === "" ? "without" : "with"} payload`,
    send: [text(GREETING), 1, frame(opcode, payload)],
    ...fails(1002, said("text", GREETING)),
  })),
);

export const reservedBits: Group = { id: "3", title: "reserved bits", cases: [...reserved, CHOPPED] };
export const reservedOpcodes: Group = { id: "4", title: "opcodes", cases: opcodes };
