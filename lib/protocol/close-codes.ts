/** Why the server closed a socket, and whether to come back: the table of PROTOCOL.md. No imports: the client ships it. */

export type CloseCode = {
  readonly code: number;
  /** The `code` of the error frame before it, where one is sent. */
  readonly error: string;
  /** Whether a client should connect again without changing anything. */
  readonly retry: boolean;
  readonly why: string;
};

export type CloseReason =
  | "normal"
  | "goingAway"
  | "tryAgainLater"
  | "malformed"
  | "badToken"
  | "noSuchProcess"
  | "tooLate"
  | "tooMany";

export const CLOSE: Readonly<Record<CloseReason, CloseCode>> = {
  normal: { code: 1000, error: "closed", retry: false, why: "the process closed the channel" },
  goingAway: { code: 1001, error: "going_away", retry: true, why: "the node is stopping; it may come back" },
  tryAgainLater: {
    code: 1013,
    error: "try_again_later",
    retry: true,
    why: "the client read too slowly, or the process is overloaded",
  },
  malformed: { code: 4400, error: "malformed", retry: false, why: "the first message was no WsRegister" },
  badToken: {
    code: 4401,
    error: "bad_token",
    retry: false,
    why: "the token is missing, wrong, expired or of another node: log in again",
  },
  noSuchProcess: { code: 4404, error: "no_such_process", retry: false, why: "no process of that name takes channels" },
  tooLate: {
    code: 4408,
    error: "too_late",
    retry: true,
    why: "no WsRegister came in time, or a message was not finished",
  },
  tooMany: { code: 4429, error: "too_many", retry: true, why: "a limit was reached: wait before coming back" },
};

/** Codes a process may close with (RFC 6455 §7.4; the transports do not check: contracts/hazards.md §2). */
export function isSendableCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** Whether a client that lost its socket with `code` should reconnect by itself. */
export function shouldReconnect(code: number): boolean {
  if (code === 1000) return false;
  const known = Object.values(CLOSE).find((row) => row.code === code);
  return known?.retry ?? (code < 3000 || code > 4999);
}
