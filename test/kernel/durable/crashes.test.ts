/**
 * Nodes that crash at any step, disks that had written some of it, lanes that keep what they do not say: whatever happens, in
 * any order, what was kept arrives once, in order, in what the receiver keeps (docs/adr/0036).
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createNode, type Node } from "../../../kernel/index.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { ProcessId, unpackMessage } from "../../../lib/protocol/index.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { nextLoop } from "../../support/channels.ts";
import { CrashDisk } from "../../support/crash-disk.ts";
import { MemoryStreams } from "../../support/memory-lanes.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { until } from "../../support/until.ts";

const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const RECEIVER = "b:chat:template.os";
const RUNS = 100; // some 4 s on one core
const TEST_MS = 120_000; // ms: ten others may use the cores

type Step =
  | { readonly do: "send" | "tick" }
  | { readonly do: "flush"; readonly node: number; readonly count: number }
  | { readonly do: "crash"; readonly node: number; readonly count: number }
  | { readonly do: "forgetAck" | "repeat" | "down" | "up" };

const NODE = fc.nat({ max: 1 });
const COUNT = fc.nat({ max: 4 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Step>({ do: "send" }, { do: "tick" }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("flush" as const), node: NODE, count: COUNT }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), node: NODE, count: COUNT }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>({ do: "forgetAck" }, { do: "repeat" }, { do: "down" }, { do: "up" }),
  },
);

class Stage {
  readonly kept: number[] = []; // whose durable() was fulfilled
  readonly disks = [new CrashDisk(), new CrashDisk()];
  readonly streams = new MemoryStreams();
  readonly #to: string;
  readonly #nodes: Node[] = [];
  readonly #all: Node[] = [];
  #sender: Context | undefined;
  #last = 0;

  /** @param to its own node, or another */
  constructor(to: string) {
    this.#to = to;
  }

  async start(index: number): Promise<void> {
    const store = (this.disks[index] as CrashDisk).open();
    const name = ["alice.os", "bob.os"][index] ?? "";
    const node = createNode({ name, durableStore: store, limits: { drain: 0, durableRetry: 1, durableRetryMax: 2 } });
    this.#nodes[index] = node;
    this.#all.push(node);
    node.addSystemProcess({
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(store, { along: (process, metadata) => node.kernel.durable.along(process, metadata) }),
      public: true,
      trusted: true,
    });
    node.addProcess(ProcessId.parse(RECEIVER), RECEIVING, { requestCapabilities: NETWORK });
    const sending = defineProcess({
      init: (ctx) => {
        if (index === 0) this.#sender = ctx as Context;
      },
    });
    node.addProcess(ProcessId.parse("a:chat:template.os"), sending, { requestCapabilities: NETWORK });
    await node.link(new MemoryNet().wire(name));
    await node.kernel.durable.join(this.streams.lane(name));
  }

  async step(step: Step): Promise<void> {
    if (step.do === "send") this.#send();
    if (step.do === "flush") this.disks[step.node]?.flush(step.count);
    if (step.do === "crash") {
      this.disks[step.node]?.crash(step.count);
      await this.#nodes[step.node]?.kernel.durable.stop(); // its lane: its disk is gone for it already
      await this.start(step.node);
    }
    if (step.do === "forgetAck") this.streams.forgetAcks++;
    if (step.do === "repeat") this.streams.repeats++;
    if (step.do === "down") this.streams.isDown = true;
    if (step.do === "up") this.#up();
    await nextLoop();
  }

  async settle(): Promise<void> {
    this.#up();
    for (const disk of this.disks) {
      disk.isFast = true;
      disk.flush(Number.POSITIVE_INFINITY);
    }
    const isOver = (): boolean =>
      this.streams.waiting("bob.os") === 0 &&
      this.disks.every((disk) => disk.rows("durable in") + disk.rows("durable out") === 0);
    await until(isOver);
  }

  seen(): readonly number[] {
    const value = this.disks[this.#to === "alice.os" ? 0 : 1]?.open().get(RECEIVER);
    return value === undefined ? [] : (unpackMessage(value) as number[]);
  }

  async stop(): Promise<void> {
    for (const node of this.#all) await node.stop();
  }

  #send(): void {
    const n = ++this.#last;
    const sent = this.#sender?.request(`${this.#to}@${RECEIVER}`).body(n).durable();
    void sent?.then(
      () => this.kept.push(n),
      () => undefined,
    );
  }

  #up(): void {
    this.streams.isDown = false;
    this.streams.wake();
  }
}

/** Keeps the numbers that came, as a list. */
const RECEIVING = defineProcess<readonly number[]>({
  init: async (ctx) => (await ctx.getState<number[]>()) ?? [],
  async onRequest(seen, { body }, ctx) {
    const next = [...seen, body as number];
    await ctx.setState(next);
    return next;
  },
});

test.each(["bob.os", "alice.os"])(
  "whatever crashes between alice.os and %s: all that was kept has one effect, in order",
  async (to) => {
    const tried = { kept: 0, crashes: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 10, maxLength: 60 }), async (steps) => {
        const stage = new Stage(to);
        await stage.start(0);
        await stage.start(1);
        for (const step of steps) await stage.step(step);
        await stage.settle();
        const seen = stage.seen();
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b)); // none twice, all in order
        expect(seen).toEqual(expect.arrayContaining(stage.kept)); // none lost
        tried.kept += stage.kept.length;
        tried.crashes += steps.filter((step) => step.do === "crash").length;
        await stage.stop();
      }),
      { numRuns: RUNS },
    );
    expect(tried.kept).toBeGreaterThan(RUNS); // or the plans do nothing
    expect(tried.crashes).toBeGreaterThan(RUNS);
  },
  TEST_MS,
);
