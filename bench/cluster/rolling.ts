/**
 * `npm run --silent rolling -- [--channels 300] [--every 200] [--signal TERM|KILL] [--settle 3] [--json]`: a rolling restart
 * of three nodes on three clustered nats-servers, behind one population of clients that do not resume.
 *
 * 1. Nodes are `jackfield start` in processes of their own, with desk.ts. Each in turn gets the signal, is started again
 *    when its process is gone, and is waited for: it answers HTTP, another node lists it, and `--settle` seconds pass.
 * 2. Clients are in this process (rolling-clients.ts). Each message is accounted for, whatever happens.
 * 3. Exit 1: a guarantee broke, `broken` says which. Exit 2: a flag was not understood.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { OptionError } from "../../lib/protocol/index.ts";
import { stop } from "../child.ts";
import { readNumber } from "../number-flag.ts";
import { Clients, type Place } from "./rolling-clients.ts";
import { type RollingReport, rollingReport, type Turn } from "./rolling-report.ts";
import { freePorts, type Servers, startServers } from "./servers.ts";

const CHANNELS = { value: 300, min: 3, max: 20_000 };
const EVERY = { value: 200, min: 10, max: 60_000 }; // ms between two questions of a client
const SETTLE = { value: 3, min: 0, max: 600 }; // seconds between two nodes
const SIGNALS = ["TERM", "KILL"] as const;
const NAMES = ["one.rolling", "two.rolling", "three.rolling"] as const;
const READY_MS = 30_000; // a start takes half a second; JetStream elects a leader first
const OPEN_MS = 30_000;
const POLL_MS = 20;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url)); // it runs from dist/
const COMMAND = here("../../bin/jackfield.js");

type Options = {
  readonly channels: number;
  readonly every: number;
  readonly settle: number;
  readonly signal: (typeof SIGNALS)[number];
};

class Nodes {
  readonly places: readonly Place[];
  readonly #servers: Servers;
  readonly #folder: string;
  readonly #children = new Map<string, ChildProcess>();

  constructor(servers: Servers, folder: string, ports: readonly number[]) {
    this.#servers = servers;
    this.#folder = folder;
    this.places = NAMES.map((name, index) => ({ name, url: `http://localhost:${ports[index]}/` }));
  }

  /** Returns once it answers HTTP. @throws {Error} (rejects) it does not, or ended */
  async start({ name, url }: Place): Promise<void> {
    const where = ["--port", new URL(url).port, "--link", this.#servers.urls.join(",")];
    const args = [COMMAND, "start", "--node", name, ...where, "--memory", "--password", "rolling restart", "--package"];
    const child = spawn(process.execPath, [...args, this.#folder], {
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#children.set(name, child);
    const end = performance.now() + READY_MS;
    while (!(await answers(url))) {
      if (child.exitCode !== null || performance.now() > end)
        throw new Error(`Cannot go on as ${name} must answer HTTP within ${READY_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Returns once its process is gone. */
  async end(name: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Returns once another node has heard of `place` since `sinceMs`. @throws {Error} (rejects) it does not */
  async untilListed({ name }: Place, sinceMs: number): Promise<void> {
    const other = this.places.find((each) => each.name !== name);
    const end = performance.now() + READY_MS;
    while (!(await startedSince(other?.url ?? "", name, sinceMs))) {
      if (performance.now() > end) throw new Error(`Cannot go on as ${name} must be listed within ${READY_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#children.values()].map(stop));
  }
}

/** Whether there is any answer. */
async function answers(url: string): Promise<boolean> {
  return await fetch(url, { redirect: "manual" }).then(
    () => true,
    () => false,
  );
}

/** `{"Debug":"Nodes"}` of the node at `url`: whether it knows `name` in a life that began since then. */
async function startedSince(url: string, name: string, sinceMs: number): Promise<boolean> {
  const call = { process: "kernel:distro:sys", body: JSON.stringify({ Debug: "Nodes" }), expects_response: 5 };
  const headers = { "content-type": "application/json" };
  const response = await fetch(new URL("/rpc:distro:sys/message", url), {
    method: "POST",
    headers,
    body: JSON.stringify(call),
  });
  if (!response.ok) return false; // the directory does not answer yet
  const { body } = (await response.json()) as { readonly body: readonly number[] };
  return isListed(JSON.parse(Buffer.from(body).toString()), name, sinceMs);
}

/** @param answer PROTOCOL.md §15; an error where there is no directory yet */
function isListed(answer: unknown, name: string, sinceMs: number): boolean {
  type Listed = { readonly node: string; readonly started: number };
  const { Debug } = answer as { readonly Debug?: { readonly Nodes: readonly Listed[] } };
  return Debug?.Nodes.some(({ node, started }) => node === name && started >= sinceMs) ?? false;
}

/** A package with the desk: what is built of it stays where it is. */
function writePackage(folder: string): void {
  const desk = pathToFileURL(here("./desk.js")).href;
  writeFileSync(join(folder, "desk.js"), `export { default } from ${JSON.stringify(desk)};\n`);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const http = "http-server:distro:sys";
  const network = { process: "kernel:distro:sys", params: "network" };
  const asks = { request_capabilities: [http, network], grant_capabilities: [http] };
  const processes = [{ process_name: "desk", file: "desk.js", on_exit: "Restart", public: false, ...asks }];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ package: "rolling", publisher: "sys", processes }));
}

async function roll(options: Options, note: (line: string) => void): Promise<RollingReport> {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-rolling-"));
  const signal = `SIG${options.signal}` as const;
  let nodes: Nodes | undefined;
  const servers = await startServers(NAMES.length, { jetStream: true });
  try {
    writePackage(folder);
    nodes = new Nodes(servers, folder, await freePorts(NAMES.length));
    const { places } = nodes;
    for (const place of places) await nodes.start(place);
    for (const place of places) await nodes.untilListed(place, 0); // JetStream may have no leader yet: 10 s at most
    note(`${places.length} nodes run and know each other`);
    const from = performance.now();
    const clients = new Clients(options.channels, places);
    await clients.allOpen(OPEN_MS);
    clients.start(options.every);
    await sleep(options.settle * 1000);
    const turns: Turn[] = [];
    for (const place of places) {
      const channels = clients.on()[place.name] ?? 0;
      const at = performance.now();
      await nodes.end(place.name, signal);
      const [ended, since] = [performance.now(), Date.now()];
      await nodes.start(place);
      const ready = performance.now();
      await nodes.untilListed(place, since);
      const listed = performance.now();
      const ms = (to: number, begin: number): number => Math.round(to - begin);
      const turn = { endedMs: ms(ended, at), readyMs: ms(ready, ended), listedMs: ms(listed, ended), channels };
      turns.push({ node: place.name, ...turn });
      note(`${place.name}: ${JSON.stringify(turn)}`);
      await sleep(options.settle * 1000);
    }
    await clients.allOpen(OPEN_MS);
    const counts = await clients.end();
    const seconds = Math.round((performance.now() - from) / 1000);
    const { channels } = options;
    return rollingReport({ signal, nodes: NAMES.length, servers: servers.size, channels, seconds }, turns, counts);
  } finally {
    await nodes?.endAll();
    await servers.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function readable({ broken, ok, turns, ...facts }: RollingReport): string {
  const line = ([name, value]: [string, unknown]): string => {
    const shown = typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value);
    return `${name.padEnd(18)} ${shown}`;
  };
  const lines = [...Object.entries(facts).map(line), "", ...turns.map(({ node, ...turn }) => line([node, turn])), ""];
  return [...lines, ok ? "every message is accounted for" : `BROKEN\n${broken.join("\n")}`].join("\n");
}

function readSignal(text = "TERM"): Options["signal"] {
  const signal = SIGNALS.find((each) => each === text);
  if (signal !== undefined) return signal;
  throw new OptionError(
    `Cannot set --signal as it must be ${SIGNALS.join(" or ")}: got "${text}", leave it out for TERM`,
  );
}

try {
  const text = { type: "string" } as const;
  const options = { channels: text, every: text, settle: text, signal: text, json: { type: "boolean" } } as const;
  const { values } = parseArgs({ options });
  const channels = readNumber("channels", CHANNELS, values.channels, true);
  const every = readNumber("every", EVERY, values.every, true);
  const settle = readNumber("settle", SETTLE, values.settle, false);
  const note = values.json === true ? () => undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const report = await roll({ channels, every, settle, signal: readSignal(values.signal) }, note);
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : readable(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  const isFlag = error instanceof OptionError || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${error instanceof Error ? (isFlag ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isFlag ? 2 : 1;
}
