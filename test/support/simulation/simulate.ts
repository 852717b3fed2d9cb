/**
 * Plays one plan on a kernel without real time, by one seed, and checks every guarantee of DESIGN §3 on the way.
 *
 *   const { steps } = await simulate(plan, 42);            // throws Violation
 *   const { trace } = await simulate(plan, 42, { traced: true });
 *
 * 1. The same plan and seed give the same run, step by step.
 * 2. After the last step everything that can happen happens, time-outs too; then the node stops. A plan may stop it earlier.
 */
import { createNode, type Keeper, type KernelEvent, type Node, type Process } from "../../../kernel/index.ts";
import {
  type Address,
  Blob,
  capability,
  Envelope,
  type Host,
  MESSAGING,
  ProcessId,
  type Program,
  type SendErrorKind,
} from "../../../lib/protocol/index.ts";
import { type Actor, actorProgram, isExpected, type Stage } from "./actor.ts";
import { Ledger, type Life, Violation } from "./ledger.ts";
import type { Act, ActorPlan, Plan, Step, Whom } from "./plan.ts";
import { microtasks, Scheduler } from "./scheduler.ts";

export type Run = {
  /** Choices made. */
  readonly steps: number;
  readonly messages: number;
  readonly crashes: number;
  /** Milliseconds of its clock. */
  readonly ms: number;
  readonly trace: readonly string[];
};

/** The first two are of one package: they may always message each other. */
const NAMES = ["a:ab:sim", "b:ab:sim", "c:c:sim", "d:d:sim"] as const;
const DRIVER = "driver:driver:sim";
const LEAF = "leaf:leaf:sim";
const LIMITS = {
  pendingRequests: 5,
  timers: 3,
  restarts: 3,
  restartDelay: 20,
  restartDelayMax: 100,
  drain: 200,
  deadLetters: 8,
  crashReports: 4,
};
const STEPS_MAX = 20_000; // choices; none that ended took more than a tenth
const LAST_WORDS_TO = NAMES[0];

/** @throws {Violation} */
export async function simulate(plan: Plan, seed: number, { traced = false } = {}): Promise<Run> {
  Violation.first = undefined;
  const run = new Simulation(plan, seed, traced);
  try {
    return await run.play();
  } catch (thrown) {
    if (thrown instanceof Error && traced) thrown.message += `\n${run.trace.slice(-80).join("\n")}`;
    throw thrown;
  }
}

class Simulation implements Stage {
  readonly ledger: Ledger;
  readonly trace: string[] = [];
  readonly addresses: Map<string, Address> = new Map();
  depth = 0;
  readonly #plan: Plan;
  readonly #scheduler: Scheduler;
  readonly #node: Node;
  readonly #traced: boolean;
  readonly #actors = new Map<Life, Actor>();
  readonly #preludes = new Map<Process, number>();
  readonly pendingMax: number = LIMITS.pendingRequests;
  readonly #grants = new Set<string>(); // "holder issuer"
  #child = "nobody:no:sim";
  #children = 0;
  #driver: Actor | undefined;
  #crashes = 0;
  #stopped: Promise<void> | undefined;

  constructor(plan: Plan, seed: number, traced: boolean) {
    this.#plan = plan;
    this.#traced = traced;
    const scheduler = new Scheduler(seed, plan.turnSteps);
    this.#scheduler = scheduler;
    this.ledger = new Ledger(() => scheduler.clock.monotonic());
    const { clock, queue, random } = scheduler;
    this.#node = createNode({ name: "sim.os", clock, queue, random: () => random.next(), limits: LIMITS });
    this.#node.kernel.events.listen((event) => this.#hear(event));
    this.#node.kernel.keepers.add(this.#keeper());
  }

  now(): number {
    return this.#scheduler.clock.monotonic();
  }

  gate(): Promise<void> {
    return this.#scheduler.gate();
  }

  readonly note = (line: string): void => {
    if (this.#traced) this.trace.push(`${this.now()} ms  ${line}`);
  };

  async play(): Promise<Run> {
    this.#add(LEAF, actorProgram(this, undefined, true), { leaf: true, public: true });
    this.#add(DRIVER, actorProgram(this, undefined, true), { public: true });
    for (const [index] of NAMES.entries()) this.#addActor(index);
    const left = [...this.#plan.steps];
    let steps = 0;
    let waiting = false; // for quiet
    for (;;) {
      if (++steps > STEPS_MAX) throw new Violation(`it does not come to rest: ${STEPS_MAX} steps`);
      if (waiting && !this.#scheduler.busy) waiting = false;
      const next = waiting ? undefined : left[0];
      const goesOn = await this.#scheduler.step(
        next === undefined
          ? undefined
          : () => {
              left.shift();
              if (next.step === "quiet") waiting = true;
              else this.#step(next);
            },
      );
      this.#checkStep();
      if (!goesOn && left.length === 0) break;
    }
    this.#checkQuiet();
    this.#stop();
    await microtasks();
    while (await this.#scheduler.step()) this.#checkStep();
    this.#checkStep();
    this.#checkEnd();
    const messages = this.ledger.sent.size;
    return { steps, messages, crashes: this.#crashes, ms: this.now(), trace: this.trace };
  }

  #step(step: Step): void {
    this.note(`— ${JSON.stringify(step)}`);
    switch (step.step) {
      case "send":
        return this.#driver?.do(step.act);
      case "frame":
        return this.#frame(NAMES[step.to], step.acts);
      case "kill":
        return this.kill(NAMES[step.whom]);
      case "again":
        if (this.#stopped === undefined && this.#find(NAMES[step.whom]) === undefined) this.#addActor(step.whom);
        return undefined;
      case "grant":
      case "drop":
        return this.#grant(step.step, this.address(step.to), NAMES[step.whom]);
      case "quiet":
        return undefined;
      case "stop":
        return this.#stop();
    }
  }

  #stop(): void {
    if (this.#stopped !== undefined) return;
    this.note("the node stops");
    this.#stopped = this.#node.stop();
  }

  // Capabilities

  #grant(step: "grant" | "drop", to: string, whom: string): void {
    const [holder, issuer] = [this.#find(to), this.#find(whom)];
    if (holder === undefined || issuer === undefined) return;
    const held = capability(issuer.address, MESSAGING);
    if (step === "grant") {
      holder.capabilities.add(held);
      this.#grants.add(`${to} ${whom}`);
    } else {
      holder.capabilities.drop(held);
      this.#grants.delete(`${to} ${whom}`);
    }
  }

  /** What it held, and what others held of it, ends with a process. */
  #forgetGrants(gone: string): void {
    for (const grant of this.#grants) if (grant.split(" ").includes(gone)) this.#grants.delete(grant);
  }

  // Processes

  #add(
    name: string,
    program: Program,
    options: { leaf?: boolean; public?: boolean; mailbox?: number; onExit?: ActorPlan["onExit"] },
  ): void {
    const { onExit = "None" } = options;
    const words = { Requests: [{ target: LAST_WORDS_TO, body: { lastWords: name } }] };
    const id = ProcessId.parse(name);
    const made = this.#node.kernel.register({
      ...options,
      id,
      program,
      onExit: onExit === "Requests" ? words : onExit,
    });
    this.ledger.lastWords.set(name, this.ledger.lastWords.get(name) ?? { owed: 0, seen: 0 });
    made.run();
  }

  #addActor(index: number): void {
    const plan = this.#plan.actors[index];
    const name = NAMES[index];
    if (plan === undefined || name === undefined) return;
    this.#add(name, actorProgram(this, plan), plan);
  }

  #find(name: string): Process | undefined {
    return this.#node.kernel.registry.get(ProcessId.parse(name));
  }

  born(host: Host, actor: Actor): Life {
    const name = host.our.id.text;
    const process = this.#find(name);
    if (process === undefined) throw new Violation(`${name} begins without a name`);
    const before = this.ledger.current(process);
    const life: Life = {
      body: before?.body ?? { process, name, ofPlan: NAMES.some((each) => each === name) },
      number: process.incarnation,
      pending: process.pending,
      prelude: this.#preludes.get(process) ?? null,
      ready: false,
      leaving: false,
      ended: false,
      hung: false,
      inHand: null,
      waits: false,
      settling: null,
      hand: { blob: null, prompting: null },
    };
    if (before !== undefined && !before.ended) throw new Violation(`${name} begins again before its end`);
    if (life.body.ofPlan && life.number > 1 && life.prelude === null)
      throw new Violation(`${name} begins again, and nobody was asked what it must hear first`);
    this.#preludes.delete(process);
    this.ledger.begin(life);
    this.#actors.set(life, actor);
    if (name === DRIVER) this.#driver = actor;
    return life;
  }

  childName(parent: Host): string {
    const name = `child-${this.#children++}`;
    this.#child = `${name}:${parent.our.id.package}:${parent.our.id.publisher}`;
    return name;
  }

  kill(name: string): void {
    if (name === DRIVER || name === LEAF || name.includes("@")) return;
    this.note(`${name} is killed`);
    this.#find(name)?.kill();
  }

  address(whom: Whom): string {
    if (typeof whom === "number") return NAMES[whom];
    return { driver: DRIVER, leaf: LEAF, child: this.#child, nobody: "nobody:no:sim", far: "far.os@a:ab:sim" }[whom];
  }

  foresee(from: string, to: string): { refused: SendErrorKind | null; body: Life["body"] | null } {
    if (to.includes("@")) return { refused: "Denied", body: null }; // nobody here may use the network
    const process = this.#find(to);
    if (process === undefined) return { refused: "Offline", body: null };
    const isOfPackage = from.split(":").slice(1).join() === to.split(":").slice(1).join();
    if (!process.public && !isOfPackage && !this.#grants.has(`${from} ${to}`)) return { refused: "Denied", body: null };
    const body = this.ledger.current(process)?.body ?? null;
    if (process.mailbox.closed) return { refused: "Offline", body };
    return { refused: process.mailbox.length >= process.mailbox.capacity ? "Overloaded" : null, body };
  }

  /** As the http-server does with a frame of a channel: bytes on loan, gone when this returns. */
  #frame(to: string, acts: readonly Act[]): void {
    const { bus, queue } = this.#node.kernel;
    const process = this.#find(to);
    const driver = this.#driver;
    if (process === undefined || driver === undefined) return;
    const n = this.ledger.next();
    const text = `frame ${n}`;
    const memory = Buffer.from(text);
    const blob = Blob.lend(memory, true);
    const { refused, body } = this.foresee(to, to); // whoever may have the channel
    const sent = this.ledger.record({ n, kind: "request", from: DRIVER, to, body: { n, acts }, blob: text });
    const message = new Envelope("request", driver.host.our, process.address, sent.body, blob);
    this.#node.kernel.frames = { messageOf: (origin) => origin as Envelope };
    queue.begin();
    try {
      this.ledger.delivered(sent, null, body);
      if (!process.frameNow(message, 1, blob)) {
        this.ledger.delivered(sent, refused, body);
        bus.deliver(message, process);
      }
    } finally {
      queue.end();
      blob.settle();
    }
    memory.fill("x");
  }

  /** As the http-server: the first that a new incarnation hears is what it has to know. */
  #keeper(): Keeper {
    return {
      restarting: (process) => {
        const life = this.ledger.current(process);
        if (life === undefined || !life.body.ofPlan) return [];
        const n = this.ledger.next();
        const { name } = life.body;
        const sent = this.ledger.record({ n, kind: "prelude", from: "keeper", to: name, body: { n, acts: [] } });
        sent.deliveredTo = life.body;
        this.#preludes.set(process, n);
        return [new Envelope("request", process.address, process.address, sent.body, null)];
      },
      gone: () => undefined,
    };
  }

  // What the kernel tells

  #hear(event: KernelEvent): void {
    try {
      this.#heard(event);
    } catch (thrown) {
      if (!(thrown instanceof Violation)) throw thrown; // a Violation is known already, and a listener must not throw
    }
  }

  #heard(event: KernelEvent): void {
    this.ledger.hear(event);
    if (event.type === "process-crashed") {
      const { process, error, stack } = event.report;
      this.note(`${process} crashed: ${error}`);
      this.#crashes++;
      if (!isExpected(error) && Violation.first === undefined) throw new Violation(stack ?? error);
      const life = this.#lifeOf(process);
      if (life === undefined) return;
      this.ledger.crashed(life);
    } else if (event.type === "process-restarting") {
      this.note(`${event.process} is restarted in ${event.delayMs} ms`);
      const life = this.#lifeOf(event.process);
      if (life !== undefined) this.ledger.ended(life);
    } else if (event.type === "process-gone") {
      this.note(`${event.process} is gone: ${event.why}`);
      this.#forgetGrants(event.process);
      const life = this.#lifeOf(event.process);
      if (life === undefined) return;
      this.ledger.gone(life.body);
      const words = this.ledger.lastWords.get(event.process);
      const hasWords = typeof life.body.process.onExit === "object";
      if (words !== undefined && hasWords && (event.why === "exit" || event.why === "crash")) words.owed++;
    }
  }

  /** The newest of that name. */
  #lifeOf(name: string): Life | undefined {
    for (let index = this.ledger.lives.length - 1; index >= 0; index--) {
      const life = this.ledger.lives[index];
      if (life?.body.name === name) return life;
    }
    return undefined;
  }

  // Checks

  #checkStep(): void {
    if (Violation.first !== undefined) throw Violation.first;
    this.ledger.allSettled();
    for (const process of this.#node.kernel.registry.all()) {
      const { mailbox, pending, address } = process;
      const reserved = LIMITS.pendingRequests + LIMITS.timers + 10;
      if (mailbox.length > mailbox.capacity + reserved)
        throw new Violation(`${address.id.text} has ${mailbox.length} waiting: ${mailbox.capacity} may`);
      if ((pending?.size ?? 0) > LIMITS.pendingRequests)
        throw new Violation(`${address.id.text} waits for ${pending?.size} answers`);
    }
  }

  #checkQuiet(): void {
    const { registry, wheel } = this.#node.kernel;
    if (wheel.size > 0) throw new Violation(`${wheel.size} timers are left, and nothing comes due`);
    if (this.#stopped !== undefined) return;
    this.ledger.checkQuiet();
    for (const process of registry.all()) {
      const life = this.ledger.current(process);
      if (life === undefined || life.hung) continue;
      const { id } = process.address;
      if (!process.quiet) throw new Violation(`${id.text} is at rest and has ${process.mailbox.length} waiting`);
      if (process.pending !== undefined && process.pending.size > 0)
        throw new Violation(`${id.text} waits for answers`);
    }
    for (const [life, actor] of this.#actors) {
      if (!life.ended && !life.hung && actor.overdue.length > 0)
        throw new Violation(`${life.body.name}: timers ${actor.overdue} never came`);
    }
  }

  #checkEnd(): void {
    const { registry, wheel, deadLetters, crashes } = this.#node.kernel;
    if (registry.size > 0) throw new Violation(`${registry.size} processes are left after the stop`);
    if (wheel.size > 0) throw new Violation(`${wheel.size} timers are left after the stop`);
    if (deadLetters.last().length > LIMITS.deadLetters || crashes.last().length > LIMITS.crashReports)
      throw new Violation("more is kept of letters and crashes than may be");
    this.ledger.checkEnd();
  }
}
