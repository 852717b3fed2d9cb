/**
 * Durable messages of a node of a cluster's soak, which keeps its data beyond its end: what it sent, by a line in a file for
 * each that was kept, and what came to it, in the state of its process.
 *
 * To each other node and in each of its lives they are numbered from 0: a number that is left out was lost, one that comes
 * again, or after a later one, came twice or too late.
 */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Node } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { diskStore, type StateStore } from "../../processes/state/store.ts";

const TAKER = "taker:soak:sys";
const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const EVERY_MS = 20; // and the time that one takes to be kept
const QUIET_MS = 30_000; // a publish waits 4 s, a stream that elects a leader takes up to 10

/** By `<sender> <its life> <target>`: the last number. */
export type Numbers = Readonly<Record<string, number>>;

/** @property sent that were kept @property taken that came */
export type DurableReport = {
  readonly sent: Numbers;
  readonly taken: Numbers;
  readonly leftOut: number;
  readonly again: number;
  readonly waiting: number;
};

type Taken = { readonly last: Record<string, number>; readonly leftOut: number; readonly again: number };
const NOTHING: Taken = { last: {}, leftOut: 0, again: 0 };

export class DurableLoad {
  readonly store: StateStore;
  readonly #file: string;
  readonly #life: number;
  #taken: Taken = NOTHING;
  #isSending = true;

  /** @param folder is made when it is not there */
  constructor(folder: string, life: number) {
    mkdirSync(folder, { recursive: true });
    this.store = diskStore(join(folder, "state"));
    this.#file = join(folder, "sent");
    this.#life = life;
    appendFileSync(this.#file, "");
  }

  /** Before it is linked. */
  add(node: Node, others: readonly string[]): void {
    node.addSystemProcess({
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(this.store, (process, metadata) => node.kernel.durable.along(process, metadata)),
      public: true,
      trusted: true,
    });
    node.addProcess(ProcessId.parse(TAKER), this.#taker(), { requestCapabilities: NETWORK });
    const sender = defineProcess({
      init: (ctx) => {
        ctx.after(0, () => {
          for (const other of others) void this.#send(ctx as Context, other);
        });
      },
    });
    node.addProcess(ProcessId.parse("sender:soak:sys"), sender, { requestCapabilities: NETWORK });
  }

  /** Sends no more, and waits until all is in JetStream and all that came is handled. */
  async quiet({ kernel }: Node): Promise<void> {
    this.#isSending = false;
    const isOver = (): boolean => {
      const facts = kernel.durable.facts();
      return facts === null || facts.out.waiting + facts.in.waiting === 0;
    };
    for (const end = performance.now() + QUIET_MS; !isOver() && performance.now() < end; ) await sleep(20);
  }

  report({ kernel }: Node): DurableReport {
    const sent: Record<string, number> = {};
    for (const line of readFileSync(this.#file, "utf8").split("\n")) {
      const at = line.lastIndexOf(" ");
      if (at > 0) sent[line.slice(0, at)] = Number(line.slice(at));
    }
    const { last, leftOut, again } = this.#taken;
    const facts = kernel.durable.facts();
    return { sent, taken: last, leftOut, again, waiting: (facts?.out.waiting ?? 0) + (facts?.in.waiting ?? 0) };
  }

  #taker(): ReturnType<typeof defineProcess> {
    return defineProcess<Taken>({
      init: async (ctx) => {
        this.#taken = (await ctx.getState<Taken>()) ?? NOTHING;
        return this.#taken;
      },
      onRequest: async (taken, { body }, ctx) => {
        const [stream, n] = body as [string, number]; // our own
        const { [stream]: last = -1 } = taken.last;
        this.#taken = {
          last: n > last ? { ...taken.last, [stream]: n } : taken.last,
          leftOut: taken.leftOut + Math.max(0, n - last - 1),
          again: taken.again + (n <= last ? 1 : 0),
        };
        const next = this.#taken;
        await ctx.setState(next);
        return next;
      },
    });
  }

  async #send(ctx: Context, to: string): Promise<void> {
    const stream = `${ctx.node} ${this.#life} ${to}`;
    for (let n = 0; this.#isSending; ) {
      try {
        await ctx.request(`${to}@${TAKER}`).body([stream, n]).durable();
        appendFileSync(this.#file, `${stream} ${n}\n`);
        n++;
      } catch {
        // not linked yet, or the outbox is full: it was not kept
      }
      await sleep(EVERY_MS);
    }
  }
}

/** @returns how many of those that were kept have not come */
export function missing(reports: readonly DurableReport[]): number {
  const taken = Object.assign({}, ...reports.map((report) => report.taken)) as Record<string, number>;
  const sent = reports.flatMap((report) => Object.entries(report.sent));
  return sent.reduce((sum, [stream, last]) => sum + Math.max(0, last - (taken[stream] ?? -1)), 0);
}
