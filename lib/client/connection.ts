/**
 * One socket after another to one process: opens, registers, waits, opens again (machine.ts draws it).
 *
 * 1. Each state has at most one timer, which ends with it.
 * 2. Only the current socket is listened to; what an abandoned one still says is stale.
 * 3. A handler may call `close`: nothing is done for a state that has gone meanwhile.
 */
import { CLOSE, shouldReconnect } from "../protocol/close-codes.ts";
import type { KernelError } from "../protocol/errors.ts";
import { retryDelayMs } from "./backoff.ts";
import { ChannelRefusedError, ConnectionError } from "./errors.ts";
import { CHANNEL_MACHINE, type ChannelEvent, type ChannelState, nextState } from "./machine.ts";
import { type ChannelMessage, makeMessage } from "./message.ts";
import type { Settings } from "./options.ts";
import { page } from "./page.ts";
import { SOCKET_OPEN, type SocketEvent, type SocketLike } from "./socket.ts";

export type ConnectionHandlers = {
  state(value: ChannelState, event: ChannelEvent): void;
  /** Frames can be sent. @param channelId undefined on a path-bound channel */
  bound(channelId: number | undefined): void;
  /** From the process. */
  message(message: ChannelMessage): void;
  /** Before the `lost` or `ended` that it explains. */
  error(error: KernelError): void;
  /** The socket ended; another is opened in `retryInMs`. */
  lost(code: number, reason: string, retryInMs: number): void;
  /** For good. */
  ended(ending: Ending): void;
};

/** How a connection ended for good. */
export type Ending = {
  readonly code: number;
  readonly reason: string;
  /** close() was called. */
  readonly byOwner: boolean;
  /** The node's refusal, if there was one. */
  readonly refusal: ChannelRefusedError | undefined;
};

export type Connection = {
  readonly state: ChannelState;
  /** Of the socket there is, or was last. */
  readonly url: string;
  /** Undefined while not open. */
  readonly channelId: number | undefined;
  /** Undefined until the state is "closed". */
  readonly ending: Ending | undefined;
  /** Undefined while not open, and while it is closing: then it would drop frames silently. */
  readonly socket: SocketLike | undefined;
  /** Starts, or ends a wait early; does nothing in other states. */
  connect(): void;
  /** Ends for good, without waiting for the other side: a dead connection withholds its close event for minutes. */
  close(code: number, reason: string): void;
};

export function makeConnection(settings: Settings, handlers: ConnectionHandlers): Connection {
  const { process, limits } = settings;
  let url = "";
  let state: ChannelState = CHANNEL_MACHINE.initial;
  let channelId: number | undefined;
  let socket: SocketLike | undefined;
  let refusal: ChannelRefusedError | undefined; // what the current socket was answered
  let ending: Ending | undefined;
  let failures = 0; // since the last stable connection
  let cancelTimer = (): void => {};

  /** @returns false when the state does not take `event`, or the handler has already moved it on */
  function go(event: ChannelEvent): boolean {
    const value = nextState(state, event);
    if (value === undefined) return false;
    cancelTimer();
    state = value;
    handlers.state(value, event);
    return state === value;
  }

  function after(ms: number, due: () => void): void {
    cancelTimer = settings.clock.setTimeout(due, ms);
  }

  function connect(): void {
    if (!go("CONNECT")) return;
    try {
      url = settings.url();
    } catch (error) {
      end("ENDED", 1006, "its url leads to no node");
      throw error; // out of connect() the first time, and then to wherever the runtime shows what nobody caught
    }
    const opened = new settings.WebSocket(url);
    opened.binaryType = "arraybuffer";
    socket = opened;
    limit("connect_timeout", limits.connectMs, "it must open");
    const on = (type: "open" | "message" | "close" | "error", handle: (event: SocketEvent) => void): void =>
      opened.addEventListener(type, (event) => {
        if (opened === socket) handle(event);
      });
    on("open", () => upgraded(opened));
    on("message", ({ data }) => received(data));
    on("close", ({ code = 1006, reason = "" }) => lost(code, reason));
    on("error", ({ message, error }) => {
      const why = `its connection failed: ${message || "the runtime does not say why"}, see the close event`;
      handlers.error(new ConnectionError("socket_failed", url, why, { cause: error }));
    });
  }

  function upgraded(opened: SocketLike): void {
    if (settings.register === undefined) bound(undefined);
    else if (go("UPGRADED")) {
      limit("register_timeout", limits.registerMs, "a channel id must come");
      opened.send(settings.register());
    }
  }

  function received(data: unknown): void {
    const message = makeMessage(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    if (state !== "registering" || !registered(message)) handlers.message(message);
  }

  /** @returns whether `message` is the node's answer to WsRegister */
  function registered(message: ChannelMessage): boolean {
    const answer = message.json() as
      | { channel_id?: unknown; error?: { code?: unknown; message?: unknown } | null }
      | null
      | undefined;
    if (typeof answer?.channel_id === "number") bound(answer.channel_id);
    else if (answer?.error) {
      const { code = "refused", message: reason = "it does not say why" } = answer.error;
      refusal = new ChannelRefusedError(process, String(code), String(reason));
      handlers.error(refusal); // the node closes the socket next
    } else return false;
    return true;
  }

  function bound(id: number | undefined): void {
    channelId = id;
    if (!go("BOUND")) return;
    after(limits.stableMs, () => {
      failures = 0;
    });
    handlers.bound(id);
  }

  /** Gives the state `ms`, then gives the socket up. */
  function limit(code: "connect_timeout" | "register_timeout", ms: number, rule: string): void {
    after(ms, () => {
      const { code: closeCode, why } = CLOSE.tooLate;
      abandon();
      handlers.error(new ConnectionError(code, url, `${rule} within ${ms} ms: it did not, see the close event`));
      lost(closeCode, why);
    });
  }

  function lost(code: number, reason: string): void {
    const refusedForGood = Object.values(CLOSE).some((row) => row.error === refusal?.code && !row.retry);
    if (!settings.reconnect || !shouldReconnect(code) || refusedForGood) {
      end("ENDED", code, reason);
      return;
    }
    forget();
    if (!go("LOST")) return;
    const retryInMs = retryDelayMs(failures++, settings.random(), limits.retryFirstMs, limits.retryMaxMs);
    after(retryInMs, connect);
    handlers.lost(code, reason, retryInMs);
  }

  function end(event: "ENDED" | "CLOSE", code: number, reason: string): void {
    if (ending !== undefined) return;
    ending = { code, reason, byOwner: event === "CLOSE", refusal };
    forget();
    page().removeEventListener?.("online", connect);
    go(event);
    handlers.ended(ending);
  }

  function abandon(code?: number, reason?: string): void {
    const abandoned = socket;
    socket = undefined; // first: its close event is stale
    abandoned?.close(code, reason);
  }

  function forget(): void {
    socket = channelId = refusal = undefined;
  }

  page().addEventListener?.("online", connect);

  return {
    get state(): ChannelState {
      return state;
    },
    get ending(): Ending | undefined {
      return ending;
    },
    get url(): string {
      return url;
    },
    get channelId(): number | undefined {
      return channelId;
    },
    get socket(): SocketLike | undefined {
      return state === "open" && socket?.readyState === SOCKET_OPEN ? socket : undefined;
    },
    connect,
    close(code: number, reason: string): void {
      abandon(code, reason);
      end("CLOSE", code, reason);
    },
  };
}
