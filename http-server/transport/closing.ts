/** What may stand in a close frame. Neither code nor reason is checked by uWebSockets.js (contracts/hazards.md §2). */
import { isSendableCloseCode } from "../../lib/protocol/index.ts";
import { wellFormed } from "./text.ts";

const REASON_MAX = 123; // bytes: a control frame carries 125, the code takes two (RFC 6455 §5.5)
const NORMAL = 1000;

const encoder = new TextEncoder();
const scratch = new Uint8Array(REASON_MAX);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // a byte order mark is part of the reason, not a hint to us

/** `code`, or 1000 in place of one that RFC 6455 §7.4 keeps off the wire. */
export function sendableCode(code: number): number {
  return isSendableCloseCode(code) ? code : NORMAL;
}

/** As much of `reason` as fits a close frame, never half a code point, well-formed. */
export function cutReason(reason: string): string {
  const text = wellFormed(reason);
  if (text.length * 3 <= REASON_MAX) return text; // a UTF-16 unit takes three bytes at most
  return text.slice(0, encoder.encodeInto(text, scratch).read);
}

/** The reason a client gave, as text; bytes that are no UTF-8 become U+FFFD. */
export function readReason(bytes: ArrayBuffer | Uint8Array): string {
  return bytes.byteLength === 0 ? "" : decoder.decode(bytes);
}
