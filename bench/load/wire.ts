/** A Talk in bytes: read once, shared by all connections. */
import { Opcode } from "./frames.ts";
import type { Frame, Talk } from "./job.ts";

/** A whole message, before masking. */
export type Wire = { readonly opcode: number; readonly payload: Buffer };

export type WireTalk = {
  readonly paths: readonly string[];
  readonly greeting: readonly { readonly sends?: Wire; readonly hears?: Wire }[];
  readonly message: Wire;
  readonly echo: Wire;
  readonly asides: readonly { readonly hears: Wire; readonly sends?: Wire }[];
};

export function toWire(frame: Frame): Wire {
  if ("text" in frame) return { opcode: Opcode.text, payload: Buffer.from(frame.text) };
  return { opcode: Opcode.binary, payload: Buffer.from(frame.base64, "base64") };
}

export function readTalk({ paths, greeting, message, echo, asides }: Talk): WireTalk {
  return {
    paths,
    greeting: greeting.map(({ sends, hears }) => ({
      ...(sends === undefined ? {} : { sends: toWire(sends) }),
      ...(hears === undefined ? {} : { hears: toWire(hears) }),
    })),
    message: toWire(message),
    echo: toWire(echo),
    asides: asides.map(({ hears, sends }) => ({
      hears: toWire(hears),
      ...(sends === undefined ? {} : { sends: toWire(sends) }),
    })),
  };
}

/** Whether a message of `opcode` with `payload` is `wire`. */
export function isWire({ opcode, payload }: Wire, otherOpcode: number, otherPayload: Buffer): boolean {
  return opcode === otherOpcode && payload.equals(otherPayload);
}

/** Whether it starts as `wire` does. */
export function startsWith({ opcode, payload }: Wire, otherOpcode: number, otherPayload: Buffer): boolean {
  return opcode === otherOpcode && payload.equals(otherPayload.subarray(0, payload.length));
}

const SHOWN_MAX = 100; // bytes: enough to tell which message it is

/** For errors. */
export function shown(opcode: number, payload: Buffer): string {
  const bytes = payload.subarray(0, SHOWN_MAX);
  const what = opcode === Opcode.text ? JSON.stringify(bytes.toString()) : bytes.toString("hex");
  const type = opcode === Opcode.text ? "text" : opcode === Opcode.binary ? "binary" : `type ${opcode}`;
  return `${type} of ${payload.length} bytes ${what}${bytes.length < payload.length ? "…" : ""}`;
}
