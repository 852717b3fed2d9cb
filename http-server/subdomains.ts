/**
 * The secure subdomains: an origin of its own for each package that asks for one (contract kinode §5.5).
 *
 * 1. The label is package and publisher with "-" for every other letter: `chess:sys` has `chess-sys.localhost`.
 * 2. Two packages may come to the same label: the first to bind has it until the node stops. Not only while it has paths:
 *    what browsers keep for an origin must not fall to another package.
 * 3. A process is secure from its first secure path on: see registrar.ts. Channels that came by another login end then.
 */
import type { ProcessId } from "../lib/protocol/index.ts";
import type { Visit } from "./visit.ts";

const LABEL_MAX = 63; // letters of one label (RFC 1035 §2.3.4)

/** Why a path is refused on another package's subdomain. */
export const OTHER_PACKAGE = "this subdomain is another package's: open the node by its own name";

export class Subdomains {
  readonly #packages = new Map<string, string>(); // by label; as many as the packages the node was started with
  readonly #secure = new Set<string>(); // process ids

  /** `id` binds a secure path. @returns false when its label is another package's, or no host may have it */
  claim(id: ProcessId): boolean {
    const label = labelOf(id);
    if (label.length > LABEL_MAX) return false;
    const owner = this.#packages.get(label) ?? id.packageId.text;
    if (owner !== id.packageId.text) return false;
    this.#packages.set(label, owner);
    this.#secure.add(id.text);
    return true;
  }

  /** The label of a package that `host` begins with; null: it is the node itself. */
  of(host: string): string | null {
    if (this.#packages.size === 0) return null;
    const [label = ""] = host.toLowerCase().split(".", 1);
    return label.length < host.length && this.#packages.has(label) ? label : null;
  }

  /** Whether `label` stands for the package of `id`. */
  isOf(label: string, id: ProcessId): boolean {
    return this.#packages.get(label) === id.packageId.text;
  }

  /** Some secure process of the package that has `label`. */
  someOf(label: string): string | undefined {
    const owner = this.#packages.get(label);
    return [...this.#secure].find((id) => id.slice(id.indexOf(":") + 1) === owner);
  }

  isSecure(id: ProcessId): boolean {
    return this.#secure.has(id.text);
  }

  forget(id: ProcessId): void {
    this.#secure.delete(id.text);
  }
}

export function labelOf({ package: name, publisher }: ProcessId): string {
  return `${name}-${publisher}`.replaceAll(/[^A-Za-z0-9]/g, "-");
}

/**
 * Where `visit` should have gone to reach `id`.
 * @returns undefined when the host it named has no subdomains: an IP address, or no host at all
 */
export function secureUrl(visit: Visit, id: ProcessId): string | undefined {
  const { host } = visit;
  if (!/^[a-z0-9_]([\w.-]*[a-z0-9_])?(:\d{1,5})?$/i.test(host) || /^\d+(\.\d+)*(:\d+)?$/.test(host)) return undefined;
  const query = visit.query === "" ? "" : `?${visit.query}`;
  return `${visit.secure ? "https" : "http"}://${labelOf(id)}.${host}${visit.path}${query}`;
}
