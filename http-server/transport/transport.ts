/**
 * What the http-server needs of a socket library: the border that uws.ts and ws.ts stand behind.
 *
 * 1. Handlers run one at a time on the main thread and never throw into the library: each transport wraps them.
 * 2. Bytes handed to `message`, `ping` and `pong` are lent until the handler returns.
 * 3. After `close` a socket must not be touched; the http-server forgets it first thing in its handler.
 * 4. `TransportSocket` has the shape of uWebSockets.js's own WebSocket, so the default transport hands out
 *    native objects: no wrapper per connection, no extra call per frame (bench/echo).
 */

import type { Tls } from "./tls.ts";

/** What a handler gets of a request line and head. Everything is copied: nothing is lent. */
export type TransportRequest = {
  /** Upper case. */
  readonly method: string;
  /** As sent, still percent-encoded, without the query. */
  readonly path: string;
  /** As sent, without the `?`; empty when there is none. */
  readonly query: string;
  /** In the order sent, names in lower case, several of one name as several entries. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Textual IP of the peer, without a port; IPv4 in its plain form. */
  readonly remoteAddress: string;
  /** 0 on uWebSockets.js, which has no way to tell. */
  readonly remotePort: number;
  /** It came over TLS. */
  readonly secure: boolean;
};

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Takes a request's body as it comes. After `end` or `failed` nothing follows; neither comes when the client leaves. */
export interface BodyReader {
  /** @param bytes not empty; owned by the callee */
  data(bytes: Uint8Array): void;
  end(): void;
  /** It has more bytes than allowed (413), or comes too slowly (408). The next answer ends the connection. */
  failed(status: 408 | 413): void;
}

/** The body of an answer that goes out in pieces. Does nothing after `end`, or when the client has left. */
export interface BodyWriter {
  /** Bytes written that the library has not taken yet: the client reads slower than they were written. */
  readonly waiting: number;
  /** @param bytes must not change until they are taken */
  write(bytes: Uint8Array): void;
  end(): void;
}

/**
 * One HTTP exchange. The handler must call `send`, `readBody` or `streamBody` before it returns, or keep the response
 * to answer later. An answer before the end of the body ends the connection, unless what is still to come is small.
 */
export interface TransportResponse {
  /** The client left; `send` does nothing from now on. */
  readonly aborted: boolean;
  /**
   * Collects the request body and calls `done` once: with the bytes (empty when there is none; owned by the callee),
   * or null when there are, or are announced, more than `maxBytes`. Not called when the client leaves first, or is too
   * slow, which is answered with 408. Call it at most once, at once.
   */
  readBody(maxBytes: number, done: (body: Uint8Array | null) => void): void;
  /** Hands the request body on as it comes, instead of `readBody`. */
  streamBody(maxBytes: number, reader: BodyReader): void;
  /**
   * Whether the client's bytes stay with it: its socket is not read. What was read by then still comes, and on
   * uWebSockets.js all that the operating system has of it. @returns false: it goes on, as its answer waits to be written
   */
  holdBody(isHeld: boolean): boolean;
  /**
   * Sends everything and ends. Content-Length is the transport's to add; 204 and 304 go without a body. A second call
   * does nothing. A large `body` stays where it is until the client has it: it must not change.
   */
  send(status: number, headers: HeaderList, body: Uint8Array | string): void;
  /**
   * Begins an answer whose body follows.
   * @param length bytes, exactly; null: not known, so it goes out in chunks
   * @param room `waiting` has become less
   * @returns null when no body is to follow (HEAD, 204, 304), or the exchange is over: it is answered
   */
  begin(status: number, headers: HeaderList, length: number | null, room: () => void): BodyWriter | null;
  /** Ends the connection, so that the client sees that something is missing. `onAborted` fires. */
  cut(): void;
  /** Calls back when the client leaves before the whole answer was sent, or `cut` was called. Not behind `send`. */
  onAborted(then: () => void): void;
  /** The connection ends behind the answer, and the answer says so. To be called before it. */
  closeAfter(): void;
  /** Headers of whatever answer there will be. To be called before it. */
  alsoSend(headers: HeaderList): void;
}

/** A refusal is a real HTTP answer, before any 101. `data` comes back with every event of the socket. */
export type UpgradeDecision<Data> =
  | {
      readonly accept: true;
      readonly data: Data /** The sub-protocol to select, out of those offered; "" for none. */;
      readonly protocol: string;
      /** Whether permessage-deflate is taken when the client offers it. Default false. */
      readonly compress?: boolean;
    }
  | { readonly accept: false; readonly status: number; readonly headers: HeaderList; readonly body: string };

/** How a send went. */
export const SENT = 1;
/** Taken, but the kernel's buffer is full: `drain` will come. */
export const QUEUED = 0;
/** Not taken: `maxBackpressure` was reached. */
export const DROPPED = 2;
export type SendOutcome = number;

export interface TransportSocket<Data> {
  getUserData(): Data;
  /** Text must be well-formed. @returns SENT, QUEUED or DROPPED */
  send(data: string | Uint8Array | ArrayBuffer, isBinary: boolean): SendOutcome;
  /** @param data at most 125 bytes (RFC 6455 §5.5) */
  ping(data: Uint8Array): SendOutcome;
  /** Unsolicited pong; absent where the library cannot send one. */
  pong?(data: Uint8Array): SendOutcome;
  /** Bytes accepted and not yet given to the operating system. */
  getBufferedAmount(): number;
  /**
   * Sends a close frame behind what is queued, then ends; `close` fires before this returns, with what was sent.
   * A code that may not be sent becomes 1000; the reason is cut to 123 bytes.
   * With more than `maxBackpressure` queued, uWebSockets.js throws the queue away and sends no close frame (the client
   * sees 1006): keep a limit of your own below it.
   */
  end(code: number, reason: string): void;
  /** Cuts the connection; the client sees 1006. `close` fires before this returns. */
  close(): void;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  /** Runs `work` so that its sends to this socket leave in one write. */
  cork(work: () => void): unknown;
}

export interface TransportHandlers<Data> {
  http(request: TransportRequest, response: TransportResponse): void;
  /** Synchronous: a socket upgraded in a later turn can be closed by cork (contracts/hazards.md §2). */
  upgrade(request: TransportRequest): UpgradeDecision<Data>;
  open(socket: TransportSocket<Data>): void;
  message(socket: TransportSocket<Data>, data: ArrayBuffer | Uint8Array, isBinary: boolean): void;
  /** The library has answered it already. */
  ping(socket: TransportSocket<Data>, data: ArrayBuffer | Uint8Array): void;
  pong(socket: TransportSocket<Data>, data: ArrayBuffer | Uint8Array): void;
  /** What was queued has shrunk. */
  drain(socket: TransportSocket<Data>): void;
  /**
   * Frames to this socket were not taken because `maxBackpressure` was reached: of a publish, or a `send` that returned
   * DROPPED. Comes a turn later, once per socket, with about the bytes of all of them; not when it has closed meanwhile.
   */
  dropped(socket: TransportSocket<Data>, bytes: number): void;
  /** Exactly once per open. 1005: none given, 1006: cut. `reason` is text repaired to UTF-8. */
  close(data: Data, code: number, reason: string): void;
  /** A handler threw: a defect of ours. The exchange was answered with 500, or the socket goes on. */
  fault(error: unknown): void;
}

export type TransportOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Largest message from a client, in bytes; a larger one ends the socket. */
  readonly maxPayload: number;
  /** Most bytes queued on one socket; never 0, which means no limit. */
  readonly maxBackpressure: number;
  /** Seconds without a byte before a socket is cut, 8 to 960; the transport pings before that. */
  readonly idleTimeout: number;
  /** A message of fewer bytes is not compressed, where a socket has negotiated it. */
  readonly compressBytes: number;
  readonly pace: HttpPace;
  /** Left out: no TLS. */
  readonly tls?: Tls | undefined;
  /** Most certificates in use at once after reloads; uWebSockets.js cuts the connections of the oldest then. */
  readonly certificates: number;
  /** Another program of this user that asks for it too may listen on the same port, and gets its share of connections. */
  readonly reusePort?: boolean;
};

/** How slow the client of an HTTP exchange may be. */
export type HttpPace = {
  /** Seconds over which a body's pace is looked at. */
  readonly bodySeconds: number;
  /** Bytes per second a body must come with; its end may come sooner. */
  readonly bodyPace: number;
  /** Seconds in which a client that has bytes waiting must take some. */
  readonly readerSeconds: number;
};

/** One listening port. */
export interface Listener {
  readonly transport: TransportName;
  readonly host: string;
  readonly port: number;
  /** Encoded once, sent to every subscriber of `topic` on this listener; where they compress, see `compressBytes`. */
  publish(topic: string, data: string | Uint8Array | ArrayBuffer, isBinary: boolean): void;
  /** New connections get this certificate; open ones go on with theirs. @throws {TlsError} nothing has changed */
  reload(tls: Tls): void;
  /**
   * No new connection from now on; open ones go on. At once, but for a port that is shared: that is closed when as few as
   * can be are in the queue, within some 500 ms.
   */
  stopListening(): Promise<void>;
  /** Cuts what is still open and frees everything. */
  destroy(): Promise<void>;
}

export type TransportName = "uws" | "ws";

/**
 * @throws {ListenError} the port is taken, or may not be used
 * @throws {OptionError} an option is outside its range, or not to be had here
 * @throws {TlsError} the library refuses the certificate
 */
export type Listen = <Data>(options: TransportOptions, handlers: TransportHandlers<Data>) => Promise<Listener>;
