/** Every limit of the http-server: default, unit, bounds and reason. Set them with `limits` in the config or `--limit name=value`. */
import { type Limit, type LimitValues, limit, resolveLimits } from "../lib/protocol/index.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const HTTP_SERVER_LIMITS: Readonly<Record<HttpServerLimitName, Limit>> = {
  messageBytes: limit(4 * MIB, "bytes", 1, 256 * MIB, "largest WebSocket message from a client: it is held whole"),
  pushBytes: limit(4 * MIB, "bytes", 1, 256 * MIB, "largest push: a socket's queue must take one above its send limit"),
  sendLimit: limit(MIB, "bytes", KIB, 64 * MIB, "what a slow client may leave waiting; a binding may ask for less"),
  compressBytes: limit(
    KIB,
    "bytes",
    1,
    256 * MIB,
    "smallest frame that is compressed where a binding asks for it: less saves little for as much CPU (ADR 0011)",
  ),
  messagesPerSecond: limit(10_000, "messages", 1, 100_000_000, "from one channel; a flood ends its own socket"),
  channels: limit(100_000, "sockets", 1, 10_000_000, "open at once, registered or not; file descriptors end sooner"),
  channelsPerAddress: limit(
    50_000,
    "sockets",
    1,
    10_000_000,
    "open at once from one IP; lower it on a public node without a proxy",
  ),
  unregistered: limit(10_000, "sockets", 1, 10_000_000, "on the main route that have not registered yet"),
  registerDeadline: limit(10_000, "ms", 10, 600_000, "from the upgrade to WsRegister (DESIGN §4.2)"),
  wrappedDeadline: limit(
    600_000,
    "ms",
    10,
    86_400_000,
    "from the WsRegister of a client of 2023 to the message that names its process: until then it is unregistered",
  ),
  registerBytes: limit(16 * KIB, "bytes", 256, MIB, "a WsRegister is a token and a name"),
  idleTimeout: limit(120, "seconds", 8, 960, "without a byte; pings go out before that, so only a dead peer is cut"),
  messageSeconds: limit(
    180,
    "seconds",
    1,
    86_400,
    "a message may take to arrive; at least idleTimeout + 10: an idle client shows life by its pongs",
  ),
  slowReaderGrace: limit(
    10_000,
    "ms",
    10,
    600_000,
    "a channel closed for slowness may take this long to read what it was sent",
  ),
  latestFrames: limit(
    8,
    "frames",
    1,
    1_000_000,
    "a `latest` channel may be sent before its pong; at 30 a second a client 150 ms away misses none",
  ),
  latestMs: limit(500, "ms", 1, 600_000, "a `latest` channel may owe a pong before it is only sent the newest"),
  latestKeys: limit(100, "keys", 1, 100_000, "of pushes that wait for a `latest` channel, within its send limit"),
  topicsPerChannel: limit(100, "topics", 1, 100_000, "each costs an entry, of many subscribers on the transport too"),
  fewSubscribers: limit(
    64,
    "subscribers",
    0,
    10_000,
    "of a topic that are sent each publish one by one, with what else goes to them; more are in the transport's topic tree, whose one call takes some 0.2 µs less for each",
  ),
  topicBytes: limit(256, "bytes", 1, 64 * KIB, "a topic's name"),
  bindingNames: limit(32, "names", 0, 1_000, "sub-protocols of one binding, and headers that its Opens carry"),
  openBytes: limit(
    4 * KIB,
    "bytes",
    0,
    MIB,
    "what a client chose that an Open carries (query, headers, …): kept while the channel lives",
  ),
  noteBytes: limit(
    16 * KIB,
    "bytes",
    0,
    MIB,
    "what a process tells the next owner of a channel; kept while it is open",
  ),
  grantsPerChannel: limit(32, "processes", 0, 10_000, "besides its owner that may push to a channel"),
  farOwners: limit(
    1_000,
    "processes",
    0,
    100_000,
    "of other nodes that own channels here: each has a small process that stands for it",
  ),
  farEvents: limit(10_000, "events", 1, 1_000_000, "of channels that wait for one other node; then as a full mailbox"),
  farBytes: limit(16 * MIB, "bytes", KIB, 1024 * MIB, "that these may hold: as linkQueueBytes of the kernel"),
  farProbe: limit(
    5_000,
    "ms",
    10,
    600_000,
    "without a word between two nodes that share channels, before one asks whether the other is there",
  ),
  bindingsPerProcess: limit(2_000, "paths", 1, 1_000_000, "HTTP and WebSocket; a front end of 1,000 files fits"),
  staticBytes: limit(256 * MIB, "bytes", 1, 16 * 1024 * MIB, "static content of all bindings: it is held in memory"),
  staticHeaderBytes: limit(4 * KIB, "bytes", 0, 64 * KIB, "headers that a process gives to one content"),
  compressFrom: limit(KIB, "bytes", 1, 1024 * MIB, "static content from this size: less fits one packet as it is"),
  compressUpTo: limit(
    8 * MIB,
    "bytes",
    0,
    1024 * MIB,
    "static content up to this size: 8 MiB of text took brotli 1.7 s of a thread",
  ),
  goneProcesses: limit(1_000, "processes", 0, 1_000_000, "whose paths answer 503 instead of 404 after their end"),
  httpBodyBytes: limit(10 * MIB, "bytes", 0, 1024 * MIB, "a request body is held whole"),
  httpStreamBytes: limit(
    64 * 1024 * MIB,
    "bytes",
    0,
    2 ** 50,
    "a request body that its process reads in pieces: it is never held whole",
  ),
  httpStreamWindow: limit(
    256 * KIB,
    "bytes",
    1,
    64 * MIB,
    "of a streamed body that wait for the slower side before the faster one has to",
  ),
  httpStreams: limit(10_000, "exchanges", 0, 10_000_000, "streamed at once; each may hold two windows and a push"),
  httpStreamIdle: limit(
    300,
    "seconds",
    1,
    86_400,
    "without a byte of a streamed answer; a process with nothing to say may send a comment before that",
  ),
  httpPaceSeconds: limit(
    10,
    "seconds",
    1,
    3600,
    "over which the pace of a request body is looked at; see httpBodyPace",
  ),
  httpBodyPace: limit(
    512,
    "bytes per second",
    0,
    1024 * MIB,
    "a request body comes at least so fast, or gets 408; below a slow mobile line, above who holds a connection",
  ),
  httpReaderSeconds: limit(
    30,
    "seconds",
    1,
    3600,
    "in which a client must take some of an answer that waits for it; then it is cut",
  ),
  httpSeconds: limit(15, "seconds", 0.01, 3600, "a process may take to answer (contract kinode §5.2)"),
  extensionQuestions: limit(
    10_000,
    "requests",
    1,
    1_000_000,
    "of all extensions that wait for processes; HTTP waits in the same table (pendingRequests of the kernel)",
  ),
  extensionRequests: limit(
    1_000,
    "requests",
    1,
    1_000_000,
    "unanswered on one channel: of a process to its extension, and as many the other way; each holds its blob",
  ),
  extensionSeconds: limit(60, "seconds", 0.01, 86_400, "a process may take to answer its extension"),
  loginBytes: limit(16 * KIB, "bytes", 256, MIB, "contract kinode §5.5"),
  loginFailures: limit(10, "tries", 1, 1_000_000, "from one address per loginWindow; then 429"),
  loginWindow: limit(60_000, "ms", 1, 86_400_000, "see loginFailures"),
  loginFailuresTotal: limit(
    100,
    "tries",
    1,
    1_000_000,
    "from all addresses that are not logged in, per loginWindow; each takes a core for 0.1 s",
  ),
  logins: limit(2, "logins", 1, 64, "checked at once; the thread pool has four threads, and files need some"),
  loginQueue: limit(20, "logins", 0, 10_000, "waiting for their check; one more is told 503"),
  loginLinkSeconds: limit(3_600, "seconds", 1, 7 * 86_400, "life of the one-time link of a node without a password"),
  passwordLength: limit(8, "characters", 1, 1_000, "of a new password (NIST SP 800-63B §5.1.1.2)"),
  sessions: limit(1_000, "sessions", 1, 100_000, "logged in at once; the one unused for longest ends first"),
  sessionRotation: limit(86_400, "seconds", 1, 10 * 365 * 86_400, "age at which a session's token is replaced on use"),
  sessionGrace: limit(60, "seconds", 0, 86_400, "a replaced token stays good: for requests that were under way"),
  sessionSeconds: limit(
    26 * 7 * 86_400,
    "seconds",
    1,
    10 * 365 * 86_400,
    "life of a login (contract kinode §5.5: 26 weeks)",
  ),
  registerTokenSeconds: limit(
    3_600,
    "seconds",
    1,
    10 * 365 * 86_400,
    "life of the token that page script can read; renewed as pages load",
  ),
  verifiedTokens: limit(1_000, "tokens", 0, 1_000_000, "whose signature need not be checked again; some 0.5 kB each"),
  certificates: limit(
    20,
    "certificates",
    2,
    1_000,
    "in use at once after reloads; on uWebSockets.js the connections of the oldest are cut then",
  ),
  hstsSeconds: limit(
    180 * 86_400,
    "seconds",
    0,
    10 * 365 * 86_400,
    "browsers keep to https (RFC 6797), on every port of the host; 0 makes them forget",
  ),
  handOver: limit(
    1_000,
    "ms",
    0,
    60_000,
    "after a stop with --reuse-port: who has just connected may still send its request",
  ),
};

export type HttpServerLimitName =
  | "messageBytes"
  | "pushBytes"
  | "sendLimit"
  | "compressBytes"
  | "messagesPerSecond"
  | "channels"
  | "channelsPerAddress"
  | "unregistered"
  | "registerDeadline"
  | "wrappedDeadline"
  | "registerBytes"
  | "idleTimeout"
  | "messageSeconds"
  | "slowReaderGrace"
  | "latestFrames"
  | "latestMs"
  | "latestKeys"
  | "topicsPerChannel"
  | "fewSubscribers"
  | "topicBytes"
  | "bindingNames"
  | "openBytes"
  | "noteBytes"
  | "grantsPerChannel"
  | "farOwners"
  | "farEvents"
  | "farBytes"
  | "farProbe"
  | "bindingsPerProcess"
  | "staticBytes"
  | "staticHeaderBytes"
  | "compressFrom"
  | "compressUpTo"
  | "goneProcesses"
  | "httpBodyBytes"
  | "httpStreamBytes"
  | "httpStreamWindow"
  | "httpStreams"
  | "httpStreamIdle"
  | "httpPaceSeconds"
  | "httpBodyPace"
  | "httpReaderSeconds"
  | "httpSeconds"
  | "extensionQuestions"
  | "extensionRequests"
  | "extensionSeconds"
  | "loginBytes"
  | "loginFailures"
  | "loginWindow"
  | "loginFailuresTotal"
  | "logins"
  | "loginQueue"
  | "loginLinkSeconds"
  | "passwordLength"
  | "sessions"
  | "sessionRotation"
  | "sessionGrace"
  | "sessionSeconds"
  | "registerTokenSeconds"
  | "verifiedTokens"
  | "certificates"
  | "hstsSeconds"
  | "handOver";

export type HttpServerLimits = LimitValues<typeof HTTP_SERVER_LIMITS>;

/** @throws {OptionError} */
export function httpServerLimits(overrides: Readonly<Record<string, number | undefined>> = {}): HttpServerLimits {
  return resolveLimits(HTTP_SERVER_LIMITS, overrides);
}

const BACKPRESSURE_SLACK = 64 * KIB; // bytes: control frames and headers on top of what we count

/**
 * What the transport itself must take per socket: above our own limit by one push, or a close frame would be lost
 * together with everything queued (contracts/hazards.md §0.3).
 */
export function maxBackpressure(limits: HttpServerLimits): number {
  return limits.sendLimit + limits.pushBytes + BACKPRESSURE_SLACK;
}
