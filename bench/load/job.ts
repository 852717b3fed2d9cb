/** What the load process is told (one JSON argument) and what it answers (one JSON line on stdout). */

/** The exchange after the upgrade by which a connection becomes ready. */
export type Greeting = {
  /** Sent as one text frame. */
  readonly send: string;
  /** The answer must be a JSON object that has this key. */
  readonly answerKey: string;
};

export type Job = {
  readonly port: number;
  /** Where the upgrade goes, `/` for instance. */
  readonly path: string;
  /** Without one, a connection is ready once upgraded. */
  readonly greeting?: Greeting;
  readonly connections: number;
  /** Messages each connection keeps on their way. */
  readonly inflight: number;
  /** Payload of each message. */
  readonly bytes: number;
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
};
