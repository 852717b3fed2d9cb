/**
 * What went wrong, as classes whose `code` survives a wire.
 *
 * 1. `code` never changes once released; the text may.
 * 2. The text follows one formula: Cannot <act> "<what>" as <rule>: <value now>, <way out>.
 * 3. Different remedies get different codes. Only code and text cross a wire, never a stack.
 */

/** The root of every error Jackfield throws on purpose. */
export class KernelError extends Error {
  override readonly name: string = "KernelError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why an id could not be read (contract kinode §1.2). */
export type IdFault = "MissingField" | "TooManyColons" | "TooManyAts" | "MissingNodeId" | "InvalidCharacter";

/** A process id, package id or address that cannot be read. */
export class IdError extends KernelError {
  override readonly name = "IdError";
  readonly fault: IdFault;
  readonly text: string;

  constructor(fault: IdFault, what: string, text: string, rule: string) {
    super(fault, `Cannot read ${what} ${JSON.stringify(text.slice(0, 200))} as ${rule}`);
    this.fault = fault;
    this.text = text;
  }
}

/**
 * Why a request ended without an answer (DESIGN §3.3).
 * - `Timeout`: nobody answered within `expectsResponse` seconds.
 * - `Offline`: nobody by that address, its node is unreachable, or it exited for good.
 * - `Overloaded`: its mailbox is full; shed the request, or send it again later.
 * - `Denied`: the sender holds no capability to message it.
 */
export type SendErrorKind = "Timeout" | "Offline" | "Overloaded" | "Denied";

const INVALID_OPTION = "invalid_option";

/** A limit, option or argument outside its rule. The caller erred; nothing was changed. */
export class OptionError extends KernelError {
  override readonly name = "OptionError";
  constructor(message: string, options?: ErrorOptions) {
    super(INVALID_OPTION, message, options);
  }
}

/** Also one of a package that brings its own copy of this file. */
export function isOptionError(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === INVALID_OPTION;
}

/** An answer was given while no request waits for one. Nothing was sent. */
export class NoRequestToAnswerError extends KernelError {
  override readonly name = "NoRequestToAnswerError";
  constructor(who: string) {
    super(
      "no_request_to_answer",
      `Cannot respond from "${who}" as the message in hand asks for no answer: reply to the request itself, while or after it is handled`,
    );
  }
}

/** A process asked itself and would wait for itself for ever. Nothing was sent. */
export class SelfCallError extends KernelError {
  override readonly name = "SelfCallError";
  constructor(who: string) {
    super(
      "self_call",
      `Cannot await an answer from "${who}" itself as it handles one message at a time: call the function directly, or send() without awaiting`,
    );
  }
}

/** A blob was read after the memory it lent was taken back. */
export class BlobExpiredError extends KernelError {
  override readonly name = "BlobExpiredError";
  constructor() {
    super(
      "blob_expired",
      "Cannot read this blob as its handler has returned: read it with text(), json() or bytes() while handling the message, or call keep() there to read it later",
    );
  }
}

/** The error's text, whatever was thrown. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
