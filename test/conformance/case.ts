/**
 * A case of the suite: what a client sends, and what it must get back.
 *
 * 1. The client sends its close frame behind every script (`ends` means the script does it itself), and reads until the
 *    server has ended the connection: nothing is ever awaited by time, and silence is what stands between two frames.
 * 2. Where a transport may or must differ, the case has a row for it, with the deviation's name: PROTOCOL.md lists those.
 */
import type { TransportName } from "../../http-server/index.ts";
import type { Deviation } from "./deviations.ts";

/** Bytes are written; a number is how many frames must have come before the script goes on. */
export type Script = readonly (Uint8Array | number)[];

export type Outcome = {
  /** Every frame, in order. */
  readonly frames: readonly string[];
  /** The close code that the process is told. */
  readonly told: number;
};

export type Case = {
  readonly id: string;
  readonly what: string;
  readonly send: Script;
  /** The whole script in writes of so many bytes. */
  readonly chop?: number;
  readonly ends?: boolean;
  /** With permessage-deflate. */
  readonly compress?: boolean;
  readonly expect: Outcome;
  readonly differs?: Readonly<Partial<Record<TransportName, { readonly by: Deviation; readonly expect: Outcome }>>>;
};

export type Group = { readonly id: string; readonly title: string; readonly cases: readonly Case[] };

/** These frames, then the answer to the client's close. */
export function answers(...frames: string[]): Outcome {
  return { frames: [...frames, "close 1000"], told: 1000 };
}

/** The connection fails, after `frames`: with a close frame of `code` on ws, without any on uWebSockets.js. */
export function fails(code: number, ...frames: string[]): Pick<Case, "expect" | "differs"> {
  return {
    expect: { frames: [...frames, `close ${code}`], told: 1006 },
    differs: { uws: { by: "silent", expect: { frames, told: 1006 } } },
  };
}

/** As `fails`, where uWebSockets.js does something else. */
export function failsBut(by: Deviation, code: number, uws: Outcome): Pick<Case, "expect" | "differs"> {
  return { ...fails(code), differs: { uws: { by, expect: uws } } };
}

export function expected(of: Case, transport: TransportName): Outcome {
  return of.differs?.[transport]?.expect ?? of.expect;
}
