/**
 * One WebSocket connection. A plain record: channels.ts acts on it, transports carry it as their user data.
 *
 * Fields are few on purpose, and what channels have in common stands once: an idle registered channel may cost 1 kB at
 * most (DESIGN §9), and what survives counts twice, since V8's young generation grows with it.
 * Numbers are whole and below 2^31: any other V8 keeps in an object of its own, 16 bytes each.
 */
import type { Process } from "../kernel/index.ts";
import type { ExtensionBlob, SlowReaderPolicy } from "../lib/protocol/index.ts";
import type { Gate } from "./admission.ts";
import type { Arrival } from "./arrival.ts";
import type { LatestReader } from "./latest.ts";
import type { Opening } from "./opening.ts";
import type { SendQueue } from "./send-queue.ts";
import type { Peer } from "./sockets.ts";
import type { TransportSocket } from "./transport/transport.ts";

/** How slow readers are dealt with: of a binding, or of the main route. */
export type Terms = {
  readonly slowReader: SlowReaderPolicy;
  /** Bytes. */
  readonly sendLimit: number;
  /** How blobs are written to it, when it is an extension. */
  readonly extension?: ExtensionBlob | null;
  /** Its client wraps each message (wrapped.ts): it stays `fresh`, for each to be looked at. */
  readonly wrapped?: true;
  /** Counts those that are there. */
  readonly gate?: Gate | null;
};

export class Channel {
  /** Set before the first event; null again when the socket has closed: then no call on it is allowed. */
  socket: TransportSocket<Channel> | null = null;
  /** 0 until it is bound to a process. */
  id = 0;
  /** Whose it is; null until it is registered. */
  owner: Process | null = null;
  /** ChannelList only: its neighbours in the list it is in. */
  older: Channel | null = null;
  newer: Channel | null = null;
  /** Its process was told of its end, or it never had one: nothing more is sent or delivered. */
  finished = false;
  /** As the process is told: without its id. */
  readonly path: string;
  /** Where it comes from; shared by all of that address once it is open. */
  peer: Peer;
  /** Of its peer; 0 where the transport cannot tell. */
  readonly port: number;
  terms: Terms;
  /** What else its Open says: shared by all that have nothing to say. */
  opening: Opening;
  /** Until it is a channel. */
  arrival: Arrival | null;
  /** The kernel's buffer is full: what is queued must be counted from now on. */
  slow = false;
  sendQueue: SendQueue | null = null;
  /** Their names, with whose they are. */
  topics: Set<string> | null = null;
  /** It has been in the transport's topic tree, of which publishes may have queued on its socket what nobody counted. */
  inTree = false;
  /** Where its policy is `latest`, and it has had a topic or a key. */
  latest: LatestReader | null = null;
  /** Its frames need a closer look: it has no process yet, it is an extension, or its client wraps each message. */
  fresh = true;
  /** As of which capability epoch a frame goes straight to its owner: it has one, whom the http-server may message. */
  allowedEpoch = -1;
  /** As of which one a push of its owner goes straight to its socket: it may, and the kernel's buffer has room. */
  pushEpoch = -1;
  /** Frames since `windowStart`: for messagesPerSecond, and its sign of life (unfinished.ts). */
  frames = 0;
  windowStart = 0; // ms monotonic, whole ones
  /** Pings of the process that are not answered yet: other pongs answer the transport's own pings. */
  pings = 0;

  constructor(made: Pick<Channel, "path" | "peer" | "port" | "terms" | "opening" | "arrival">) {
    const { path, peer, port, terms, opening, arrival } = made;
    this.path = path;
    this.peer = peer;
    this.port = port;
    this.terms = terms;
    this.opening = opening;
    this.arrival = arrival;
  }

  /** What holds for its frames and pushes is looked at anew with the next of each. */
  lookCloser(): void {
    this.allowedEpoch = -1;
    this.pushEpoch = -1;
  }

  /** The kernel's buffer is full: see `slow`. */
  slowDown(): void {
    this.slow = true;
    this.pushEpoch = -1;
  }

  get slowReader(): SlowReaderPolicy {
    return this.terms.slowReader;
  }

  get extension(): ExtensionBlob | null {
    return this.terms.extension ?? null;
  }

  /** Bytes. */
  get sendLimit(): number {
    return this.terms.sendLimit;
  }
}
