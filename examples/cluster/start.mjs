/**
 * `npm run cluster`: three nodes, one chat. Ctrl-C ends all of it.
 *
 *   --ports 8081,8082,8083   of alice.os, bob.os and carol.os
 *   --link nats://host:4222  NATS servers that run already; left out: one of its own, which takes clients of this machine alone
 *   --nats-server FILE       where that program is; left out: in PATH, or where Debian has it
 *
 * Type a node's first name and Enter: it is killed (kill -9), or started again.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const NAMES = ["alice.os", "bob.os", "carol.os"];
const PROCESS = "room:cluster:template.os";
const PLACES = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]; // Debian's is in /usr/sbin
const SERVER_MS = 5_000; // it takes 15 to 40 ms
const END_MS = 8_000; // a node drains for 5 s at most

const jackfield = dirname(createRequire(import.meta.url).resolve("jackfield/package.json"));
const folder = mkdtempSync(join(tmpdir(), "jackfield-cluster-")); // settings, the server's store: nothing stays of it
const children = new Map(); // by name
let isEnding = false;

const say = (line) => process.stdout.write(`${line}\n`);

/** In a process group of its own: Ctrl-C reaches this program alone, which ends the others in order. */
function run(name, command, args) {
  if (isEnding) return;
  const child = spawn(command, args, { detached: true, stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors = (errors + text).slice(-4_000);
  });
  child.on("error", (error) => fail(`${name} does not start: ${error.message}`));
  child.on("exit", (code, signal) => {
    children.delete(name);
    if (isEnding) return;
    if (signal !== "SIGKILL") fail(`${name} ended by itself, ${signal ?? `code ${code}`}:\n${errors}`);
  });
  children.set(name, child);
}

/** @returns its URL */
async function startServer() {
  const file = values["nats-server"] ?? PLACES.map((place) => join(place, "nats-server")).find(existsSync);
  if (file === undefined || !existsSync(file)) {
    const ways = "apt-get install -y nats-server, or https://nats.io/download, or --link with the URL of one that runs";
    return fail(`there is no nats-server on this machine: ${ways}`);
  }
  const args = ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder, "-js", "-sd", join(folder, "store")];
  run("nats-server", file, args);
  for (const end = Date.now() + SERVER_MS; Date.now() < end && !isEnding; await sleep(10)) {
    const name = readdirSync(folder).find((each) => each.endsWith(".ports"));
    const text = name === undefined ? "" : readFileSync(join(folder, name), "utf8");
    if (text.trimEnd().endsWith("}")) return JSON.parse(text).nats[0];
  }
  fail("nats-server does not say its port");
}

/** Returns when its page is there. */
async function startNode(name, url, link) {
  const { port } = new URL(url);
  const options = [
    "--node",
    name,
    "--port",
    port,
    "--link",
    link,
    "--memory",
    "--package",
    join(jackfield, "dist/examples/cluster"),
  ];
  const settings = ["--settings", `${PROCESS}=${join(folder, "settings.json")}`];
  run(name, process.execPath, [join(jackfield, "dist/bin/jackfield.js"), "start", ...options, ...settings]);
  while (!isEnding) {
    const page = await fetch(url).catch(() => undefined);
    if (page?.ok) return;
    await sleep(50);
  }
}

async function end(code) {
  if (isEnding) return;
  isEnding = true;
  const last = setTimeout(() => signalAll("SIGKILL"), END_MS);
  const nodes = NAMES.filter((name) => children.has(name));
  for (const name of nodes) children.get(name).kill("SIGTERM");
  while (nodes.some((name) => children.has(name))) await sleep(20);
  signalAll("SIGTERM"); // the server, last: nodes say goodbye over it
  while (children.size > 0) await sleep(20);
  clearTimeout(last);
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

function signalAll(signal) {
  for (const child of children.values()) child.kill(signal);
}

function fail(why) {
  if (!isEnding) process.stderr.write(`Cannot run the cluster: ${why}\n`);
  end(1);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end(0));

const { values } = parseArgs({
  options: {
    ports: { type: "string", default: "8081,8082,8083" },
    link: { type: "string" },
    "nats-server": { type: "string" },
  },
});
const ports = values.ports.split(",");
const urls = Object.fromEntries(NAMES.map((name, i) => [name, `http://localhost:${ports[i]}/`]));
writeFileSync(join(folder, "settings.json"), JSON.stringify({ nodes: urls }));
const link = values.link ?? (await startServer());
const start = (name) => startNode(name, `${urls[name]}${PROCESS}/`, link);
await Promise.all(NAMES.map(start));
if (!isEnding) {
  for (const name of NAMES) say(`${name.padEnd(9)} ${urls[name]}${PROCESS}/   process ${children.get(name)?.pid}`);
  say(
    "\nOpen two of them. Type alice, bob or carol and Enter: that node is killed, or started again. Ctrl-C ends all.",
  );
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const name = NAMES.find((each) => each.split(".")[0] === line.trim());
  if (name === undefined) return say("Type alice, bob or carol.");
  const child = children.get(name);
  if (child !== undefined) {
    child.kill("SIGKILL");
    return say(`${name} is killed`);
  }
  await start(name);
  say(`${name} runs`);
});
