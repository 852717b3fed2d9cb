/** Messages as fields of a record (records.ts): to a realm, and what a realm sends, asks and answers. */
import { copyOf } from "../../lib/protocol/arena.ts";
import {
  type Address,
  type Answer,
  Blob,
  type Capability,
  DurableOrigin,
  Envelope,
  type MessageKind,
  packMessage,
  RPC_ORIGIN,
  type SendErrorKind,
} from "../../lib/protocol/index.ts";
import { UnpackableError } from "../errors.ts";
import type { BatchReader, Piece } from "./batch-reader.ts";
import type { BatchWriter } from "./batch-writer.ts";
import type { KnownAddresses } from "./known-addresses.ts";

const KINDS: readonly MessageKind[] = ["request", "response", "error", "timer"];
const ERRORS: readonly SendErrorKind[] = ["Timeout", "Offline", "Overloaded", "Denied"];

const KIND = 3; // two bits
const HAS_RSVP = 4;
const RSVP_IS_SOURCE = 8;
const IS_RPC = 16;
const HAS_METADATA = 32;
const HAS_CAPABILITIES = 64;
const HAS_TARGET = 128; // it was asked under an older name
const IS_DURABLE = RSVP_IS_SOURCE; // without HAS_RSVP: nobody answers a durable message
const INHERITS = 4;

const NONE = -1; // seconds: no answer is wanted

/** @param act for the error's text @throws {UnpackableError} */
export function packBody(body: unknown, act: string, whom: string): Uint8Array {
  try {
    return packMessage(body);
  } catch (cause) {
    throw new UnpackableError(act, whom, cause);
  }
}

/** @param body packed @param our of the process in the realm */
export function writeMessage(out: BatchWriter, message: Envelope, body: Uint8Array, our: Address): void {
  const { kind, source, target, rsvp, metadata, capabilities } = message;
  out
    .u8(
      KINDS.indexOf(kind) |
        (rsvp === null ? 0 : HAS_RSVP) |
        (rsvp !== null && rsvp.text === source.text ? RSVP_IS_SOURCE : 0) |
        (message.origin === RPC_ORIGIN ? IS_RPC : 0) |
        (message.origin instanceof DurableOrigin ? IS_DURABLE : 0) |
        (metadata === null ? 0 : HAS_METADATA) |
        (capabilities.length === 0 ? 0 : HAS_CAPABILITIES) |
        (target.text === our.text ? 0 : HAS_TARGET),
    )
    .f64(message.id)
    .text(source.text)
    .f64(message.expectsResponse ?? NONE)
    .bytes(body)
    .blob(message.blob);
  if (rsvp !== null && rsvp.text !== source.text) out.text(rsvp.text);
  if (metadata !== null) out.text(metadata);
  if (capabilities.length > 0) out.value(capabilities);
  if (target.text !== our.text) out.text(target.text);
  if (message.origin instanceof DurableOrigin) out.text(message.origin.from).f64(message.origin.id);
}

/** An error has no body and no blob: the realm has kept those of the request. */
export function writeError(out: BatchWriter, kind: SendErrorKind): void {
  out.u8(KINDS.indexOf("error")).u8(ERRORS.indexOf(kind));
}

/** @returns the message, or how a request of the realm ended */
export function readMessage(reader: BatchReader, our: Address, known: KnownAddresses): Envelope | SendErrorKind {
  const flags = reader.u8();
  const kind = KINDS[flags & KIND] ?? "request";
  if (kind === "error") return ERRORS[reader.u8()] ?? "Offline";
  const id = reader.f64();
  const source = known.find(reader.text());
  const seconds = reader.f64();
  const body = reader.value();
  const blob = ownBlob(reader.blob());
  const message = new Envelope(kind, source, our, body, blob);
  message.id = id;
  message.expectsResponse = seconds === NONE ? null : seconds;
  if ((flags & HAS_RSVP) !== 0) message.rsvp = (flags & RSVP_IS_SOURCE) === 0 ? known.find(reader.text()) : source;
  if ((flags & IS_RPC) !== 0) message.origin = RPC_ORIGIN;
  if ((flags & HAS_METADATA) !== 0) message.metadata = reader.text();
  if ((flags & HAS_CAPABILITIES) !== 0) message.capabilities = capabilitiesOf(reader.value());
  if ((flags & HAS_TARGET) !== 0) message.target = known.find(reader.text());
  if ((flags & (HAS_RSVP | IS_DURABLE)) === IS_DURABLE) message.origin = new DurableOrigin(reader.text(), reader.f64());
  return message;
}

/** @param body packed @param blob of its own; one that is inherited the node has */
export function writeRequest(out: BatchWriter, request: Envelope, body: Uint8Array, blob: Blob | null): void {
  const { metadata, capabilities } = request;
  out
    .u8(
      (request.inherit ? INHERITS : 0) |
        (metadata === null ? 0 : HAS_METADATA) |
        (capabilities.length === 0 ? 0 : HAS_CAPABILITIES),
    )
    .text(request.target.text)
    .f64(request.expectsResponse ?? NONE)
    .bytes(body)
    .blob(blob);
  if (metadata !== null) out.text(metadata);
  if (capabilities.length > 0) out.value(capabilities);
}

/** @throws {IdError} the target is no address */
export function readRequest(reader: BatchReader, our: Address, known: KnownAddresses): Envelope {
  const flags = reader.u8();
  const target = known.find(reader.text());
  const seconds = reader.f64();
  const request = new Envelope("request", our, target, reader.value(), ownBlob(reader.blob()));
  request.inherit = (flags & INHERITS) !== 0;
  request.expectsResponse = seconds === NONE ? null : seconds;
  if ((flags & HAS_METADATA) !== 0) request.metadata = reader.text();
  if ((flags & HAS_CAPABILITIES) !== 0) request.capabilities = capabilitiesOf(reader.value());
  return request;
}

/** @param body packed */
export function writeAnswer(out: BatchWriter, answer: Answer, body: Uint8Array): void {
  const { metadata = null, capabilities = [] } = answer;
  out
    .u8(
      (answer.inherit === true ? INHERITS : 0) |
        (metadata === null ? 0 : HAS_METADATA) |
        (capabilities.length === 0 ? 0 : HAS_CAPABILITIES),
    )
    .bytes(body)
    .blob(answer.blob ?? null);
  if (metadata !== null) out.text(metadata);
  if (capabilities.length > 0) out.value(capabilities);
}

export function readAnswer(reader: BatchReader): Answer {
  const flags = reader.u8();
  const body = reader.value();
  const blob = ownBlob(reader.blob());
  return {
    body,
    blob,
    inherit: (flags & INHERITS) !== 0,
    metadata: (flags & HAS_METADATA) === 0 ? null : reader.text(),
    capabilities: (flags & HAS_CAPABILITIES) === 0 ? [] : capabilitiesOf(reader.value()),
  };
}

/** A blob that keeps nothing of the batch. What claims to be text is made text: it may go out in a text frame unchecked. */
export function ownBlob(piece: Piece | null): Blob | null {
  if (piece === null) return null;
  const { bytes, isText, mime } = piece;
  if (isText) return Blob.of(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), mime);
  const isAll = bytes.byteLength === bytes.buffer.byteLength; // a large one has memory of its own
  return Blob.of(isAll ? bytes : copyOf(bytes), mime);
}

/** @throws {RangeError} */
export function capabilitiesOf(value: unknown): readonly Capability[] {
  if (!Array.isArray(value)) throw new RangeError("capabilities are a list");
  return value.map(({ issuer, params, expires }) => {
    const cap = { issuer: String(issuer), params: String(params) };
    return typeof expires === "number" ? { ...cap, expires } : cap;
  });
}
