/** A server and a load process of many sockets, fresh for every round, each on its core. */
import type { ChildProcess } from "node:child_process";
import { firstLine, stop } from "./child.ts";
import type { CrowdTold } from "./contenders/crowd.ts";
import { ask, tell } from "./conversation.ts";
import { spawnScript } from "./cores.ts";
import type { Crowd } from "./crowd/job.ts";
import type { CrowdContender } from "./crowd-contenders.ts";
import { exchangeOf } from "./exchanges.ts";
import { cpuMs, openFilesMax, rssKb, untilQuiet } from "./watching.ts";

const START_MS = 180_000; // Colyseus reserves 19,100 seats first: a minute, as each looks at all before it
const COLLECT_MS = 30_000; // two collections of everything, and a pause
const OWN_FILES = 100; // what Node.js itself has open, and the listening socket; 23 were seen

/** What a contender says after it has collected its garbage. Bytes. */
export type Settled = { readonly heapUsed: number; readonly sockets: number; readonly channels: number };

/** The server of a round, seen from outside but for what only it can know. */
export class CrowdServer {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.pid = child.pid ?? 0;
  }

  cpuMs(): number {
    return cpuMs(this.pid);
  }

  rssKb(): number {
    return rssKb(this.pid);
  }

  untilQuiet(): Promise<void> {
    return untilQuiet(this.pid);
  }

  /** Collects its garbage, twice. */
  async collect(): Promise<Settled> {
    return (await ask(this.#child, this.#name, "collect", COLLECT_MS)) as Settled; // our own script answers
  }

  /** Resolves once no socket is left. */
  async untilEmpty(timeoutMs: number): Promise<void> {
    await ask(this.#child, this.#name, "empty", timeoutMs);
  }
}

/** Asks the load process of a round. */
export type AskLoad = (question: string, timeoutMs: number) => Promise<unknown>;

export type CrowdRound = {
  readonly contender: CrowdContender;
  /** What the server does with each message; only jackfield ticks. */
  readonly does: CrowdTold["does"];
  /** Of the application's text. */
  readonly bytes: number;
  /** How many clients come at most, one after the other. */
  readonly connections: number;
  readonly loadScript: URL;
  /** Makes what the load is told. */
  readonly job: (crowd: Crowd, serverPid: number) => Crowd;
};

/**
 * One round: both processes are gone when this settles.
 * @throws {Error} either ended or fell silent; stderr has said why
 */
export async function withCrowd<Outcome>(
  { contender, does, bytes, connections, loadScript, job }: CrowdRound,
  play: (server: CrowdServer, askLoad: AskLoad) => Promise<Outcome>,
): Promise<Outcome> {
  const { name, script, transport } = contender;
  const told: CrowdTold = { does, bytes, transport, connections };
  // what a server does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const server = spawnScript("server", script, [JSON.stringify(told)], { ...process.env, NODE_ENV: "production" });
  try {
    const crowd = crowdOf(contender, await firstLine(server, name, START_MS), bytes);
    const load = spawnScript("load", loadScript, [], process.env);
    try {
      tell(load, job(crowd, server.pid ?? 0));
      const askLoad: AskLoad = (question, timeoutMs) => ask(load, `the load against ${name}`, question, timeoutMs);
      return await play(new CrowdServer(server, name), askLoad);
    } finally {
      await stop(load);
    }
  } finally {
    await stop(server);
  }
}

/** @throws {Error} a process may not have that many sockets open */
export function checkFiles(sockets: number): void {
  const max = openFilesMax();
  if (max === undefined || sockets + OWN_FILES <= max) return;
  throw new Error(
    `Cannot hold ${sockets} sockets as a process may have ${max} files open: raise it (ulimit -n ${sockets + OWN_FILES}), or ask for fewer (--connections)`,
  );
}

/** @param announced what a contender printed: `ports`, and what its clients' talk needs */
function crowdOf({ name, talks }: CrowdContender, announced: unknown, bytes: number): Crowd {
  const facts = announced as Readonly<Record<string, unknown>>;
  if (!Array.isArray(facts.ports)) {
    throw new Error(`Cannot talk to ${name} as it must print {"ports": […]} first: got ${JSON.stringify(announced)}`);
  }
  return { ports: facts.ports.map(Number), talks: talks(facts, exchangeOf("echo", bytes)) };
}
