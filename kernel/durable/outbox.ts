/**
 * Durable messages for other nodes, until JetStream has them (docs/adr/0036).
 *
 * 1. What is on the disk is sent, in the order in which it was given, for as long as it takes; older than `durableAge` it
 *    is a dead letter.
 * 2. One publish is on its way to a node at a time, of up to durableMessage: so nothing of it overtakes anything. It is
 *    sent until it is taken, and the inbox leaves out what comes twice, by the ids of rule 3.
 * 3. Ids rise, whatever becomes of a message; in each life they begin above the time, so that a data folder that was put
 *    back from a copy gives none a second time: others would take what is new for what they had. The outbox has a name of its own, made with its first one: a data folder
 *    that was wiped is another outbox, whose ids begin anew.
 * 4. One node's messages take half of the outbox at most: one that is gone for good holds nobody else up.
 * 5. In memory are numbers and sizes; the messages are on the disk.
 */
import { packMessage, textOf, unpackMessage } from "../../lib/protocol/index.ts";
import { randomId } from "../id.ts";
import type { Kernel } from "../kernel.ts";
import { Ring } from "../ring.ts";
import { Backoff } from "./backoff.ts";
import { DurableError } from "./errors.ts";
import type { DurableLane } from "./lane.ts";
import { BATCH_MESSAGES, envelopeOf, type OutRow, packBatch, packOut, readOut } from "./pack.ts";
import { BOX, type Change, type DurableStore, OUT, rowKey } from "./store.ts";
import { Strikes } from "./strikes.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;
const NODES_SHOWN = 1_000;
const IDS_PER_MS = 1_024; // more than a disk takes; a whole number until the year 2248

export type OutboxFacts = {
  /** Its own name. */
  readonly box: string;
  /** Messages for other nodes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Messages that JetStream has, since the start. */
  readonly sent: number;
  /** Publishes that were not taken. */
  readonly failures: number;
  /** Older than limits.durableAge: dead letters. */
  readonly expired: number;
  readonly nodes: readonly { readonly node: string; readonly waiting: number; readonly why: string | null }[];
};

/** `writing`: not yet on the disk; `failed`: it never came there. */
type Row = { readonly id: number; readonly bytes: number; state: "writing" | "kept" | "failed" };

class Destination {
  readonly node: string;
  readonly rows: Ring<Row> = new Ring();
  readonly backoff: Backoff;
  /** The oldest of them, taken out to look at. */
  next: Row | null = null;
  /** On their way. */
  batch: readonly Row[] = [];
  isSending = false;
  count = 0;
  bytes = 0;
  /** Why the last publish was not taken; null: it was. */
  why: string | null = null;

  constructor(node: string, backoff: Backoff) {
    this.node = node;
    this.backoff = backoff;
  }
}

export class Outbox {
  readonly box: string;
  readonly #kernel: Kernel;
  readonly #store: DurableStore;
  readonly #strikes: Strikes;
  readonly #destinations = new Map<string, Destination>(); // as many as have something waiting
  readonly #queued = new Set<Destination>(); // for limits.durableInFlight
  #lane: DurableLane | null = null;
  #lastId: number;
  #inFlight = 0;
  #count = 0;
  #bytes = 0;
  #sent = 0;
  #failures = 0;
  #expired = 0;
  #isStopped = false;

  constructor(kernel: Kernel, store: DurableStore) {
    this.#kernel = kernel;
    this.#store = store;
    this.#strikes = new Strikes(kernel, store);
    const [box, lastId] = readBox(store.get(BOX)) ?? [randomId(), 0];
    this.box = box;
    this.#lastId = Math.max(lastId, Math.floor(kernel.clock.now()) * IDS_PER_MS);
    for (const [key, value] of store.entries(OUT)) this.#found(key, value);
  }

  /** Of a message that is written with `change`. */
  nextId(): { readonly id: number; readonly change: Change } {
    const id = ++this.#lastId;
    return { id, change: [BOX, packMessage([this.box, id])] };
  }

  /** @returns false: there is no room @throws {DurableError} (rejects) the disk does not take it */
  async keep(row: OutRow): Promise<boolean> {
    const destination = this.#to(row.node);
    if (!this.#hasRoom(destination, row.message.byteLength)) {
      if (destination.count === 0) this.#destinations.delete(row.node);
      return false;
    }
    const { id, change } = this.nextId();
    const made = this.#add(destination, id, row.message.byteLength, "writing");
    try {
      await this.#store.write([[rowKey(OUT, id), packOut(row)], change]);
    } catch (cause) {
      made.state = "failed";
      this.#pump(destination);
      throw new DurableError(`for "${row.node}"`, `the disk does not take them: ${textOf(cause)}`, { cause });
    }
    made.state = "kept";
    this.#pump(destination);
    return true;
  }

  /** It can be sent. */
  open(lane: DurableLane): void {
    this.#lane = lane;
    for (const destination of this.#destinations.values()) this.#pump(destination);
  }

  stop(): void {
    this.#isStopped = true;
    this.#strikes.stop();
    for (const { backoff } of this.#destinations.values()) backoff.cancel();
  }

  facts(): OutboxFacts {
    const nodes = [...this.#destinations.values()]
      .slice(0, NODES_SHOWN)
      .map(({ node, count: waiting, why }) => ({ node, waiting, why }))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
    return {
      box: this.box,
      waiting: this.#count,
      waitingBytes: this.#bytes,
      sent: this.#sent,
      failures: this.#failures,
      expired: this.#expired,
      nodes,
    };
  }

  /** Of the life before. */
  #found(key: string, value: Uint8Array): void {
    const id = Number(key.slice(OUT.length));
    try {
      const { node, message } = readOut(value);
      this.#lastId = Math.max(this.#lastId, id);
      this.#add(this.#to(node), id, message.byteLength, "kept");
    } catch (error) {
      this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
    }
  }

  #to(node: string): Destination {
    let destination = this.#destinations.get(node);
    if (destination === undefined) {
      const made: Destination = new Destination(node, new Backoff(this.#kernel, () => this.#pump(made)));
      destination = made;
      this.#destinations.set(node, made);
    }
    return destination;
  }

  #hasRoom({ count, bytes }: Destination, more: number): boolean {
    const { durableOut, durableOutBytes } = this.#kernel.limits;
    const most = durableOutBytes * MIB;
    if (this.#count >= durableOut || this.#bytes + more > most) return false;
    return count < Math.ceil(durableOut / 2) && bytes + more <= most / 2;
  }

  #add(destination: Destination, id: number, bytes: number, state: Row["state"]): Row {
    const row: Row = { id, bytes, state };
    destination.rows.push(row);
    destination.count++;
    destination.bytes += bytes;
    this.#count++;
    this.#bytes += bytes;
    return row;
  }

  #remove(destination: Destination, { bytes }: Row): void {
    destination.count--;
    destination.bytes -= bytes;
    this.#count--;
    this.#bytes -= bytes;
  }

  #pump(destination: Destination): void {
    if (this.#lane === null || this.#isStopped || destination.isSending || destination.backoff.isSet) return;
    if (this.#inFlight >= this.#kernel.limits.durableInFlight) {
      this.#queued.add(destination);
      return;
    }
    const messages = this.#batch(destination);
    if (messages.length > 0) void this.#send(this.#lane, destination, messages);
    else if (destination.count === 0) this.#destinations.delete(destination.node);
  }

  async #send(lane: DurableLane, destination: Destination, messages: readonly Numbered[]): Promise<void> {
    destination.isSending = true;
    this.#inFlight++;
    try {
      await lane.publish(destination.node, packBatch({ box: this.box, messages }));
      this.#taken(destination);
    } catch (error) {
      this.#failed(destination, error);
    }
    this.#inFlight--;
    destination.isSending = false;
    this.#pump(destination);
    for (const queued of this.#queued) {
      this.#queued.delete(queued);
      this.#pump(queued);
      break;
    }
  }

  #taken(destination: Destination): void {
    const { batch } = destination;
    destination.batch = [];
    destination.why = null;
    destination.backoff.succeeded();
    this.#sent += batch.length;
    for (const row of batch) this.#remove(destination, row);
    this.#strikes.strike(batch.map(({ id }) => rowKey(OUT, id)));
  }

  /** Said once, until one is taken. */
  #failed(destination: Destination, cause: unknown): void {
    this.#failures++;
    if (this.#isStopped) return;
    const rule = `${cause instanceof DurableError ? cause.rule : textOf(cause)}; they wait here, and are sent again`;
    const error = new DurableError(`for "${destination.node}" in its inbox`, rule, { cause });
    if (destination.why === null) this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
    destination.why = textOf(cause);
    destination.backoff.failed();
  }

  /** What goes next, and stays the same until it is taken. */
  #batch(destination: Destination): readonly Numbered[] {
    const known = this.#again(destination);
    if (known.length > 0) return known;
    const rows: Row[] = [];
    const messages: Numbered[] = [];
    const most = this.#kernel.limits.durableMessage * KIB;
    let bytes = 0;
    while (messages.length < BATCH_MESSAGES) {
      destination.next ??= destination.rows.shift() ?? null;
      const row = destination.next;
      if (row === null || row.state === "writing" || (bytes > 0 && bytes + row.bytes > most)) break;
      destination.next = null;
      const read = row.state === "failed" ? undefined : this.#read(row.id);
      if (read === undefined || this.#isOld(read)) this.#drop(destination, row, read);
      else {
        bytes += row.bytes;
        rows.push(row);
        messages.push(read);
      }
    }
    destination.batch = rows;
    return messages;
  }

  /** What was sent and not taken, but for what has grown too old meanwhile: a node that is gone for good never takes it. */
  #again(destination: Destination): readonly Numbered[] {
    const messages: Numbered[] = [];
    destination.batch = destination.batch.filter((row) => {
      const read = this.#read(row.id);
      const isLeft = read !== undefined && !this.#isOld(read);
      if (isLeft) messages.push(read);
      else this.#drop(destination, row, read);
      return isLeft;
    });
    return messages;
  }

  #read(id: number): Numbered | undefined {
    const value = this.#store.get(rowKey(OUT, id));
    if (value === undefined) return undefined;
    try {
      return { id, ...readOut(value) };
    } catch {
      return undefined; // it was said when it was found
    }
  }

  #isOld({ at }: OutRow): boolean {
    return this.#kernel.clock.now() - at > this.#kernel.limits.durableAge * HOUR_MS;
  }

  #drop(destination: Destination, row: Row, read: OutRow | undefined): void {
    this.#remove(destination, row);
    if (row.state === "failed") return;
    this.#strikes.strike([rowKey(OUT, row.id)]);
    if (read === undefined) {
      const rule = "the disk no longer has one that it had: it is lost";
      const error = new DurableError(`for "${destination.node}"`, rule);
      this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
      return;
    }
    this.#expired++;
    this.#kernel.bus.bury(envelopeOf(read.message, this.#kernel.name, destination.node), "offline");
  }
}

type Numbered = OutRow & { readonly id: number };

function readBox(value: Uint8Array | undefined): readonly [string, number] | undefined {
  if (value === undefined) return undefined;
  const [box, lastId] = unpackMessage(value) as readonly unknown[]; // our own
  return typeof box === "string" && typeof lastId === "number" ? [box, lastId] : undefined;
}
