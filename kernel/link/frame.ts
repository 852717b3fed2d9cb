/**
 * Frames between nodes (docs/cluster.md): a head that every frame has, then MessagePack.
 *
 *   u8 version · u32 epoch · u48 seq · value                       little-endian
 *   q  [id, source, target, seconds, body, blob, mime, isText, metadata, capabilities]
 *   r  [id, source, error, body, blob, mime, isText, metadata, capabilities]
 *   c  [transfer, lane, index, count, bytes]
 *   k  [epoch, first, last, missed]       p  [floor]
 *   b  instead of a value: u8 lane · u32 length · value, again and again; lanes q, r, c and k
 *
 * 1. `epoch` is new with each start of a node; `seq` counts its frames to one peer from 1. A `k` has seq 0, a `p` that of
 *    the last frame. 48 bits last for centuries; 32 would be over in half a day of 100,000 frames a second.
 *    That of a `b` is of the first in it that is no `k`, and the others follow.
 * 2. Source and target are process ids: which nodes they are of, the wire says.
 * 3. A frame of another version is refused as a whole: what it means nobody here knows.
 * 4. `id` is the requester's, and begins elsewhere in each of its lives: an answer says nothing else of whom it is for.
 *    0: no answer is wanted; as an answer, an Offline of nobody's: that name is not on this node, or, of
 *    kernel:distro:sys, none of the cluster is any more: it stops (docs/adr/0037). `error` null: it is an answer.
 */
import { type Capability, packMessage, type SendErrorKind, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batched } from "./batch.ts";
import { FrameError } from "./errors.ts";
import type { Lane } from "./wire.ts";

export const VERSION = 1;
export const HEAD_BYTES = 11;
const BATCHED_BYTES = 5; // before each value of a batch

export type Head = { readonly epoch: number; readonly seq: number };

/** What a message has besides who and whom. */
export type Load = {
  readonly body: unknown;
  readonly blob: Uint8Array | string | null;
  readonly mime: string | null;
  readonly metadata: string | null;
  readonly capabilities: readonly Capability[];
};

export type RequestFields = Load & {
  readonly id: number;
  readonly source: string;
  readonly target: string;
  /** Until its sender waits no more; null: it does not wait. */
  readonly seconds: number | null;
};

export type AnswerFields = Load & {
  readonly id: number;
  readonly source: string;
  readonly error: SendErrorKind | null;
};

export type ChunkFields = {
  readonly transfer: number;
  readonly lane: "q" | "r";
  readonly index: number;
  readonly count: number;
  readonly bytes: Uint8Array;
};

/**
 * @property first the lowest seq that came, of this life of the peer @property last the highest
 * @property missed seqs between them that did not: [first, last] each
 */
export type AckFields = {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly missed: readonly (readonly [number, number])[];
};

/** By its first byte. */
const BATCHED: ReadonlyMap<number, Exclude<Lane, "b" | "p">> = new Map(
  (["q", "r", "c", "k"] as const).map((lane) => [lane.charCodeAt(0), lane]),
);

const SECONDS_MAX = 31_536_000; // a year: above what limits.requestSeconds may be, and a time that a timer can have
const ERRORS: readonly SendErrorKind[] = ["Timeout", "Offline", "Overloaded", "Denied"];
/** @throws {Error} the body is nothing that MessagePack can carry */
export function packRequest(fields: RequestFields): Uint8Array {
  const { id, source, target, seconds, body, blob, mime, metadata, capabilities } = fields;
  return packMessage([id, source, target, seconds, body, blob, mime, metadata, orNull(capabilities)]);
}

/** @throws {Error} likewise */
export function packAnswer(fields: AnswerFields): Uint8Array {
  const { id, source, error, body, blob, mime, metadata, capabilities } = fields;
  return packMessage([id, source, error, body, blob, mime, metadata, orNull(capabilities)]);
}

export function packChunk({ transfer, lane, index, count, bytes }: ChunkFields): Uint8Array {
  return packMessage([transfer, lane, index, count, bytes]);
}

export function packAck({ epoch, first, last, missed }: AckFields): Uint8Array {
  return packMessage([epoch, first, last, missed]);
}

/** @param floor what came before this seq, the sender knows */
export function packProbe(floor: number): Uint8Array {
  return packMessage([floor]);
}

/** The frames of a batch, one after the other: `while (batch.next()) …`. */
export class BatchReader {
  lane: Exclude<Lane, "b" | "p"> = "q";
  /** Where the value of the one that was read begins and ends. */
  start = 0;
  end: number = HEAD_BYTES;
  readonly #frame: Uint8Array;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
  }

  /** @returns false when there are no more @throws {FrameError} it is cut short, or on no lane that a batch has */
  next(): boolean {
    const frame = this.#frame;
    if (this.end === frame.byteLength) return false;
    const head = this.end;
    const lane = BATCHED.get(frame[head] ?? 0);
    if (lane === undefined || head + BATCHED_BYTES > frame.byteLength) throw malformed("b");
    this.lane = lane;
    this.start = head + BATCHED_BYTES;
    this.end = this.start + u32(frame, head + 1);
    if (this.end > frame.byteLength) throw malformed("b");
    return true;
  }
}

/** The whole frame, in memory of its own. */
export function frameOf(epoch: number, seq: number, body: Uint8Array): Uint8Array {
  const frame = headed(epoch, seq, body.byteLength);
  frame.set(body, HEAD_BYTES);
  return frame;
}

/** Likewise. */
export function batchOf(epoch: number, seq: number, frames: readonly Readonly<Batched>[]): Uint8Array {
  let bytes = 0;
  for (const { body } of frames) bytes += BATCHED_BYTES + body.byteLength;
  const batch = headed(epoch, seq, bytes);
  let at = HEAD_BYTES;
  for (const { lane, body } of frames) {
    batch[at] = lane.charCodeAt(0);
    batch.writeUInt32LE(body.byteLength, at + 1);
    batch.set(body, at + BATCHED_BYTES);
    at += BATCHED_BYTES + body.byteLength;
  }
  return batch;
}

function headed(epoch: number, seq: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + bytes);
  frame[0] = VERSION;
  frame.writeUInt32LE(epoch, 1);
  frame.writeUIntLE(seq, 5, 6);
  return frame;
}

/** @throws {FrameError} it is too short, or of another version */
export function readHead(frame: Uint8Array): Head {
  const [version] = frame;
  if (version !== undefined && version !== VERSION) {
    throw new FrameError(
      `it is of version ${version}, and this node speaks ${VERSION}: run one Jackfield on all nodes`,
    );
  }
  if (frame.byteLength < HEAD_BYTES) throw new FrameError(`it has ${frame.byteLength} bytes: a head has ${HEAD_BYTES}`);
  return { epoch: u32(frame, 1), seq: u32(frame, 5) + (byte(frame, 9) + byte(frame, 10) * 2 ** 8) * 2 ** 32 };
}

/** What stands behind the head. */
export function bodyOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(HEAD_BYTES);
}

/** @param start of the value, when it is a part of `bytes` @throws {FrameError} */
export function readRequest(bytes: Uint8Array, start?: number, end?: number): RequestFields {
  const list = listOf(bytes, start, end);
  const [id, source, target, seconds] = [list[0], list[1], list[2], list[3]];
  const [body, blob, mime, metadata, capabilities] = [list[4], list[5], list[6], list[7], list[8]];
  if (!isId(id) || !isProcess(source) || !isProcess(target)) throw malformed("q");
  if (!(seconds === null || (typeof seconds === "number" && seconds >= 0 && seconds <= SECONDS_MAX)))
    throw malformed("q");
  if (!isBlob(blob) || !isTextOrNull(mime) || !isTextOrNull(metadata) || !isCapabilities(capabilities))
    throw malformed("q");
  return { id, source, target, seconds, body, blob, mime, metadata, capabilities: capabilities ?? [] };
}

/** @throws {FrameError} */
export function readAnswer(bytes: Uint8Array, start?: number, end?: number): AnswerFields {
  const list = listOf(bytes, start, end);
  const [id, source, kind] = [list[0], list[1], list[2]];
  const [body, blob, mime, metadata, capabilities] = [list[3], list[4], list[5], list[6], list[7]];
  if (!isId(id) || !isProcess(source)) throw malformed("r");
  const error = kind === null ? null : ERRORS.find((known) => known === kind);
  if (error === undefined) throw malformed("r");
  if (!isBlob(blob) || !isTextOrNull(mime) || !isTextOrNull(metadata) || !isCapabilities(capabilities))
    throw malformed("r");
  return { id, source, error, body, blob, mime, metadata, capabilities: capabilities ?? [] };
}

/** @throws {FrameError} */
export function readChunk(body: Uint8Array, start?: number, end?: number): ChunkFields {
  const [transfer, lane, index, count, bytes] = listOf(body, start, end);
  const isLane = lane === "q" || lane === "r";
  if (!isId(transfer) || !isId(index) || !isId(count) || !isLane || !(bytes instanceof Uint8Array))
    throw malformed("c");
  if (index >= count || bytes.byteLength === 0) throw malformed("c"); // pieces of nothing would have no bound
  return { transfer, lane, index, count, bytes };
}

/** @throws {FrameError} */
export function readAck(body: Uint8Array, start?: number, end?: number): AckFields {
  const [epoch, first, last, missed] = listOf(body, start, end);
  if (!isId(epoch) || !isId(first) || !isId(last) || !Array.isArray(missed) || !missed.every(isRange))
    throw malformed("k");
  return { epoch, first, last, missed };
}

/** @returns what came before this seq, the sender knows @throws {FrameError} */
export function readProbe(body: Uint8Array, start?: number, end?: number): number {
  const [floor] = listOf(body, start, end);
  if (!isId(floor)) throw malformed("p");
  return floor;
}

function orNull(capabilities: readonly Capability[]): readonly Capability[] | null {
  return capabilities.length === 0 ? null : capabilities;
}

function listOf(bytes: Uint8Array, start?: number, end?: number): readonly unknown[] {
  let value: unknown;
  try {
    value = unpackMessage(bytes, start, end);
  } catch (cause) {
    throw new FrameError("what it carries is no MessagePack", { cause });
  }
  if (!Array.isArray(value)) throw new FrameError("what it carries is no list");
  return value;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** By hand: a DataView of each frame costs more than that. */
function u32(bytes: Uint8Array, at: number): number {
  return byte(bytes, at) + byte(bytes, at + 1) * 2 ** 8 + byte(bytes, at + 2) * 2 ** 16 + byte(bytes, at + 3) * 2 ** 24;
}

function malformed(lane: Lane): FrameError {
  return new FrameError(`its fields are not those of the lane ${lane}`);
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Without a node, which is the wire's to say: `bob.os@alice.os@a:b:c` would read as either's. */
function isProcess(value: unknown): value is string {
  return isText(value) && !value.includes("@");
}

function isBlob(value: unknown): value is Uint8Array | string | null {
  return value === null || typeof value === "string" || value instanceof Uint8Array;
}

function isCapabilities(value: unknown): value is readonly Capability[] | null {
  return value === null || (Array.isArray(value) && value.every(isCapability));
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isRange(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && isId(value[0]) && isId(value[1]);
}

function isCapability(value: unknown): value is Capability {
  if (typeof value !== "object" || value === null) return false;
  const { issuer, params, expires } = value as Readonly<Record<string, unknown>>;
  return isText(issuer) && isText(params) && (expires === undefined || typeof expires === "number");
}
