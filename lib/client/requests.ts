/**
 * Requests that wait for an answer on one channel, by number.
 *
 * Wire: `{"request": n, "body": …}` is answered by `{"response": n, "body": …}` or `{"response": n, "error": …}`,
 * all as text frames of JSON. Numbers count up from 1 and are not used again, also after a reconnect.
 * 1. Each ends once: by its answer, its timeout, the loss of the connection it was sent on, or close.
 * 2. An answer that nobody waits for any more came too late and is dropped.
 */
import type { Clock } from "../protocol/clock.ts";
import { ChannelLimitError, RequestError } from "./errors.ts";
import type { ChannelMessage } from "./message.ts";

/** `Sent` is what the channel knows a message by that it was given to send. */
export type Requests<Sent> = {
  /**
   * @param post sends request `n`; what it throws rejects the promise
   * @param withdraw takes back what `post` returned, if it has not left yet
   */
  ask(timeoutMs: number, post: (n: number) => Sent, withdraw: (sent: Sent) => void): Promise<unknown>;
  /** @returns whether `message` is an answer, and so nobody else's */
  answer(message: ChannelMessage): boolean;
  /** Rejects those that `isGone`; their answers cannot come any more. */
  fail(isGone: (sent: Sent) => boolean, error: Error): void;
};

type Waiting<Sent> = {
  readonly sent: () => Sent | undefined;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
};

export function makeRequests<Sent>(process: string, clock: Pick<Clock, "setTimeout">, max: number): Requests<Sent> {
  const waiting = new Map<number, Waiting<Sent>>();
  let last = 0;

  return {
    ask(timeoutMs, post, withdraw) {
      let cancelTimer = (): void => {};
      let sent: Sent | undefined;
      const n = ++last;
      const answered = new Promise((resolve, reject) => {
        if (waiting.size >= max) {
          throw new ChannelLimitError(
            `Cannot send a request to "${process}" as limits.requests is ${max}: ${max} wait for an answer, await some or raise it`,
          );
        }
        waiting.set(n, { sent: () => sent, resolve, reject }); // before it leaves: an answer may come at once
        sent = post(n);
        cancelTimer = clock.setTimeout(() => {
          if (sent !== undefined) withdraw(sent);
          const why = `an answer must come within ${timeoutMs} ms: none came, ask again or raise timeoutMs`;
          reject(new RequestError("request_timeout", process, why));
        }, timeoutMs);
      });
      return answered.finally(() => {
        cancelTimer();
        waiting.delete(n);
      });
    },
    answer(message) {
      if (last === 0 || typeof message.data !== "string") return false; // most channels never ask: parse nothing
      const reply = message.json() as { response?: unknown; body?: unknown; error?: unknown } | null | undefined;
      const n = reply?.response;
      if (typeof n !== "number" || !(n >= 1 && n <= last)) return false;
      const { body, error } = reply ?? {};
      if (error === undefined) waiting.get(n)?.resolve(body);
      else {
        const why = `the process answered with an error: ${JSON.stringify(error)}`;
        waiting.get(n)?.reject(new RequestError("request_failed", process, why, error));
      }
      return true;
    },
    fail(isGone, error) {
      for (const { sent, reject } of waiting.values()) {
        const frame = sent();
        if (frame === undefined || isGone(frame)) reject(error);
      }
    },
  };
}
