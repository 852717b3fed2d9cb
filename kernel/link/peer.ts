/**
 * Another node, as this one knows it: what is on its way there, what has come, who waits for answers.
 *
 * 1. A request that waits ends in one of: its answer, what the peer's kernel says, Offline (it did not come, nobody was
 *    there, the peer began anew, or the link is lost), or Timeout by its sender's clock (DESIGN §3.3).
 * 2. A request of the peer waits here as one of a process does, and what ends it is told the peer. What comes too late is
 *    its requester's to bury.
 */
import type { Address, Capability, Envelope, SendErrorKind } from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { type Pending, PendingTable } from "../pending.ts";
import { Alarm } from "../timer-wheel.ts";
import { Addresses } from "./addresses.ts";
import { Held } from "./held.ts";
import { InQueue } from "./in-queue.ts";
import { Inflow } from "./inflow.ts";
import { Item } from "./item.ts";
import { inflowLimits, inLimits, windowLimits } from "./limits.ts";
import { OutQueue } from "./out-queue.ts";
import { Untold } from "./untold.ts";
import type { Wire } from "./wire.ts";

const ACK_MS = 20; // contracts/cluster.md §4
const PROBE_MS = 1_000; // contracts/cluster.md §4: half a window without a word for so long
const BACK_MS = 100; // an account takes ACK_MS and the way: two nodes that ask each other must not go on for ever
const FAULT_MS = 1_000; // between two that are told: the log is for people
const LATE_MS = 30_000; // that an answer may be on its way, after its time was up there
const LOOK_MS = 1_000; // how often that is looked at, and what nobody waits for is forgotten

export type PeerFacts = {
  readonly node: string;
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Bytes that it has not said it has. */
  readonly unconfirmed: number;
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  /** Of this node's, that did not come or found nobody. */
  readonly lost: number;
  /** Of this node's, that nobody waited for any more when their turn came. */
  readonly expired: number;
  /** Of the peer's, that did not come here. */
  readonly missed: number;
  readonly repeated: number;
  readonly requests: number;
  /** Of the peer's frames, that could not be read. */
  readonly faults: number;
  /** Of the peer's frames, that were beyond limits.linkRate or linkRateBytes. */
  readonly flooded: number;
};

const NOBODY = { postReserved: () => undefined }; // each of the peer's requests has someone who awaits it
const SETTLED = Promise.resolve(); // its `then` is a microtask at half the price of Node's queueMicrotask

export class Peer {
  readonly name: string;
  readonly out: OutQueue;
  readonly in: InQueue;
  readonly inflow: Inflow;
  /** Of its processes. */
  readonly addresses: Addresses;
  /** Requests of the peer, that processes here have to answer. */
  readonly asked: PendingTable;
  readonly held: Held;
  /** Of those, answers that found nobody. */
  readonly untold: Untold;
  readonly #kernel: Kernel;
  readonly #waiting = new Map<number, RequestItem>(); // by message id: those of this node
  readonly #ackAlarm: Alarm;
  readonly #lookAlarm: Alarm;
  #faults = 0;
  #faultToldAt = Number.NEGATIVE_INFINITY; // ms
  #ackIsSet = false;
  #lookIsSet = false;

  constructor(kernel: Kernel, wire: Wire, name: string, epoch: number) {
    this.#kernel = kernel;
    this.name = name;
    this.out = new OutQueue(wire, name, epoch, windowLimits(kernel.limits), {
      owed: () => (this.in.owes ? this.in.said() : null),
      nowMs: () => kernel.clock.monotonic(),
      later: (leave) => void SETTLED.then(leave),
    });
    this.in = new InQueue(inLimits(kernel.limits), () => kernel.losses?.missed(name));
    this.addresses = new Addresses(name);
    this.inflow = new Inflow(inflowLimits(kernel.limits), kernel.clock.monotonic());
    this.asked = new PendingTable(kernel.wheel, NOBODY, kernel.waiting);
    this.held = new Held(kernel, name, this.asked);
    this.untold = new Untold(LATE_MS, () => kernel.clock.monotonic());
    this.#ackAlarm = new Alarm(() => {
      this.#ackIsSet = false;
      if (this.in.owes) this.acknowledge();
    });
    this.#lookAlarm = new Alarm(() => {
      this.#lookIsSet = false;
      this.#look();
    });
  }

  /** @returns why not; undefined: it is on its way */
  send(request: Envelope, pending: Pending | null, body: Uint8Array, seconds: number): SendErrorKind | undefined {
    const item = new RequestItem(body, request, pending, seconds, this.#lost);
    if (!this.out.offer(item)) return "Overloaded";
    if (pending !== null) this.#waiting.set(request.id, item);
    this.#watch();
    return undefined;
  }

  /** An answer, or why there is none. It is lost when there is no room: its requester has a clock of its own. */
  answer(item: Item): void {
    if (!this.out.offer(item)) item.lost(false);
    this.#watch();
  }

  /** Who waits for the answer to `id`; it waits no more. */
  takeWaiting(id: number): Pending | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    const { pending } = waiting;
    waiting.answered();
    return pending ?? undefined;
  }

  /**
   * The peer began anew: whoever it was is gone, with all that it had and was to answer, and all it asked. Which of what is
   * on its way came to whom, its account will say.
   */
  anew(): void {
    this.#kernel.cluster?.nodeGone(this.name);
    this.out.anew();
    this.#failWaiting(hasArrived);
    this.asked.clear();
    this.untold.clear();
  }

  /** Nobody was there for the frame `seq`: whoever had taken requests before will not answer them. */
  absent(seq: number): void {
    this.#kernel.cluster?.nodeAbsent(this.name);
    this.out.absent(seq);
    this.#failWaiting(hasArrived);
  }

  /** The link is lost for longer than anybody is to wait for it. */
  unreachable(): void {
    this.out.loseAll();
    this.#failWaiting(() => true);
  }

  /** Something came: the peer is told, now or soon. */
  received(): void {
    if (this.in.isDue) this.acknowledge();
    else if (!this.#ackIsSet) {
      this.#ackIsSet = true;
      this.#kernel.wheel.add(this.#ackAlarm, ACK_MS);
    }
  }

  /** A frame of the peer's could not be read. @returns whether to say so: once in FAULT_MS */
  faulted(): boolean {
    this.#faults++;
    const now = this.#kernel.clock.monotonic();
    if (now - this.#faultToldAt < FAULT_MS) return false;
    this.#faultToldAt = now;
    return true;
  }

  /** Nothing is under way, nor waits. */
  get isIdle(): boolean {
    const { out } = this;
    if (this.in.owes) return false; // made again, it would tell the peer that what came was lost
    return (
      this.untold.isEmpty &&
      out.waiting === 0 &&
      out.unconfirmed === 0 &&
      this.#waiting.size === 0 &&
      this.asked.size === 0
    );
  }

  /** It asked what came, as whoever was away does: what it has not said it has by now may have met nobody. */
  asksBack(): void {
    if (this.out.unconfirmedMs > BACK_MS) this.out.probe();
  }

  acknowledge(): void {
    this.out.acknowledge(this.in.said());
  }

  stop(): void {
    this.#kernel.wheel.cancel(this.#ackAlarm);
    this.#kernel.wheel.cancel(this.#lookAlarm);
    this.unreachable();
    this.asked.clear();
    this.untold.clear();
  }

  get facts(): PeerFacts {
    const {
      out,
      in: { counts },
    } = this;
    return {
      node: this.name,
      waiting: out.waiting,
      waitingBytes: out.waitingBytes,
      unconfirmed: out.unconfirmed,
      ...out.counts,
      received: counts.received,
      receivedBytes: counts.receivedBytes,
      missed: counts.missed,
      repeated: counts.repeated,
      requests: this.#waiting.size,
      faults: this.#faults,
      flooded: this.inflow.dropped,
    };
  }

  readonly #lost = (request: Envelope): void => {
    this.#waiting.delete(request.id);
    this.#kernel.cluster?.lostAt(this.name, request.target.id.text);
    this.#kernel.bus.refuse(request, "Offline");
  };

  #failWaiting(isMeant: (waiting: RequestItem) => boolean): void {
    const meant = [...this.#waiting].filter(([, waiting]) => isMeant(waiting));
    for (const [id] of meant) this.#waiting.delete(id);
    for (const [, { pending }] of meant) pending?.fail("Offline");
  }

  /** Only while there is something to look at: an idle link sets no timer. */
  #watch(): void {
    if (this.#lookIsSet) return;
    this.#lookIsSet = true;
    this.#kernel.wheel.add(this.#lookAlarm, LOOK_MS);
  }

  /** A released one has no time limit here; the peer's kernel gives it up by its own. */
  #isOver({ pending, seconds, arrivedAt }: RequestItem): boolean {
    if (pending === null || pending.waits) return false;
    if (!pending.isReleased) return true;
    return arrivedAt !== null && this.#kernel.clock.monotonic() > arrivedAt + seconds * 1000 + LATE_MS;
  }

  #look(): void {
    const { out } = this;
    const isStuck = out.unconfirmed > 0 && out.unconfirmedMs > PROBE_MS;
    if (isStuck || this.#waiting.size > 0) out.probe(); // who answers may have gone without a word
    out.prune();
    this.untold.prune();
    for (const [id, waiting] of this.#waiting) if (this.#isOver(waiting)) this.#waiting.delete(id);
    if (out.unconfirmed > 0 || out.waiting > 0 || this.#waiting.size > 0 || !this.untold.isEmpty) this.#watch();
  }
}

class RequestItem extends Item {
  readonly #source: Address;
  readonly #target: Address;
  /** null: it has been answered. */
  #request: Envelope | null;
  /** null: no answer is wanted, or it was given. */
  pending: Pending | null;
  readonly seconds: number;
  /** ms; null: it has not been said to have come. */
  arrivedAt: number | null = null;
  readonly #lost: (request: Envelope) => void;

  constructor(
    body: Uint8Array,
    request: Envelope,
    pending: Pending | null,
    seconds: number,
    lost: (request: Envelope) => void,
  ) {
    super("q", body);
    this.#source = request.source;
    this.#target = request.target;
    this.#request = request;
    this.pending = pending;
    this.seconds = seconds;
    this.#lost = lost;
  }

  get pair(): string {
    return `${this.#source.id.text} ${this.#target.id.text}`;
  }

  get isWanted(): boolean {
    if (this.#request === null) return false;
    return this.pending === null || this.pending.waits || this.pending.isReleased;
  }

  arrived(atMs: number): void {
    this.arrivedAt = atMs;
  }

  /** So it has come, whatever is heard of it later; and the window keeps no more of it than its number. */
  answered(): void {
    this.#request = null;
    this.pending = null;
  }

  lost(): void {
    if (this.#request !== null) this.#lost(this.#request);
  }
}

function hasArrived({ arrivedAt }: RequestItem): boolean {
  return arrivedAt !== null;
}

/** A blob's bytes or text, as they travel. */
export function travelling({ blob }: Pick<Envelope, "blob">): Uint8Array | string | null {
  if (blob === null) return null;
  const raw = blob.raw();
  return raw instanceof ArrayBuffer ? new Uint8Array(raw) : raw;
}

/** Those that its own processes issued: nobody there could check what is said of others'. */
export function leavingOf(capabilities: readonly Capability[], node: string): readonly Capability[] {
  if (capabilities.length === 0) return capabilities;
  return capabilities.filter(({ issuer }) => issuer.startsWith(`${node}@`));
}
