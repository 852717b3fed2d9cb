/**
 * Names of the cluster that channels ask for: which process has one, here or on another node, started where nobody has it
 * (docs/adr/0037).
 *
 *   here ──which node?──▶ this one: its process          another: {"FarSeek": {to}} to its http-server ──▶ {"Ok": {node}}
 *                                                        who has it there, then ADR 0035; or {"Err": …}: which node, anew?
 *
 * 1. Nothing is started for a channel that its process would not take: the node that is asked checks that first.
 * 2. What may be otherwise in a moment ends with 1013: a name is on its way from one node to another, or a node is away.
 *    4404, after which a client does not come back, is what no node has or had lately, and what takes no channels.
 */
import type { Process } from "../kernel/index.ts";
import {
  Address,
  ANY_NODE,
  CLOSE,
  type CloseCode,
  Envelope,
  HTTP_SERVER,
  ProcessId,
  type SendErrorKind,
} from "../lib/protocol/index.ts";
import { Awaiting } from "./awaiting.ts";
import { readSought } from "./far-events.ts";
import type { FarOwners, FarParts } from "./far-owners.ts";
import { isNodesOwn } from "./own-processes.ts";

const SEEK_SECONDS = 3; // for a node's answer, which finds or starts it: TRIES of them end before a registration's time does
const TRIES = 3; // nodes that are asked: of two that move at once, one answers where the name went

/** Who may have the channel; or how it ends. */
export type FoundOwner = Process | { readonly close: CloseCode; readonly message: string };

export class FarNames {
  readonly #parts: FarParts;
  readonly #owners: FarOwners;
  readonly #isSecure: (id: ProcessId) => boolean;

  /** @param isSecure whether a process takes only who logged in on its own subdomain */
  constructor(parts: FarParts, owners: FarOwners, isSecure: (id: ProcessId) => boolean) {
    this.#parts = parts;
    this.#owners = owners;
    this.#isSecure = isSecure;
  }

  /** Whether it has to be looked for: it is asked for on whichever node, or may be on this one and is not. */
  isSought(node: string | null, id: ProcessId): boolean {
    const { cluster, name, registry } = this.#parts.kernel;
    if (node === ANY_NODE) return true;
    return (node === null || node === name) && registry.get(id) === undefined && cluster?.mayHave(id) === true;
  }

  /** @param found in a turn, perhaps before this returns */
  find(id: ProcessId, found: (owner: FoundOwner) => void): void {
    this.#find(id, found, TRIES);
  }

  /** Another node's http-server has a channel for `to`. @param respond later, perhaps */
  sought(source: Address, to: string, respond: (body: unknown) => void): void {
    const { cluster } = this.#parts.kernel;
    const id = readId(to);
    if (id === undefined || cluster === null || !this.#mayStart(id) || !cluster.mayBeReached(id, source))
      return respond({ Err: "NotFound" });
    cluster.locate(id, true, (located) => respond("node" in located ? { Ok: located } : { Err: located.why }));
  }

  #find(id: ProcessId, found: (owner: FoundOwner) => void, tries: number): void {
    const { cluster, name, registry } = this.#parts.kernel;
    if (cluster === null || (cluster.mayHave(id) && !this.#mayStart(id))) {
      const process = registry.get(id); // where nothing of the cluster runs, `*` is this node alone
      return found(process !== undefined && this.#mayOwn(process) ? process : nobody(id));
    }
    cluster.locate(id, false, (located) => {
      if (!("node" in located)) found(located.nobody ? nobody(id) : later(id, located.why));
      else if (located.node === name) {
        const process = registry.get(id);
        found(process === undefined ? later(id, "Offline") : this.#mayOwn(process) ? process : nobody(id));
      } else this.#ask(located.node, id, found, tries);
    });
  }

  #ask(node: string, id: ProcessId, found: (owner: FoundOwner) => void, tries: number): void {
    const { host, kernel } = this.#parts;
    const server = host();
    const request = new Envelope(
      "request",
      server.our,
      new Address(node, HTTP_SERVER),
      { FarSeek: { to: id.text } },
      null,
    );
    request.expectsResponse = SEEK_SECONDS;
    request.context = new Asked((outcome) => {
      const sought = outcome.kind === "error" ? "Offline" : readSought(outcome.body);
      if (sought === "NotFound") return found(nobody(id));
      if (typeof sought === "object" && sought.node === node) {
        const owner = this.#owners.of(new Address(node, id));
        return found(owner ?? later(id, "Overloaded"));
      }
      kernel.cluster?.lostAt(node, id.text);
      if (tries > 1) this.#find(id, found, tries - 1);
      else found(later(id, typeof sought === "object" ? "Offline" : sought));
    });
    server.send(request);
  }

  #mayStart(id: ProcessId): boolean {
    const { kernel, self } = this.#parts;
    return !this.#isSecure(id) && kernel.cluster?.mayMessage(self, id) === true;
  }

  #mayOwn(process: Process): boolean {
    const { kernel, self } = this.#parts;
    if (this.#owners.isStandIn(process.address.id) || isNodesOwn(process, self)) return false;
    return !this.#isSecure(process.address.id) && kernel.bus.mayMessage(self, process);
  }
}

class Asked extends Awaiting {
  readonly #answered: (outcome: Envelope) => void;

  constructor(answered: (outcome: Envelope) => void) {
    super();
    this.#answered = answered;
  }

  answered(outcome: Envelope): void {
    this.#answered(outcome);
  }
}

function nobody(id: ProcessId): FoundOwner {
  return { close: CLOSE.noSuchProcess, message: `no process "${id.text}" of the cluster takes channels` };
}

function later(id: ProcessId, why: SendErrorKind): FoundOwner {
  const message =
    why === "Overloaded"
      ? `the node that is to have "${id.text}" is overloaded`
      : `nobody has "${id.text}" of the cluster now, or who has it cannot be reached`;
  return { close: CLOSE.tryAgainLater, message };
}

function readId(text: string): ProcessId | undefined {
  try {
    return ProcessId.parse(text);
  } catch {
    return undefined;
  }
}
