/**
 * `npm run --silent soak -- [--seconds 600] [--json]`: a node under load in which a random process crashes every second.
 *
 * 1. node.ts is the node, in a process of its own: some fifty processes of eleven kinds (programs.ts), a few in threads and operating-system processes of their own, state on disk, real sockets.
 *    clients.ts, here, has its channels and HTTP clients. crash-kinds.ts has the ways to crash.
 * 2. Every request is accounted for: between processes, over HTTP, and frames to be echoed.
 * 3. The heap of the node is read after collecting garbage, under load: once it has warmed up, and at the end.
 * 4. Exit 1: a guarantee broke, `broken` says which. Exit 2: a flag was not understood.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { OptionError } from "../../lib/protocol/index.ts";
import { ask } from "../conversation.ts";
import { readNumber } from "../number-flag.ts";
import { Clients } from "./clients.ts";
import { id, KINDS, namesOf } from "./programs.ts";
import { type NodeCounts, type SoakReport, sum } from "./report.ts";

const SECONDS = { value: 600, min: 5, max: 604_800 };
const CRASH_EVERY = 1000; // ms
const WARM_SHARE = 0.25; // of the time, before the heap is read first
const WARM_MAX = 30_000; // ms: everything hot is optimized, the rings of crashes and dead letters are full
const HEAP_GROWTH = 0.1; // of the first reading
const HEAP_SLACK = 3 * 2 ** 20; // bytes: what is in flight at one moment and not at another, and code V8 has made since
const STAYING = 24; // channels
const VISITING = 12; // clients that come and go
const ASKING = 12; // HTTP clients
const ANSWER_MS = 20_000;
const STOP_MS = 20_000; // two drains of 5 s, and some

const NODE_SCRIPT = fileURLToPath(new URL("./node.js", import.meta.url)); // .js: it runs from dist/
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
const addresses = (kind: string): readonly string[] =>
  KINDS.filter(({ name }) => name === kind).flatMap((each) => namesOf(each).map(id));

async function soak(seconds: number, note: (line: string) => void): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-soak-"));
  const child = spawn(process.execPath, ["--expose-gc", NODE_SCRIPT, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const node = <Answer>(question: string): Promise<Answer> =>
    ask(child, "the node", question, ANSWER_MS) as Promise<Answer>;
  try {
    const { port, token } = await node<{ port: number; token: string }>("start");
    const clients = new Clients({ port, token, echoes: addresses("echo"), pages: addresses("http") });
    clients.start(STAYING, VISITING, ASKING);
    const from = performance.now();
    const warm = Math.min(WARM_MAX, seconds * 1000 * WARM_SHARE);
    let heapStart = 0;
    for (let n = 1; n <= seconds; n++) {
      await sleep(from + n * CRASH_EVERY - performance.now());
      const { victim, kind } = await node<{ victim: string; kind: string }>("crash");
      note(`${((performance.now() - from) / 1000).toFixed(0).padStart(5)} s  ${kind.padEnd(8)} ${victim}`);
      if (heapStart === 0 && performance.now() - from >= warm)
        heapStart = (await node<{ bytes: number }>("heap")).bytes;
    }
    const heapEnd = (await node<{ bytes: number }>("heap")).bytes;
    await clients.stop();
    await node("quiet");
    const counts = await node<NodeCounts>("report");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    const exitCode = await ended;
    clearTimeout(timer);
    return reportOf(seconds, counts, clients.counts(), { heapStart, heapEnd }, exitCode);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportOf(
  seconds: number,
  node: NodeCounts,
  clients: ReturnType<Clients["counts"]>,
  { heapStart, heapEnd }: { readonly heapStart: number; readonly heapEnd: number },
  exitCode: number | null,
): SoakReport {
  const heapBound = Math.round(heapStart * (1 + HEAP_GROWTH) + HEAP_SLACK);
  const unaccounted = node.unaccounted + clients.unaccountedFrames + clients.unaccountedHttp;
  const broken = [...Object.entries(node.breaches), ...Object.entries(clients.breaches)].map(
    ([kind, { times, first }]) => `${kind}, ${times} times, first: ${first}`,
  );
  if (unaccounted !== 0) broken.push(`${unaccounted} requests are not accounted for`);
  if (heapEnd > heapBound)
    broken.push(`the heap has grown from ${heapStart} to ${heapEnd} bytes: ${heapBound} are allowed`);
  if (exitCode !== 0) broken.push(`the node ended with exit code ${exitCode}`);
  return {
    ok: broken.length === 0,
    seconds,
    crashes: sum(node.crashes),
    requests: node.asked + clients.frames + clients.httpRequests,
    outcomes: {
      ...node.outcomes,
      Echo: clients.echoes,
      EndedWithChannel: clients.lostWithChannel,
      ...Object.fromEntries(Object.entries(clients.httpStatus).map(([status, times]) => [`Http${status}`, times])),
    },
    unaccounted,
    heapStart,
    heapEnd,
    heapBound,
    broken,
    exitCode,
    node,
    clients,
  };
}

function readable(report: SoakReport): string {
  const { node, clients, broken, ok, ...facts } = report;
  const line = (name: string, value: unknown): string => {
    const shown = typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value);
    return `${name.padEnd(20)} ${shown}`;
  };
  const { breaches: _, ...nodes } = node;
  const { breaches: __, ...theirs } = clients;
  const lines = [facts, nodes, theirs].flatMap((part) => [
    ...Object.entries(part).map(([name, value]) => line(name, value)),
    "",
  ]);
  return [...lines, ok ? "every guarantee held" : `BROKEN\n${broken.join("\n")}`].join("\n");
}

try {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, json: { type: "boolean", default: false } } });
  const seconds = readNumber("seconds", SECONDS, values.seconds, false);
  const report = await soak(seconds, values.json ? () => undefined : (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${values.json ? JSON.stringify(report) : readable(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  const isFlag = error instanceof OptionError || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${error instanceof Error ? (isFlag ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isFlag ? 2 : 1;
}
