/** Every limit of http-client:distro:sys: default, unit, bounds and reason. */
import { type Limit, type LimitValues, limit, resolveLimits } from "jackfield/protocol";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const HTTP_CLIENT_LIMITS: Readonly<Record<HttpClientLimitName, Limit>> = {
  requestTime: limit(60_000, "ms", 10, 3_600_000, "from a request to the end of its answer, redirects and all"),
  requests: limit(64, "requests", 1, 65_536, "of one process under way, streamed answers too"),
  requestsTotal: limit(1024, "requests", 1, 65_536, "of all processes: each has a connection, a file to the system"),
  requestBytes: limit(10 * MIB, "bytes", 0, GIB, "of a request's body: it is held whole"),
  responseBytes: limit(10 * MIB, "bytes", 0, GIB, "of an answer's body that is held whole; larger ones are streamed"),
  bufferedBytes: limit(256 * MIB, "bytes", 1, 64 * GIB, "of all answers that are held and not complete"),
  headerBytes: limit(16 * KIB, "bytes", 256, MIB, "of an answer's head"),
  redirects: limit(10, "redirects", 0, 100, "followed for one request; the original's library has the same"),
  streamIdle: limit(60_000, "ms", 10, 3_600_000, "without a piece read or sent, then a streamed answer is cut"),
  connectionsPerHost: limit(32, "connections", 1, 10_000, "more requests to one host wait for one of them"),
  hosts: limit(256, "hosts", 1, 65_536, "whose connections are kept for a next request; then all are let go"),
  sockets: limit(64, "WebSockets", 1, 65_536, "of one process"),
  socketsTotal: limit(1024, "WebSockets", 1, 65_536, "of all processes: each is a file to the system"),
  handshakeTime: limit(10_000, "ms", 10, 600_000, "until a WebSocket is open"),
  messageBytes: limit(4 * MIB, "bytes", 1, 256 * MIB, "largest message of a peer: it is held whole"),
  framesAhead: limit(16, "frames", 1, 65_536, "that a process has not answered; then the peer is not read"),
  sendLimit: limit(
    MIB,
    "bytes",
    KIB,
    256 * MIB,
    "that wait for a slow peer; then a push is answered when they are sent",
  ),
  sendMax: limit(16 * MIB, "bytes", KIB, GIB, "that wait for a slow peer; then a push is refused"),
  pingEvery: limit(30_000, "ms", 10, 3_600_000, "a peer that does not answer until the next is gone"),
};

export type HttpClientLimitName =
  | "requestTime"
  | "requests"
  | "requestsTotal"
  | "requestBytes"
  | "responseBytes"
  | "bufferedBytes"
  | "headerBytes"
  | "redirects"
  | "streamIdle"
  | "connectionsPerHost"
  | "hosts"
  | "sockets"
  | "socketsTotal"
  | "handshakeTime"
  | "messageBytes"
  | "framesAhead"
  | "sendLimit"
  | "sendMax"
  | "pingEvery";

export type HttpClientLimits = LimitValues<typeof HTTP_CLIENT_LIMITS>;

/** @throws {OptionError} */
export function httpClientLimits(overrides: Readonly<Record<string, number | undefined>> = {}): HttpClientLimits {
  return resolveLimits(HTTP_CLIENT_LIMITS, overrides);
}
