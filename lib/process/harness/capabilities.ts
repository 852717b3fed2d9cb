/** The capabilities of a process under test: those it was given, and those that came with messages and were saved. */
import {
  type Address,
  type Capability,
  type CapabilityCalls,
  capability,
  capabilityKey,
  derivedBy,
  derivedFrom,
  derivedParent,
  type HostCommand,
  MESSAGING,
  soonest,
  withExpires,
} from "../../protocol/index.ts";

export class HeldCapabilities implements CapabilityCalls {
  readonly #our: Address;
  readonly #held = new Map<string, Capability>();
  readonly #offered = new Set<string>();

  constructor(our: Address, held: readonly Capability[]) {
    this.#our = our;
    for (const cap of held) this.#held.set(capabilityKey(cap), cap);
  }

  /** They came with a message: they may be saved. */
  offer(capabilities: readonly Capability[]): void {
    for (const cap of capabilities) this.#offered.add(capabilityKey(cap));
  }

  list(): readonly Capability[] {
    return [...this.#held.values()];
  }

  save(capabilities: readonly Capability[]): readonly Capability[] {
    return capabilities.filter((cap) => {
      const key = capabilityKey(cap);
      if (cap.issuer !== this.#our.text && !this.#offered.has(key)) return true;
      this.#held.set(key, cap);
      return false;
    });
  }

  drop(capabilities: readonly Capability[]): void {
    for (const cap of capabilities) this.#held.delete(capabilityKey(cap));
  }

  has(capability: Capability): boolean {
    return this.#held.has(capabilityKey(capability));
  }

  /** As kernel/capabilities.ts: its own, held, come with a message, or derived by itself. */
  attachable(capabilities: readonly Capability[]): readonly Capability[] {
    const mayUse = (cap: Capability): boolean => {
      if (cap.issuer === this.#our.text || this.has(cap) || this.#offered.has(capabilityKey(cap))) return true;
      const parent = derivedBy(cap) === this.#our.text ? derivedParent(cap) : undefined;
      return parent !== undefined && mayUse(parent);
    };
    return capabilities.filter(mayUse);
  }

  /** What the kernel answers to a command about capabilities, as long as the test says nothing else. */
  command(command: HostCommand): unknown {
    if ("Issue" in command) return withExpires(capability(this.#our, command.Issue.params), command.Issue.expires);
    if ("Derive" in command) {
      const { capability: parent, only, expires } = command.Derive;
      return withExpires(derivedFrom(parent, only, this.#our.text), soonest(parent.expires, expires));
    }
    return undefined;
  }

  canMessage(target: Address): boolean {
    return (
      target.id.packageId.text === this.#our.id.packageId.text || this.has({ issuer: target.text, params: MESSAGING })
    );
  }
}
