/**
 * `ctx.capabilities`: what this process may do, and what it lets others do (docs/adr/0021).
 *
 *   const read = await ctx.capabilities.issue({ kind: "read" }, { to: "viewer:app:me.os", seconds: 3600 });
 *   const one = await ctx.capabilities.derive(held, { path: "/app:me.os/pictures/1.png" });
 *   ctx.request(to).capabilities([one]).send();
 *   await ctx.capabilities.revoke(read);
 */
import {
  type Address,
  type Capability,
  type CapabilityCalls,
  capability,
  type Host,
  type HostCommand,
  soonest,
  withExpires,
} from "../protocol/index.ts";

export type CapabilityEnd = {
  /** How long it is good for, from now on; left out: until it is revoked. */
  readonly seconds?: number;
};

export type IssueOptions = CapabilityEnd & {
  /** The process of this node that is to hold it, which this one may message. Left out: nobody yet, to send it with a message. */
  readonly to?: string;
};

export class Capabilities implements CapabilityCalls {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  list(): readonly Capability[] {
    return this.#host.capabilities.list();
  }

  /** Keeps capabilities that came with a message, or that this process issues: after a restart of the node too. @returns those refused */
  save(capabilities: readonly Capability[]): readonly Capability[] {
    return this.#host.capabilities.save(capabilities);
  }

  drop(capabilities: readonly Capability[]): void {
    this.#host.capabilities.drop(capabilities);
  }

  has(cap: Capability): boolean {
    return this.#host.capabilities.has(cap);
  }

  canMessage(target: Address): boolean {
    return this.#host.capabilities.canMessage(target);
  }

  /** @param params what it permits with this process, as JSON @throws {CommandError} no_such_process, denied @throws {OptionError} */
  async issue(params: unknown, { to, seconds }: IssueOptions = {}): Promise<Capability> {
    const end = this.#end(seconds);
    const text = JSON.stringify(params);
    if (to === undefined) return withExpires(capability(this.#host.our, text), end);
    return this.#command({ Issue: { to, params: text, ...(end === undefined ? {} : { expires: end }) } });
  }

  /**
   * A narrower one than `parent`, which this process holds or has received, to hand on: its issuer asks for both.
   * @param only what must be so, as its issuer understands it, e.g. `{ path }`; left out: only its end is sooner
   * @throws {CommandError} not_held @throws {OptionError}
   */
  derive(
    parent: Capability,
    only?: Readonly<Record<string, unknown>>,
    { seconds }: CapabilityEnd = {},
  ): Promise<Capability> {
    const end = soonest(parent.expires, this.#end(seconds));
    return this.#command({
      Derive: { capability: parent, only: only ?? null, ...(end === undefined ? {} : { expires: end }) },
    });
  }

  /**
   * Ends one that this process issued or derived, and all that come from it, wherever on this node they are.
   * @returns how many processes held one @throws {CommandError} not_issuer
   */
  revoke(cap: Capability): Promise<number> {
    return this.#command({ Revoke: { capability: cap } });
  }

  #end(seconds: number | undefined): number | undefined {
    return seconds === undefined ? undefined : this.#host.now() + seconds * 1000;
  }

  async #command<Result>(command: HostCommand): Promise<Result> {
    return (await this.#host.command(command)) as Result; // by the command: see host-command.ts
  }
}
