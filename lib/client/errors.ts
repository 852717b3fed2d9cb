/** What a channel throws, rejects with, or says in its `error` event; `code` is stable, texts may change. */
import { KernelError } from "../protocol/errors.ts";

/** The node answered the registration with an error; `code` and `reason` are the node's (PROTOCOL.md). */
export class ChannelRefusedError extends KernelError {
  override readonly name = "ChannelRefusedError";
  readonly reason: string;

  constructor(process: string, code: string, reason: string) {
    super(code, `Cannot register with "${process}" as the node refused: ${reason}`);
    this.reason = reason;
  }
}

/** The channel is closed for good; nothing was sent. Call connect() for another. */
export class ChannelClosedError extends KernelError {
  override readonly name = "ChannelClosedError";
  readonly closeCode: number;
  readonly reason: string;

  constructor(act: string, process: string, closeCode: number, reason: string, options?: ErrorOptions) {
    super(
      "channel_closed",
      `Cannot ${act} "${process}" as its channel is closed: code ${closeCode}${reason && ` (${reason})`}, call connect() for another`,
      options,
    );
    this.closeCode = closeCode;
    this.reason = reason;
  }
}

/**
 * One attempt to connect failed. The `close` event that follows says whether another will be made.
 * - `socket_failed`: the socket reported an error; browsers do not say which.
 * - `connect_timeout`: it did not open in time. - `register_timeout`: no channel id came in time.
 */
export class ConnectionError extends KernelError {
  override readonly name = "ConnectionError";
  declare readonly code: "socket_failed" | "connect_timeout" | "register_timeout";

  constructor(code: ConnectionError["code"], url: string, why: string, options?: ErrorOptions) {
    super(code, `Cannot reach "${url}" as ${why}`, options);
  }
}

/**
 * A request ended without a good answer.
 * - `request_timeout`: none came in time; the process may still handle it.
 * - `request_lost`: the connection went after it was sent; repeat it if doing it twice is safe.
 * - `request_failed`: the process answered with an error, kept in `answer`.
 */
export class RequestError extends KernelError {
  override readonly name = "RequestError";
  declare readonly code: "request_timeout" | "request_lost" | "request_failed";
  readonly answer: unknown;

  constructor(code: RequestError["code"], process: string, why: string, answer?: unknown) {
    super(code, `Cannot finish a request to "${process}" as ${why}`);
    this.answer = answer;
  }
}

/** A limit of `limits` was reached. What was to be sent was not taken. */
export class ChannelLimitError extends KernelError {
  override readonly name = "ChannelLimitError";

  constructor(message: string) {
    super("limit_reached", message);
  }
}
