/**
 * A server and a load process of many sockets, fresh for every round, each on its core.
 *
 * Contenders are contenders/crowd-<name>.ts: `echo`, `publish` or `tick` is their first argument, and they answer questions.
 */
import type { ChildProcess } from "node:child_process";
import { firstLine, stop } from "./child.ts";
import { ask } from "./conversation.ts";
import { spawnScript } from "./cores.ts";
import type { Crowd } from "./crowd/job.ts";
import { cpuMs, openFilesMax, rssKb, untilQuiet } from "./watching.ts";

export type CrowdContender = { readonly name: string; readonly script: URL };

/** The limit first. */
export const CROWD_CONTENDERS: readonly CrowdContender[] = [
  { name: "uwebsockets", script: new URL("./contenders/crowd-uwebsockets.js", import.meta.url) },
  { name: "jackfield", script: new URL("./contenders/crowd-jackfield.js", import.meta.url) },
];

const TARGET = "crowd:bench:sys"; // as contenders/crowd-jackfield.ts names its process
const START_MS = 15_000;
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
  readonly does: "echo" | "publish" | "tick";
  /** Of what it publishes by itself. */
  readonly bytes?: number;
  readonly loadScript: URL;
  /** Makes the load's argument. */
  readonly job: (crowd: Crowd, serverPid: number) => Crowd;
};

/**
 * One round: both processes are gone when this settles.
 * @throws {Error} either ended or fell silent; stderr has said why
 */
export async function withCrowd<Outcome>(
  { contender, does, bytes = 0, loadScript, job }: CrowdRound,
  play: (server: CrowdServer, askLoad: AskLoad) => Promise<Outcome>,
): Promise<Outcome> {
  const { name, script } = contender;
  // what a server does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const server = spawnScript("server", script, [does, `${bytes}`], { ...process.env, NODE_ENV: "production" });
  try {
    const crowd = crowdOf(name, await firstLine(server, name, START_MS));
    const load = spawnScript("load", loadScript, [JSON.stringify(job(crowd, server.pid ?? 0))], process.env);
    try {
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

/** @param announced what a contender printed: `ports`, and perhaps `tokens` */
function crowdOf(name: string, announced: unknown): Crowd {
  const { ports: listed, tokens } = announced as { readonly ports?: unknown; readonly tokens?: unknown };
  if (!Array.isArray(listed)) {
    throw new Error(`Cannot talk to ${name} as it must print {"ports": […]} first: got ${JSON.stringify(announced)}`);
  }
  const ports = listed.map(Number);
  if (!Array.isArray(tokens)) return { ports, greetings: [], answer: "" };
  const greetings = tokens.map((token) =>
    JSON.stringify({ auth_token: token, target_process: TARGET, encrypted: false }),
  );
  return { ports, greetings, answer: '{"channel_id":' };
}
