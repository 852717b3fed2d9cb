/**
 * A channel to one process, kept up: what an app sends and hears, whatever socket carries it at the time.
 *
 * 1. What is sent before the channel is open waits, within `limits.sendMessages` and `limits.sendBytes`, and leaves
 *    in the order of the calls, before anything sent later.
 * 2. A reconnect gets a new channel id, and the process sees Close and Open. Messages under way are lost with their
 *    socket and not resent; a request that was says so.
 * 3. `closed` is final. What was never sent is in the last `close` event.
 *
 * request() is a convention between this client and a process (lib/process answers it); requests.ts has its wire.
 */
import { type KernelError, OptionError } from "../protocol/errors.ts";
import { makeQueue } from "./bounded-queue.ts";
import { makeConnection } from "./connection.ts";
import { makeEmitter } from "./emitter.ts";
import { ChannelClosedError, ChannelLimitError, RequestError } from "./errors.ts";
import { checkLimit } from "./limits.ts";
import type { ChannelEvent, ChannelState } from "./machine.ts";
import { byteLength, type ChannelData, type ChannelMessage, encode, toJson } from "./message.ts";
import { type MessageStream, makeMessageStream } from "./message-stream.ts";
import { type ConnectOptions, resolveOptions } from "./options.ts";
import { makeRequests } from "./requests.ts";

/** By event name, what its listeners are given. */
export type ChannelEvents = {
  /** From the process; answers to requests are not among them. */
  readonly message: ChannelMessage;
  readonly open: ChannelOpened;
  readonly state: { readonly value: ChannelState; readonly event: ChannelEvent };
  readonly close: ChannelClosed;
  /** Why the `close` that follows comes. */
  readonly error: KernelError;
};

export type ChannelOpened = {
  /** Undefined on a path-bound channel: the node does not tell. */
  readonly channelId: number | undefined;
  /** Whether it was open before: the process knows this channel by another id. */
  readonly again: boolean;
};

/** A connection ended or could not be made. */
export type ChannelClosed = {
  /** PROTOCOL.md lists them; 1006: no close frame came. */
  readonly code: number;
  readonly reason: string;
  /** Milliseconds until the next attempt; undefined: the channel is closed for good. */
  readonly retryInMs: number | undefined;
  /** Never sent, oldest first; empty while another attempt will be made. */
  readonly unsent: readonly ChannelData[];
};

/** One message to send. An object, so that two of the same text are told apart. */
type Frame = { readonly data: ChannelData };

const REASON_MAX = 123; // bytes: RFC 6455 §5.5, less two for the code

export type Channel = {
  readonly process: string;
  readonly url: string;
  readonly state: ChannelState;
  /** Undefined while not open, and on a path-bound channel. */
  readonly channelId: number | undefined;
  /**
   * Sends a string as text, bytes as binary, anything else as JSON text. Bytes that must wait are copied.
   * @throws {ChannelLimitError} too much waits to be sent: not taken, send it again after the next `open`
   * @throws {ChannelClosedError} @throws {OptionError} the value has no JSON form
   */
  send(value: unknown): void;
  /**
   * Sends `value` as JSON and waits for the process to answer. The time before the channel is open counts.
   * @throws {RequestError} (rejects) no answer in time, the connection was lost, or the answer is an error
   * @throws {ChannelLimitError} (rejects) not sent
   * @throws {ChannelClosedError} (rejects)
   */
  request(value: unknown, options?: { readonly timeoutMs?: number }): Promise<unknown>;
  /** @returns a function that stops listening */
  on<Name extends keyof ChannelEvents>(name: Name, listener: (event: ChannelEvents[Name]) => void): () => void;
  /** The messages from now on; message-stream.ts says how far a reader may fall behind. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChannelMessage, undefined>;
  /**
   * Closes for good; a second call does nothing.
   * @throws {OptionError} a browser takes 1000 and 3000 to 4999, and 123 bytes of reason
   */
  close(code?: number, reason?: string): void;
};

/**
 * Opens a channel to a process; returns at once, before it is open.
 * @throws {OptionError} an option is missing or wrong
 */
export function connect(options: ConnectOptions): Channel {
  const settings = resolveOptions(options);
  const { process, limits } = settings;
  const emitter = makeEmitter<ChannelEvents>();
  const streams = new Set<MessageStream>();
  const outbox = makeQueue<Frame>(limits.sendMessages, limits.sendBytes);
  const requests = makeRequests<Frame>(process, settings.clock, limits.requests);
  let wasOpen = false;

  const connection = makeConnection(settings, {
    state: (value, event) => emitter.emit("state", { value, event }),
    error: (error) => emitter.emit("error", error),
    message(message) {
      if (requests.answer(message)) return;
      for (const stream of streams) stream.push(message);
      emitter.emit("message", message);
    },
    bound(channelId) {
      const again = wasOpen;
      wasOpen = true;
      for (let { socket } = connection; socket !== undefined; { socket } = connection) {
        const frame = outbox.shift();
        if (frame === undefined) break;
        socket.send(frame.data);
      }
      emitter.emit("open", { channelId, again });
    },
    lost(code, reason, retryInMs) {
      const why = `its connection was lost: code ${code}, ask again if doing it twice is safe`;
      requests.fail((frame) => !outbox.has(frame), new RequestError("request_lost", process, why));
      emitter.emit("close", { code, reason, retryInMs, unsent: [] });
    },
    ended({ code, reason, byOwner, refusal }) {
      const unsent = outbox.drain().map((frame) => frame.data);
      requests.fail(() => true, closedError("finish a request to"));
      const error = byOwner || code === 1000 ? undefined : (refusal ?? closedError("read from"));
      for (const stream of streams) stream.end(error);
      emitter.emit("close", { code, reason, retryInMs: undefined, unsent });
    },
  });

  function post(data: ChannelData): Frame {
    const { state, socket } = connection;
    if (state === "closed") throw closedError("send to");
    if (socket !== undefined && outbox.size === 0) {
      if (socket.bufferedAmount < limits.sendBytes) {
        socket.send(data);
        return { data };
      }
    } else {
      const frame = { data: typeof data === "string" ? data : new Uint8Array(data) };
      if (outbox.push(frame, byteLength(data))) return frame;
    }
    throw new ChannelLimitError(
      `Cannot send to "${process}" as limits.sendMessages and limits.sendBytes are ${limits.sendMessages} and ${limits.sendBytes}: ${outbox.size} messages and ${outbox.bytes + (socket?.bufferedAmount ?? 0)} bytes wait, send it later or raise them`,
    );
  }

  function closedError(act: string): ChannelClosedError {
    const { code = 1000, reason = "", refusal } = connection.ending ?? {};
    return new ChannelClosedError(act, process, code, reason, { cause: refusal });
  }

  connection.connect();

  return {
    process,
    get url(): string {
      return connection.url;
    },
    get state(): ChannelState {
      return connection.state;
    },
    get channelId(): number | undefined {
      return connection.channelId;
    },
    send(value) {
      post(encode(value));
    },
    async request(value, { timeoutMs = limits.requestMs } = {}) {
      checkLimit("timeoutMs", timeoutMs, limits.requestMs);
      return requests.ask(
        timeoutMs,
        (n) => post(toJson({ request: n, body: value })),
        (frame) => outbox.delete(frame),
      );
    },
    on: emitter.on,
    [Symbol.asyncIterator]() {
      const stream = makeMessageStream(limits, (ended) => streams.delete(ended));
      if (connection.ending === undefined) streams.add(stream);
      else stream.end();
      return stream.iterator;
    },
    close(code = 1000, reason = "") {
      if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
        throw new OptionError(
          `Cannot close "${process}" as the code must be 1000 or 3000 to 4999: got ${code}, leave it out for 1000`,
        );
      }
      const length = byteLength(reason);
      if (length > REASON_MAX) {
        throw new OptionError(
          `Cannot close "${process}" as the reason must be at most ${REASON_MAX} bytes: got ${length}, shorten it`,
        );
      }
      connection.close(code, reason);
    },
  };
}
