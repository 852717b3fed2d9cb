/** What clients say in each bench of exchanges, and what they must hear: made to the byte. */
import { OptionError } from "../lib/protocol/index.ts";
import { count, type Said } from "./contenders/said.ts";
import type { Work } from "./contenders/told.ts";
import type { Exchange } from "./talk.ts";

/** @param bytes of the text, or of the JSON text @throws {OptionError} too few for the JSON's keys */
export function exchangeOf(work: Work, bytes: number): Exchange {
  if (work === "json" || work === "app") return jsonExchange(bytes);
  const text = filler(bytes);
  return { said: text, heard: text };
}

function jsonExchange(bytes: number): Exchange {
  const bare: Said = { type: "said", from: "alice", n: 1, text: "" };
  const least = JSON.stringify(bare).length;
  if (bytes < least) {
    throw new OptionError(
      `Cannot set --bytes as a message in JSON must be at least ${least} bytes: got ${bytes}, leave it out for 64`,
    );
  }
  const said: Said = { ...bare, text: filler(bytes - least) };
  return { said, heard: count({ ...said }) };
}

/** Letters and spaces, so that no protocol needs to escape one. */
function filler(bytes: number): string {
  return "jackfield ".repeat(Math.ceil(bytes / 10)).slice(0, bytes);
}
