/**
 * A contender: a server process that the load process can talk to, fresh for every round.
 *
 * The script is told its work (contenders/told.ts) and prints one JSON line when it listens (contenders/announce.ts):
 * `port`, and whatever its clients' talk needs.
 */
import type { ChildProcess } from "node:child_process";
import { firstLine, stop } from "./child.ts";
import type { Told } from "./contenders/told.ts";
import { spawnScript } from "./cores.ts";
import type { Job, Outcome, Talk } from "./load/job.ts";
import type { Exchange } from "./talk.ts";

/** What a contender's script printed. */
export type Announced = { readonly port: number; readonly [fact: string]: unknown };

export type Contender = {
  readonly name: string;
  readonly script: URL;
  /** Its script is one of bench/peers/ and must be prepared first (install-peers.ts). */
  readonly isPeer: boolean;
  readonly told: Omit<Told, "connections">;
  readonly talk: (announced: Announced, exchange: Exchange) => Talk;
};

/** The part of a job that does not depend on the contender. */
export type Load = Pick<Job, "connections" | "inflight" | "warmupMs" | "measureMs"> & { readonly exchange: Exchange };

const LOAD_SCRIPT = new URL("./load/index.js", import.meta.url); // .js: the bench runs from dist/
const START_MS = 15_000;
const LOAD_SPARE_MS = 20_000; // to start, connect and greet, on top of its warm-up and window

/**
 * One round: a new server, a new load process, both gone when this settles.
 * @throws {Error} either ended or fell silent; stderr has said why
 */
export async function playRound(contender: Contender, { exchange, ...load }: Load): Promise<Outcome> {
  const told: Told = { ...contender.told, connections: load.connections };
  // what a server does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const server = spawnScript("server", contender.script, [JSON.stringify(told)], env);
  try {
    const announced = asAnnounced(contender.name, await firstLine(server, contender.name, START_MS));
    const talk = contender.talk(announced, exchange);
    const job: Job = { ...load, port: announced.port, talk, serverPid: server.pid ?? 0 };
    return await runLoad(job, contender.name);
  } finally {
    await stop(server);
  }
}

async function runLoad(job: Job, against: string): Promise<Outcome> {
  const child: ChildProcess = spawnScript("load", LOAD_SCRIPT, [], process.env);
  child.stdin?.on("error", () => {}); // it ended before it had read the job: firstLine says so
  child.stdin?.end(JSON.stringify(job)); // not an argument: a path per connection may be more than those can hold
  try {
    const timeoutMs = job.warmupMs + job.measureMs + LOAD_SPARE_MS;
    return (await firstLine(child, `the load against ${against}`, timeoutMs)) as Outcome; // our own script printed it
  } finally {
    await stop(child);
  }
}

export function asAnnounced(name: string, value: unknown): Announced {
  if (typeof value === "object" && value !== null && "port" in value && typeof value.port === "number") {
    return value as Announced;
  }
  throw new Error(`Cannot talk to ${name} as it must print {"port": N} first: got ${JSON.stringify(value)}`);
}
