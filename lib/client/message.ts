/** What goes through a channel: text or bytes; JSON is text that parses. */
import { OptionError } from "../protocol/errors.ts";

/** A text frame, or a binary one. */
export type ChannelData = string | Uint8Array<ArrayBuffer>;

/** One message from the process. `data` is what came; the methods read it. */
export type ChannelMessage = {
  readonly data: ChannelData;
  /** The text; of bytes, their UTF-8, with U+FFFD for what is none. */
  text(): string;
  /** The parsed JSON, or undefined when it is none. Every caller gets the same value: do not change it. */
  json(): unknown;
};

export function makeMessage(data: ChannelData): ChannelMessage {
  const text = (): string => (typeof data === "string" ? data : new TextDecoder().decode(data));
  let parsed: { readonly value: unknown } | undefined; // at most once, however many listeners ask
  return {
    data,
    text,
    json() {
      parsed ??= { value: parse(text()) };
      return parsed.value;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What `value` is on the wire: strings and bytes as they are, anything else as JSON text.
 * @throws {OptionError} it has no JSON form
 */
export function encode(value: unknown): ChannelData {
  if (typeof value === "string") return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    // Shared memory cannot be sent; the socket throws at it.
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  }
  return toJson(value);
}

/** @throws {OptionError} it has no JSON form */
export function toJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) {
    throw new OptionError(`Cannot send a value as it has no JSON form: got ${typeof value}, send null instead`);
  }
  return text;
}

/** In bytes; of a string, its UTF-8. */
export function byteLength(data: ChannelData): number {
  return typeof data === "string" ? new TextEncoder().encode(data).length : data.length;
}
