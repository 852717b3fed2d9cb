/**
 * One WebSocket connection. A plain record: channels.ts acts on it, transports carry it as their user data.
 *
 * Fields are few and small on purpose: an idle registered channel may cost 1 kB at most (DESIGN §9).
 */
import type { Process, WheelEntry } from "../kernel/index.ts";
import type { HttpServerRequest, SlowReaderPolicy } from "../lib/protocol/index.ts";
import type { TransportSocket } from "./transport/transport.ts";

export type Outgoing = { readonly data: string | Uint8Array | ArrayBuffer; readonly isBinary: boolean };

export class Channel {
  /** Set before the first event; null again when the socket has closed: then no call on it is allowed. */
  socket: TransportSocket<Channel> | null = null;
  /** 0 until it is bound to a process. */
  id = 0;
  /** Whose it is; null until it is registered. */
  owner: Process | null = null;
  /** Its process was told of its end, or it never had one: nothing more is sent or delivered. */
  finished = false;
  /** As the process is told: without its id. */
  readonly path: string;
  /** `address:port` */
  readonly peer: string;
  readonly address: string;
  /** A valid session cookie came with the upgrade. */
  readonly loggedIn: boolean;
  /** Who gets it at once, without a registration; null on the main route. */
  readonly boundTo: Process | null;
  slowReader: SlowReaderPolicy;
  /** Bytes. */
  readonly sendLimit: number;
  /** The kernel's buffer is full: what is queued must be counted from now on. */
  slow = false;
  /** What leaves at the end of the turn, under one cork. */
  outbox: Outgoing[] | null = null;
  outboxBytes = 0;
  /** Names on the transport. */
  topics: Set<string> | null = null;
  /** No frame has come yet. */
  fresh = true;
  /** As of which capability epoch the http-server may message its owner; -1: not asked yet. */
  allowedEpoch = -1;
  /** As of which one its owner may message the http-server. */
  pushEpoch = -1;
  /** Frames since `windowStart`. */
  frames = 0;
  windowStart = 0; // ms monotonic
  /** Pings of the process that are not answered yet: other pongs answer the transport's own pings. */
  pings = 0;
  /** Ends it when no registration comes. */
  deadline: WheelEntry | null = null;
  /** The bodies of its frames, made once: a frame then allocates no body. */
  textBody: HttpServerRequest | null = null;
  binaryBody: HttpServerRequest | null = null;

  constructor(options: {
    readonly path: string;
    readonly peer: string;
    readonly address: string;
    readonly loggedIn: boolean;
    readonly boundTo: Process | null;
    readonly slowReader: SlowReaderPolicy;
    readonly sendLimit: number;
  }) {
    this.path = options.path;
    this.peer = options.peer;
    this.address = options.address;
    this.loggedIn = options.loggedIn;
    this.boundTo = options.boundTo;
    this.slowReader = options.slowReader;
    this.sendLimit = options.sendLimit;
  }
}
