/**
 * A contender: a server process that the load process can talk to, fresh for every round.
 *
 * The script prints one JSON line when it listens (contenders/announce.ts): `port`, and whatever its greeting needs.
 */
import type { ChildProcess } from "node:child_process";
import { firstLine, stop } from "./child.ts";
import { spawnScript } from "./cores.ts";
import type { Greeting, Job, Outcome } from "./load/job.ts";

/** What a contender's script printed. */
export type Announced = { readonly port: number; readonly [fact: string]: unknown };

export type Contender = {
  readonly name: string;
  readonly script: URL;
  /** Where its clients upgrade. */
  readonly path: string;
  /** How a connection becomes ready after the upgrade; undefined when it is ready by then. */
  readonly greeting: (announced: Announced) => Greeting | undefined;
};

/** The part of a job that does not depend on the contender. */
export type Load = Pick<Job, "connections" | "inflight" | "bytes" | "warmupMs" | "measureMs">;

const LOAD_SCRIPT = new URL("./load/index.js", import.meta.url); // .js: the bench runs from dist/
const START_MS = 15_000;
const LOAD_SPARE_MS = 20_000; // to start, connect and greet, on top of its warm-up and window

/**
 * One round: a new server, a new load process, both gone when this settles.
 * @throws {Error} either ended or fell silent; stderr has said why
 */
export async function playRound(contender: Contender, load: Load): Promise<Outcome> {
  // what a server does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const server = spawnScript("server", contender.script, [], { ...process.env, NODE_ENV: "production" });
  try {
    const announced = asAnnounced(contender.name, await firstLine(server, contender.name, START_MS));
    const greeting = contender.greeting(announced);
    const job: Job = {
      ...load,
      port: announced.port,
      path: contender.path,
      serverPid: server.pid ?? 0,
      ...(greeting === undefined ? {} : { greeting }),
    };
    return await runLoad(job, contender.name);
  } finally {
    await stop(server);
  }
}

async function runLoad(job: Job, against: string): Promise<Outcome> {
  const child: ChildProcess = spawnScript("load", LOAD_SCRIPT, [JSON.stringify(job)], process.env);
  try {
    const timeoutMs = job.warmupMs + job.measureMs + LOAD_SPARE_MS;
    return (await firstLine(child, `the load against ${against}`, timeoutMs)) as Outcome; // our own script printed it
  } finally {
    await stop(child);
  }
}

function asAnnounced(name: string, value: unknown): Announced {
  if (typeof value === "object" && value !== null && "port" in value && typeof value.port === "number") {
    return value as Announced;
  }
  throw new Error(`Cannot talk to ${name} as it must print {"port": N} first: got ${JSON.stringify(value)}`);
}
