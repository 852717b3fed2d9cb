/**
 * A realm that is an operating-system process of its own: its memory and its crashes are its own too.
 *
 * 1. It inherits none of the node's environment but what ENVIRONMENT names: no secret of the node's is in reach.
 * 2. Where memory runs short, the system ends it before the node.
 * 3. What it prints are log lines of its process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import type { Begun, Carrier, CarrierEvents } from "./carrier.ts";
import { BEGUN_BYTES, FD, REALM_ARGUMENT } from "./child-pipes.ts";
import { LogLines } from "./log-lines.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { BATCH, QUESTION, StreamBatches, streamed } from "./stream-batches.ts";

const ENVIRONMENT = ["PATH", "HOME", "TZ", "LANG", "NODE_ENV"] as const;
const OOM_SCORE = "500"; // of 1000: before the node (0), after what asks to be ended first

export type ChildOptions = {
  readonly entry: URL;
  /** MiB of JavaScript objects. */
  readonly heap: number;
  /** MiB of everything. */
  readonly memory: number;
};

export class ChildCarrier implements Carrier {
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #events: CarrierEvents;
  readonly #heap: number;
  readonly #begunFile = unnamedFile();
  #last: Begun = { slot: 0, seq: 0 }; // when it ended
  #isOver = false;
  readonly #memory: MemoryWatch;

  constructor({ entry, heap, memory }: ChildOptions, events: CarrierEvents) {
    this.#events = events;
    this.#heap = heap;
    const fds = ["pipe", "pipe", "pipe", this.#begunFile, "pipe"] as const; // from 3: see FD
    this.#child = spawn(process.execPath, [`--max-old-space-size=${heap}`, fileURLToPath(entry), REALM_ARGUMENT], {
      stdio: ["ignore", "pipe", "pipe", ...fds],
      env: environment(),
      windowsHide: true,
    });
    const { pid } = this.#child;
    if (pid !== undefined) endBefore(pid);
    this.#memory = new MemoryWatch(pid ?? 0, memory, (why) => events.outgrown(why));
    this.gone = this.#listen();
  }

  get name(): string {
    return `pid ${this.#child.pid}`;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  post(batch: Batch): void {
    this.#memory.active();
    const pipe = this.#pipe(FD.batches);
    const bytes = new Uint8Array(batch.bytes); // it is written later, and `batch` is lent
    pipe?.cork();
    for (const part of streamed(BATCH, { ...batch, bytes })) pipe?.write(part);
    pipe?.uncork();
  }

  answer(answer: unknown): void {
    const bytes = packMessage(answer);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(bytes.length);
    this.#pipe(FD.answers)?.write(Buffer.concat([head, bytes]));
  }

  begun(): Begun {
    return this.#isOver ? this.#last : this.#readBegun();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  holds(mib: number): void {
    this.#memory.holds(mib);
  }

  #readBegun(): Begun {
    const cells = Buffer.alloc(BEGUN_BYTES);
    if (readSync(this.#begunFile, cells, 0, BEGUN_BYTES, 0) < BEGUN_BYTES) return { slot: 0, seq: 0 }; // nothing yet
    return { slot: cells.readUInt32LE(0), seq: cells.readUInt32LE(4) };
  }

  /** Undefined: it could not be started. */
  #pipe(fd: number): Socket | undefined {
    const pipes = this.#child.stdio as ChildProcess["stdio"] | undefined; // there are none where files have run out
    return pipes?.[fd] as Socket | undefined; // `pipe` makes each of them one
  }

  async #listen(): Promise<void> {
    const child = this.#child;
    const replies = this.#pipe(FD.replies);
    const batches = new StreamBatches((kind, batch) => this.#received(kind, batch));
    for (const fd of [FD.batches, FD.replies, FD.answers, FD.lifeline]) this.#pipe(fd)?.on("error", () => undefined);
    for (const output of [child.stdout, child.stderr]) this.#log(output);
    replies?.on("data", (chunk: Buffer) => this.#push(batches, chunk));
    const saidAll = new Promise<void>((resolve) =>
      replies === undefined ? resolve() : replies.once("close", resolve),
    );
    const why = await new Promise<string>((resolve) => {
      child.once("error", ({ message }) => resolve(`no operating-system process could be started for it: ${message}`));
      child.once("exit", (code, signal) => resolve(this.#why(code, signal)));
    });
    await saidAll;
    this.#memory.end();
    this.#last = this.#readBegun();
    this.#isOver = true;
    closeSync(this.#begunFile);
    this.#events.ended(why);
  }

  #push(batches: StreamBatches, chunk: Buffer): void {
    try {
      batches.push(chunk);
    } catch (thrown) {
      this.#events.failed(thrown);
      this.kill();
    }
  }

  #received(kind: number, batch: Batch): void {
    if (kind === BATCH) this.#events.received(batch);
    else if (kind === QUESTION) {
      const { slot, question } = unpackMessage(batch.bytes) as { readonly slot: number; readonly question: unknown };
      this.#events.asked(slot, question);
    }
  }

  #log(output: Readable | null): void {
    const lines = new LogLines((line) => this.#events.printed(line));
    output?.on("data", (chunk: Buffer) => lines.push(chunk));
    output?.once("end", () => lines.end());
  }

  #why(code: number | null, signal: string | null): string {
    if (signal === "SIGABRT")
      return `its operating-system process aborted (SIGABRT), as it does when limits.isolatedHeap, ${this.#heap} MiB, is full: keep less, or raise it`;
    return `its operating-system process ended with ${signal === null ? `exit code ${code}` : `signal ${signal}`}`;
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(ENVIRONMENT.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
}

/** Linux. Elsewhere nothing can be said, and nothing is lost. */
function endBefore(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE);
  } catch {
    // no such file, or it has ended already
  }
}

function unnamedFile(): number {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-"));
  try {
    return openSync(join(folder, "begun"), "w+", 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
