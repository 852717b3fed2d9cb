/**
 * What one process may do: the capabilities it holds, and those it was offered with messages.
 *
 * 1. Only the kernel adds. A process can `save` what it was offered or issues itself: nothing is minted.
 * 2. Messaging capabilities are also kept as a set of process ids, for the check on every send.
 * 3. Issuers stand under today's name, whatever they were called (lib/protocol/dialect.ts).
 * 4. `epoch` moves with every change anywhere: a check remembered under an older one must be made again.
 */
import { type Capability, canonicalAddress, capabilityKey, MESSAGING, type ProcessId } from "../lib/protocol/index.ts";

const OFFERED_MAX = 256; // capabilities; an offer not saved among the next 256 is forgotten

/** Shared by all sets of a kernel. */
export class CapabilityEpoch {
  value = 0;
}

export class CapabilitySet {
  readonly #node: string;
  readonly #epoch: CapabilityEpoch;
  readonly #held = new Map<string, Capability>();
  readonly #messaging = new Set<string>(); // process id texts on this node
  readonly #offered = new Map<string, Capability>(); // by key, in the order they came

  constructor(node: string, epoch: CapabilityEpoch) {
    this.#node = node;
    this.#epoch = epoch;
  }

  list(): readonly Capability[] {
    return [...this.#held.values()];
  }

  has(cap: Capability): boolean {
    return this.#held.has(capabilityKey(cap));
  }

  /** Hot path. */
  mayMessage(id: ProcessId): boolean {
    return this.#messaging.has(id.text);
  }

  /** @throws {CapabilityParamsError} */
  add(cap: Capability): void {
    const issuer = canonicalAddress(cap.issuer);
    this.#held.set(capabilityKey(cap), issuer === cap.issuer ? cap : { ...cap, issuer });
    const id = this.#messagingTarget(cap);
    if (id !== undefined) this.#messaging.add(id);
    this.#epoch.value++;
  }

  drop(cap: Capability): void {
    if (!this.#held.delete(capabilityKey(cap))) return;
    const id = this.#messagingTarget(cap);
    if (id !== undefined) this.#messaging.delete(id);
    this.#epoch.value++;
  }

  /** Drops all that `issuer` issued: it exists no more. */
  revokeFrom(issuer: string): void {
    for (const cap of this.list()) if (cap.issuer === issuer) this.drop(cap);
    for (const key of this.#offered.keys()) if (key.startsWith(`${issuer} `)) this.#offered.delete(key);
  }

  /** A message brought these; they may be saved. */
  offer(capabilities: readonly Capability[]): void {
    for (const cap of capabilities) {
      this.#offered.set(capabilityKey(cap), cap);
      if (this.#offered.size > OFFERED_MAX) {
        const [oldest] = this.#offered.keys();
        if (oldest !== undefined) this.#offered.delete(oldest);
      }
    }
  }

  /** @param self text of the address whose own capabilities may be saved too @returns those refused */
  save(capabilities: readonly Capability[], self: string): readonly Capability[] {
    const refused: Capability[] = [];
    for (const cap of capabilities) {
      if (cap.issuer === self || this.#offered.has(capabilityKey(cap))) this.add(cap);
      else refused.push(cap);
    }
    return refused;
  }

  /** What of `capabilities` may go along with a message. @param self text of the address whose set this is */
  attachable(capabilities: readonly Capability[], self: string): readonly Capability[] {
    return capabilities.filter((cap) => {
      if (cap.issuer === self) return true;
      const key = capabilityKey(cap);
      return this.#held.has(key) || this.#offered.has(key);
    });
  }

  #messagingTarget(cap: Capability): string | undefined {
    const prefix = `${this.#node}@`;
    const issuer = canonicalAddress(cap.issuer);
    const isMessaging = capabilityKey(cap) === `${issuer} ${MESSAGING}`; // as JSON: white space does not count
    return isMessaging && issuer.startsWith(prefix) ? issuer.slice(prefix.length) : undefined;
  }
}
