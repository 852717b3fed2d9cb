/**
 * Durable messages as bytes.
 *
 *   message   [source, target, body, blob, mime, metadata]      made once, by its sender's node
 *   out       [node, at, message]         a row of the outbox; its id is in the key
 *   in        [node, box, id, at, message]   a row of the inbox
 *   batch     [version, box, [[id, message], …]]                 what goes from node to node
 *
 * 1. Source and target are process ids: which nodes they are of, the lane and the row say.
 * 2. All that comes from another node is checked here.
 */
import { Address, Blob, Envelope, ProcessId, packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import { DurableError } from "./errors.ts";

const VERSION = 1;
const BOX = /^[A-Za-z0-9_-]{1,64}$/;

export const BATCH_MESSAGES = 256; // in one publish: above that a message costs what its own row on the disk does

export type DurableMessage = {
  readonly source: string;
  readonly target: string;
  readonly body: unknown;
  readonly blob: Uint8Array | string | null;
  readonly mime: string | null;
  readonly metadata: string | null;
};

/** @property message packed */
export type OutRow = { readonly node: string; readonly at: number; readonly message: Uint8Array };

/** @property node that it is of @property box the outbox there @property at ms since the Unix epoch, when it was written here */
export type InRow = OutRow & { readonly box: string; readonly id: number };

export type Batch = {
  readonly box: string;
  readonly messages: readonly { readonly id: number; readonly message: Uint8Array }[];
};

/** @throws {Error} the body is nothing that MessagePack can carry */
export function packDurable({ source, target, body, blob, mime, metadata }: DurableMessage): Uint8Array {
  return packMessage([source, target, body, blob, mime, metadata]);
}

/** @throws {DurableError} */
export function readDurable(bytes: Uint8Array): DurableMessage {
  const [source, target, body, blob, mime, metadata] = listOf(bytes);
  const isBlob = blob === null || typeof blob === "string" || blob instanceof Uint8Array;
  if (!isProcess(source) || !isProcess(target) || !isBlob || !isTextOrNull(mime) || !isTextOrNull(metadata))
    throw malformed("its fields are not those of a message");
  return { source, target, body, blob, mime, metadata };
}

/** A message as its receiver sees it; memory of its own. @throws {DurableError} @throws {IdError} */
export function envelopeOf(bytes: Uint8Array, from: string, to: string): Envelope {
  const { source, target, body, blob, mime, metadata } = readDurable(bytes);
  const own = typeof blob === "string" ? blob : blob === null ? null : blob.slice();
  const made = new Envelope(
    "request",
    new Address(from, ProcessId.parse(source)),
    new Address(to, ProcessId.parse(target)),
    body,
    own === null ? null : Blob.of(own, mime),
  );
  made.metadata = metadata;
  return made;
}

export function packOut({ node, at, message }: OutRow): Uint8Array {
  return packMessage([node, at, message]);
}

/** @throws {DurableError} */
export function readOut(bytes: Uint8Array): OutRow {
  const [node, at, message] = listOf(bytes);
  if (typeof node !== "string" || typeof at !== "number" || !(message instanceof Uint8Array))
    throw malformed("a row of the outbox is damaged");
  return { node, at, message };
}

export function packIn({ node, box, id, at, message }: InRow): Uint8Array {
  return packMessage([node, box, id, at, message]);
}

/** @throws {DurableError} */
export function readIn(bytes: Uint8Array): InRow {
  const [node, box, id, at, message] = listOf(bytes);
  const isRow = typeof node === "string" && typeof box === "string" && isId(id) && typeof at === "number";
  if (!isRow || !(message instanceof Uint8Array)) throw malformed("a row of the inbox is damaged");
  return { node, box, id, at, message };
}

export function packBatch({ box, messages }: Batch): Uint8Array {
  return packMessage([VERSION, box, messages.map(({ id, message }) => [id, message])]);
}

/** @throws {DurableError} */
export function readBatch(bytes: Uint8Array): Batch {
  const [version, box, list] = listOf(bytes);
  if (version !== VERSION && typeof version === "number")
    throw malformed(`it is of version ${version}, and this node speaks ${VERSION}: run one Jackfield on all nodes`);
  if (typeof box !== "string" || !BOX.test(box) || !Array.isArray(list)) throw malformed("it is no list of messages");
  let last = 0;
  const messages = list.map((entry: unknown) => {
    const [id, message] = Array.isArray(entry) ? entry : [];
    if (!isId(id) || id <= last || !(message instanceof Uint8Array)) throw malformed("its ids do not rise");
    last = id;
    return { id, message };
  });
  return { box, messages };
}

function listOf(bytes: Uint8Array): readonly unknown[] {
  let value: unknown;
  try {
    value = unpackMessage(bytes);
  } catch (cause) {
    throw new DurableError("of another node", "what came is no MessagePack", { cause });
  }
  if (!Array.isArray(value)) throw malformed("what came is no list");
  return value;
}

function malformed(rule: string): DurableError {
  return new DurableError("of another node", rule);
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** Without a node, which is the lane's to say. */
function isProcess(value: unknown): value is string {
  return typeof value === "string" && !value.includes("@");
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
