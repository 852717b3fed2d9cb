/**
 * Which names of this node a page cannot have made up: what comes from this machine is trusted only under one of them.
 *
 * A page of evil.example whose name is made to lead to 127.0.0.1 (DNS rebinding) reaches this node from a browser on this
 * machine, and as its own origin: the peer's address is loopback and Origin agrees with Host. The Host still says
 * evil.example. An address is no such name, nor is localhost or what stands below it (RFC 6761 §6.3), and no page can
 * leave Host out.
 */
import { isIP } from "node:net";
import { OptionError } from "../lib/protocol/index.ts";
import { hostName } from "./headers.ts";

const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

export class OwnHosts {
  readonly #names: ReadonlySet<string>;

  /** @param names without a port, e.g. `box.home` @throws {OptionError} one is no host name */
  constructor(names: readonly string[] = []) {
    for (const name of names) assertName(name);
    this.#names = new Set(["", "localhost", ...names.map((name) => name.toLowerCase())]);
  }

  /** @param host as the client named this node, with its port; empty when it did not */
  has(host: string): boolean {
    const name = hostName(host).toLowerCase().replace(/\.$/, "");
    return this.#names.has(name) || name.endsWith(".localhost") || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
  }
}

/** @throws {OptionError} */
function assertName(name: string): void {
  if (NAME.test(name.toLowerCase())) return;
  throw new OptionError(
    `Cannot allow host ${JSON.stringify(name)} as it must be a host name without scheme and port: for example box.home`,
  );
}
