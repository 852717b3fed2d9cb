/**
 * One attack after the other on one node, and what is left after each.
 *
 * The node (target.ts) and somebody who wants to be served meanwhile (bystander.ts) are processes of their own, compiled
 * from these sources. An attack is over when the node has as many sockets, channels and time-outs as before it, and both
 * were served since; then what it holds is compared with what it held at first.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "@jest/globals";
import { awaited, destroyAll, RawSocket } from "../support/sockets.ts";
import type { Waits } from "./bystander.ts";
import { writeRow } from "./report.ts";
import type { Measure, Settings } from "./target.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MIB = 1024 * 1024;

/** What may be left after an attack, above the node at rest, and why it is not nothing. */
export const MARGIN = {
  /** Code that V8 compiled meanwhile, tables that keep the size they grew to. */
  heapBytes: 6 * MIB,
  /** Buffers of Node's pool, and what the next garbage collection finds. */
  externalBytes: 2 * MIB,
  /** Pages that malloc and V8's young generation keep for the next time: they do not grow from attack to attack. */
  rssBytes: 96 * MIB,
} as const;

const PATIENCE_MS = 110_000; // less than the suite's time-out, which cannot say what was missing
const LOOKS_FOR_MEMORY = 100; // bytes beside the heap go with a later collection, or when the system has told of a write

const children = new Set<ChildProcess>(); // that have not ended

/** Ends every arena, and one that is still opening: its processes would keep jest's worker alive. */
export async function endArenas(): Promise<void> {
  destroyAll();
  await Promise.all(
    [...children].map(async (child) => {
      child.kill("SIGKILL");
      await once(child, "exit");
    }),
  );
}

/** What an attack was seen to do. */
export type Seen = Pick<Measure, "peakBytes" | "faults" | "requests" | "frames">;

const NOTHING: Seen = { peakBytes: 0, faults: [], requests: [], frames: 0 };

export const VICTIM = "victim:hostile:test";

export class Arena {
  readonly settings: Settings;
  readonly port: number;
  readonly token: string;
  readonly #node: ChildProcess;
  readonly #bystander: ChildProcess;
  #rest: Measure | undefined;
  #seen: Seen = NOTHING;
  /** What the attack is at: told when it does not end. */
  #stage: () => string = () => "it has not begun";

  private constructor(made: {
    readonly settings: Settings;
    readonly port: number;
    readonly token: string;
    readonly node: ChildProcess;
    readonly bystander: ChildProcess;
  }) {
    this.settings = made.settings;
    this.port = made.port;
    this.token = made.token;
    this.#node = made.node;
    this.#bystander = made.bystander;
  }

  static async open(settings: Settings): Promise<Arena> {
    const node = start("target", settings, ["--expose-gc"]);
    const { port, token } = await answer<{ readonly port: number; readonly token: string }>(node);
    const bystander = start("bystander", { port, token }, []);
    await answer(bystander);
    const arena = new Arena({ settings, port, token, node, bystander });
    await arena.#waits();
    return arena;
  }

  /** Does what `attack` does, and checks what is left. @param attack returns what happened, for the report */
  async under(name: string, attack: () => Promise<string>): Promise<Seen> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`"${name}" has not ended: ${this.#stage()}`)), PATIENCE_MS);
    });
    try {
      return await Promise.race([this.#under(name, attack), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #under(name: string, attack: () => Promise<string>): Promise<Seen> {
    this.#stage = () => `its clients wait for ${JSON.stringify(awaited())}`;
    this.#rest ??= await this.#atRest();
    const before = this.#rest;
    this.#seen = NOTHING;
    await this.#waits();
    const told = await attack();
    destroyAll();
    const after = await this.#back(before);
    const waits = await this.#waits();
    const { peakBytes, faults } = this.#seen;
    writeRow(this.settings.transport, { name, told, before, peakBytes, after, waits });
    expect(waits.trouble).toBe("");
    expect(faults).toEqual([]);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(MARGIN.heapBytes);
    expect(after.externalBytes - before.externalBytes).toBeLessThan(MARGIN.externalBytes);
    expect(after.rssBytes - before.rssBytes).toBeLessThan(MARGIN.rssBytes);
    return this.#seen;
  }

  /** The node's own account, now. */
  async measure(): Promise<Measure> {
    this.#node.send("measure");
    return await answer<Measure>(this.#node);
  }

  connect(): Promise<RawSocket> {
    return RawSocket.connect(this.port);
  }

  /** A registered channel of the victim. */
  async channel(): Promise<RawSocket> {
    const client = await this.connect();
    await client.upgrade();
    client.sendText(JSON.stringify({ auth_token: this.token, target_process: VICTIM }));
    await client.nextText();
    return client;
  }

  /** Many connections, some at a time: a listener's backlog holds 511. */
  async connectMany(count: number, each: (client: RawSocket) => Promise<unknown> | void): Promise<void> {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await each(await this.connect());
    };
    await Promise.all(Array.from({ length: 100 }, worker));
  }

  /** Does `work` with each, 100 at a time. */
  async inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
    const left = items.values();
    const worker = async (): Promise<void> => {
      for (const item of left) await work(item);
    };
    await Promise.all(Array.from({ length: 100 }, worker));
  }

  /** Waits until the node has ended all that the attack opened, whatever its clients do. */
  async allEnded(): Promise<void> {
    if (this.#rest !== undefined) await this.#back(this.#rest);
  }

  /** Waits until the node has taken what was sent: it holds as many sockets and bytes as a moment ago. */
  async settle(): Promise<void> {
    await steady(
      () => this.#look(),
      (now, last) => now.descriptors === last.descriptors && Math.abs(now.rssBytes - last.rssBytes) < MIB,
    );
  }

  /** The node's own account now, added to what the attack has been seen to do. */
  async #look(): Promise<Measure> {
    const now = await this.measure();
    const { peakBytes, faults, requests, frames } = this.#seen;
    this.#seen = {
      peakBytes: Math.max(peakBytes, now.peakBytes),
      faults: [...faults, ...now.faults],
      requests: [...requests, ...now.requests],
      frames: frames + now.frames,
    };
    return now;
  }

  async #atRest(): Promise<Measure> {
    await this.channel(); // what the first of each kind compiles and keeps is not the attacks'
    await (await this.connect()).request(
      { path: `/${VICTIM}/echo`, method: "POST", headers: { "content-length": "2" } },
      "hi",
    );
    destroyAll();
    return await steady(() => this.measure(), isAsBefore);
  }

  /** Waits until nothing of the attack is left; the test's own timeout is the end, and for memory LOOKS_FOR_MEMORY. */
  async #back(before: Measure): Promise<Measure> {
    for (let looks = 0; ; looks++) {
      const now = await this.#look();
      const { echoes, requests, trouble } = await this.#waits(false);
      if (trouble !== "") throw new Error(`the bystander was let down: ${trouble}`);
      this.#stage = () => `at look ${looks}, ${JSON.stringify({ now, before, echoes, requests })}`;
      const isBack = isAsBefore(now, before) && echoes > 0 && requests > 0;
      if (isBack && (looks >= LOOKS_FOR_MEMORY || isWithinMargin(now, before))) return now;
      await new Promise((resolve) => setTimeout(resolve, 50)); // ms: each look costs the node two garbage collections
    }
  }

  readonly #sum = { echoes: 0, requests: 0, echoMs: 0, requestMs: 0 };

  /** Of the bystander. @param whole false: since the last look; true: since the last whole one */
  async #waits(whole = true): Promise<Waits> {
    this.#bystander.send("report");
    const now = await answer<Waits>(this.#bystander);
    const sum = this.#sum;
    sum.echoes += now.echoes;
    sum.requests += now.requests;
    sum.echoMs = Math.max(sum.echoMs, now.echoMs);
    sum.requestMs = Math.max(sum.requestMs, now.requestMs);
    if (!whole) return now;
    const all = { ...sum, trouble: now.trouble };
    Object.assign(sum, { echoes: 0, requests: 0, echoMs: 0, requestMs: 0 });
    return all;
  }
}

/** Measures, each time after a garbage collection, until three in a row are the same as the one before. */
async function steady(
  measure: () => Promise<Measure>,
  isSame: (now: Measure, last: Measure) => boolean,
): Promise<Measure> {
  let last = await measure();
  for (let same = 0; same < 3; ) {
    const now = await measure();
    same = isSame(now, last) ? same + 1 : 0;
    last = now;
  }
  return last;
}

function isWithinMargin(now: Measure, before: Measure): boolean {
  return (["heapBytes", "externalBytes", "rssBytes"] as const).every((name) => now[name] - before[name] < MARGIN[name]);
}

function isAsBefore(now: Measure, before: Measure): boolean {
  return (
    now.openSockets === before.openSockets &&
    now.channels === before.channels &&
    now.descriptors === before.descriptors &&
    now.timeouts <= before.timeouts + 1 // the bystander's request under way
  );
}

/** Compiles `name`.ts and runs it. */
function start(name: string, settings: unknown, execArgv: readonly string[]): ChildProcess {
  const outfile = join(ROOT, `node_modules/.cache/jackfield-hostile/${name}-${process.pid}.mjs`);
  const flags = ["--bundle", "--platform=node", "--format=esm", "--target=node20", "--packages=external"];
  const esbuild = join(ROOT, "node_modules/esbuild/bin/esbuild"); // the command: its API does not run inside jest
  const entry = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  execFileSync(esbuild, [entry, ...flags, `--outfile=${outfile}`, "--log-level=warning"]);
  const env = {
    ...process.env,
    MALLOC_MMAP_THRESHOLD_: "32768",
    MALLOC_TRIM_THRESHOLD_: "131072",
    MALLOC_ARENA_MAX: "2",
  };
  const child = fork(outfile, [JSON.stringify(settings)], { execArgv: [...execArgv], env });
  children.add(child);
  child.once("exit", () => {
    children.delete(child);
    rmSync(outfile, { force: true });
  });
  return child;
}

/** Its next message. @throws {Error} it ended */
async function answer<Message>(child: ChildProcess): Promise<Message> {
  return await new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void =>
      reject(new Error(`the process under attack ended: code ${code}, signal ${signal}`));
    if (child.exitCode !== null || child.signalCode !== null) return ended(child.exitCode, child.signalCode);
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as Message);
    });
  });
}
