/**
 * Nodes of one cluster over memory: wires, a directory and claims that they share, and one clock that the test holds.
 *
 *   const cluster = new ClusterNodes();
 *   const alice = await cluster.start("alice.os");
 *   await cluster.addRooms(alice);
 *   expect(await cluster.ask(alice, "*@room/42:chat:template.os", 1)).toEqual({ at: "alice.os", key: "42", count: 1 });
 *   afterEach(() => cluster.stop());
 */
import { createNode, type KernelEvent, type Node } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { type Clock, ProcessId, SendError, textOf, VirtualClock } from "../../lib/protocol/index.ts";
import { settle } from "./kernel.ts";
import { MemoryClaims } from "./memory-claims.ts";
import { MemoryDirectory } from "./memory-directory.ts";
import { MemoryNet } from "./memory-wires.ts";

export const ROOM = "room:chat:template.os";
export const SCHEDULER = "scheduler:chat:template.os";
const ASKER = "asker:chat:template.os";
const NETWORK = { process: "kernel:distro:sys", params: "network" };
const STEP = 50; // ms that pass at once

/** What a room answers. */
export type Answer = { readonly at: string; readonly key: string | null; readonly count: number };

export class ClusterNodes {
  readonly clock: VirtualClock = new VirtualClock();
  readonly net: MemoryNet = new MemoryNet();
  readonly directory: MemoryDirectory = new MemoryDirectory(this.clock);
  readonly claims: MemoryClaims = new MemoryClaims();
  /** Bodies in the order that processes of the cluster took them: `room/42@alice.os 1`. */
  readonly taken: string[] = [];
  readonly #nodes = new Map<string, Node>();
  readonly #askers = new Map<Node, Context>();
  readonly #events = new Map<Node, KernelEvent[]>();
  readonly #clocks = new Map<string, NodeClock>();

  /** @param limits besides a drain of nothing */
  async start(name: string, limits: Readonly<Record<string, number>> = {}): Promise<Node> {
    const clock = new NodeClock(this.clock);
    this.#clocks.set(name, clock);
    const node = createNode({ name, clock, limits: { drain: 0, ...limits } });
    const events: KernelEvent[] = [];
    node.kernel.events.listen((event) => events.push(event));
    this.#nodes.set(name, node);
    this.#events.set(node, events);
    await node.link(this.net.wire(name));
    await node.join(this.directory.of(name), () => ({ address: null, version: null }), this.claims.of(name));
    return node;
  }

  /** Rooms: each says where it is, its key, and how many it has answered. */
  async addRooms(node: Node, options: Parameters<Node["addClusterProcess"]>[3] = {}): Promise<void> {
    await node.addClusterProcess(ProcessId.parse(ROOM), "keyed", this.counter(), options);
  }

  async addScheduler(node: Node, options: Parameters<Node["addClusterProcess"]>[3] = {}): Promise<void> {
    await node.addClusterProcess(ProcessId.parse(SCHEDULER), "singleton", this.counter(), options);
  }

  counter(): ReturnType<typeof defineProcess> {
    return defineProcess({
      init: () => ({ count: 0 }),
      onRequest: ({ count }, { body }, ctx) => {
        this.taken.push(`${ctx.our.id.process}@${ctx.node} ${textOf(body)}`);
        if (body === "crash") throw new Error("as told");
        if (body === "exit") ctx.exit();
        if (ctx.asked && body !== "silence") ctx.respond({ at: ctx.node, key: ctx.key ?? null, count: count + 1 });
        return { count: count + 1 };
      },
    });
  }

  /** A process of the same package, which may use the network. */
  asker(node: Node, id: string = ASKER, mayLeave = true): Context {
    const known = this.#askers.get(node);
    if (known !== undefined && id === ASKER) return known;
    let ctx: Context | undefined;
    const program = defineProcess({
      init: (own) => {
        ctx = own as Context;
      },
    });
    node.addProcess(ProcessId.parse(id), program, { requestCapabilities: mayLeave ? [NETWORK] : [] });
    if (ctx === undefined) throw new Error("its init has not run");
    if (id === ASKER) this.#askers.set(node, ctx);
    return ctx;
  }

  /** @returns the answer's body, or the kind of the error */
  async ask(node: Node, target: string, body: unknown, ctx: Context = this.asker(node)): Promise<unknown> {
    try {
      return (await ctx.request(target).body(body).expectsResponse(3600).sendAndAwaitResponse()).body;
    } catch (error) {
      if (error instanceof SendError) return error.kind;
      throw error;
    }
  }

  tell(node: Node, target: string, body: unknown): void {
    this.asker(node).request(target).body(body).send();
  }

  /** All that needs no clock is through. */
  async settled(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await settle();
      await this.net.settled();
    }
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP) {
      this.clock.advance(Math.min(STEP, left));
      await settle();
    }
    await this.settled();
  }

  /** Names that run on `node`, of the cluster. */
  held(node: Node): readonly string[] {
    return node.kernel.cluster?.describe().held ?? [];
  }

  /** Where `name` runs, of all nodes that were not killed. */
  holders(name: string): readonly string[] {
    return [...this.#nodes].filter(([, node]) => this.held(node).includes(name)).map(([node]) => node);
  }

  /** What nodes said of themselves in their logs: errors' texts. */
  faults(node: Node): readonly string[] {
    const events = this.#events.get(node) ?? [];
    return events.flatMap((event) => (event.type === "fault" ? [textOf(event.error)] : []));
  }

  letters(node: Node): readonly string[] {
    return node.kernel.deadLetters.last().map(({ reason, target }) => `${reason} ${target}`);
  }

  /** It does nothing until `thaw`, as when its process is stopped. @param clocks its clocks stand still too, as a machine's */
  freeze(name: string, clocks = false): void {
    this.#clocks.get(name)?.freeze(clocks);
    this.net.pause(name);
  }

  thaw(name: string): void {
    this.#clocks.get(name)?.thaw();
    this.net.resume(name);
  }

  /** It is there no more, without a word: its frames go nowhere, and what it wrote stays. */
  kill(name: string): void {
    this.net.vanish(name);
    this.claims.cut(name);
    this.directory.cut(name);
    this.#nodes.delete(name);
  }

  /** In peace. */
  async leave(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    if (node !== undefined) await this.#stop(node);
  }

  async stop(): Promise<void> {
    for (const node of this.#events.keys()) await this.#stop(node);
    this.#events.clear();
  }

  async #stop(node: Node): Promise<void> {
    let isOver = false;
    const stopping = node.stop().finally(() => {
      isOver = true;
    });
    for (let i = 0; !isOver && i < 2_000; i++) {
      this.clock.advance(10);
      await settle();
    }
    await stopping;
  }
}

/** Of one node, which may stop. */
class NodeClock implements Clock {
  readonly #clock: VirtualClock;
  #due: (() => void)[] | null = null;
  #lag = 0; // ms
  #stoodAt: number | null = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() - this.#behind();
  }

  monotonic(): number {
    return this.#clock.monotonic() - this.#behind();
  }

  setTimeout(callback: () => void, ms: number): () => void {
    let isCancelled = false;
    const due = (): void => {
      if (isCancelled) return;
      if (this.#due === null) callback();
      else this.#due.push(due);
    };
    const cancel = this.#clock.setTimeout(due, ms);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  freeze(stands: boolean): void {
    this.#due = [];
    if (stands) this.#stoodAt = this.#clock.monotonic();
  }

  thaw(): void {
    this.#lag = this.#behind();
    this.#stoodAt = null;
    const due = this.#due ?? [];
    this.#due = null;
    for (const callback of due) callback();
  }

  #behind(): number {
    return this.#lag + (this.#stoodAt === null ? 0 : this.#clock.monotonic() - this.#stoodAt);
  }
}
