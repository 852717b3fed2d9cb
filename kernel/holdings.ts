/**
 * The capabilities that a set holds now; sets that hold the same few have one of these together.
 *
 * 1. Children of one parent, and instances of one family, are given the same capabilities in the same order. What each
 *    holds is what began as nothing, and went on as it did last time (`#next`): a thousand children have one Holdings together.
 * 2. One that is shared is never changed: what differs is a copy. Shared are few capabilities, that do not end by themselves.
 * 3. Messaging capabilities are also kept as process ids, for the check of what is sent.
 */
import type { Capability } from "../lib/protocol/index.ts";

const SHARED_MAX = 8; // capabilities: each more copies those before; parents have thousands, by and by

/** @property messages process id whose messaging capability it is, in effect; undefined: it is no such */
export type Entry = { readonly key: string; readonly cap: Capability; readonly messages: string | undefined };

export class Holdings {
  readonly #held: Map<string, Capability>; // by key
  readonly #messaging: Map<string, number>; // process id texts on this node → how many of #held say so
  readonly #isShared: boolean;
  /** What one that was given `entry` besides these holds. */
  #next: { readonly entry: Entry; readonly holdings: Holdings } | null = null;

  /** @param like left out: it has nothing. Each set of a node begins with the same of these */
  constructor(like: Holdings | null = null, isShared = true) {
    this.#held = new Map(like === null ? [] : like.#held);
    this.#messaging = new Map(like === null ? [] : like.#messaging);
    this.#isShared = isShared;
  }

  get(key: string): Capability | undefined {
    return this.#held.get(key);
  }

  /** In the order they came. */
  all(): IterableIterator<Capability> {
    return this.#held.values();
  }

  entries(): IterableIterator<[string, Capability]> {
    return this.#held.entries();
  }

  /** Hot path. @param id text of a process id */
  mayMessage(id: string): boolean {
    return this.#messaging.has(id);
  }

  /** @returns what holds `entry` too, in place of this */
  with(entry: Entry): Holdings {
    const { key, cap, messages } = entry;
    const before = this.#held.get(key);
    if (before !== undefined && before.expires === cap.expires) return this;
    if (before === undefined && this.#isShared && cap.expires === undefined && this.#held.size < SHARED_MAX)
      return this.#sharedWith(entry);
    const own = this.#own();
    if (before === undefined) own.#count(messages, 1);
    own.#held.set(key, cap);
    return own;
  }

  /** The same without one that it has. */
  without({ key, messages }: Omit<Entry, "cap">): Holdings {
    const own = this.#own();
    if (own.#held.delete(key)) own.#count(messages, -1);
    return own;
  }

  #sharedWith(entry: Entry): Holdings {
    const next = this.#next;
    if (next !== null && next.entry.key === entry.key && next.entry.cap.params === entry.cap.params)
      return next.holdings;
    const holdings = new Holdings(this, true);
    holdings.#held.set(entry.key, Object.freeze(entry.cap)); // programs are given it
    holdings.#count(entry.messages, 1);
    this.#next = { entry, holdings };
    return holdings;
  }

  #own(): Holdings {
    return this.#isShared ? new Holdings(this, false) : this;
  }

  #count(id: string | undefined, by: 1 | -1): void {
    if (id === undefined) return;
    const count = (this.#messaging.get(id) ?? 0) + by;
    if (count > 0) this.#messaging.set(id, count);
    else this.#messaging.delete(id);
  }
}
