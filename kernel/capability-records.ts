/**
 * What processes gained and lost while the node ran, so that a restart knows it (docs/adr/0021).
 *
 * 1. A record belongs to a name. It ends when the process of that name is gone for good: killed, or ended with
 *    `on_exit: None`. A node that stops, and one that was given up after too many crashes, are no such end.
 * 2. It says only what differs from what the manifest gives: that is read again with each start.
 * 3. Changes of one moment are written together; `flushed` waits for them.
 * 4. A killed issuer's are struck from all records, also of processes that are not there now.
 * 5. Who has neither gained nor lost anything has none.
 */
import type { Capability } from "../lib/protocol/index.ts";
import { CapabilityIndex } from "./capability-index.ts";
import { LimitError } from "./errors.ts";

/** @property given keys → capabilities gained @property taken keys of the manifest's that it has no more */
export type CapabilityFacts = {
  readonly given: readonly (readonly [string, Capability])[];
  readonly taken: readonly string[];
};

/** Where records are kept. */
export interface CapabilityStore {
  /** By process id. */
  load(): Iterable<readonly [string, CapabilityFacts]>;
  /** Durable when it resolves. @param facts null: none */
  set(id: string, facts: CapabilityFacts | null): Promise<void>;
}

/** Where a set finds its record. */
export type RecordSource = {
  /** null: it has none. */
  find(id: string): CapabilityRecord | null;
  /** Made where there is none. */
  of(id: string): CapabilityRecord;
};

/** Of a set that is its process's for once. */
export const UNKEPT: RecordSource = { find: () => null, of: () => new CapabilityRecord() };

export class CapabilityRecord {
  readonly #given = new Map<string, Capability>();
  readonly #taken = new Set<string>();
  readonly #changed: () => void;
  readonly #max: number;
  readonly #who: string;
  readonly #index: CapabilityIndex<CapabilityRecord>;

  /** @param max of each kind @param index of what records say is given */
  constructor(
    facts: CapabilityFacts = { given: [], taken: [] },
    changed: () => void = () => undefined,
    who = "",
    max: number = Number.POSITIVE_INFINITY,
    index: CapabilityIndex<CapabilityRecord> = new CapabilityIndex(),
  ) {
    for (const [key, cap] of facts.given) {
      this.#given.set(key, cap);
      index.add(this, key, cap);
    }
    for (const key of facts.taken) this.#taken.add(key);
    this.#changed = changed;
    this.#who = who;
    this.#max = max;
    this.#index = index;
  }

  gained(): readonly Capability[] {
    return [...this.#given.values()];
  }

  isTaken(key: string): boolean {
    return this.#taken.has(key);
  }

  /** @throws {LimitError} */
  gain(key: string, cap: Capability): void {
    const known = this.#given.get(key);
    if (known !== undefined && (known.expires ?? Infinity) >= (cap.expires ?? Infinity)) return;
    if (known === undefined && this.#given.size >= this.#max)
      throw new LimitError("give one more capability to", this.#who, "capabilities", this.#max, "capabilities");
    this.#given.set(key, cap);
    this.#index.add(this, key, cap);
    this.#changed();
  }

  drop(key: string): void {
    const cap = this.#given.get(key);
    if (cap === undefined) return;
    this.#given.delete(key);
    this.#index.remove(this, key, cap);
    this.#changed();
  }

  /** It is forgotten as a whole. */
  end(): void {
    for (const [key, cap] of this.#given) this.#index.remove(this, key, cap);
  }

  take(key: string): void {
    if (this.#taken.has(key)) return;
    this.#taken.add(key); // no more than its manifest lists
    this.#changed();
  }

  restore(key: string): void {
    if (this.#taken.delete(key)) this.#changed();
  }

  /** null: nothing to keep. */
  facts(): CapabilityFacts | null {
    return this.#given.size + this.#taken.size === 0 ? null : { given: [...this.#given], taken: [...this.#taken] };
  }
}

export class CapabilityRecords {
  readonly #store: CapabilityStore | null;
  readonly #max: number;
  readonly #fault: (error: unknown) => void;
  readonly #records = new Map<string, CapabilityRecord>();
  readonly #index = new CapabilityIndex<CapabilityRecord>();
  readonly #dirty = new Set<string>();
  #asked = false;
  #writing: Promise<void> = Promise.resolve();

  /** @param store null: nothing is kept @param max what one process may gain @param fault hears of what could not be written */
  constructor(store: CapabilityStore | null, max: number, fault: (error: unknown) => void) {
    this.#store = store;
    this.#max = max;
    this.#fault = fault;
    for (const [id, facts] of store?.load() ?? []) this.#records.set(id, this.#make(id, facts));
  }

  /** The one of that name; null: none. */
  find(id: string): CapabilityRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** The one of that name, from now on written as it changes. */
  of(id: string): CapabilityRecord {
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const made = this.#make(id, undefined);
    this.#records.set(id, made);
    return made;
  }

  /** For processes whose names nobody will have again. */
  readonly unkept: RecordSource = {
    find: () => null,
    of: (id) => new CapabilityRecord(undefined, undefined, id, this.#max),
  };

  /** The process of that name is not there any more. @param forGood rule 1 */
  left(id: string, forGood: boolean): void {
    const record = this.#records.get(id);
    if (record === undefined || (!forGood && record.facts() !== null)) return;
    this.#records.delete(id);
    record.end();
    if (forGood && record.facts() !== null) this.#write(id);
  }

  /** As if the processes of these names were gone for good: none of them is there. */
  forget(matches: (id: string) => boolean): void {
    for (const id of [...this.#records.keys()]) if (matches(id)) this.left(id, true);
  }

  /** What `maker` issued or derived, from every record, also of those that are not there. */
  strikeFrom(maker: string): void {
    for (const record of this.#index.holdersOf(maker))
      for (const key of this.#index.keysOf(maker, record)) record.drop(key);
  }

  /** The same of all that `matches`. */
  strike(matches: (cap: Capability) => boolean): void {
    for (const record of this.#records.values())
      for (const [key, cap] of record.facts()?.given ?? []) if (matches(cap)) record.drop(key);
  }

  /** What changed so far is kept. Never rejects: `fault` is told. */
  async flushed(): Promise<void> {
    this.#flush();
    await this.#writing;
  }

  #make(id: string, facts: CapabilityFacts | undefined): CapabilityRecord {
    return new CapabilityRecord(facts, () => this.#write(id), id, this.#max, this.#index);
  }

  #write(id: string): void {
    if (this.#store === null) return;
    this.#dirty.add(id);
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      this.#flush();
    });
  }

  #flush(): void {
    const store = this.#store;
    if (this.#dirty.size === 0 || store === null) return;
    const writes = [...this.#dirty].map((id) =>
      store.set(id, this.#records.get(id)?.facts() ?? null).catch((error: unknown) => {
        this.#fault(error);
        this.#dirty.add(id); // the next flush takes it along
      }),
    );
    this.#dirty.clear();
    this.#writing = Promise.all([this.#writing, ...writes]).then(() => undefined);
  }
}
