/**
 * What is said between the node's own thread and a realm: records, packed side by side into one batch per turn.
 *
 *   batch    section …                                 section  slot u32, length u32, record …
 *   record   type u8, fields                           slot     a process in the realm; 0: the realm itself
 *
 * 1. Numbers are little-endian. A text is its length in bytes (u32) and UTF-8; a value, its length and MessagePack.
 * 2. A blob is a byte of flags, then its MIME type if it has one, then its length and bytes; a large one only says where
 *    among the batch's large ones it is.
 * 3. `seq` counts the messages that one process was given, from 1. `call` is the realm's own number for what it waits for.
 * 4. A realm may say anything: who reads throws RangeError where a record is cut short, and the realm is ended.
 */
import { MESSAGE_TYPES, type Settings, type WsMessageType } from "../../lib/protocol/index.ts";

/** To the realm. */
export const START = 1; // value: see StartOrder
export const FRAME = 2; // seq u32, channel u32, message type u8, blob
export const MESSAGE = 3; // see message-codec.ts
export const OUTCOME = 4; // call u32, then as MESSAGE: of a request that a handler awaits
export const RESULT = 5; // call u32, value {ok} or {error}: of ORDER
export const FAREWELL = 6; // nothing. Nothing more is begun
export const END = 7; // nothing: this incarnation has ended
export const PING = 8; // u32
export const RECALL = 9; // value: list of seq. They are not to be begun
export const HALT = 10; // nothing: to end in peace. Nothing more is begun, and EXIT said when what is in hand is done
export const LAPSED = 11; // seq u32, value: its capabilities, of which some have been revoked

/** To the node. */
export const READY = 20; // nothing: its init is through
export const BEGIN = 21; // seq u32; 0: a timer of its own. What follows is done with that message in hand
export const DONE = 22; // nothing: the message in hand is handled
export const PUSH = 23; // channel u32, message type u8, blob
export const SEND = 24; // see message-codec.ts
export const CALL = 25; // likewise; its outcome comes as OUTCOME, any other as MESSAGE
export const RESPOND = 26; // likewise
export const ORDER = 27; // call u32, value [name, argument]: see orders.ts
export const LOG = 28; // text
export const EXIT = 29; // nothing: it wants to end in peace, and handles nothing more
export const CRASHED = 30; // value: an error (error-codec.ts)
export const FAREWELL_SAID = 31; // value: an error, or null
export const HELLO = 32; // nothing: the realm runs
export const PONG = 33; // u32 of the PING, u32 MiB of resident memory
export const DYING = 34; // value: the error that ends the whole realm
export const PASS_ON = 36; // channel u32, message type u8: a PUSH of what came with the frame in hand, as it came
export const TELL = 35; // target text, value, blob: what wants no answer and has nothing but these

/** A message type as u8. The most frequent two are not looked for. */
export function codeOf(type: WsMessageType): number {
  if (type === "Text") return TEXT;
  return type === "Binary" ? BINARY : MESSAGE_TYPES.indexOf(type);
}

const TEXT = MESSAGE_TYPES.indexOf("Text");
const BINARY = MESSAGE_TYPES.indexOf("Binary");

/** What START carries. */
export type StartOrder = {
  /** Of its program. */
  readonly path: string;
  /** Text of its address. */
  readonly our: string;
  readonly dialect: string;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly freezes: boolean;
  readonly limits: RealmLimits;
};

/** The kernel's limits that are checked where the process runs. */
export type RealmLimits = {
  readonly pendingRequests: number;
  readonly timers: number;
  readonly requestSeconds: number;
  readonly turnSteps: number;
};
