/**
 * sources:labgraph:sys: what there is to hear where nobody has connected a device. SOURCES.md has the formulas.
 *
 *   device.stream1    a heart, eight electrodes, 100 samples per second (heart.ts)
 *   device.stream2    eight masses on springs, 50 samples per second (chain.ts)
 *   labgraph.monitor  this node's processes and who messages whom, five pictures per second (topology.ts)
 *
 * Needs   streams:distro:sys, which is public; kernel:distro:sys, to ask who messages whom.
 * State   none. Samples are of a time, not of an incarnation: sample n of a device is of n / rate seconds since 1970.
 *
 * 1. It computes only what somebody listens to.
 * 2. Samples of a device come in bunches, each with the time it is of.
 */
import {
  type Context,
  defineProcess,
  type Program,
  SendError,
  StreamError,
  type StreamOutput,
  type Timer,
} from "jackfield/process";
import { KERNEL, OptionError } from "jackfield/protocol";
import { Chain } from "./chain.ts";
import { heart } from "./heart.ts";
import type { Signal } from "./signal.ts";
import { SOURCE_LIMITS, type SourceLimits } from "./source-limits.ts";
import { type Seen, Topology } from "./topology.ts";

export const MONITOR = "labgraph.monitor";

export function sourcesProcess(limits: SourceLimits = SOURCE_LIMITS): Program {
  return defineProcess<Sources>({
    async init(ctx) {
      const [unknown] = Object.keys(ctx.settings);
      if (unknown !== undefined)
        throw new OptionError(`Cannot set "${unknown}" of ${ctx.our.id.text} as it has no settings`);
      const sources = new Sources(ctx);
      await sources.add("device.stream1", (out) => new Device(ctx, out, heart, limits));
      await sources.add("device.stream2", (out) => new Device(ctx, out, new Chain(), limits));
      await sources.add(MONITOR, (out) => new Monitor(ctx, out, limits));
      return sources;
    },
    onListeners: (sources, { name, count }) => sources.heard(name, count),
  });
}

export default sourcesProcess();

type SourcesContext = Context<Sources>;

/** What publishes while it is heard. */
interface Source {
  begin(): void;
  end(): void;
}

class Sources {
  readonly #ctx: SourcesContext;
  readonly #heard = new Map<string, { readonly source: Source; isHeard: boolean }>();

  constructor(ctx: SourcesContext) {
    this.#ctx = ctx;
  }

  /** Where another process has the name, there is no such source here. */
  async add(name: string, make: (out: StreamOutput) => Source): Promise<void> {
    try {
      const out = await this.#ctx.streams.output(name);
      this.#heard.set(name, { source: make(out), isHeard: false });
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
      this.#ctx.log(`${thrown.message}; it goes on without`);
    }
  }

  heard(name: string, count: number): void {
    const entry = this.#heard.get(name);
    const isHeard = count > 0;
    if (entry === undefined || entry.isHeard === isHeard) return;
    entry.isHeard = isHeard;
    if (isHeard) entry.source.begin();
    else entry.source.end();
  }
}

class Device implements Source {
  readonly #ctx: SourcesContext;
  readonly #out: StreamOutput;
  readonly #signal: Signal;
  readonly #limits: SourceLimits;
  #timer: Timer | undefined;
  #next = 0; // the sample that comes next

  constructor(ctx: SourcesContext, out: StreamOutput, signal: Signal, limits: SourceLimits) {
    this.#ctx = ctx;
    this.#out = out;
    this.#signal = signal;
    this.#limits = limits;
  }

  begin(): void {
    this.#next = this.#last + 1;
    this.#timer = this.#ctx.every(this.#limits.tickMs, () => this.#tick());
  }

  end(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    const { rate } = this.#signal;
    const last = this.#last;
    this.#next = Math.max(this.#next, last + 1 - this.#limits.backlogSeconds * rate);
    for (; this.#next <= last; this.#next++) {
      const seconds = this.#next / rate;
      this.#out.publish(this.#signal.at(seconds), seconds);
    }
  }

  /** The newest that has been. */
  get #last(): number {
    return Math.floor((this.#ctx.now() / 1000) * this.#signal.rate);
  }
}

class Monitor implements Source {
  readonly #ctx: SourcesContext;
  readonly #out: StreamOutput;
  readonly #limits: SourceLimits;
  readonly #topology: Topology;
  #timer: Timer | undefined;
  #hasFailed = false;
  #due = 0; // ms: a picture is due at each multiple of its period

  constructor(ctx: SourcesContext, out: StreamOutput, limits: SourceLimits) {
    this.#ctx = ctx;
    this.#out = out;
    this.#limits = limits;
    this.#topology = new Topology(limits);
  }

  begin(): void {
    this.#due = this.#ctx.now();
    this.#arm();
  }

  end(): void {
    this.#timer?.cancel();
    this.#topology.clear();
  }

  #arm(): void {
    const now = this.#ctx.now();
    const { monitorMs } = this.#limits;
    this.#due = Math.max(this.#due + monitorMs, now); // what a stalled node has missed is not made up for
    this.#timer = this.#ctx.after(this.#due - now, async () => {
      this.#arm();
      await this.#show();
    });
  }

  async #show(): Promise<void> {
    try {
      const [processes, routes] = await Promise.all([this.#ask("ProcessMap"), this.#ask("Routes")]);
      this.#out.publish(this.#topology.draw({ processes, routes } as Seen, this.#ctx.now()));
      this.#hasFailed = false;
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown;
      if (!this.#hasFailed) this.#ctx.log(`no picture for ${MONITOR}: ${thrown.message}`);
      this.#hasFailed = true; // said once: it is asked again with the next
    }
  }

  /** The kernel's word. */
  async #ask(query: "ProcessMap" | "Routes"): Promise<unknown> {
    const { body } = await this.#ctx.request(KERNEL).body({ Debug: query }).sendAndAwaitResponse();
    const { Debug: answer } = body as { readonly Debug: Readonly<Record<string, unknown>> };
    return answer[query];
  }
}
