/** What a channel needs of a WebSocket: a browser's, Node 22's, the `ws` package's or a test's. */

export interface SocketLike {
  binaryType: string;
  /** 1: open. */
  readonly readyState: number;
  /** Bytes given to `send` that the network has not taken. */
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: SocketEvent) => void): void;
}

/** The fields that are read, each of one type of event: `message` and `error` are what `ws` says of a failure. */
export type SocketEvent = {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: unknown;
  readonly error?: unknown;
};

export type SocketConstructor = new (url: string) => SocketLike;

export const SOCKET_OPEN = 1; // readyState, as the WebSocket standard numbers it
