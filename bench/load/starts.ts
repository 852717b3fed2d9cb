/**
 * Starts servers and waits for their first page: `node starts.js '<StartsJob as JSON>'`, answers one StartsOutcome as a
 * JSON line.
 *
 * 1. Servers start in turn, A B A B …, each on a port that was free a moment ago, and are gone before the next.
 * 2. Time runs from the spawn to the first bytes of an answer with status 200. This process runs already and asks every
 *    POLL_MS, on a core of its own: that is how fine the figure is.
 * 3. Processor time is read when the answer is there: all threads that the server has by then.
 */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { stop } from "../child.ts";
import { spawnScript } from "../cores.ts";
import { ask } from "./ask.ts";
import { nanoseconds } from "./start-figures.ts";
import type { Start, StartsJob, StartsOutcome } from "./starts-job.ts";

const POLL_MS = 1; // setTimeout knows nothing finer
const GIVE_UP_MS = 15_000;

async function run({ servers, starts }: StartsJob): Promise<StartsOutcome> {
  const outcome: Record<string, Start[]> = Object.fromEntries(servers.map(({ name }) => [name, []]));
  for (let turn = 0; turn < starts; turn += 1) {
    for (const { name, script, args, path } of servers) {
      const port = await freePort();
      const started = performance.now();
      const env = { ...process.env, NODE_ENV: "production" };
      const server = spawnScript("server", new URL(script), [...args, String(port)], env);
      server.stdout?.resume();
      try {
        await firstPage(server, port, path, name);
        const ms = performance.now() - started;
        outcome[name]?.push({ ms, cpuMs: cpuMs(server.pid ?? 0) });
      } finally {
        await stop(server);
      }
    }
  }
  return outcome;
}

/** Resolves once GET `path` was answered with 200. @throws {Error} it ended, answered otherwise, or took too long */
async function firstPage(server: ChildProcess, port: number, path: string, name: string): Promise<void> {
  const end = performance.now() + GIVE_UP_MS;
  while (performance.now() < end) {
    if (server.exitCode !== null) throw new Error(`Cannot start ${name} as it ended with exit code ${server.exitCode}`);
    const status = await ask(port, path);
    if (status === 200) return;
    if (status !== undefined)
      throw new Error(`Cannot start ${name} as GET ${path} must be answered 200: got ${status}`);
    await sleep(POLL_MS);
  }
  throw new Error(`Cannot start ${name} as it must serve ${path} within ${GIVE_UP_MS} ms`);
}

/** null where the system does not tell it to the nanosecond, as Linux does. */
function cpuMs(pid: number): number | null {
  const tasks = `/proc/${pid}/task`;
  try {
    return nanoseconds(readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, "latin1"))) / 1e6;
  } catch {
    return null;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

try {
  const outcome = await run(JSON.parse(process.argv[2] ?? "") as StartsJob);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
} catch (error) {
  process.stderr.write(`starts: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
