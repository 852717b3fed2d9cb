/**
 * `npm run --silent rolling -- [--channels 300] [--every 200] [--what nodes|servers] [--signal TERM|KILL|USR2] [--settle 3]
 * [--json]`: a rolling restart of three nodes, or of their three clustered nats-servers, behind one population of clients
 * that do not resume.
 *
 * 1. Nodes are `jackfield start` in processes of their own, with desk.ts. Each in turn gets the signal, is started again
 *    when its process is gone, and is waited for: it answers HTTP, another node lists it, and `--settle` seconds pass.
 *    Servers likewise: USR2 is their lame duck mode.
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
const WHAT = ["nodes", "servers"] as const;
const SIGNALS = ["TERM", "KILL", "USR2"] as const;
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
  readonly what: (typeof WHAT)[number];
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
  async end(name: string, signal: NodeJS.Signals): Promise<void> {
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
    for (const [index, place] of places.entries()) {
      const turn =
        options.what === "nodes"
          ? await restartNode(nodes, place, signal, clients.on()[place.name] ?? 0)
          : await restartServer(servers, index, signal);
      turns.push(turn);
      note(JSON.stringify(turn));
      await sleep(options.settle * 1000);
    }
    await clients.allOpen(OPEN_MS);
    const counts = await clients.end();
    const seconds = Math.round((performance.now() - from) / 1000);
    const { channels } = options;
    const { what } = options;
    return rollingReport(
      { what, signal, nodes: NAMES.length, servers: servers.size, channels, seconds },
      turns,
      counts,
    );
  } finally {
    await nodes?.endAll();
    await servers.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function restartNode(nodes: Nodes, place: Place, signal: NodeJS.Signals, channels: number): Promise<Turn> {
  const at = performance.now();
  await nodes.end(place.name, signal);
  const [ended, since] = [performance.now(), Date.now()];
  await nodes.start(place);
  const ready = performance.now();
  await nodes.untilListed(place, since);
  const [endedMs, readyMs] = [Math.round(ended - at), Math.round(ready - ended)];
  return { of: place.name, endedMs, readyMs, listedMs: Math.round(performance.now() - ended), channels };
}

async function restartServer(servers: Servers, index: number, signal: NodeJS.Signals): Promise<Turn> {
  const at = performance.now();
  await servers.kill(index, signal);
  const ended = performance.now();
  await servers.start(index);
  const readyMs = Math.round(performance.now() - ended);
  return { of: `server ${index}`, endedMs: Math.round(ended - at), readyMs, listedMs: null, channels: 0 };
}

function readable({ broken, ok, turns, ...facts }: RollingReport): string {
  const line = ([name, value]: [string, unknown]): string => {
    const shown = typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value);
    return `${name.padEnd(18)} ${shown}`;
  };
  const lines = [...Object.entries(facts).map(line), "", ...turns.map(({ of, ...turn }) => line([of, turn])), ""];
  return [...lines, ok ? "every message is accounted for" : `BROKEN\n${broken.join("\n")}`].join("\n");
}

function readWord<Word extends string>(
  name: string,
  words: readonly [Word, ...Word[]],
  text: string | undefined,
): Word {
  const word = text === undefined ? words[0] : words.find((each) => each === text);
  if (word !== undefined) return word;
  throw new OptionError(
    `Cannot set --${name} as it must be ${words.join(" or ")}: got "${text}", leave it out for ${words[0]}`,
  );
}

/** @throws {OptionError} a node knows no lame duck mode: SIGUSR2 would start its debugger */
function readSignal(what: Options["what"], text: string | undefined): Options["signal"] {
  return readWord("signal", what === "nodes" ? ["TERM", "KILL"] : SIGNALS, text);
}

try {
  const text = { type: "string" } as const;
  const options = {
    channels: text,
    every: text,
    settle: text,
    what: text,
    signal: text,
    json: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ options });
  const channels = readNumber("channels", CHANNELS, values.channels, true);
  const every = readNumber("every", EVERY, values.every, true);
  const settle = readNumber("settle", SETTLE, values.settle, false);
  const note = values.json === true ? () => undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const what = readWord("what", WHAT, values.what);
  const report = await roll({ channels, every, settle, what, signal: readSignal(what, values.signal) }, note);
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : readable(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  const isFlag = error instanceof OptionError || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${error instanceof Error ? (isFlag ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isFlag ? 2 : 1;
}
