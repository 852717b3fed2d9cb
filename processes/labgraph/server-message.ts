/**
 * What the server sends, as text (contract labgraph §2).
 *
 * 1. Every message bears the API version, batches too.
 * 2. Texts are put together by hand: what the messages of a stream have in common is made once, and no name or id can
 *    change the order of keys.
 */
import type { Refusal } from "./client-message.ts";
import { LABGRAPH_LIMITS } from "./limits.ts";

export type Version = { readonly apiVersion: string };

/** @param requestId as JSON text */
export function startEvent({ apiVersion }: Version, requestId: string, streamId: string): string {
  return event(apiVersion, requestId, `"start_stream_event":{"stream_id":${JSON.stringify(streamId)}}`);
}

/** @param requestId as JSON text */
export function endEvent({ apiVersion }: Version, requestId: string, streamId: string): string {
  return event(apiVersion, requestId, `"end_stream_event":{"stream_id":${JSON.stringify(streamId)}}`);
}

export function errorEvent({ apiVersion }: Version, { code, desc, requestId }: Refusal): string {
  const error = `"error_event":{"error_code":"${code}","desc":${JSON.stringify(desc)}}`;
  return event(apiVersion, requestId, error);
}

function event(apiVersion: string, requestId: string | null, content: string): string {
  const id = requestId === null ? "" : `"request_id":${requestId},`;
  return `{"api_version":${JSON.stringify(apiVersion)},"api_event":{${id}${content}}}`;
}

/** A sample as every batch of it holds it. @property bytes of its text in UTF-8 */
export type EncodedSample = { readonly text: string; readonly bytes: number };

/** `data` is what a process published; times are seconds since 1970. */
export type Sample = { readonly data: unknown; readonly produced: number; readonly built: number };

/**
 * Numbers that are not finite become null, lists of a fixed type become plain ones.
 * @throws {TypeError} @throws {RangeError} `data` is nothing that JSON can hold
 */
export function encodeSample({ data, produced, built }: Sample): EncodedSample {
  const value = JSON.stringify(data, plain) ?? "null"; // undefined, or a function
  const text = `{"data":${value},"produced_timestamp_s":${seconds(produced)},"timestamp_s":${seconds(built)}}`;
  return { text, bytes: Buffer.byteLength(text) };
}

/** One stream of one session: numbers its batches from 1, without gaps on what it writes. */
export class BatchWriter {
  readonly #head: string;
  readonly #headBytes: number;
  #written = 0;

  constructor({ apiVersion }: Version, streamId: string, name: string) {
    const [version, id, key] = [apiVersion, streamId, name].map((text) => JSON.stringify(text));
    this.#head = `{"api_version":${version},"stream_batch":{"stream_id":${id},${key}:{"samples":[`;
    this.#headBytes = Buffer.byteLength(this.#head);
  }

  /** Of a batch with `sample` alone, were it the next. */
  bytesWith(sample: EncodedSample): number {
    return this.#headBytes + sample.bytes + this.#tail(this.#written + 1).length;
  }

  /** @returns undefined when the message would be too large for clients: it takes no number */
  write(sample: EncodedSample): string | undefined {
    if (this.bytesWith(sample) > LABGRAPH_LIMITS.messageBytes) return undefined;
    this.#written++;
    return this.#head + sample.text + this.#tail(this.#written);
  }

  #tail(number: number): string {
    return `],"batch_num":${number}}}}`;
  }
}

function plain(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? Array.from(value as Float64Array) : value;
}

function seconds(value: number): string {
  return Number.isFinite(value) ? String(value) : "null";
}
