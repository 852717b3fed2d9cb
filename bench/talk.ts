/**
 * How clients of each contender speak, for the load process.
 *
 * 1. An Exchange is the application's; the frames around it are whatever the contender's protocol makes of it.
 * 2. The echo is spelled out here, not asked of the server: it is what proves that the server did the work.
 */
import type { Frame, Talk } from "./load/job.ts";

/** What a client says over and over, and what it hears each time. A string is text; anything else is the library's to encode. */
export type Exchange = { readonly said: unknown; readonly heard: unknown };

/** A bare WebSocket server: strings as they are, values as JSON. */
export function plainTalk({ said, heard }: Exchange): Talk {
  return { paths: ["/"], greeting: [], message: plainFrame(said), echo: plainFrame(heard), asides: [] };
}

/** Jackfield's main route: the first message registers the channel with a process (DESIGN §4.2). @param more of it */
export function registeredTalk(exchange: Exchange, token: string, process: string, more: object = {}): Talk {
  const register = { auth_token: token, target_process: process, encrypted: false, ...more };
  return {
    ...plainTalk(exchange),
    greeting: [{ sends: { text: JSON.stringify(register) }, hears: { text: '{"channel_id":' } }],
  };
}

function plainFrame(value: unknown): Frame {
  return { text: typeof value === "string" ? value : JSON.stringify(value) };
}

/**
 * Socket.IO 5 in Engine.IO 4, on WebSocket from the start: `0` open, `40` connect, `42` event; the server's ping `2`
 * wants a pong `3`. Other digits do not occur here.
 */
export function socketIoTalk({ said, heard }: Exchange): Talk {
  const event = (value: unknown): Frame => ({ text: `42${JSON.stringify(["m", value])}` });
  return {
    paths: ["/socket.io/?EIO=4&transport=websocket"],
    greeting: [{ hears: { text: "0{" } }, { sends: { text: "40" }, hears: { text: "40{" } }],
    message: event(said),
    echo: event(heard),
    asides: [{ hears: { text: "2" }, sends: { text: "3" } }],
  };
}

const JOIN_ROOM = 10;
const ROOM_DATA = 13;

/**
 * Colyseus 0.16 (its core/src/Protocol.ts): the server says JOIN_ROOM with what the client needs to know of the room,
 * the client answers with the bare code; ROOM_DATA is followed by the message's type and its payload, both MessagePack.
 * @param paths one reserved seat each
 */
export function colyseusTalk({ said, heard }: Exchange, paths: readonly string[]): Talk {
  const join = binary(Buffer.of(JOIN_ROOM));
  const data = (value: unknown): Frame => binary(Buffer.concat([Buffer.of(ROOM_DATA), packed("m"), packed(value)]));
  return { paths, greeting: [{ hears: join }, { sends: join }], message: data(said), echo: data(heard), asides: [] };
}

function binary(bytes: Buffer): Frame {
  return { base64: bytes.toString("base64") };
}

/**
 * MessagePack exactly as Colyseus's msgpackr writes it: an object always with a 16-bit count of its keys, where
 * lib/protocol's codec takes the shortest form. Strings, whole numbers up to 127 and objects of them: what is needed.
 */
export function packed(value: unknown): Buffer {
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    const { length } = bytes;
    const head = length < 32 ? [0xa0 | length] : length < 256 ? [0xd9, length] : [0xda, length >> 8, length & 0xff];
    return Buffer.concat([Buffer.from(head), bytes]);
  }
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 128) return Buffer.of(value);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    const head = Buffer.of(0xde, entries.length >> 8, entries.length & 0xff);
    return Buffer.concat([head, ...entries.flatMap(([key, each]) => [packed(key), packed(each)])]);
  }
  throw new TypeError(`Cannot pack a value as it must be text, a small whole number or an object: got ${value}`);
}
