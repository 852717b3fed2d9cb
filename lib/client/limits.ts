/**
 * The client's limits, each with its unit and reason. Names that end in `Ms` are milliseconds.
 *
 * Not the table of lib/protocol/limits.ts: its reasons are strings, and browsers would download them.
 */
import { OptionError } from "../protocol/errors.ts";

export const CLIENT_LIMITS = {
  connectMs: 15_000, // a browser may otherwise wait minutes for a host that is silent
  registerMs: 15_000, // longer than the node's own 10 s, so that the node says why first
  retryFirstMs: 1_000, // doubled after each failure
  retryMaxMs: 30_000, // how long a user waits for a node that is back; a retry costs it one handshake
  stableMs: 10_000, // open for so long: the next loss is a new one and waits retryFirstMs again
  requestMs: 10_000, // unless request() is told otherwise
  requests: 1_000, // without an answer yet
  sendMessages: 1_000, // queued while there is no connection
  sendBytes: 1_048_576, // the same, as UTF-8; and what the socket may hold unsent: the node's own limit per channel
  readMessages: 1_000, // one iteration may be behind
  readBytes: 4_194_304, // the same; a text counts its length
};

export type ClientLimits = { readonly [Name in keyof typeof CLIENT_LIMITS]: number };

const MAX = 2 ** 31 - 1; // setTimeout takes no more, and fires at once instead

/** @throws {OptionError} `value` is no whole number from 1 to 2147483647 */
export function checkLimit(name: string, value: number, otherwise: number): void {
  if (!(Number.isInteger(value) && value >= 1 && value <= MAX)) {
    throw new OptionError(
      `Cannot use ${name} as it must be a whole number from 1 to ${MAX}: got ${value}, leave it out for ${otherwise}`,
    );
  }
}

/** @throws {OptionError} an override is out of range, or names no limit */
export function resolveLimits(overrides: Partial<ClientLimits> = {}): ClientLimits {
  for (const [name, value] of Object.entries(overrides)) {
    const otherwise = (CLIENT_LIMITS as Readonly<Record<string, number>>)[name];
    if (otherwise === undefined) {
      throw new OptionError(
        `Cannot use limits.${name} as there is none of that name: known are ${Object.keys(CLIENT_LIMITS).join(", ")}`,
      );
    }
    checkLimit(`limits.${name}`, value, otherwise);
  }
  return { ...CLIENT_LIMITS, ...overrides };
}
