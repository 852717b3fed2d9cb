/** What the load process is told (one line of JSON on stdin) and what it answers (one on stdout). */

/** What one WebSocket message holds, as JSON can carry it. */
export type Frame = { readonly text: string } | { readonly base64: string };

/** Sends, then waits: `hears` is how the next frame must start. Either may be left out. */
export type Step = { readonly sends?: Frame; readonly hears?: Frame };

/** How clients and a server speak, so that the load process need know no protocol above WebSocket. */
export type Talk = {
  /** Where connections upgrade, in turn: the nth at `paths[n % paths.length]`. */
  readonly paths: readonly string[];
  /** From the upgrade to a connection that is ready, in order. */
  readonly greeting: readonly Step[];
  /** What is sent over and over. */
  readonly message: Frame;
  /** What each message is answered with, whole. */
  readonly echo: Frame;
  /** What may come besides, whole, and what it wants to hear then, if anything: a keep-alive of the server's own. */
  readonly asides: readonly { readonly hears: Frame; readonly sends?: Frame }[];
};

export type Job = {
  readonly port: number;
  readonly talk: Talk;
  readonly connections: number;
  /** Messages each connection keeps on their way. */
  readonly inflight: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** The server's operating-system process, to see how busy it was. */
  readonly serverPid: number;
};

/** `…Us`: microseconds from handing a message to the socket until its echo was read. */
export type Outcome = {
  readonly messagesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** Processor time over time, both of the measured window; 1 is one core. null where it can't be seen. */
  readonly serverBusy: number | null;
  readonly loadBusy: number;
  /** Processor time of the server, all its threads, over messages; null as above. */
  readonly cpuNsPerMessage: number | null;
};
