/** What the load processes of many sockets are told (one line of JSON on stdin) and what they answer. */
import type { Talk } from "../load/job.ts";

/** Where clients go and how they speak. */
export type Crowd = {
  /** The nth client connects to the nth of them, in turn. */
  readonly ports: readonly number[];
  /** The nth client speaks the nth of them, in turn, at the nth of its paths. All messages are of one length. */
  readonly talks: readonly Talk[];
};

export type FanoutJob = Crowd & {
  readonly receivers: number;
  /** Publishes that leave in one write. */
  readonly batch: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** The server's operating-system process, to see what it used. */
  readonly serverPid: number;
};

export type FanoutOutcome = {
  readonly deliveriesPerSecond: number;
  /** From the first receiver's frame of one publish to the last's. */
  readonly spreadP50Ms: number;
  readonly spreadP99Ms: number;
  /** Processor time of the server over deliveries. */
  readonly cpuNsPerDelivery: number;
  /** The server's memory at the end of the window, less that at its start. */
  readonly rssGrowthKb: number;
  /** Shares of a core. */
  readonly serverBusy: number;
  readonly loadBusy: number;
};

export type TelemetryJob = Crowd & {
  /** Those that stop reading included. */
  readonly readers: number;
  readonly stalled: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** The server's operating-system process. */
  readonly serverPid: number;
};

export type TelemetryOutcome = {
  /** What each that reads got, on average. */
  readonly framesPerSecond: number;
  /** What the one got that got least. */
  readonly slowestPerSecond: number;
  /** Processor time of the server over what those that read got. */
  readonly cpuNsPerDelivery: number;
  /** The server's memory at the end of the window, and what it has grown in it. */
  readonly rssKb: number;
  readonly rssGrowthKb: number;
  /** Shares of a core. */
  readonly serverBusy: number;
  readonly loadBusy: number;
};

export type PublishJob = {
  /** Where client 0 is, which sends, and then where the others are, `perNode` on each. */
  readonly places: readonly { readonly port: number; readonly talk: Talk }[];
  readonly perNode: number;
  /** Publishes that leave in one write. */
  readonly batch: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** The servers' operating-system processes. */
  readonly pids: readonly number[];
};

export type PublishOutcome = {
  readonly deliveriesPerSecond: number;
  /** From the sending of a publish until the last client has it; one at a time. */
  readonly lastP50Ms: number;
  readonly lastP99Ms: number;
  /** Processor time of all servers over deliveries; without the nats-server. */
  readonly cpuNsPerDelivery: number;
  /** Shares of a core. */
  readonly serverBusy: number;
  readonly loadBusy: number;
};

export type OpenOutcome = { readonly ms: number; readonly loadBusy: number };

export type ChurnJob = Crowd & {
  readonly perSecond: number;
};

export type ChurnOutcome = {
  /** Connections that were pushed on, echoed and closed. */
  readonly done: number;
  readonly failures: number;
  /** Why the first of them failed. */
  readonly firstFailure: string | null;
  readonly perSecond: number;
};

export type SoakJob = Crowd & {
  readonly connections: number;
  readonly inflight: number;
};

export type SoakOutcome = { readonly echoes: number; readonly ms: number };
