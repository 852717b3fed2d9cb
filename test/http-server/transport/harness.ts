/**
 * Starts a listener of either transport for a test, with handlers that answer and accept unless told otherwise.
 *
 *   describe.each(TRANSPORTS)("%s", (_name, listen) => {
 *     afterEach(stopAll);
 *     test("…", async () => {
 *       const server = await start(listen, { message: (socket, data) => socket.send(copy(data), true) });
 *       const client = await RawSocket.connect(server.port);
 */

import {
  chooseTransport,
  type Listen,
  type Listener,
  type TransportHandlers,
  type TransportName,
  type TransportOptions,
  type TransportSocket,
} from "../../../http-server/transport/index.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

/** What the tests pass as `data` of a socket. */
export type Tag = { readonly name: string };
export type TestSocket = TransportSocket<Tag>;
export type TestHandlers = TransportHandlers<Tag>;

/** `listen` of ws, which loads everywhere. */
export const listenWs: Listen = (await chooseTransport("ws")).listen;

const preferred = await chooseTransport("auto");

/** For describe.each: both, or ws alone where uWebSockets.js has no binary (choose.test.ts knows where it has). */
export const TRANSPORTS: [name: TransportName, listen: Listen][] =
  preferred.name === "uws"
    ? [
        ["uws", preferred.listen],
        ["ws", listenWs],
      ]
    : [["ws", listenWs]];

export const OPTIONS: TransportOptions = {
  host: "127.0.0.1",
  port: 0,
  maxPayload: 1024 * 1024,
  maxBackpressure: 64 * 1024,
  idleTimeout: 120,
  pace: { bodySeconds: 10, bodyPace: 512, readerSeconds: 30 },
};

export type Deferred<Value> = {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
};

export function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export type Server = {
  readonly listener: Listener;
  readonly port: number;
  /** What `fault` was called with. */
  readonly faults: unknown[];
};

const listeners = new Set<Listener>();

export async function start(
  listen: Listen,
  handlers: Partial<TestHandlers> = {},
  options: Partial<TransportOptions> = {},
): Promise<Server> {
  const faults: unknown[] = [];
  const all: TestHandlers = {
    http: (_request, response) => response.send(200, [["content-type", "text/plain"]], "plain http"),
    upgrade: () => ({ accept: true, data: { name: "a socket" }, protocol: "" }),
    open: () => {},
    message: () => {},
    ping: () => {},
    pong: () => {},
    drain: () => {},
    dropped: () => {},
    close: () => {},
    fault: (error) => faults.push(error),
    ...handlers,
  };
  const listener = await listen({ ...OPTIONS, ...options }, all);
  listeners.add(listener);
  return { listener, port: listener.port, faults };
}

/** A client whose handshake is through, and the server's end of it. */
export async function openPair(
  listen: Listen,
  handlers: Partial<TestHandlers> = {},
  options: Partial<TransportOptions> = {},
): Promise<Server & { readonly client: RawSocket; readonly socket: TestSocket }> {
  const opened = deferred<TestSocket>();
  const open = (socket: TestSocket): void => {
    handlers.open?.(socket);
    opened.resolve(socket);
  };
  const server = await start(listen, { ...handlers, open }, options);
  const client = await RawSocket.connect(server.port);
  await client.upgrade();
  return { ...server, client, socket: await opened.promise };
}

/** Destroys every client and listener of the test: for afterEach. */
export async function stopAll(): Promise<void> {
  destroyAll();
  const stopping = [...listeners].map((listener) => listener.destroy());
  listeners.clear();
  await Promise.all(stopping);
}

/** Bytes that outlive the handler. */
export function copy(lent: ArrayBuffer | Uint8Array): Buffer {
  return Buffer.from(new Uint8Array(ArrayBuffer.isView(lent) ? lent : new Uint8Array(lent)));
}
