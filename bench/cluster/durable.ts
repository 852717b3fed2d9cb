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
      program: stateProcess(this.store, { along: (process, metadata) => node.kernel.durable.along(process, metadata) }),
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

  /** Sends no more. */
  quiet(): void {
    this.#isSending = false;
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

/**
 * What became of those that were kept and were not handled.
 * @property lost they never come: a later one of the same sender and target is handled
 * @property late none of these is yet
 */
export type Missing = { readonly lost: number; readonly late: number };

export function missing(reports: readonly DurableReport[]): Missing {
  const taken = Object.assign({}, ...reports.map((report) => report.taken)) as Record<string, number>;
  const newest = new Map<string, number>(); // the last life of each sender and target of which one came
  for (const stream of Object.keys(taken)) {
    const { pair, life } = partsOf(stream);
    newest.set(pair, Math.max(life, newest.get(pair) ?? life));
  }
  let [lost, late] = [reports.reduce((sum, { leftOut }) => sum + leftOut, 0), 0];
  for (const [stream, last] of reports.flatMap(({ sent }) => Object.entries(sent))) {
    const tail = Math.max(0, last - (taken[stream] ?? -1));
    const { pair, life } = partsOf(stream);
    if (life < (newest.get(pair) ?? life)) lost += tail;
    else late += tail;
  }
  return { lost, late };
}

function partsOf(stream: string): { readonly pair: string; readonly life: number } {
  const [from, life, to] = stream.split(" ");
  return { pair: `${from} ${to}`, life: Number(life) };
}
