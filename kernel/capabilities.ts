/**
 * What one process may do: the capabilities it holds, and those it was offered with messages.
 *
 * 1. Only the kernel adds. A process can `save` what it was offered or issues itself: nothing is minted.
 * 2. Messaging capabilities are also kept as a set of process ids, for the check on every send. One that is derived
 *    counts there only when nothing but its end is narrower: the kernel understands no other restriction.
 * 3. Issuers stand under today's name, whatever they were called (lib/protocol/dialect.ts).
 * 4. `epoch` moves with every change anywhere: a check remembered under an older one must be made again. So it does
 *    when one expires: the wheel wakes the set for that.
 * 5. Where a capability is from decides what a restart does: `equip` is the manifest's and comes from there again,
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
import { CapabilityRecord } from "./capability-records.ts";
import { Alarm, type TimerWheel } from "./timer-wheel.ts";

const OFFERED_MAX = 256; // capabilities; an offer not saved among the next 256 is forgotten

/** Shared by all sets of a kernel. */
export class CapabilityEpoch {
  value = 0;
}

/** What capabilities end by. */
export type CapabilityTime = { readonly wheel: TimerWheel; now(): number };

export class CapabilitySet {
  readonly #node: string;
  readonly #epoch: CapabilityEpoch;
  readonly #time: CapabilityTime | null;
  readonly #held = new Map<string, Capability>();
  readonly #messaging = new Map<string, number>(); // process id texts on this node → how many of #held say so
  readonly #manifest = new Set<string>(); // keys
  readonly #offered = new Map<string, Capability>(); // by key, in the order they came
  #record: CapabilityRecord;
  #alarm: Alarm | null = null;
  #alarmAt = Number.POSITIVE_INFINITY; // ms since the Unix epoch

  /** @param time left out: nothing expires @param record what its process gained and lost before */
  constructor(
    node: string,
    epoch: CapabilityEpoch,
    time: CapabilityTime | null = null,
    record: CapabilityRecord = new CapabilityRecord(),
  ) {
    this.#node = node;
    this.#epoch = epoch;
    this.#time = time;
    this.#record = record;
    for (const cap of record.gained()) this.#hold(cap);
  }

  list(): readonly Capability[] {
    return [...this.#held.values()].filter((cap) => !this.#hasLapsed(cap));
  }

  has(cap: Capability): boolean {
    return this.get(cap) !== undefined;
  }

  /** As `has`, by its capabilityKey: for who asks of the same one again and again. */
  hasKey(key: string): boolean {
    const held = this.#held.get(key);
    return held !== undefined && !this.#hasLapsed(held);
  }

  /** As it is held, with its end. */
  get(cap: Capability): Capability | undefined {
    const held = this.#held.get(capabilityKey(cap));
    return held === undefined || this.#hasLapsed(held) ? undefined : held;
  }

  /** Hot path. */
  mayMessage(id: ProcessId): boolean {
    return this.#messaging.has(id.text);
  }

  /** What the kernel gives while both are there: it is not recorded. @throws {CapabilityParamsError} */
  add(cap: Capability): void {
    this.#hold(cap);
  }

  /** What its manifest says, unless that was taken from it at run time. @throws {CapabilityParamsError} */
  equip(cap: Capability): void {
    const key = capabilityKey(cap);
    this.#manifest.add(key);
    if (!this.#record.isTaken(key)) this.#hold(cap);
  }

  /** Its manifest says so no more; nor does it matter then whether that was taken from it. */
  unequip(cap: Capability): void {
    const key = capabilityKey(cap);
    if (!this.#manifest.delete(key)) return;
    this.#record.restore(key);
    const held = this.#held.get(key);
    if (held !== undefined) this.#release(key, held);
  }

  /** For good: it comes back with its process. @throws {CapabilityParamsError} @throws {LimitError} it has limits.capabilities of such */
  gain(cap: Capability): void {
    if (this.#hasLapsed(cap)) return;
    const key = capabilityKey(cap);
    if (!this.#manifest.has(key)) this.#record.gain(key, canonical(cap));
    else this.#record.restore(key);
    this.#hold(cap);
  }

  drop(cap: Capability): void {
    const key = capabilityKey(cap);
    if (this.#held.has(key)) this.#lose(key);
  }

  /** Takes what `matches`, also what was only offered. @returns whether it held any */
  revoke(matches: (cap: Capability) => boolean): boolean {
    for (const [key, cap] of this.#offered) if (matches(cap)) this.#offered.delete(key);
    const taken = [...this.#held].filter(([, cap]) => matches(cap));
    for (const [key] of taken) this.#lose(key);
    for (const cap of this.#record.gained()) if (matches(cap)) this.#record.drop(capabilityKey(cap));
    return taken.length > 0;
  }

  /** Drops all that `issuer` issued or derived: it exists no more. @param forGood it does not come back with the node */
  revokeFrom(issuer: string, forGood = true): void {
    const matches = (cap: Capability): boolean => isFrom(cap, issuer);
    // Every process is asked at each end of another: nothing is made for those that hold nothing of it.
    for (const [key, cap] of this.#offered) if (matches(cap)) this.#offered.delete(key);
    const lost: (readonly [string, Capability])[] = [];
    for (const entry of this.#held) if (matches(entry[1])) lost.push(entry);
    for (const [key, cap] of lost) this.#release(key, cap);
    if (!forGood) return;
    for (const cap of this.#record.gained()) if (matches(cap)) this.#record.drop(capabilityKey(cap));
  }

  /** The same of many, which may come back. */
  revokeFromAll(issuers: ReadonlySet<string>): void {
    const matches = (cap: Capability): boolean =>
      issuers.has(cap.issuer) || (cap.params !== MESSAGING && lineage(cap).by.some((by) => issuers.has(by)));
    for (const [key, cap] of this.#offered) if (matches(cap)) this.#offered.delete(key);
    for (const [key, cap] of [...this.#held]) if (matches(cap)) this.#release(key, cap);
  }

  /** A message brought these; they may be saved. */
  offer(capabilities: readonly Capability[]): void {
    for (const cap of capabilities) {
      if (this.#hasLapsed(cap)) continue;
      this.#offered.set(capabilityKey(cap), cap);
      if (this.#offered.size > OFFERED_MAX) {
        const [oldest] = this.#offered.keys();
        if (oldest !== undefined) this.#offered.delete(oldest);
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

  /** Its process is gone: nothing is to wake it any more. */
  end(): void {
    if (this.#alarm !== null) this.#time?.wheel.cancel(this.#alarm);
    this.#alarm = null;
  }

  #source(cap: Capability, self: string): Capability | undefined {
    if (canonicalAddress(cap.issuer) === self) return cap;
    const key = capabilityKey(cap);
    const known = [this.#held.get(key), this.#offered.get(key)].flatMap((known) => known ?? []);
    const lasting = known.find((one) => !this.#hasLapsed(one)) ?? known[0];
    if (lasting !== undefined) return lasting;
    const parent = derivedBy(cap) === self ? derivedParent(cap) : undefined;
    return parent === undefined ? undefined : this.#source(parent, self);
  }

  #hasLapsed(cap: Capability): boolean {
    return cap.expires !== undefined && this.#time !== null && hasLapsed(cap, this.#time.now());
  }

  #hold(cap: Capability): void {
    if (this.#hasLapsed(cap)) return;
    const key = capabilityKey(cap);
    const held = this.#held.get(key);
    if (held === undefined) this.#count(cap, 1);
    // Held twice, it ends with the later of the two.
    const ends =
      held !== undefined && (held.expires ?? Infinity) > (cap.expires ?? Infinity) ? held.expires : cap.expires;
    this.#held.set(key, withExpires(canonical(cap), ends));
    this.#epoch.value++;
    if (ends !== undefined) this.#wakeAt(ends);
  }

  /** It is gone from it for good: what was gained is forgotten, what the manifest gave is written down as taken. */
  #lose(key: string): void {
    const cap = this.#held.get(key);
    if (cap === undefined) return;
    if (this.#manifest.has(key)) this.#record.take(key);
    else this.#record.drop(key);
    this.#release(key, cap);
  }

  #release(key: string, cap: Capability): void {
    this.#held.delete(key);
    this.#count(cap, -1);
    this.#epoch.value++;
  }

  #wakeAt(ends: number): void {
    if (this.#time === null || ends >= this.#alarmAt) return;
    this.end();
    this.#alarmAt = ends;
    this.#alarm = new Alarm(() => this.#expire());
    this.#time.wheel.add(this.#alarm, ends - this.#time.now());
  }

  #expire(): void {
    this.#alarm = null;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const [key, cap] of [...this.#held]) {
      if (this.#hasLapsed(cap)) {
        this.#record.drop(key);
        this.#release(key, cap);
      } else next = Math.min(next, cap.expires ?? next);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wakeAt(next); // or the clock was put back
  }

  #count(cap: Capability, by: 1 | -1): void {
    const id = this.#messagingTarget(cap);
    if (id === undefined) return;
    const count = (this.#messaging.get(id) ?? 0) + by;
    if (count > 0) this.#messaging.set(id, count);
    else this.#messaging.delete(id);
  }

  #messagingTarget(cap: Capability): string | undefined {
    const prefix = `${this.#node}@`;
    const issuer = canonicalAddress(cap.issuer);
    if (!issuer.startsWith(prefix)) return undefined;
    return isWholly(cap, MESSAGING) ? issuer.slice(prefix.length) : undefined;
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
