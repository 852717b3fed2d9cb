/**
 * One run of a process, from init to its end: its instance, what it waits for, and the calls it may make.
 *
 * 1. It is the `Host` that the program sees. After `end` every call that acts throws ProcessExitedError: a promise
 *    left over from a crash cannot act for the next incarnation.
 * 2. The prompting message is the request to answer: the one in hand, or the one that was in hand when the request
 *    answered now was sent. A message that wants no answer is none (contract kinode §2.3 keeps the previous one: a trap).
 */
import {
  type Address,
  type Answer,
  type Blob,
  BlobExpiredError,
  type Capability,
  type CapabilityCalls,
  canonicalId,
  type Dialect,
  Envelope,
  type Host,
  type HostCommand,
  type Instance,
  NoRequestToAnswerError,
  type OnExit,
  type ProcessId,
  type Settings,
  type SpawnOptions,
  SYSTEM_ALIASES,
  type Timer,
  toAddress,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import { DurableHand } from "./durable/hand.ts";
import { LimitError, ProcessExitedError } from "./errors.ts";
import { blobOf, Hand, handWith } from "./hand.ts";
import { checkDelay, checkSeconds, faultOfCall } from "./host-checks.ts";
import { runHostCommand } from "./host-commands.ts";
import type { Kernel } from "./kernel.ts";
import { PendingTable, type Reject, type Resolve } from "./pending.ts";
import type { GivenBack, PlaceableInstance } from "./placement/placeable.ts";
import type { Placements } from "./placement/placements.ts";
import type { Process } from "./process.ts";
import { ProcessTimer } from "./process-timer.ts";

const HAND_MESSAGES = 512; // fewer than pass between two scavenges of the smallest young generation

const ALIASED = new Set(SYSTEM_ALIASES.values());

const NOT_STARTED: Instance = { handle: () => undefined };

export class Incarnation implements Host {
  readonly our: Address;
  readonly dialect: Dialect;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly pending: PendingTable;
  readonly startedAt: number; // ms monotonic
  /** What the promise of a handler calls: made once, not per message. */
  readonly onSettled: (value: unknown) => void;
  readonly onFailed: (thrown: unknown) => void;
  readonly #kernel: Kernel;
  readonly #process: Process;
  #instance: PlaceableInstance = NOT_STARTED;
  #capabilities: CapabilityCalls | null = null; // few look at theirs
  #takeResult: ((value: unknown) => void) | undefined; // see Instance.results
  #timers: Set<ProcessTimer> | null = null;
  #hand = new Hand();
  #handled = 0; // messages since #hand was made
  #handledBefore = 0; // messages of the hands before: one may be laid down after a single message
  #lastBlob: Blob | null = null; // of a message before the one in hand
  #ended = false; // final
  /** It has older names too: it may be asked, and may speak, under one of them. */
  readonly #isAliased: boolean;

  constructor(kernel: Kernel, process: Process) {
    this.#kernel = kernel;
    this.#process = process;
    this.our = process.address;
    this.dialect = process.dialect;
    this.folder = process.folder;
    this.settings = process.settings;
    this.#isAliased = ALIASED.has(this.our.id.text);
    this.startedAt = kernel.clock.monotonic();
    this.pending = new PendingTable(kernel.wheel, process, kernel.waiting);
    this.onSettled = (value) => {
      try {
        this.#takeResult?.(value);
      } catch (thrown) {
        process.failed(this, thrown); // outside, nobody would hear of it: it would end the node
        return;
      }
      process.settled(this);
    };
    this.onFailed = (thrown) => process.failed(this, thrown);
  }

  /** Starts the program. Not in the constructor: what `start` sends or sets must end with this incarnation if it throws. */
  init(): void | Promise<void> {
    if (this.#process.isFollowed) this.follow();
    this.#instance = this.#process.program.start(this);
    this.#takeResult = this.#instance.results?.();
    return this.#instance.init?.();
  }

  /** Hot path. */
  handle(message: Envelope): void | Promise<void> {
    const blobBefore = this.#hand.blob;
    const blob = blobOf(message);
    if (blob === null && blobBefore !== null) this.#lastBlob = blobBefore;
    if (++this.#handled > HAND_MESSAGES) this.#renewHand();
    const hand = this.#hand;
    hand.message = message; // what else follows from it is worked out when asked for
    hand.blob = blob;
    if (message.capabilities.length > 0) this.#process.capabilities.offer(message.capabilities);
    return this.#instance.handle(message);
  }

  /** From now on it is told how durable messages end. Only of a process that is given such: no other pays for it. */
  follow(): void {
    this.handle = this.#handleFollowed;
  }

  #handleFollowed(message: Envelope): void | Promise<void> {
    const { origin } = message;
    if (!(origin instanceof DurableHand)) return Incarnation.prototype.handle.call(this, message);
    origin.isShipped = false; // it may have run elsewhere before
    const result = Incarnation.prototype.handle.call(this, message);
    if (origin.isShipped) return result;
    if (result === undefined) return origin.ended("handled");
    return Promise.resolve(result).then((value) => {
      if (!origin.isShipped) origin.ended("handled"); // a lazy program ships it when it is loaded
      return value; // see Instance.results
    });
  }

  /** Whether a frame may come without its message. */
  get takesFrames(): boolean {
    return this.#instance.push !== undefined;
  }

  /** Hot path: a frame, without its message. Only for who takes such. */
  handleFrame(origin: object, channelId: number, blob: Blob): void | Promise<void> {
    if (++this.#handled > HAND_MESSAGES) this.#renewHand();
    const hand = this.#hand;
    hand.message = null;
    hand.origin = origin;
    hand.blob = blob;
    return this.#instance.push?.(channelId, typeOf(blob), blob);
  }

  /** Messages that it was given; without what a leaf took on its sender's stack. */
  get handled(): number {
    return this.#handledBefore + this.#handled;
  }

  #renewHand(): void {
    this.#hand = new Hand();
    this.#handledBefore += this.#handled;
    this.#handled = 0;
  }

  /**
   * What is in hand is handled elsewhere: `takeUp` puts it back in hand. Only of who runs elsewhere, as what follows.
   * @param message that is; a lazy program has had others in hand since, in its init. Left out: whatever is
   */
  layDown(message?: Envelope): Hand {
    const hand = this.#hand;
    this.#renewHand();
    return message === undefined || hand.message === message ? hand : handWith(message);
  }

  /** Where the frame in hand comes from; null: it is none, or its message has been asked for. */
  get frameInHand(): object | null {
    return this.#hand.message === null ? this.#hand.origin : null;
  }

  takeUp(hand: Hand): void {
    this.#hand = hand;
  }

  /** The message of a hand that was laid down. */
  messageOf(hand: Hand): Envelope | null {
    const before = this.#hand;
    this.#hand = hand;
    const message = this.inHand();
    this.#hand = before;
    return message;
  }

  /** What it was given and has not begun; nothing, where it runs here. */
  waiting(): readonly Envelope[] {
    return this.#instance.waiting?.() ?? [];
  }

  /** Takes out of that what `leaves` says yes to. */
  recall(leaves: (message: Envelope) => boolean): readonly Envelope[] {
    return this.#instance.recall?.(leaves) ?? [];
  }

  /** See PlaceableInstance. */
  lapse(lapsed: (message: Envelope) => boolean): void {
    this.#instance.lapse?.(lapsed);
  }

  /** What it was given and has not handled; null: nothing, it runs here. */
  giveBack(): GivenBack | null {
    return this.#instance.giveBack?.() ?? null;
  }

  /** Messages that are handled elsewhere. */
  get underWay(): number {
    return this.#instance.underWay ?? 0;
  }

  get placements(): Placements {
    return this.#kernel.placements;
  }

  /** Where it runs, for people: `thread 3`, `pid 4711`; null: in the node's own thread. */
  get place(): string | null {
    return this.#instance.place ?? null;
  }

  /** A message that no other thread or process can be told: see DeadLetterReason. */
  dropUnpackable(message: Envelope): void {
    this.#kernel.bus.dropUnpackable(message);
  }

  /** An answer to a request that nobody waits for any more, and that was forgotten. */
  dropLate({ body, blob = null }: Answer): void {
    this.#kernel.bus.bury(new Envelope("response", this.our, this.our, body, blob), "unexpected_answer");
  }

  /** See Instance.take. */
  take(source: Address, body: unknown, blob: Blob | null): boolean {
    if (this.#instance.take === undefined) return false;
    this.#instance.take(source, body, blob);
    return true;
  }

  /** It begins nothing more. @returns fulfilled when nothing is in hand; null: it runs here, or is through already */
  halt(): Promise<void> | null {
    return this.#instance.halt?.() ?? null;
  }

  exitInPeace(): void | Promise<void> {
    return this.#instance.exit?.();
  }

  end(): void {
    this.#ended = true;
    this.#instance.end?.();
    this.pending.clear();
    for (const timer of this.#timers ?? []) this.#kernel.wheel.cancel(timer);
    this.#timers = null;
  }

  get capabilities(): CapabilityCalls {
    this.#capabilities ??= this.#capabilityCalls();
    return this.#capabilities;
  }

  now(): number {
    return this.#kernel.clock.now();
  }

  send(request: Envelope): void {
    if (this.#isPlain(request)) request.source = this.our;
    else this.#stamp(request, null, null);
    this.#kernel.bus.send(request, this.#process);
  }

  /** Hot path. */
  push(channelId: number, messageType: WsMessageType, blob: Blob): boolean {
    const { shortcut } = this.#kernel;
    return shortcut === null || this.#ended ? false : shortcut.push(this.our, channelId, messageType, blob);
  }

  /** Hot path of who runs elsewhere: see Shortcut. */
  pushLater(channelId: number, messageType: WsMessageType, blob: Blob): boolean {
    const { shortcut } = this.#kernel;
    return shortcut === null || this.#ended ? false : shortcut.later(this.our, channelId, messageType, blob);
  }

  tell(target: Address, body: unknown, blob: Blob | null): void {
    const isTaken = !this.#ended && this.#kernel.bus.tell(this.#process, target, body, blob);
    if (!isTaken) this.send(new Envelope("request", this.our, target, body, blob));
  }

  /** Nothing but the source has to be filled in. Apart from #stamp, so that it is inlined. */
  #isPlain(request: Envelope): boolean {
    return (
      !this.#ended &&
      request.expectsResponse === null &&
      !request.inherit &&
      request.capabilities.length === 0 &&
      request.target.node !== "our" &&
      (request.blob === null || !request.blob.expired)
    );
  }

  call(request: Envelope): Promise<Envelope> {
    if (request.target.node === "our") request.target = toAddress(request.target, this.our.node);
    const fault = faultOfCall(request, this.our);
    if (fault !== null) return Promise.reject(fault);
    return new Promise((resolve, reject) => {
      this.#stamp(request, resolve, reject);
      this.#kernel.bus.send(request, this.#process);
    });
  }

  respond(answer: Answer, to?: Envelope): void {
    this.#assertAlive("respond");
    const request = to ?? this.#prompting();
    if (request === null || request.rsvp === null) throw new NoRequestToAnswerError(this.our.text);
    const inherited = to === undefined ? (this.#hand.blob ?? request.blob) : to.blob;
    const blob = answer.blob ?? (answer.inherit ? inherited : null);
    if (blob?.expired === true) throw new BlobExpiredError();
    // Whoever asked under an older name is answered under it.
    const source = this.#isAliased ? this.#ownName(request.target) : this.our;
    const envelope = Envelope.answer(request, source, request.rsvp, answer.body, blob);
    envelope.metadata = answer.metadata ?? null;
    if (answer.capabilities !== undefined) {
      envelope.capabilities = this.#attachable(answer.capabilities);
      // Now, as an answer that is awaited comes to no handler.
      if (request.rsvp.node === this.our.node)
        this.#kernel.registry.get(request.rsvp.id)?.capabilities.offer(envelope.capabilities);
    }
    this.#kernel.bus.answer(envelope, request);
  }

  after(ms: number, due: unknown): Timer {
    this.#assertAlive("set a timer");
    checkDelay(ms);
    const { timers } = this.#kernel.limits;
    this.#timers ??= new Set();
    const set = this.#timers;
    if (set.size >= timers) throw new LimitError("set a timer of", this.our.text, "timers", timers, "timers");
    const timer = new ProcessTimer(this.#process, set, due);
    set.add(timer);
    this.#kernel.wheel.add(timer, ms);
    return {
      cancel: () => {
        set.delete(timer);
        this.#kernel.wheel.cancel(timer);
        timer.cancelled = true;
      },
    };
  }

  spawn(options: SpawnOptions): Promise<ProcessId> {
    this.#assertAlive("spawn");
    return this.#kernel.spawn(this.#process, options);
  }

  exit(): void {
    this.#assertAlive("exit");
    this.#process.exitAfterHand();
  }

  async command(command: HostCommand): Promise<unknown> {
    this.#assertAlive("command the kernel");
    return runHostCommand(this.#kernel, this.#process, command);
  }

  getOnExit(): OnExit {
    return this.#process.onExit;
  }

  setOnExit(onExit: OnExit): void {
    this.#assertAlive("set on_exit");
    this.#process.onExit = onExit;
  }

  inHand(): Envelope | null {
    const hand = this.#hand;
    const { frames } = this.#kernel;
    if (hand.message === null && hand.blob !== null && frames !== null) {
      hand.message = frames.messageOf(hand.origin, typeOf(hand.blob), hand.blob, this.#process);
    }
    return hand.message;
  }

  lastBlob(): Blob | null {
    return this.#hand.blob ?? this.#lastBlob;
  }

  /** The request to answer: see rule 2. */
  #prompting(): Envelope | null {
    const message = this.inHand();
    if (message === null || message.kind !== "request") return message?.prompting ?? null;
    return message.rsvp === null ? null : message;
  }

  log(text: string): void {
    this.#kernel.events.emit({ type: "log", process: this.our.id.text, text: String(text) });
  }

  #assertAlive(act: string): void {
    if (this.#ended) throw new ProcessExitedError(this.our.text, act);
  }

  /** Fills in what the author may not choose, and begins to wait where an answer is expected. */
  #stamp(request: Envelope, resolve: Resolve | null, reject: Reject | null): void {
    this.#assertAlive("send");
    if (request.target.node === "our") request.target = toAddress(request.target, this.our.node);
    request.source = this.#isAliased ? this.#ownName(request.source) : this.our;
    const prompting = request.inherit || request.expectsResponse !== null ? this.#prompting() : null;
    if (request.inherit) request.blob ??= this.#hand.blob ?? prompting?.blob ?? null;
    if (request.blob?.expired === true) throw new BlobExpiredError(); // here, where the mistake is, not at the receiver
    if (request.inherit && prompting !== null && request.expectsResponse === null) {
      // Passed on: the answer goes to the first requester, under its own id.
      request.id = prompting.id;
      request.rsvp = prompting.rsvp;
      request.pending = prompting.pending;
    }
    if (request.capabilities.length > 0) request.capabilities = this.#attachable(request.capabilities);
    const seconds = request.expectsResponse;
    if (seconds === null) return;
    const { pendingRequests, requestSeconds } = this.#kernel.limits;
    checkSeconds(request.target, seconds, requestSeconds);
    if (this.pending.size >= pendingRequests) {
      throw new LimitError("await one more answer in", this.our.text, "pendingRequests", pendingRequests, "requests");
    }
    request.id = this.#kernel.nextMessageId();
    request.rsvp = this.our;
    this.pending.add(request, prompting, seconds, resolve, reject);
  }

  /** `address` when that is a name of this process, else the one it has today. */
  #ownName(address: Address): Address {
    if (address.id.text === this.our.id.text || address.node !== this.our.node) return this.our;
    return canonicalId(address.id.text) === this.our.id.text ? address : this.our;
  }

  /** What may travel with a message: held, issued by this process itself, come with a message, or derived from such. */
  #attachable(capabilities: readonly Capability[]): readonly Capability[] {
    return this.#process.capabilities.attachable(capabilities, this.our.text);
  }

  #capabilityCalls(): CapabilityCalls {
    const held = this.#process.capabilities;
    return {
      list: () => held.list(),
      save: (capabilities) => {
        this.#assertAlive("save capabilities");
        return held.save(capabilities, this.our.text);
      },
      drop: (capabilities) => {
        this.#assertAlive("drop capabilities");
        for (const cap of capabilities) held.drop(cap);
      },
      has: (cap) => held.has(cap),
      canMessage: (target) => this.#kernel.bus.canMessage(this.#process, toAddress(target, this.our.node)),
    };
  }
}

/** Of a frame. */
function typeOf(blob: Blob): WsMessageType {
  return blob.isText ? "Text" : "Binary";
}
