/**
 * What one process may do: the capabilities it holds, and those it was offered with messages.
 *
 * 1. Only the kernel adds. A process can `save` what it was offered or issues itself: nothing is minted.
 * 2. A messaging capability that is derived lets its holder send only when nothing but its end is narrower: the kernel
 *    understands no other restriction.
 * 3. Issuers stand under today's name, whatever they were called (lib/protocol/dialect.ts).
 * 4. `epoch` moves with every change anywhere: a check remembered under an older one must be made again. So it does
 *    when one expires: the wheel wakes the set for that.
 * 5. What is empty in most sets is not there until it is needed, and what equal ones hold is there once (holdings.ts): there
 *    may be a hundred thousand.
 * 6. Where a capability is from decides what a restart does: `equip` is the manifest's and comes from there again,
 *    `gain` is recorded (capability-records.ts), and so is that one of the manifest was taken; `add` is the kernel's own.
 */
import {
  type Capability,
  canonicalAddress,
  capabilityKey,
  comesFrom,
  derivedBy,
  derivedParent,
  hasLapsed,
  isWholly,
  lineage,
  MESSAGING,
  type ProcessId,
  soonest,
  withExpires,
} from "../lib/protocol/index.ts";
import { type CapabilityRecord, type RecordSource, UNKEPT } from "./capability-records.ts";
import type { CapabilityScope } from "./capability-scope.ts";
import type { Holdings } from "./holdings.ts";
import { Alarm } from "./timer-wheel.ts";

const NO_KEYS: readonly string[] = []; // of all whose manifest names none
const OFFERED_MAX = 256; // capabilities; an offer not saved among the next 256 is forgotten

/** Shared by all sets of a kernel. */
export class CapabilityEpoch {
  value = 0;
}

export class CapabilitySet {
  readonly #scope: CapabilityScope;
  readonly #name: string; // by which it is recorded
  readonly #records: RecordSource;
  #holdings: Holdings;
  #manifest: readonly string[] = NO_KEYS; // a list, as manifests name few
  #offered: Map<string, Capability> | null = null; // by key, in the order they came
  #record: CapabilityRecord | null; // null: it has gained and lost nothing
  #alarm: LapseAlarm | null = null;

  /** @param name a process id @param records knows what its process gained and lost before */
  constructor(scope: CapabilityScope, name = "", records: RecordSource = UNKEPT) {
    this.#scope = scope;
    this.#name = name;
    this.#records = records;
    this.#holdings = scope.nothing;
    this.#record = records.find(name);
    if (this.#record !== null) for (const cap of this.#record.gained()) this.#hold(cap);
  }

  list(): readonly Capability[] {
    return [...this.#holdings.all()].filter((cap) => !this.#hasLapsed(cap));
  }

  has(cap: Capability): boolean {
    return this.get(cap) !== undefined;
  }

  /** As `has`, by its capabilityKey: for who asks of the same one again and again. */
  hasKey(key: string): boolean {
    const held = this.#holdings.get(key);
    return held !== undefined && !this.#hasLapsed(held);
  }

  /** As it is held, with its end. */
  get(cap: Capability): Capability | undefined {
    const held = this.#holdings.get(capabilityKey(cap));
    return held === undefined || this.#hasLapsed(held) ? undefined : held;
  }

  /** Hot path. */
  mayMessage(id: ProcessId): boolean {
    return this.#holdings.mayMessage(id.text);
  }

  /** What the kernel gives while both are there: it is not recorded. @throws {CapabilityParamsError} */
  add(cap: Capability): void {
    this.#hold(cap);
  }

  /** What its manifest says, unless that was taken from it at run time. @throws {CapabilityParamsError} */
  equip(cap: Capability): void {
    const key = capabilityKey(cap);
    if (!this.#manifest.includes(key)) this.#manifest = [...this.#manifest, key];
    if (this.#record?.isTaken(key) !== true) this.#hold(cap);
  }

  /** Its manifest says so no more; nor does it matter then whether that was taken from it. */
  unequip(cap: Capability): void {
    const key = capabilityKey(cap);
    if (!this.#manifest.includes(key)) return;
    this.#manifest = this.#manifest.filter((each) => each !== key);
    this.#record?.restore(key);
    const held = this.#holdings.get(key);
    if (held !== undefined) this.#release(key, held);
  }

  /** For good: it comes back with its process. @throws {CapabilityParamsError} @throws {LimitError} it has limits.capabilities of such */
  gain(cap: Capability): void {
    if (this.#hasLapsed(cap)) return;
    const key = capabilityKey(cap);
    if (!this.#manifest.includes(key)) this.#recorded().gain(key, canonical(cap));
    else this.#record?.restore(key);
    this.#hold(cap);
  }

  drop(cap: Capability): void {
    const key = capabilityKey(cap);
    this.#lose(key);
  }

  /** Takes what `matches`, also what was only offered. @returns whether it held any */
  revoke(matches: (cap: Capability) => boolean): boolean {
    for (const [key, cap] of this.#offered ?? []) if (matches(cap)) this.#forgetOffer(key, cap);
    const taken = [...this.#holdings.entries()].filter(([, cap]) => matches(cap));
    for (const [key] of taken) this.#lose(key);
    for (const cap of this.#record?.gained() ?? []) if (matches(cap)) this.#record?.drop(capabilityKey(cap));
    return taken.length > 0;
  }

  /** Drops all that `issuer` issued or derived: it exists no more. @param forGood it does not come back with the node */
  revokeFrom(issuer: string, forGood = true): void {
    for (const key of this.#scope.holders.keysOf(issuer, this)) {
      const offered = this.#offered?.get(key);
      if (offered !== undefined) this.#forgetOffer(key, offered);
      const held = this.#holdings.get(key);
      if (held !== undefined) this.#release(key, held);
      if (forGood) this.#record?.drop(key);
    }
  }

  /** A message brought these; they may be saved. */
  offer(capabilities: readonly Capability[]): void {
    for (const cap of capabilities) {
      if (this.#hasLapsed(cap)) continue;
      const key = capabilityKey(cap);
      this.#offered ??= new Map();
      if (!this.#offered.has(key)) this.#scope.holders.add(this, key, cap);
      this.#offered.set(key, cap);
      if (this.#offered.size > OFFERED_MAX) {
        const [oldest] = this.#offered;
        if (oldest !== undefined) this.#forgetOffer(...oldest);
      }
    }
  }

  /** @param self text of the address whose own capabilities may be saved too @returns those refused @throws {LimitError} */
  save(capabilities: readonly Capability[], self: string): readonly Capability[] {
    const refused: Capability[] = [];
    for (const cap of capabilities) {
      const inForce = this.inForce(cap, self);
      if (inForce === undefined) refused.push(cap);
      else this.gain(inForce);
    }
    return refused;
  }

  /** What of `capabilities` may go along with a message. @param self text of the address whose set this is */
  attachable(capabilities: readonly Capability[], self: string): readonly Capability[] {
    return capabilities.flatMap((cap) => this.inForce(cap, self) ?? []);
  }

  /**
   * `cap` as this process may use and hand on: its own, held, come with a message, or derived by itself from such a one.
   * With the end that it has, or a sooner one that `cap` names.
   */
  inForce(cap: Capability, self: string): Capability | undefined {
    if (cap.expires !== undefined && !Number.isFinite(cap.expires)) return undefined; // a process may write anything
    const found = this.#source(cap, self);
    if (found === undefined) return undefined;
    const inForce = withExpires(canonical(cap), soonest(cap.expires, found.expires));
    return this.#hasLapsed(inForce) ? undefined : inForce;
  }

  /** Its process is gone: nothing is to wake it any more, and nobody to find it. */
  end(): void {
    this.#unset();
    const { holders } = this.#scope;
    for (const [key, cap] of this.#holdings.entries()) holders.remove(this, key, cap);
    for (const [key, cap] of this.#offered ?? []) holders.remove(this, key, cap);
  }

  #source(cap: Capability, self: string): Capability | undefined {
    if (canonicalAddress(cap.issuer) === self) return cap;
    const key = capabilityKey(cap);
    const known = [this.#holdings.get(key), this.#offered?.get(key)].flatMap((known) => known ?? []);
    const lasting = known.find((one) => !this.#hasLapsed(one)) ?? known[0];
    if (lasting !== undefined) return lasting;
    const parent = derivedBy(cap) === self ? derivedParent(cap) : undefined;
    return parent === undefined ? undefined : this.#source(parent, self);
  }

  #hasLapsed(cap: Capability): boolean {
    const { time } = this.#scope;
    return cap.expires !== undefined && time !== null && hasLapsed(cap, time.now());
  }

  #hold(cap: Capability): void {
    if (this.#hasLapsed(cap)) return;
    const key = capabilityKey(cap);
    const held = this.#holdings.get(key);
    // Held twice, it ends with the later of the two.
    const ends =
      held !== undefined && (held.expires ?? Infinity) > (cap.expires ?? Infinity) ? held.expires : cap.expires;
    const kept = withExpires(canonical(cap), ends);
    this.#holdings = this.#holdings.with({ key, cap: kept, messages: this.#messagingTarget(kept) });
    if (held === undefined) this.#scope.holders.add(this, key, kept);
    this.#scope.epoch.value++;
    if (ends !== undefined) this.#wakeAt(ends);
  }

  /** It is gone from it for good: what was gained is forgotten, what the manifest gave is written down as taken. */
  #lose(key: string): void {
    const cap = this.#holdings.get(key);
    if (cap === undefined) return;
    if (this.#manifest.includes(key)) this.#recorded().take(key);
    else this.#record?.drop(key);
    this.#release(key, cap);
  }

  #release(key: string, cap: Capability): void {
    this.#holdings = this.#holdings.without({ key, messages: this.#messagingTarget(cap) });
    if (this.#offered?.has(key) !== true) this.#scope.holders.remove(this, key, cap);
    this.#scope.epoch.value++;
  }

  #forgetOffer(key: string, cap: Capability): void {
    this.#offered?.delete(key);
    if (this.#holdings.get(key) === undefined) this.#scope.holders.remove(this, key, cap);
  }

  #recorded(): CapabilityRecord {
    this.#record ??= this.#records.of(this.#name);
    return this.#record;
  }

  #wakeAt(ends: number): void {
    const { time } = this.#scope;
    if (time === null || ends >= (this.#alarm?.at ?? Number.POSITIVE_INFINITY)) return;
    this.#unset();
    this.#alarm = new LapseAlarm(ends, () => this.#expire());
    time.wheel.add(this.#alarm, ends - time.now());
  }

  #unset(): void {
    if (this.#alarm !== null) this.#scope.time?.wheel.cancel(this.#alarm);
    this.#alarm = null;
  }

  #expire(): void {
    this.#alarm = null;
    let next = Number.POSITIVE_INFINITY;
    for (const [key, cap] of [...this.#holdings.entries()]) {
      if (this.#hasLapsed(cap)) {
        this.#record?.drop(key);
        this.#release(key, cap);
      } else next = Math.min(next, cap.expires ?? next);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wakeAt(next); // or the clock was put back
  }

  #messagingTarget(cap: Capability): string | undefined {
    const prefix = `${this.#scope.node}@`;
    const issuer = canonicalAddress(cap.issuer);
    if (!issuer.startsWith(prefix)) return undefined;
    return isWholly(cap, MESSAGING) ? issuer.slice(prefix.length) : undefined;
  }
}

class LapseAlarm extends Alarm {
  readonly at: number; // ms since the Unix epoch

  constructor(at: number, due: () => void) {
    super(due);
    this.at = at;
  }
}

/** Whether `who` has issued it, or derived it, or one that it comes from. */
export function isFrom(cap: Capability, who: string): boolean {
  return cap.issuer === who || (cap.params.includes(who) && lineage(cap).by.includes(who));
}

/** Whether `cap` ends with `ancestor`. */
export function endsWith(cap: Capability, ancestor: Capability): boolean {
  return cap.issuer === canonicalAddress(ancestor.issuer) && comesFrom(cap, ancestor);
}

function canonical(cap: Capability): Capability {
  const issuer = canonicalAddress(cap.issuer);
  return issuer === cap.issuer ? cap : { ...cap, issuer };
}
