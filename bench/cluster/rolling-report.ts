/** What `npm run rolling` finds. */
import { percentile } from "../crowd/percentile.ts";

/** Of a client to its node. */
export type Question = {
  readonly client: number;
  /** Counts up by one for each node that it asks. */
  readonly n: number;
  /** The node that is to answer. */
  readonly to: string;
};

export type Answered = {
  readonly n: number;
  /** Why no other node has answered. */
  readonly refused?: string;
  readonly breach?: "duplicated" | "reordered";
};

/** What all clients together have seen. */
export type ClientCounts = {
  readonly sent: number;
  readonly answered: number;
  /** By what the desk was told: Offline, Timeout, Overloaded. */
  readonly refused: Readonly<Record<string, number>>;
  /** On their way when their channel closed: nobody can tell whether they were carried out. */
  readonly lostWithChannel: number;
  /** Neither answered nor refused on an open channel, within the client's time. */
  readonly timedOut: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Answered with another's number. */
  readonly mixedUp: number;
  /** Channels that were closed, by code. */
  readonly closed: Readonly<Record<string, number>>;
  /** From a channel's close until the next was open. */
  readonly backMs: readonly number[];
  /** Channels that are open, by node. */
  readonly on: Readonly<Record<string, number>>;
};

/** What became of one node, or server. Milliseconds. */
export type Turn = {
  readonly of: string;
  /** From the signal until its process was gone. */
  readonly endedMs: number;
  /** From its next start until it answers HTTP; a server, until it takes connections. */
  readonly readyMs: number;
  /** From its next start until another node lists it; null: a server. */
  readonly listedMs: number | null;
  /** That it had. */
  readonly channels: number;
};

export type RollingReport = {
  readonly ok: boolean;
  /** What was restarted. */
  readonly what: "nodes" | "servers";
  readonly signal: string;
  readonly nodes: number;
  readonly servers: number;
  readonly channels: number;
  readonly seconds: number;
  readonly closed: Readonly<Record<string, number>>;
  readonly backMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly sent: number;
  readonly answered: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly lostWithChannel: number;
  readonly timedOut: number;
  /** Sent, and none of the above: must be 0. */
  readonly unaccounted: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly turns: readonly Turn[];
  readonly on: Readonly<Record<string, number>>;
  readonly node: string;
  /** What broke; empty when all is well. */
  readonly broken: readonly string[];
};

type About = Pick<RollingReport, "what" | "signal" | "nodes" | "servers" | "channels" | "seconds">;

/** A stop is one that clients are told of. */
const GOING_AWAY = "1001";

export function rollingReport(about: About, turns: readonly Turn[], counts: ClientCounts): RollingReport {
  const { mixedUp, backMs, ...rest } = counts;
  const sum = (of: Readonly<Record<string, number>>): number => Object.values(of).reduce((all, n) => all + n, 0);
  const ended = rest.answered + sum(rest.refused) + rest.lostWithChannel + rest.timedOut;
  const unaccounted = rest.sent - ended;
  const broken: string[] = [];
  if (unaccounted !== 0) broken.push(`${unaccounted} messages are not accounted for`);
  if (rest.timedOut > 0) broken.push(`${rest.timedOut} messages were not answered on an open channel`);
  if (rest.duplicated > 0) broken.push(`duplicated: ${rest.duplicated} times`);
  if (rest.reordered > 0) broken.push(`reordered: ${rest.reordered} times`);
  if (mixedUp > 0) broken.push(`answered with another's number: ${mixedUp} times`);
  if (sum(rest.on) !== about.channels) broken.push(`${about.channels - sum(rest.on)} channels did not come back`);
  if (backMs.length !== sum(rest.closed))
    broken.push(`${sum(rest.closed)} channels closed, ${backMs.length} came back`);
  if (turns.length !== about[about.what])
    broken.push(`${turns.length} of ${about[about.what]} ${about.what} were restarted`);
  const codes = Object.keys(rest.closed);
  const others = about.what === "servers" ? codes : codes.filter((code) => code !== GOING_AWAY); // servers carry no channel
  if (about.signal !== "SIGKILL" && others.length > 0) broken.push(`a channel closed with ${others.join(", ")}`);
  if (rest.answered === 0) broken.push("nothing was answered");
  const sorted = backMs.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(percentile(sorted, share));
  return {
    ok: broken.length === 0,
    ...about,
    ...rest,
    backMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    unaccounted,
    turns,
    node: process.versions.node,
    broken,
  };
}
