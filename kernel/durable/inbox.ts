/**
 * Durable messages for processes of this node, until their handlers have settled (docs/adr/0036).
 *
 * 1. What comes from another node is on the disk before it is acknowledged, with the last id of its outbox in the same
 *    write: what comes again is told by that number. When there is no room, nothing more is taken: it stays in JetStream.
 * 2. Of one sender and one target, the next is handed over when the handler of the one before has settled; they come in the
 *    order sent. Other pairs wait for nobody.
 * 3. A process that is not there, or whose mailbox is full, is waited for. Whoever may not be reached from other nodes
 *    gets nothing: a dead letter. Nor does a process of the cluster: what it keeps is not on this node's disk.
 * 4. It is struck out when its handler has settled, or with what that keeps by `ctx.setState`, in one write. One whose
 *    handler crashed has had it (DESIGN §3.6). Where the node ended before, it is handed over again.
 * 5. In memory are numbers and sizes; the messages are on the disk.
 */
import { canonicalId, HTTP_SERVER, ProcessId, packMessage, textOf, unpackMessage } from "../../lib/protocol/index.ts";
import type { DeadLetterReason } from "../dead-letters.ts";
import { isRecord } from "../fields.ts";
import type { Kernel } from "../kernel.ts";
import { mayBeReached } from "../network.ts";
import { Ring } from "../ring.ts";
import { Alarm } from "../timer-wheel.ts";
import { Backoff } from "./backoff.ts";
import { isOfCluster } from "./door.ts";
import { DurableError } from "./errors.ts";
import { DurableHand, type HandEnd } from "./hand.ts";
import { envelopeOf, type InRow, packIn, readBatch, readDurable, readIn } from "./pack.ts";
import { type Change, type DurableStore, IN, MARK, rowKey } from "./store.ts";
import { Strikes } from "./strikes.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const LOOK_MS = 60_000; // how often those that wait are looked at for their age
const FAULT_MS = 1_000; // between two that are told: the log is for people

export type InboxFacts = {
  /** Messages for processes here, those in hand too. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Of these, for processes that are not there. */
  readonly absent: number;
  /** From other nodes, since the start. */
  readonly received: number;
  /** From other nodes, that had been here before. */
  readonly repeated: number;
  /** From other nodes, that could not be read, or were no deliveries. */
  readonly dropped: number;
  /** Handlers that have settled. */
  readonly handled: number;
  /** Dead letters: the handler crashed, the target may not be reached, nobody was there for too many or too long. */
  readonly crashed: number;
  readonly denied: number;
  readonly offline: number;
};

/** `writing`: not yet on the disk; `failed`: it never came there. */
type Row = { readonly seq: number; readonly bytes: number; readonly at: number; state: "writing" | "kept" | "failed" };

/** What one sender has for one target. */
class Pair {
  readonly key: string;
  readonly node: string;
  readonly target: ProcessId;
  readonly rows: Ring<Row> = new Ring();
  /** The oldest of them, taken out to look at. */
  next: Row | null = null;
  inHand: Handed | null = null;

  constructor(key: string, node: string, target: ProcessId) {
    this.key = key;
    this.node = node;
    this.target = target;
  }

  get isEmpty(): boolean {
    return this.next === null && this.inHand === null && this.rows.length === 0;
  }
}

/** @property isStruck with what its handler kept */
type Handed = { readonly row: Row; readonly name: string; isStruck: boolean };

type Mark = { readonly id: number; readonly at: number };

/** What is added at once. */
type Fresh = InRow & { readonly source: string; readonly target: ProcessId };

export class Inbox {
  readonly #kernel: Kernel;
  readonly #store: DurableStore;
  readonly #strikes: Strikes;
  readonly #pairs = new Map<string, Pair>(); // those that have something
  readonly #byTarget = new Map<string, Set<Pair>>(); // the same
  readonly #handed = new Map<string, Handed>(); // by process, outbox and id
  readonly #marks = new Map<string, Mark>(); // by key; the one that changed last is last
  readonly #full = new Set<Pair>(); // whose target's mailbox is
  readonly #retry: Backoff;
  readonly #look: Alarm;
  readonly #unlisten: () => void;
  #lookIsSet = false;
  #roomWanted: (() => void) | null = null;
  #lastSeq = 0;
  #count = 0;
  #bytes = 0;
  #faultToldAt = Number.NEGATIVE_INFINITY; // ms
  #isStopped = false;
  readonly #counts = { received: 0, repeated: 0, dropped: 0, handled: 0, crashed: 0, denied: 0, offline: 0 };

  constructor(kernel: Kernel, store: DurableStore) {
    this.#kernel = kernel;
    this.#store = store;
    this.#strikes = new Strikes(kernel, store);
    this.#retry = new Backoff(kernel, () => this.#deliverFull());
    this.#look = new Alarm(() => this.#lookForOld());
    this.#unlisten = kernel.events.listen((event) => {
      if (event.type === "process-started") this.#deliverTo(event.process);
    });
  }

  /** What the life before has left. */
  resume(): void {
    const marks: [string, Mark][] = [];
    for (const [key, value] of this.#store.entries(MARK)) {
      const [id, at] = unpackMessage(value) as readonly number[]; // our own
      marks.push([key, { id: id ?? 0, at: at ?? 0 }]);
    }
    for (const [key, mark] of marks.sort(([, a], [, b]) => a.at - b.at)) this.#marks.set(key, mark);
    for (const [key, value] of this.#store.entries(IN)) {
      this.#lastSeq = Number(key.slice(IN.length));
      try {
        const row = readIn(value);
        const { source, target } = readDurable(row.message);
        this.#add(this.#lastSeq, { ...row, source, target: ProcessId.parse(target) }, "kept");
      } catch (error) {
        this.#fault(error);
      }
    }
    for (const pair of [...this.#pairs.values()]) this.#deliver(pair);
  }

  /** Of a process of this node. @param change written with it @returns false: there is no room @throws {DurableError} (rejects) */
  async keep({ change, ...row }: InRow & { readonly change: Change }): Promise<boolean> {
    if (!this.#hasRoom(1, row.message.byteLength)) return false;
    const { source, target } = readDurable(row.message);
    const fresh: Fresh = { ...row, source, target: ProcessId.parse(target) };
    if (this.#whatWaits([fresh]).late.length > 0) return false;
    const seq = ++this.#lastSeq;
    const [made, pair] = this.#add(seq, fresh, "writing");
    try {
      await this.#store.write([[rowKey(IN, seq), packIn(row)], change]);
    } catch (cause) {
      made.state = "failed";
      this.#deliver(pair);
      throw new DurableError(`for "${target}"`, `the disk does not take them: ${textOf(cause)}`, { cause });
    }
    made.state = "kept";
    this.#deliver(pair);
    return true;
  }

  /** What another node sent. One at a time. @returns whether it may be forgotten there: false when this node stops */
  async take(from: string, bytes: Uint8Array): Promise<boolean> {
    const at = this.#kernel.clock.now();
    let read: { readonly box: string; readonly last: number; readonly fresh: readonly Fresh[] };
    try {
      read = this.#read(from, bytes, at);
    } catch (error) {
      this.#counts.dropped++;
      this.#fault(error);
      return true;
    }
    const { box, last } = read;
    if (last === 0) return true; // all had been here
    const { fresh, late } = this.#whatWaits(read.fresh);
    const size = fresh.reduce((sum, { message }) => sum + message.byteLength, 0);
    while (!this.#isStopped && !this.#hasRoom(fresh.length, size) && this.#count > 0) await this.#room();
    const seqs = fresh.map(() => ++this.#lastSeq);
    const rows = fresh.map((row, index): Change => [rowKey(IN, seqs[index] ?? 0), packIn(row)]);
    if (!(await this.#write([...rows, ...this.#marked(`${MARK}${from} ${box}`, { id: last, at })]))) return false;
    this.#counts.received += fresh.length;
    const pairs = fresh.map((row, index) => this.#add(seqs[index] ?? 0, row, "kept")[1]);
    for (const pair of new Set(pairs)) this.#deliver(pair);
    for (const { message } of late) {
      this.#counts.offline++;
      this.#kernel.bus.bury(envelopeOf(message, from, this.#kernel.name), "offline");
    }
    return true;
  }

  /** @returns those that are kept, and those for processes that are not there while too many wait for such */
  #whatWaits(all: readonly Fresh[]): { readonly fresh: readonly Fresh[]; readonly late: readonly Fresh[] } {
    const { registry, limits } = this.#kernel;
    const isAbsent = ({ target }: Fresh): boolean => registry.get(target) === undefined;
    if (!all.some(isAbsent)) return { fresh: all, late: [] };
    let left = limits.durableAbsent - this.#absent();
    const late = new Set(all.filter((row) => isAbsent(row) && left-- <= 0));
    return { fresh: all.filter((row) => !late.has(row)), late: [...late] };
  }

  /** See DurableDoor. */
  along(process: string, metadata: string | null): { readonly changes: readonly Change[]; done(): void } | undefined {
    const handed = this.#handed.get(`${process} ${namedIn(metadata)}`);
    if (handed === undefined) return undefined;
    return {
      changes: [[rowKey(IN, handed.row.seq), null]],
      done: () => {
        handed.isStruck = true;
      },
    };
  }

  facts(): InboxFacts {
    return { waiting: this.#count, waitingBytes: this.#bytes, absent: this.#absent(), ...this.#counts };
  }

  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    this.#strikes.stop();
    this.#retry.cancel();
    this.#kernel.wheel.cancel(this.#look);
    this.#roomWanted?.();
  }

  /** @property last the last id of those that are new; 0: none is @throws {DurableError} */
  #read(
    from: string,
    bytes: Uint8Array,
    at: number,
  ): { readonly box: string; readonly last: number; readonly fresh: readonly Fresh[] } {
    const { box, messages } = readBatch(bytes);
    const mark = this.#marks.get(`${MARK}${from} ${box}`)?.id ?? 0;
    const unknown = messages.filter(({ id }) => id > mark);
    this.#counts.repeated += messages.length - unknown.length;
    const fresh: Fresh[] = [];
    for (const { id, message } of unknown) {
      try {
        const { source, target } = readDurable(message);
        ProcessId.parse(source);
        if (canonicalId(source) === HTTP_SERVER.text)
          throw new DurableError(`of "${from}"`, "an http-server sends none: it would pass for an event of a channel");
        fresh.push({ node: from, box, id, at, message, source, target: ProcessId.parse(target) });
      } catch (error) {
        this.#counts.dropped++;
        this.#fault(error);
      }
    }
    return { box, last: unknown.at(-1)?.id ?? 0, fresh };
  }

  /**
   * Whatever came of what came, its outbox is not asked for it again. Of too many, the one is forgotten that was silent
   * longest of the node that has most: none has another's forgotten.
   */
  #marked(key: string, mark: Mark): readonly Change[] {
    const changes: Change[] = [[key, packMessage([mark.id, mark.at])]];
    this.#marks.delete(key);
    this.#marks.set(key, mark);
    if (this.#marks.size > this.#kernel.limits.durableMarks) {
      const oldest = oldestOfMost(this.#marks.keys());
      this.#marks.delete(oldest);
      changes.push([oldest, null]);
    }
    return changes;
  }

  /** Until the disk takes it. @returns false: the node stops, and it is not known to be there */
  async #write(changes: readonly Change[]): Promise<boolean> {
    let again = (): void => undefined;
    const backoff = new Backoff(this.#kernel, () => again());
    while (!this.#isStopped) {
      try {
        await this.#store.write(changes);
        return true;
      } catch (cause) {
        const rule = `the disk does not take them, and JetStream keeps them until it does: ${textOf(cause)}`;
        this.#fault(new DurableError("of other nodes", rule, { cause }));
        await new Promise<void>((resolve) => {
          again = resolve;
          backoff.failed();
        });
      }
    }
    return false;
  }

  #hasRoom(count: number, bytes: number): boolean {
    const { durableIn, durableInBytes } = this.#kernel.limits;
    return this.#count + count <= durableIn && this.#bytes + bytes <= durableInBytes * MIB;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#roomWanted = resolve;
    });
  }

  #add(seq: number, { node, source, target, message, at }: Fresh, state: Row["state"]): readonly [Row, Pair] {
    const key = `${node} ${source} ${target.text}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = new Pair(key, node, target);
      this.#pairs.set(key, pair);
      const { text } = target;
      const others = this.#byTarget.get(text) ?? new Set();
      this.#byTarget.set(text, others.add(pair));
    }
    const row: Row = { seq, bytes: message.byteLength, at, state };
    pair.rows.push(row);
    this.#count++;
    this.#bytes += row.bytes;
    this.#lookLater();
    return [row, pair];
  }

  #remove(pair: Pair, { bytes }: Row): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#forget(pair);
    const wanted = this.#roomWanted;
    this.#roomWanted = null;
    wanted?.();
  }

  #forget(pair: Pair): void {
    if (!pair.isEmpty) return;
    this.#pairs.delete(pair.key);
    this.#full.delete(pair);
    const others = this.#byTarget.get(pair.target.text);
    others?.delete(pair);
    if (others?.size === 0) this.#byTarget.delete(pair.target.text);
  }

  #deliverTo(process: string): void {
    for (const pair of [...(this.#byTarget.get(process) ?? [])]) this.#deliver(pair);
  }

  #deliverFull(): void {
    const full = [...this.#full];
    this.#full.clear();
    for (const pair of full) this.#deliver(pair);
  }

  /** Hands the next one over, if that can be. */
  #deliver(pair: Pair): void {
    while (!this.#isStopped && !this.#kernel.stopping && pair.inHand === null) {
      pair.next ??= pair.rows.shift() ?? null;
      const row = pair.next;
      if (row === null || row.state === "writing" || !this.#handOver(pair, row)) return;
    }
  }

  /** @returns whether another may be next */
  #handOver(pair: Pair, row: Row): boolean {
    if (row.state === "failed") {
      pair.next = null;
      this.#remove(pair, row);
      return true;
    }
    const { registry, limits, name, clock } = this.#kernel;
    const process = registry.get(pair.target);
    if (clock.now() - row.at > limits.durableAge * HOUR_MS) return this.#bury(pair, row, "offline");
    if (isOfCluster(this.#kernel, pair.target)) return this.#bury(pair, row, "denied");
    if (process === undefined) return false;
    const read = this.#envelope(row);
    if (read === undefined) return this.#bury(pair, row, "offline");
    const { envelope, box, id } = read;
    if (pair.node !== name && !mayBeReached(name, process, envelope)) return this.#bury(pair, row, "denied");
    const from = `${pair.node}/${box}`;
    const handed: Handed = { row, name: `${pair.target.text} ${from} ${id}`, isStruck: false };
    envelope.id = this.#kernel.nextMessageId();
    envelope.origin = new DurableHand(from, id, (end) => this.#ended(pair, handed, end));
    process.follow();
    pair.next = null;
    pair.inHand = handed;
    this.#handed.set(handed.name, handed);
    if (process.post(envelope)) {
      this.#retry.succeeded();
      return false;
    }
    this.#takeBack(pair, handed);
    if (process.mailbox.closed) return false; // the next of that name will say that it starts
    this.#full.add(pair);
    if (!this.#retry.isSet) this.#retry.failed();
    return false;
  }

  #ended(pair: Pair, handed: Handed, end: HandEnd): void {
    const isOver = end === "handled" || handed.isStruck || (end === "crashed" && !this.#kernel.stopping);
    if (!isOver) {
      this.#takeBack(pair, handed);
      return;
    }
    pair.inHand = null;
    this.#handed.delete(handed.name);
    if (end === "crashed") this.#counts.crashed++;
    else this.#counts.handled++;
    if (!handed.isStruck) this.#strikes.strike([rowKey(IN, handed.row.seq)]);
    this.#remove(pair, handed.row);
    this.#deliver(pair);
  }

  /** It waits again, before all others of its pair. */
  #takeBack(pair: Pair, handed: Handed): void {
    pair.inHand = null;
    this.#handed.delete(handed.name);
    pair.rows.unshiftAll(pair.next === null ? [handed.row] : [handed.row, pair.next]);
    pair.next = null;
  }

  /** @returns true */
  #bury(pair: Pair, row: Row, reason: Extract<DeadLetterReason, "offline" | "denied">): true {
    const read = this.#envelope(row);
    pair.next = null;
    this.#counts[reason]++;
    this.#strikes.strike([rowKey(IN, row.seq)]);
    this.#remove(pair, row);
    if (read !== undefined) this.#kernel.bus.bury(read.envelope, reason);
    else
      this.#fault(new DurableError(`for "${pair.target.text}"`, "the disk no longer has one that it had: it is lost"));
    return true;
  }

  #envelope({ seq }: Row): { readonly envelope: ReturnType<typeof envelopeOf>; box: string; id: number } | undefined {
    const value = this.#store.get(rowKey(IN, seq));
    if (value === undefined) return undefined;
    const { node, box, id, message } = readIn(value);
    return { envelope: envelopeOf(message, node, this.#kernel.name), box, id };
  }

  /** Messages for processes that are not there. */
  #absent(): number {
    let absent = 0;
    for (const [target, pairs] of this.#byTarget) {
      const [first] = pairs;
      if (first === undefined || this.#kernel.registry.get(first.target) !== undefined) continue;
      for (const { rows, next } of this.#byTarget.get(target) ?? []) absent += rows.length + (next === null ? 0 : 1);
    }
    return absent;
  }

  #lookLater(): void {
    if (this.#lookIsSet || this.#isStopped) return;
    this.#lookIsSet = true;
    this.#kernel.wheel.add(this.#look, LOOK_MS);
  }

  #lookForOld(): void {
    this.#lookIsSet = false;
    for (const pair of [...this.#pairs.values()]) this.#deliver(pair);
    if (this.#count > 0) this.#lookLater();
  }

  #fault(error: unknown): void {
    const now = this.#kernel.clock.monotonic();
    if (now - this.#faultToldAt < FAULT_MS) return;
    this.#faultToldAt = now;
    this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
  }
}

/** The first key of the node that has most. */
function oldestOfMost(keys: Iterable<string>): string {
  const all = new Map<string, { readonly first: string; count: number }>();
  for (const key of keys) {
    const node = key.slice(MARK.length, key.lastIndexOf(" "));
    const found = all.get(node) ?? { first: key, count: 0 };
    found.count++;
    all.set(node, found);
  }
  let most = { first: "", count: 0 };
  for (const each of all.values()) if (each.count > most.count) most = each;
  return most.first;
}

/** As it is in `#handed`. */
function namedIn(metadata: string | null): string {
  try {
    const said: unknown = JSON.parse(metadata ?? "null");
    const durable = isRecord(said) ? said.durable : null;
    return isRecord(durable) ? `${String(durable.from)} ${String(durable.id)}` : "";
  } catch {
    return "";
  }
}
