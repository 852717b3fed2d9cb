/**
 * `npm run --silent soak:cluster -- [--seconds 600] [--servers 3] [--json]`: three nodes under load on real nats-servers,
 * of which a random one, node or server, is killed or paused every second or two.
 *
 * 1. node.ts is a node, in a process of its own; it asks the others, and keeps count of what it asked and was asked.
 * 2. Every request of a node that lives is accounted for; of who is killed, nobody can tell.
 * 3. For the last seconds nothing more goes wrong: each node must be answered by the others again.
 * 4. Durable messages of all nodes, killed ones too, must come, each once, in order: their data is kept. They are waited
 *    for as long as some come; what is late is told from what is lost.
 * 5. Exit 1: a guarantee broke, `broken` says which. Exit 2: a flag was not understood.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setUpCluster } from "../../kernel/index.ts";
import { OptionError } from "../../lib/protocol/index.ts";
import { stop } from "../child.ts";
import { ask } from "../conversation.ts";
import { readNumber } from "../number-flag.ts";
import { missing } from "./durable.ts";
import { type ClusterReport, type NodeReport, reportOf } from "./report.ts";
import { type Servers, startServers } from "./servers.ts";

const SECONDS = { value: 600, min: 15, max: 604_800 };
const SERVERS = { value: 3, min: 1, max: 5 };
const NAMES = ["one.soak", "two.soak", "three.soak"] as const;
const CALM_MS = 6_000; // at the end: a paused server costs up to 4.5 s (contracts/cluster.md §6)
const DOWN_MS = { min: 100, max: 4_000 }; // how long one stays killed or paused: around limits.linkGrace
const BETWEEN_MS = { min: 300, max: 1_500 };
const STILL_MS = 60_000; // of which no durable message came: one that is under way takes less, whatever has just ended
const ARRIVE_MS = 600_000; // for all of them: a machine that is busy with other work hands out some ten a second
const ANSWER_MS = 60_000;
const START_MS = 40_000; // a name may be taken until the servers have noticed who had it

const NODE_SCRIPT = fileURLToPath(new URL("./node.js", import.meta.url)); // .js: it runs from dist/
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
const between = ({ min, max }: { readonly min: number; readonly max: number }): number =>
  min + Math.random() * (max - min);

class Cluster {
  readonly events: Record<string, number> = {};
  readonly #servers: Servers;
  readonly #note: (line: string) => void;
  readonly #children = new Map<string, ChildProcess>();
  readonly #data = mkdtempSync(join(tmpdir(), "jackfield-soak-"));

  constructor(servers: Servers, note: (line: string) => void) {
    this.#servers = servers;
    this.#note = note;
  }

  async startNode(name: string): Promise<void> {
    const others = NAMES.filter((other) => other !== name).join(",");
    const until = performance.now() + START_MS;
    for (;;) {
      const args = [NODE_SCRIPT, name, others, this.#servers.urls.join(","), join(this.#data, name)];
      const child = spawn(process.execPath, args, {
        stdio: ["pipe", "pipe", performance.now() < until ? "ignore" : "inherit"],
      });
      this.#children.set(name, child);
      try {
        await ask(child, name, "start", ANSWER_MS);
        return;
      } catch (error) {
        if (performance.now() > until) throw error; // all servers may be down just now: it is tried again
        await sleep(200);
      }
    }
  }

  /** One thing goes wrong, and is over after a while. */
  async disturb(): Promise<void> {
    const name = NAMES[Math.floor(Math.random() * NAMES.length)] ?? NAMES[0];
    const server = Math.floor(Math.random() * this.#servers.size);
    const ms = between(DOWN_MS);
    const what = Math.floor(Math.random() * 4);
    const kind = ["killed a server", "paused a server", "killed a node", "paused a node"][what] ?? "";
    this.events[kind] = (this.events[kind] ?? 0) + 1;
    this.#note(`${kind} for ${ms.toFixed(0)} ms: ${what < 2 ? server : name}`);
    const child = this.#children.get(name);
    if (what === 0) await this.#servers.kill(server);
    if (what === 1) await this.#servers.pause(server);
    if (what === 2) child?.kill("SIGKILL");
    if (what === 3) child?.kill("SIGSTOP");
    await sleep(ms);
    if (what === 0) await this.#servers.start(server);
    if (what === 1) this.#servers.resume(server);
    if (what === 2) await this.startNode(name);
    if (what === 3) child?.kill("SIGCONT");
  }

  async all<Answer>(question: string): Promise<Answer[]> {
    const answers = [...this.#children].map(([name, child]) => ask(child, name, question, ANSWER_MS));
    return (await Promise.all(answers)) as Answer[]; // of our own script
  }

  async end(): Promise<void> {
    for (const child of this.#children.values()) {
      child.kill("SIGCONT");
      await stop(child);
    }
    await this.#servers.end();
    rmSync(this.#data, { recursive: true, force: true });
  }

  /** Streams in as many servers as can be, as `jackfield cluster set-up` makes them. */
  async setUp(): Promise<void> {
    await setUpCluster({ servers: this.#servers.urls, nodes: NAMES, removeLeft: false });
  }
}

async function soak(seconds: number, count: number, note: (line: string) => void): Promise<ClusterReport> {
  const cluster = new Cluster(await startServers(count, { jetStream: true }), note);
  try {
    await cluster.setUp();
    await Promise.all(NAMES.map((name) => cluster.startNode(name)));
    const end = performance.now() + seconds * 1000 - CALM_MS;
    while (performance.now() < end) {
      await sleep(between(BETWEEN_MS));
      await cluster.disturb();
    }
    await sleep(CALM_MS);
    await cluster.all("quiet");
    const reports = await arrived(cluster);
    return reportOf({ seconds, servers: count, nodes: NAMES.length, events: cluster.events }, reports);
  } finally {
    await cluster.end();
  }
}

/** Asks until every durable message was handled, or none is any more. */
async function arrived(cluster: Cluster): Promise<readonly NodeReport[]> {
  const begun = performance.now();
  let [movedAt, left] = [begun, Number.POSITIVE_INFINITY];
  for (;;) {
    const reports = await cluster.all<NodeReport>("report");
    const durable = reports.map((report) => report.durable);
    const now = performance.now();
    const { late } = missing(durable);
    const open = durable.reduce((sum, { waiting }) => sum + waiting, late);
    if (open < left) [movedAt, left] = [now, open];
    if (open === 0 || now - movedAt > STILL_MS || now - begun > ARRIVE_MS) return reports;
    await sleep(500);
  }
}

function readable({ perNode, broken, ok, ...facts }: ClusterReport): string {
  const line = ([name, value]: [string, unknown]): string => {
    const shown = typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value);
    return `${name.padEnd(22)} ${shown}`;
  };
  const nodes = perNode.map(({ name, asked, outcomes, handled }) => line([name, { asked, outcomes, handled }]));
  const lines = [...Object.entries(facts).map(line), "", ...nodes, ""];
  return [...lines, ok ? "every guarantee held" : `BROKEN\n${broken.join("\n")}`].join("\n");
}

try {
  const options = { seconds: { type: "string" }, servers: { type: "string" }, json: { type: "boolean" } } as const;
  const { values } = parseArgs({ options });
  const seconds = readNumber("seconds", SECONDS, values.seconds, false);
  const servers = readNumber("servers", SERVERS, values.servers, true);
  const note = values.json === true ? () => undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const report = await soak(seconds, servers, note);
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : readable(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  const isFlag = error instanceof OptionError || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${error instanceof Error ? (isFlag ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isFlag ? 2 : 1;
}
