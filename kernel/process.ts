/**
 * A process: a name, one mailbox, and its current incarnation.
 *
 * 1. One message at a time: `step` handles one; while its promise is out, the next waits.
 * 2. `#turn` says where it stands with messages, the lifecycle machine where it stands in life. Only `running` steps.
 * 3. A throw ends the incarnation, not the process: the mailbox stays for the next. The message in hand is not
 *    tried again: a dead letter, and `Offline` to a sender that waits (DESIGN §3.6).
 * 4. When it is gone, what waited in its mailbox and everyone waiting on it gets `Offline`.
 */
import {
  type Address,
  type Blob,
  type Dialect,
  type Envelope,
  isOptionError,
  type OnExit,
  type Placement,
  type Program,
  type RestartIntensity,
  type Settings,
} from "../lib/protocol/index.ts";
import { CapabilitySet } from "./capabilities.ts";
import { RealmEndedError } from "./errors.ts";
import type { EndReason } from "./events.ts";
import { Incarnation } from "./incarnation.ts";
import type { Kernel } from "./kernel.ts";
import { Lifecycle, type LifecyclePort, type LifecycleState } from "./lifecycle.machine.ts";
import type { KernelLimits } from "./limits.ts";
import { Mailbox } from "./mailbox.ts";
import { keptOnExit } from "./on-exit.ts";
import { PlacedProgram } from "./placement/placed-program.ts";
import { isCancelled } from "./process-timer.ts";
import { restartLimits } from "./restart-intensity.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { Routes } from "./routes.ts";
import type { Runnable } from "./run-queue.ts";
import { Alarm } from "./timer-wheel.ts";
import { judge, type Verdict } from "./verdict.ts";

export type ProcessOptions = {
  readonly address: Address;
  readonly program: Program;
  readonly onExit: OnExit;
  readonly restart: RestartIntensity | undefined;
  readonly public: boolean;
  /** Its package's folder; null: made in memory. */
  readonly folder: string | null;
  /** See Host.settings. */
  readonly settings: Settings;
  /** Envelopes. */
  readonly mailbox: number;
  /** May message anyone: kernel and state only (contract kinode §4). */
  readonly trusted: boolean;
  /** Its handler is synchronous and acts on sockets or values only, never on a process but by sending: see Bus.tell. */
  readonly leaf: boolean;
  /** It takes messages of any process of any node, and judges them itself. */
  readonly judgesNodes: boolean;
  /** For system processes, which ask for it: the kernel has no use for it. */
  readonly dialect: Dialect;
  /** What the debug query shows as its code. */
  readonly file: string;
  /** Its name was drawn by lot: nobody will have it again. */
  readonly unnamed: boolean;
};

/** Where it stands with messages. Numbers: storing a string would cost each message two write barriers (bench/profile). */
type Turn = typeof HELD | typeof IDLE | typeof LINED | typeof BUSY;
const HELD = 0; // not to be run now
const IDLE = 1; // nothing to do: its mailbox is open and empty, as post takes for granted
const LINED = 2; // in the run queue, or at work on the stack
const BUSY = 3; // its promise is out

/** What a newer version of its package may change: see `Process.replace`. */
export type ProcessVersion = Pick<ProcessOptions, "program" | "folder" | "file" | "onExit" | "public" | "dialect"> & {
  readonly restart?: RestartIntensity | undefined;
  readonly settings?: Settings;
};

export class Process implements Runnable, LifecyclePort {
  readonly address: Address;
  program: Program;
  public: boolean;
  folder: string | null;
  settings: Settings;
  readonly trusted: boolean;
  readonly leaf: boolean;
  readonly judgesNodes: boolean;
  dialect: Dialect;
  file: string;
  readonly mailbox: Mailbox;
  readonly capabilities: CapabilitySet;
  #onExit: OnExit = "None";
  /** Durable messages come to it: see Incarnation.follow. */
  isFollowed = false;
  /** Bus only. */
  readonly routes: Routes = new Routes();
  readonly #kernel: Kernel;
  readonly #lifecycle: Lifecycle;
  #restartLimits: KernelLimits;
  #restarts: RestartPolicy | null = null; // most never end but for good
  #turn: Turn = HELD;
  #incarnation: Incarnation | null = null;
  #incarnations = 0;
  #inHand: Envelope | null = null;
  #exitAsked = false;
  #endBy: EndReason | null = null; // who asked for its end in peace, when it was not itself
  #endReason: EndReason = "kill";
  #restartDelay = 0; // ms
  #restartTimer: Alarm | null = null;
  #farewell: Promise<void> | null = null; // it leaves
  #overloadToldUntil = Number.NEGATIVE_INFINITY; // ms monotonic

  constructor(kernel: Kernel, options: ProcessOptions) {
    this.#kernel = kernel;
    this.address = options.address;
    this.program = options.program;
    this.onExit = options.onExit;
    this.public = options.public;
    this.folder = options.folder;
    this.settings = options.settings;
    this.trusted = options.trusted;
    this.leaf = options.leaf;
    this.judgesNodes = options.judgesNodes;
    this.dialect = options.dialect;
    this.file = options.file;
    this.mailbox = new Mailbox(options.mailbox);
    this.#restartLimits = this.#limitsOf(options.restart);
    const { capabilityRecords: records } = kernel; // nothing may throw from here on: the set is known to others
    const name = options.address.id.text;
    this.capabilities = new CapabilitySet(kernel.capabilityScope, name, options.unnamed ? records.unkept : records);
    this.#lifecycle = new Lifecycle(this);
  }

  get onExit(): OnExit {
    return this.#onExit;
  }

  /** @throws {IdError} a request's target is no address */
  set onExit(onExit: OnExit) {
    this.#onExit = keptOnExit(onExit, this.address.node);
  }

  get state(): LifecycleState {
    return this.#lifecycle.state;
  }

  /** Counted from 1; 0 before the first. */
  get incarnation(): number {
    return this.#incarnations;
  }

  /** When its present incarnation began, ms monotonic; null: there is none. */
  get startedAt(): number | null {
    return this.#incarnation?.startedAt ?? null;
  }

  /** Messages that its present incarnation was given. */
  get handled(): number {
    return this.#incarnation?.handled ?? 0;
  }

  /** What it waits for, while it runs. */
  get pending(): Incarnation["pending"] | undefined {
    return this.#incarnation?.pending;
  }

  get placement(): Placement {
    return this.program instanceof PlacedProgram ? this.program.placement : "inline";
  }

  /** Where it runs, for people: `thread 3`, `pid 4711`; null: in the node's own thread, or not now. */
  get place(): string | null {
    return this.#incarnation?.place ?? null;
  }

  /** A message would be handled at once. */
  get idle(): boolean {
    return this.#turn === IDLE;
  }

  /** Nothing in hand and nothing waiting. */
  get quiet(): boolean {
    return this.#inHand === null && this.mailbox.length === 0 && (this.#incarnation?.underWay ?? 0) === 0;
  }

  run(): void {
    this.#lifecycle.send({ type: "START" });
  }

  /** From its next incarnation on it runs this; whoever may message it is looked up anew at once. */
  replace(version: ProcessVersion): void {
    this.program = version.program;
    this.folder = version.folder;
    this.settings = this.#kernel.settingsOf(this.address.id, version.settings);
    this.file = version.file;
    this.onExit = version.onExit;
    this.#restartLimits = this.#limitsOf(version.restart);
    this.#restarts = null;
    this.public = version.public;
    this.#kernel.registry.turnsTo(this, version.dialect);
    this.dialect = version.dialect;
    this.#kernel.capabilityEpoch.value++; // what senders remember of it
  }

  /** Ends it whatever it does; its on_exit does not apply. */
  kill(reason: EndReason = "kill"): void {
    this.#endReason = reason;
    this.#lifecycle.send({ type: "KILL" });
  }

  /** Queues a message. @returns false when the mailbox is full or closed */
  post(envelope: Envelope): boolean {
    if (this.#turn === IDLE) {
      this.mailbox.postAlone(envelope);
      this.#lineUp();
      return true;
    }
    return this.mailbox.post(envelope);
  }

  /** Queues what must not be lost and is bounded elsewhere; see Mailbox. */
  postReserved(envelope: Envelope): boolean {
    if (!this.mailbox.postReserved(envelope)) return false;
    if (this.#turn === IDLE) this.#lineUp();
    return true;
  }

  /** Inbox of durable messages only: before it posts one. */
  follow(): void {
    if (this.isFollowed) return;
    this.isFollowed = true;
    this.#incarnation?.follow();
  }

  /** Bus only: its mailbox was full. Told at most once per limits.overloadNotice: a flood must not become one of events. */
  overloaded(): void {
    const { mailbox } = this;
    mailbox.countRefusal();
    const now = this.#kernel.clock.monotonic();
    if (now < this.#overloadToldUntil) return;
    this.#overloadToldUntil = now + this.#kernel.limits.overloadNotice;
    const { refused, length: waiting, capacity } = mailbox;
    this.#kernel.events.emit({
      type: "process-overloaded",
      process: this.address.id.text,
      refused,
      waiting,
      capacity,
    });
  }

  /** What it has not begun, oldest first; to look at only. */
  waiting(): readonly Envelope[] {
    return [...(this.#incarnation?.waiting() ?? []), ...this.mailbox.peek()];
  }

  /** Takes out what `leaves` says yes to, of what it has not begun. @returns oldest first */
  recall(leaves: (envelope: Envelope) => boolean): Envelope[] {
    return [...(this.#incarnation?.recall(leaves) ?? []), ...this.mailbox.remove(leaves)];
  }

  /** Has `lapsed` look at each message that it has not begun: see PlaceableInstance. */
  lapse(lapsed: (envelope: Envelope) => boolean): void {
    this.#incarnation?.lapse(lapsed);
    for (const envelope of this.mailbox.peek()) lapsed(envelope);
  }

  /** Ends in peace when the message in hand is done. */
  exitAfterHand(): void {
    this.#exitAsked = true;
    if (this.#turn === IDLE) this.#exit();
  }

  /** Ends for good when the message in hand is done, whatever its on_exit. */
  stopAfterHand(reason: EndReason): void {
    if (this.state === "held" || this.state === "backoff") {
      this.kill(reason);
      return;
    }
    this.#endBy = reason;
    this.exitAfterHand();
  }

  /** Begins its next incarnation when the message in hand is done, whatever its on_exit. @returns false: it was never run */
  restartAfterHand(): boolean {
    if (this.state === "held") return false;
    if (this.state === "backoff") this.#restartWhenFree();
    else {
      this.#endBy ??= "restart";
      this.exitAfterHand();
    }
    return true;
  }

  /** The same at once, whatever it does. */
  restartNow(): void {
    if (this.#incarnation !== null && this.#endBy === "restart") this.#ended("kill");
  }

  /**
   * Takes no more messages; then the program's own farewell, once per incarnation: before it exits, is stopped, or the
   * node stops, whoever comes first.
   */
  farewell(): Promise<void> {
    this.#turn = HELD;
    this.#farewell ??= this.#sayFarewell();
    return this.#farewell;
  }

  async #sayFarewell(): Promise<void> {
    if (this.state === "starting") return; // its init is not through: there is nothing yet to take leave of
    try {
      await this.#incarnation?.exitInPeace();
    } catch (thrown) {
      this.#reportCrash(thrown, null);
    }
  }

  step(): boolean {
    if (this.#turn !== LINED) return false; // crashed, killed or exited since it lined up
    const envelope = this.mailbox.take();
    const incarnation = this.#incarnation;
    if (envelope === undefined || incarnation === null) return this.#foundNothing();
    if (envelope.kind === "timer" && isCancelled(envelope)) {
      if (!this.#exitAsked) return this.#next(); // not #goesOn: 100 instructions more of each message of bench/app
      this.#exit();
      return false;
    }
    return this.#handle(envelope, incarnation);
  }

  /**
   * Hot path: handles a frame at once when nothing is before it, so that it goes through neither queue.
   * Only in a turn, at the bottom of the stack: in a transport's callback.
   * @param origin what `Kernel.frames` makes its message of @param blob says whether it is Text or Binary
   * @returns false when it has to be posted, as the message that it is
   */
  frameNow(origin: object, channelId: number, blob: Blob): boolean {
    const incarnation = this.#incarnation;
    if (this.#turn !== IDLE || incarnation === null || !incarnation.takesFrames) return false;
    this.#turn = LINED;
    let result: void | Promise<void>;
    try {
      result = incarnation.handleFrame(origin, channelId, blob);
    } catch (thrown) {
      this.#inHand = incarnation.inHand();
      blob.hold(); // no mailbox did; what is in hand is released when it is done with
      this.#crashed(thrown);
      return true;
    }
    if (result === undefined && this.#turn === LINED && !this.#exitAsked && this.mailbox.length === 0)
      this.#turn = IDLE;
    else this.#frameGoesOn(result, incarnation, blob);
    return true;
  }

  #frameGoesOn(result: void | Promise<void>, incarnation: Incarnation, blob: Blob): void {
    const envelope = result === undefined ? null : incarnation.inHand();
    if (result !== undefined && envelope !== null) {
      blob.hold();
      this.#await(result, envelope, incarnation);
    } else if (this.#goesOn()) this.#kernel.queue.schedule(this);
  }

  /** A leaf's: see Instance.take. @returns false when it has to be sent as a message */
  takeNow(source: Address, body: unknown, blob: Blob | null): boolean {
    const incarnation = this.#incarnation;
    return this.#turn === IDLE && incarnation !== null && incarnation.take(source, body, blob);
  }

  /** `#inHand` is not set while a handler runs on the stack: storing it would cost every message a write barrier. */
  #handle(envelope: Envelope, incarnation: Incarnation): boolean {
    let result: void | Promise<void>;
    try {
      result = incarnation.handle(envelope);
    } catch (thrown) {
      this.#inHand = envelope;
      this.#crashed(thrown);
      return false;
    }
    if (result !== undefined) {
      this.#await(result, envelope, incarnation);
      return false;
    }
    if (envelope.blob !== null) envelope.blob.release();
    return this.#goesOn();
  }

  #await(result: Promise<void>, envelope: Envelope, incarnation: Incarnation): void {
    this.#inHand = envelope;
    // resolve(): a handler written as an expression may return any value, which is not a promise to wait for.
    Promise.resolve(result).then(incarnation.onSettled, incarnation.onFailed);
    if (this.#turn === LINED) this.#turn = BUSY;
    else this.#dropHand(); // it was killed from within its own handler, which goes on for nobody
  }

  /** With nothing in hand, after a handler that returned as well. @returns whether it has more to do */
  #goesOn(): boolean {
    if (this.#turn !== LINED) return false; // it was ended from within its own handler
    if (this.#exitAsked) {
      this.#exit();
      return false;
    }
    return this.#next();
  }

  /** What it had lined up for was taken back. */
  #foundNothing(): boolean {
    if (this.#exitAsked) this.#exit();
    else this.#turn = IDLE;
    return false;
  }

  #next(): boolean {
    if (this.mailbox.length > 0) return true;
    this.#turn = IDLE;
    return false;
  }

  #done(envelope: Envelope): void {
    this.#inHand = null;
    if (envelope.blob !== null) envelope.blob.release();
  }

  /** Incarnation only: the promise of the handler in hand is fulfilled. */
  settled(incarnation: Incarnation): void {
    if (incarnation !== this.#incarnation || this.#inHand === null) return; // killed meanwhile
    this.#done(this.#inHand);
    if (this.#turn !== BUSY) return; // it leaves
    if (this.#exitAsked) this.#exit();
    else if (this.mailbox.length === 0) this.#turn = IDLE;
    else {
      this.#turn = LINED;
      this.#kernel.queue.resume(this);
    }
  }

  /** Incarnation only: a promise of its program is rejected. */
  failed(incarnation: Incarnation, thrown: unknown): void {
    if (incarnation === this.#incarnation) this.#crashed(thrown);
  }

  #limitsOf(intensity: RestartIntensity | undefined): KernelLimits {
    return restartLimits(this.#kernel.limits, intensity, this.address.id.text);
  }

  get #policy(): RestartPolicy {
    this.#restarts ??= new RestartPolicy(this.#restartLimits, this.#kernel.random);
    return this.#restarts;
  }

  #lineUp(): void {
    this.#turn = LINED;
    this.#kernel.queue.schedule(this);
  }

  /** Lifecycle only, as the other three of LifecyclePort: a port of closures would be 300 bytes of each process. */
  scheduleRestart(): void {
    this.#kernel.events.emit({
      type: "process-restarting",
      process: this.address.id.text,
      delayMs: this.#restartDelay,
    });
    this.#restartTimer = new Alarm(() => this.#restartWhenFree());
    this.#kernel.wheel.add(this.#restartTimer, this.#restartDelay);
  }

  /** Lifecycle only. */
  cancelRestart(): void {
    if (this.#restartTimer !== null) this.#kernel.wheel.cancel(this.#restartTimer);
    this.#restartTimer = null;
  }

  /** Lifecycle only. */
  incarnate(): void {
    this.#incarnations++;
    this.#exitAsked = false;
    this.#endBy = null;
    this.#farewell = null;
    if (this.#incarnations > 1) this.mailbox.postFirst(this.#kernel.keepers.prelude(this, this.mailbox.peek()));
    let result: void | Promise<void>;
    try {
      this.#incarnation = new Incarnation(this.#kernel, this); // before it starts: its own end must find it
      this.#kernel.events.emit({
        type: "process-started",
        process: this.address.id.text,
        incarnation: this.#incarnations,
      });
      result = this.#incarnation.init();
    } catch (thrown) {
      this.#crashed(thrown);
      return;
    }
    if (result === undefined) {
      this.#ready();
      return;
    }
    const incarnation = this.#incarnation;
    Promise.resolve(result).then(() => incarnation === this.#incarnation && this.#ready(), incarnation.onFailed);
  }

  #ready(): void {
    this.#lifecycle.send({ type: "READY" });
    if (this.#farewell !== null) return;
    this.#turn = IDLE;
    if (this.#exitAsked) this.#exit();
    else if (this.mailbox.length > 0) this.#lineUp();
  }

  #crashed(thrown: unknown): void {
    this.#takeBack();
    const verdict = this.#judge("crash", thrown);
    this.#reportCrash(thrown, verdict);
    this.#dropHand();
    this.#ended("crash", verdict);
  }

  /** @param verdict null: it was on its way out */
  #reportCrash(thrown: unknown, verdict: Verdict | null): void {
    const inHand = this.#inHand;
    this.#kernel.crashes.report({ process: this, thrown, inHand, startedAt: this.startedAt, verdict });
  }

  /** Where it runs elsewhere, it may have more than one message there: what it has not begun, the next incarnation handles. */
  #takeBack(): void {
    const back = this.#incarnation?.giveBack() ?? null;
    if (back === null) return;
    this.#turn = HELD; // what is posted while it ends comes behind these: an idle one's mailbox is taken for empty
    if (this.#inHand !== null) this.#done(this.#inHand); // it waited for room there, and is among those given back
    this.mailbox.postFirst(back.waiting);
    back.inHand?.blob?.hold();
    this.#inHand = back.inHand;
  }

  #dropHand(): void {
    const envelope = this.#inHand;
    if (envelope === null) return;
    this.#done(envelope);
    this.#kernel.bus.dropCrashed(envelope, this);
  }

  #exit(): void {
    const incarnation = this.#incarnation;
    const halted = incarnation?.halt() ?? null;
    if (halted === null) this.#leave(incarnation);
    else {
      this.#turn = HELD;
      void halted.then(() => incarnation === this.#incarnation && this.#leave(incarnation));
    }
  }

  #leave(incarnation: Incarnation | null): void {
    void this.farewell().then(() => {
      if (incarnation === this.#incarnation) this.#ended("exit");
    });
  }

  /**
   * What follows when this incarnation ends now. Asked once for each end: a restart counts, but of one that had no part in
   * it. None follows where its init refuses an option, its settings say: the next would find the same.
   */
  #judge(reason: EndReason, thrown: unknown = null): Verdict {
    const { clock, stopping } = this.#kernel;
    const now = clock.monotonic();
    const isOver = stopping || this.state === "gone"; // killed from within its own handler, which then threw
    const isBlameless = thrown instanceof RealmEndedError && !thrown.blamed;
    const isInVain = this.state !== "running" && isOptionError(thrown);
    const next = (): number | undefined => {
      if (isInVain) return undefined;
      return isBlameless ? 0 : this.#policy.next(this.startedAt ?? now, now);
    };
    return judge({ reason, askedBy: this.#endBy, restarts: this.onExit === "Restart", isOver, next });
  }

  /** By itself, so its on_exit applies; or in peace because it was asked to. */
  #ended(reason: EndReason, verdict: Verdict = this.#judge(reason)): void {
    if (this.state === "gone") return;
    this.#takeBack();
    this.#dropHand();
    this.#endIncarnation();
    this.#endReason = verdict.reason;
    this.#restartDelay = verdict.delayMs;
    if (verdict.gaveUp) this.#kernel.gaveUp(this, this.#policy.count);
    if (typeof this.onExit === "object" && !verdict.restarts)
      this.#kernel.bus.sendLastWords(this, this.onExit.Requests);
    this.#kernel.incarnationEnded(this, verdict);
    this.#lifecycle.send({ type: "ENDED", restart: verdict.restarts });
  }

  /** Its children of the incarnation before may have names that the next wants to give again. */
  #restartWhenFree(): void {
    this.#kernel.family.whenFree(this, () => {
      if (this.state === "backoff") this.#lifecycle.send({ type: "RESTART" });
    });
  }

  #endIncarnation(): void {
    this.#turn = HELD;
    this.#incarnation?.end();
    this.#incarnation = null;
    // Answers, errors and timers were for the incarnation that has ended.
    for (const envelope of this.mailbox.remove((waiting) => waiting.kind !== "request")) {
      if (envelope.kind !== "timer") this.#kernel.bus.bury(envelope, "unexpected_answer");
    }
  }

  /** Lifecycle only. */
  dispose(): void {
    this.#takeBack();
    this.#dropHand();
    this.#endIncarnation();
    // First those in the mailbox: once told by `forget`, a requester would not be known to have been told here.
    for (const envelope of this.mailbox.close()) this.#kernel.bus.refuse(envelope, "Offline", "exited");
    this.#kernel.forget(this, this.#endReason);
  }
}
