/**
 * One realm, seen from the node: the way to it, and the processes in it, each in a slot.
 *
 * 1. What is for it leaves once per round of the event loop, in one batch; sooner when that has grown big.
 * 2. What comes from it is replayed in one turn.
 * 3. It ends when its last process leaves it. When it ends by itself, all in it are told, and who is to blame.
 */
import { KernelError } from "../../lib/protocol/index.ts";
import { RealmEndedError } from "../errors.ts";
import type { RunQueue } from "../run-queue.ts";
import { BatchReader } from "./batch-reader.ts";
import { BATCH_BYTES, type Batch, BatchWriter } from "./batch-writer.ts";
import type { Begun, Carrier, CarrierEvents } from "./carrier.ts";
import { packError, unpackError } from "./error-codec.ts";
import type { PlacedInstance } from "./placed-instance.ts";
import { type Blocked, Pulse, type PulseLimits } from "./pulse.ts";
import type { Question } from "./questions.ts";
import * as record from "./records.ts";

export type RealmOptions = {
  /** Starts it. */
  readonly connect: (events: CarrierEvents) => Carrier;
  readonly queue: RunQueue;
  readonly limits: PulseLimits;
  /** Nobody may be added from now on. */
  readonly onGone: (realm: RealmLink) => void;
};

const LOOKS_AFTER = 4; // a fifth of handlerSeconds: it usually takes some ms to end. Then nobody waits for it any more

export class RealmLink {
  readonly #carrier: Carrier;
  readonly #queue: RunQueue;
  readonly #out = new BatchWriter(true);
  readonly #processes = new Map<number, PlacedInstance>();
  readonly #onGone: (realm: RealmLink) => void;
  #lastSlot = 0;
  #flushes = false;
  #ended = false;
  readonly #pulse: Pulse;
  #why: string | null = null; // the node ended it
  #looksAfter = 0; // since then
  #dying: unknown; // what it said last

  constructor({ connect, queue, limits, onGone }: RealmOptions) {
    this.#queue = queue;
    this.#onGone = onGone;
    this.#pulse = new Pulse(limits);
    this.#carrier = connect({
      received: (batch) => this.#received(batch),
      asked: (slot, question) => this.#asked(slot, question),
      failed: (error) => {
        this.#dying = error;
      },
      outgrown: (why) => this.#kill(why),
      printed: (line) => {
        for (const instance of this.#processes.values()) instance.printed(line);
      },
      ended: (why) => this.#endedBy(why),
    });
  }

  get name(): string {
    return this.#carrier.name;
  }

  get gone(): Promise<void> {
    return this.#carrier.gone;
  }

  add(instance: PlacedInstance): number {
    this.#lastSlot++;
    this.#processes.set(this.#lastSlot, instance);
    return this.#lastSlot;
  }

  remove(slot: number): void {
    if (!this.#processes.delete(slot) || this.#ended) return;
    if (this.#processes.size > 0) {
      this.records(slot).u8(record.END);
      return;
    }
    this.#ended = true;
    this.#onGone(this);
    this.#carrier.kill();
  }

  /** What it is at, as far as it can be seen from here. */
  begun(): Begun {
    return this.#carrier.begun();
  }

  /** Now and then: whether it still answers (pulse.ts). It is ended when it does not. */
  look(): void {
    if (this.#ended) return;
    if (this.#why !== null) {
      // A thread in a call of the system, execSync for example, ends behind that.
      if (++this.#looksAfter >= LOOKS_AFTER) this.#endedBy(this.#why);
      return;
    }
    const isBusy = [...this.#processes.values()].some((instance) => instance.isBusy);
    const next = this.#pulse.look(isBusy, () => this.#carrier.begun());
    if (typeof next === "number") this.records(0).u8(record.PING).u32(next);
    else if (next !== null) this.#kill(this.#whyBlocked(next));
  }

  /** Whatever it does. @param why as the processes in it hear it */
  #kill(why: string): void {
    this.#why = why;
    this.#carrier.kill();
  }

  #whyBlocked({ rule, seconds }: Blocked): string {
    const { slot, seq } = this.#carrier.begun();
    const what = this.#processes.get(slot)?.describe(seq) ?? "something in it";
    return `${rule}: ${what} has blocked its ${this.name} for ${seconds.toFixed(1)} s, await in it, split the work, or raise the limit`;
  }

  /** Hot path. Where records about `slot` go. */
  records(slot: number): BatchWriter {
    if (!this.#flushes) {
      this.#flushes = true;
      setImmediate(this.#flush);
    } else if (this.#out.length > BATCH_BYTES) this.#post();
    return this.#out.section(slot);
  }

  readonly #flush = (): void => {
    this.#flushes = false;
    this.#post();
    this.#out.rest(); // here, where no turn is open: what was pushed in it has left
  };

  #post(): void {
    const batch = this.#out.take();
    if (batch !== null && !this.#ended) this.#carrier.post(batch);
  }

  #received(batch: Batch): void {
    const reader = new BatchReader(batch);
    this.#queue.begin();
    try {
      for (let slot = reader.nextSection(); slot !== -1; slot = reader.nextSection()) {
        if (slot === 0) this.#ownRecords(reader);
        else this.#processes.get(slot)?.replay(reader);
      }
    } catch (thrown) {
      this.#dying = thrown;
      this.#carrier.kill(); // it says what no realm of ours says
    } finally {
      this.#queue.end();
    }
  }

  #ownRecords(reader: BatchReader): void {
    for (let type = reader.nextRecord(); type !== 0; type = reader.nextRecord()) {
      if (type === record.HELLO) this.#pulse.hello();
      else if (type === record.PONG) {
        this.#pulse.pong(reader.u32());
        const mib = reader.u32();
        this.#carrier.holds?.(mib);
      } else if (type === record.DYING) this.#dying = unpackError(reader.value());
      else throw new RangeError(`no record has the type ${type}`);
    }
  }

  #asked(slot: number, question: unknown): void {
    try {
      const instance = this.#processes.get(slot);
      if (instance === undefined) throw new KernelError("process_exited", "Cannot ask as this incarnation has ended");
      this.#carrier.answer({ ok: instance.answer(question as Question) });
    } catch (thrown) {
      this.#carrier.answer({ error: packError(thrown, false) });
    }
  }

  #endedBy(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onGone(this);
    const { slot } = this.#carrier.begun();
    const isToBlame = (of: number, instance: PlacedInstance): boolean =>
      slot === 0 ? this.#processes.size === 1 || instance.inHand !== null : of === slot;
    const lost = [...this.#processes].map(([of, instance]) => ({ instance, blamed: isToBlame(of, instance) }));
    this.#queue.begin();
    for (const { instance, blamed } of lost) instance.lost(this.#error(instance, why, blamed));
    this.#queue.end();
  }

  #error(instance: PlacedInstance, ended: string, blamed: boolean): Error {
    if (this.#dying instanceof Error && blamed) return this.#dying;
    const why = this.#why ?? ended;
    const reason = blamed ? why : `a process that shares its ${this.name} ended it: ${why}`;
    return new RealmEndedError(instance.our.text, reason, blamed, { cause: this.#dying });
  }
}
