/** What a process may not ask of its host, wherever it runs: checked where the mistake is, at the call. */
import { type Address, type Envelope, type KernelError, OptionError, SelfCallError } from "../lib/protocol/index.ts";

const DELAY_MAX = 2 ** 40; // ms: 34 years; more loses precision as a sum with the clock

/** @throws {OptionError} */
export function checkDelay(ms: number): void {
  if (ms >= 0 && ms <= DELAY_MAX) return;
  throw new OptionError(`Cannot set a timer as its delay must be 0 to ${DELAY_MAX} ms: got ${ms}`);
}

/** @param max limits.requestSeconds @throws {OptionError} */
export function checkSeconds(target: Address, seconds: number, max: number): void {
  if (seconds >= 0 && seconds <= max) return;
  throw new OptionError(
    `Cannot send to "${target.text}" as expectsResponse must be 0 to ${max} seconds: got ${seconds}`,
  );
}

/** Why nobody can await `request`, whose target stands under this node's own name; null: one can. */
export function faultOfCall(request: Envelope, our: Address): KernelError | null {
  const { target } = request;
  if (target.id.text === our.id.text && target.node === our.node) return new SelfCallError(our.text);
  if (request.expectsResponse !== null) return null;
  return new OptionError(
    `Cannot await an answer from "${target.text}" as the request expects none: set expectsResponse(seconds)`,
  );
}
