/**
 * A server to be looked into and a load that sends it exact numbers of messages, each on its core, both gone at the end.
 *
 * Server and frames are those of the bench's exchanges (contenders.ts). What differs is how the server is run: its
 * command line is the caller's, so that it may stand under a tool or have a probe in it.
 */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { firstLine, stop } from "../child.ts";
import { asAnnounced } from "../contender.ts";
import type { Told } from "../contenders/told.ts";
import { contenderOf } from "../contenders.ts";
import { ask } from "../conversation.ts";
import { spawnCommand, spawnScript } from "../cores.ts";
import { exchangeOf } from "../exchanges.ts";
import type { LoadJob } from "./load.ts";
import type { Subject } from "./settings.ts";

const LOAD_SCRIPT = new URL("./load.js", import.meta.url); // .js: the bench runs from dist/
const PATIENCE_MS = 300_000; // under valgrind the longest of these took 30 s on a core that others used too

/** As in bench/echo: what is found here is about the figures found there. */
export const CONNECTIONS = 100;
export const INFLIGHT = 16;

/** Messages of `bursts` bursts on every connection. */
export function messagesIn(bursts: number): number {
  return bursts * CONNECTIONS * INFLIGHT;
}

export type Rig = {
  readonly serverPid: number;
  /** Asks the probe (probe.ts), where the command loads it. */
  readonly askServer: (question: string) => Promise<unknown>;
  /** Resolves when all came back. */
  readonly bursts: (bursts: number) => Promise<void>;
  /** Resolves to how many messages were sent, and came back, in `ms`. */
  readonly run: (ms: number) => Promise<number>;
};

/**
 * @param command makes the server's command line of its script and that script's argument
 * @throws {Error} either ended or fell silent; stderr has said why
 */
export async function withRig<Outcome>(
  { contender: name, work, bytes }: Subject,
  command: (script: readonly string[]) => readonly string[],
  play: (rig: Rig) => Promise<Outcome>,
): Promise<Outcome> {
  const contender = contenderOf(name, work);
  const told: Told = { ...contender.told, connections: CONNECTIONS };
  const script = [fileURLToPath(contender.script), JSON.stringify(told)];
  const server = spawnCommand("server", command(script), { ...process.env, NODE_ENV: "production" }); // as in contender.ts
  try {
    const announced = asAnnounced(name, await firstLine(server, name, PATIENCE_MS));
    const talk = contender.talk(announced, exchangeOf(work, bytes));
    const job: LoadJob = { port: announced.port, talk, connections: CONNECTIONS, inflight: INFLIGHT };
    const load = spawnScript("load", LOAD_SCRIPT, [JSON.stringify(job)], process.env);
    try {
      await askLoad(load, name, "connect");
      return await play({
        serverPid: server.pid ?? 0,
        askServer: (question) => ask(server, name, question, PATIENCE_MS),
        bursts: async (bursts) => void (await askLoad(load, name, `bursts ${bursts}`)),
        run: async (ms) => Number(await askLoad(load, name, `run ${ms}`)),
      });
    } finally {
      await stop(load);
    }
  } finally {
    await stop(server);
  }
}

function askLoad(load: ChildProcess, against: string, question: string): Promise<unknown> {
  return ask(load, `the load against ${against}`, question, PATIENCE_MS);
}
