/**
 * A WebSocket that does what the test says, and a channel on a virtual clock that uses it.
 *
 *   const { channel, sockets, clock } = start();
 *   sockets.last.open();
 *   sockets.last.text({ channel_id: 7 });
 *   expect(channel.state).toBe("open");
 */
import {
  type Channel,
  type ChannelEvents,
  type ConnectOptions,
  connect,
  type SocketConstructor,
  type SocketLike,
} from "../../lib/client/index.ts";
import type { SocketEvent } from "../../lib/client/socket.ts";
import { VirtualClock } from "../../lib/protocol/clock.ts";

export const PROCESS = "chat:chat:template.os";
export const URL_OF_NODE = "ws://node.test/";

export class FakeSocket implements SocketLike {
  readonly url: string;
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  /** What was sent, in order. */
  readonly sent: (string | Uint8Array)[] = [];
  /** What the client closed it with. */
  closedWith: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;
  readonly #listeners: { readonly type: string; readonly listener: (event: SocketEvent) => void }[] = [];

  constructor(url: string) {
    this.url = url;
  }

  send(data: string | Uint8Array): void {
    if (this.readyState === 0) throw new Error("InvalidStateError: still connecting");
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    this.readyState = 2;
    this.closedWith = { code, reason };
  }

  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    this.#listeners.push({ type, listener });
  }

  /** The upgrade succeeds. */
  open(): void {
    this.readyState = 1;
    this.#dispatch({ type: "open" });
  }

  /** The node sends text; an object as JSON. */
  text(value: unknown): void {
    this.#dispatch({ type: "message", data: typeof value === "string" ? value : JSON.stringify(value) });
  }

  binary(...bytes: number[]): void {
    this.#dispatch({ type: "message", data: new Uint8Array(bytes).buffer });
  }

  /** The socket ends. */
  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.#dispatch({ type: "close", code, reason });
  }

  /** The connection fails: `message` as the ws package gives it, none as browsers do. */
  fail(message?: string): void {
    this.#dispatch({ type: "error", ...(message !== undefined && { message }) });
    this.end(1006);
  }

  #dispatch(event: SocketEvent): void {
    for (const { type, listener } of this.#listeners) if (type === event.type) listener(event);
  }
}

export type Sockets = { readonly all: readonly FakeSocket[]; readonly last: FakeSocket };

export function fakeSockets(): { readonly sockets: Sockets; readonly WebSocket: SocketConstructor } {
  const all: FakeSocket[] = [];
  class Recorded extends FakeSocket {
    constructor(url: string) {
      super(url);
      all.push(this);
    }
  }
  const sockets: Sockets = {
    all,
    get last(): FakeSocket {
      const last = all.at(-1);
      if (last === undefined) throw new Error("no socket was opened");
      return last;
    },
  };
  return { sockets, WebSocket: Recorded };
}

export type Started = {
  readonly channel: Channel;
  readonly sockets: Sockets;
  readonly clock: VirtualClock;
  /** Every event but `message`, in order. */
  readonly seen: { readonly name: keyof ChannelEvents; readonly event: unknown }[];
};

/** A channel that is connecting. Its `random` is 0, unless told otherwise: the shortest wait. */
export function start(options: Partial<ConnectOptions> = {}): Started {
  const { sockets, WebSocket } = fakeSockets();
  const clock = new VirtualClock();
  const channel = connect({ process: PROCESS, url: URL_OF_NODE, WebSocket, clock, random: () => 0, ...options });
  const seen: Started["seen"][number][] = [];
  for (const name of ["open", "state", "close", "error"] as const) {
    channel.on(name, (event) => seen.push({ name, event }));
  }
  return { channel, sockets, clock, seen };
}

/** A channel that is open, as channel 7. */
export function startOpen(options: Partial<ConnectOptions> = {}): Started {
  const started = start(options);
  register(started.sockets.last, 7);
  return started;
}

/** Lets `socket` open and answers its registration. */
export function register(socket: FakeSocket, channelId: number): void {
  socket.open();
  socket.text({ channel_id: channelId });
}

/** What was sent after the registration. */
export function dataOf(socket: FakeSocket): (string | Uint8Array)[] {
  return socket.sent.slice(1);
}

/** The events called `name`, in order. */
export function eventsOf<Name extends keyof ChannelEvents>(started: Started, name: Name): ChannelEvents[Name][] {
  return started.seen.filter((one) => one.name === name).map((one) => one.event as ChannelEvents[Name]);
}
