/**
 * Frames between nodes (docs/cluster.md): a head that every frame has, then MessagePack.
 *
 *   u8 version · u32 epoch · u48 seq · value                       little-endian
 *   q  [id, source, target, seconds, body, blob, mime, isText, metadata, capabilities]
 *   r  [id, source, error, body, blob, mime, isText, metadata, capabilities]
 *   c  [transfer, lane, index, count, bytes]
 *   k  [epoch, first, last, missed]       p  [floor]
 *
 * 1. `epoch` is new with each start of a node; `seq` counts its frames to one peer from 1. A `k` has seq 0, a `p` that of
 *    the last frame. 48 bits last for centuries; 32 would be over in half a day of 100,000 frames a second.
 * 2. Source and target are process ids: which nodes they are of, the wire says.
 * 3. A frame of another version is refused as a whole: what it means nobody here knows.
 * 4. `id` 0: no answer is wanted; as an answer, an Offline of nobody's: that name is not on this node, or, of
 *    kernel:distro:sys, none of the cluster is any more: it stops (docs/adr/0037). `error` null: it is an answer.
 */
import { type Capability, packMessage, type SendErrorKind, unpackMessage } from "../../lib/protocol/index.ts";
import { FrameError } from "./errors.ts";
import type { Lane } from "./wire.ts";

export const VERSION = 1;
export const HEAD_BYTES = 11;

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

const SECONDS_MAX = 31_536_000; // a year: above what limits.requestSeconds may be, and a time that a timer can have
const ERRORS: readonly SendErrorKind[] = ["Timeout", "Offline", "Overloaded", "Denied"];
/** @throws {Error} the body is nothing that MessagePack can carry */
export function packRequest({ id, source, target, seconds, ...load }: RequestFields): Uint8Array {
  return packMessage([id, source, target, seconds, ...fieldsOf(load)]);
}

/** @throws {Error} likewise */
export function packAnswer({ id, source, error, ...load }: AnswerFields): Uint8Array {
  return packMessage([id, source, error, ...fieldsOf(load)]);
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

/** The whole frame, in memory of its own. */
export function frameOf(epoch: number, seq: number, body: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + body.byteLength);
  frame[0] = VERSION;
  frame.writeUInt32LE(epoch, 1);
  frame.writeUIntLE(seq, 5, 6);
  frame.set(body, HEAD_BYTES);
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
  const view = new DataView(frame.buffer, frame.byteOffset, HEAD_BYTES);
  return { epoch: view.getUint32(1, true), seq: view.getUint32(5, true) + view.getUint16(9, true) * 2 ** 32 };
}

/** What stands behind the head. */
export function bodyOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(HEAD_BYTES);
}

/** @throws {FrameError} */
export function readRequest(body: Uint8Array): RequestFields {
  const [id, source, target, seconds, ...load] = listOf(body);
  if (!isId(id) || !isProcess(source) || !isProcess(target)) throw malformed("q");
  if (!(seconds === null || (typeof seconds === "number" && seconds >= 0 && seconds <= SECONDS_MAX)))
    throw malformed("q");
  return { id, source, target, seconds, ...loadOf(load, "q") };
}

/** @throws {FrameError} */
export function readAnswer(body: Uint8Array): AnswerFields {
  const [id, source, error, ...load] = listOf(body);
  if (!isId(id) || !isProcess(source)) throw malformed("r");
  const kind = error === null ? null : ERRORS.find((known) => known === error);
  if (kind === undefined) throw malformed("r");
  return { id, source, error: kind, ...loadOf(load, "r") };
}

/** @throws {FrameError} */
export function readChunk(body: Uint8Array): ChunkFields {
  const [transfer, lane, index, count, bytes] = listOf(body);
  const isLane = lane === "q" || lane === "r";
  if (!isId(transfer) || !isId(index) || !isId(count) || !isLane || !(bytes instanceof Uint8Array))
    throw malformed("c");
  if (index >= count || bytes.byteLength === 0) throw malformed("c"); // pieces of nothing would have no bound
  return { transfer, lane, index, count, bytes };
}

/** @throws {FrameError} */
export function readAck(body: Uint8Array): AckFields {
  const [epoch, first, last, missed] = listOf(body);
  if (!isId(epoch) || !isId(first) || !isId(last) || !Array.isArray(missed) || !missed.every(isRange))
    throw malformed("k");
  return { epoch, first, last, missed };
}

/** @returns what came before this seq, the sender knows @throws {FrameError} */
export function readProbe(body: Uint8Array): number {
  const [floor] = listOf(body);
  if (!isId(floor)) throw malformed("p");
  return floor;
}

function fieldsOf({ body, blob, mime, metadata, capabilities }: Load): readonly unknown[] {
  return [body, blob, mime, metadata, capabilities.length === 0 ? null : capabilities];
}

function loadOf([body, blob, mime, metadata, capabilities]: readonly unknown[], lane: Lane): Load {
  if (!(blob === null || typeof blob === "string" || blob instanceof Uint8Array)) throw malformed(lane);
  if (!isTextOrNull(mime) || !isTextOrNull(metadata)) throw malformed(lane);
  if (!(capabilities === null || (Array.isArray(capabilities) && capabilities.every(isCapability))))
    throw malformed(lane);
  return { body, blob, mime, metadata, capabilities: capabilities ?? [] };
}

function listOf(body: Uint8Array): readonly unknown[] {
  let value: unknown;
  try {
    value = unpackMessage(body);
  } catch (cause) {
    throw new FrameError("what it carries is no MessagePack", { cause });
  }
  if (!Array.isArray(value)) throw new FrameError("what it carries is no list");
  return value;
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
