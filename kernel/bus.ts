/**
 * Takes a message from its sender to its target's mailbox, or says why not.
 *
 * 1. What cannot be delivered ends at once: an error to whoever waits for the answer, else a dead letter.
 *    Both say why (DESIGN §3.3).
 * 2. An answer needs no capability: asking gives the right to answer, once. (The contract checks answers too, so that
 *    a process that may not message its caller lets it run into Timeout: docs/adr/0003.)
 * 3. A name of the cluster (cluster/) is looked for when no process here has it: there, the message waits until it is known
 *    who has.
 * 4. What is for another node leaves by the link (link/), or is Offline where there is none; without the network
 *    capability, Denied: nothing leaves.
 */
import {
  type Address,
  ANY_NODE,
  type Blob,
  Envelope,
  freezeBody,
  type OnExitRequest,
  type ProcessId,
  type SendErrorKind,
  toAddress,
} from "../lib/protocol/index.ts";
import type { CapabilityEpoch } from "./capabilities.ts";
import type { DeadLetterReason } from "./dead-letters.ts";
import { mayQuery } from "./debug-right.ts";
import { DurableHand } from "./durable/hand.ts";
import type { Kernel } from "./kernel.ts";
import { mayLeave, networkCapability } from "./network.ts";
import { pendingOf } from "./pending.ts";
import type { Process } from "./process.ts";
import type { RunQueue } from "./run-queue.ts";

const REASON: Record<SendErrorKind, DeadLetterReason> = {
  Offline: "offline",
  Overloaded: "overloaded",
  Denied: "denied",
  Timeout: "unexpected_answer", // nobody is refused with it; here for the type
};

export class Bus {
  readonly #kernel: Kernel;
  readonly #epoch: CapabilityEpoch;
  readonly #queue: RunQueue;
  readonly #freezes: boolean;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#epoch = kernel.capabilityEpoch;
    this.#queue = kernel.queue;
    this.#freezes = kernel.freezeBodies;
  }

  /**
   * A leaf's handler calls no other handler, so it may run on the sender's stack: such a message goes through no queue,
   * and needs no envelope. @returns false when it has to be sent as one: then nothing was done
   */
  tell(from: Process, target: Address, body: unknown, blob: Blob | null): boolean {
    const leaf = from.routes.find(target, this.#epoch.value);
    if (leaf === null || !leaf.leaf || blob?.expired === true) return false;
    if (this.#freezes) freezeBody(body);
    if (this.#queue.inTurn) return leaf.takeNow(from.address, body, blob);
    this.#queue.begin();
    try {
      return leaf.takeNow(from.address, body, blob);
    } finally {
      this.#queue.endLater(); // whoever sends after an await has not returned yet: nobody else is run on its stack
    }
  }

  /** Hot path. `request` is stamped. */
  send(request: Envelope, from: Process): void {
    if (this.#freezes) freezeBody(request.body);
    const { target } = request;
    const known = from.routes.find(target, this.#epoch.value);
    if (known !== null) {
      this.deliver(request, known);
      return;
    }
    if (target.node !== this.#kernel.name && !this.#isHeldHere(target)) {
      this.#leave(request, from);
      return;
    }
    const process = this.#kernel.registry.get(target.id);
    if (process === undefined) this.#seek(request, from);
    else if (this.mayMessage(from, process)) {
      from.routes.add(target, process, this.#epoch.value);
      this.deliver(request, process);
    } else if (mayQuery(this.#kernel.name, request, from)) {
      from.routes.note(process);
      this.deliver(request, process);
    } else this.refuse(request, "Denied");
  }

  /** For another node. */
  #leave(request: Envelope, from: Process): void {
    const { name, link } = this.#kernel;
    if (request.target.node === ANY_NODE) return this.#seek(request, from);
    const why = mayLeave(name, request, from) ? (link === null ? "Offline" : link.send(request)) : "Denied";
    if (why !== undefined) this.refuse(request, why);
  }

  /** Whichever node it is on: perhaps this one. */
  #isHeldHere({ node, id }: Address): boolean {
    return node === ANY_NODE && this.#kernel.cluster?.has(id) === true;
  }

  /** No process here has that name: one of the cluster may have it elsewhere, or get it now. */
  #seek(request: Envelope, from: Process): void {
    const { cluster } = this.#kernel;
    const why = cluster === null ? "Offline" : cluster.send(request, from);
    if (why !== undefined) this.refuse(request, why);
  }

  /** For who has looked `target` up and asked `mayMessage` before. Hot path. @returns false when it was refused */
  deliver(request: Envelope, target: Process): boolean {
    if (target.post(request)) {
      const pending = pendingOf(request);
      if (pending !== null) pending.holder = target; // whose end its requester must hear of
      return true;
    }
    const isClosed = target.mailbox.closed;
    if (!isClosed) target.overloaded();
    this.refuse(request, isClosed ? "Offline" : "Overloaded");
    return false;
  }

  answer(answer: Envelope, request: Envelope): void {
    if (this.#freezes) freezeBody(answer.body);
    if (pendingOf(request)?.answer(answer) !== true) this.bury(answer, "unexpected_answer");
  }

  /** Who sends often remembers a yes: see Routes. */
  mayMessage(from: Process, to: Process): boolean {
    return to.public || from.trusted || holdsMessaging(from, to.address.id);
  }

  /** The same of a name that no process here has. */
  mayMessageName(from: Process, id: ProcessId, isPublic: boolean): boolean {
    return isPublic || from.trusted || holdsMessaging(from, id);
  }

  /** Whether `from` may message a process of that name before there is one. */
  mayAwait(from: Process, { id }: Address): boolean {
    const { package: name, publisher } = from.address.id;
    return from.trusted || (name === id.package && publisher === id.publisher) || from.capabilities.mayMessage(id);
  }

  canMessage(from: Process, target: Address): boolean {
    if (target.node !== this.#kernel.name && target.node !== ANY_NODE)
      return from.capabilities.has(networkCapability(this.#kernel.name));
    const process = this.#kernel.registry.get(target.id);
    if (process !== undefined) return this.mayMessage(from, process);
    return this.#kernel.cluster?.mayMessage(from, target.id) ?? false;
  }

  /** Ends a request that was not taken: an error to who waits for its answer, else a dead letter. */
  refuse(request: Envelope, kind: SendErrorKind, reason: DeadLetterReason = REASON[kind]): void {
    if (request.kind === "timer") return;
    if (request.kind === "request" && pendingOf(request)?.fail(kind) === true) return;
    if (request.origin instanceof DurableHand) request.origin.ended("back");
    else this.bury(request, reason);
    if (request.target.node !== this.#kernel.name) this.#kernel.losses?.unsent(request.target);
  }

  /** Whether another than `process` has to answer `request`, and has not: it was passed on. */
  isHeldElsewhere(request: Envelope, process: Process): boolean {
    const pending = pendingOf(request);
    return pending?.waits === true && pending.holder !== process;
  }

  /** Its sender no longer needs an answer; one that comes is taken. */
  release(request: Envelope): void {
    pendingOf(request)?.release();
  }

  /** `by` crashed with `request` in hand: a dead letter, and Offline to who waits, unless it was passed on (DESIGN §3.6). */
  dropCrashed(request: Envelope, by: Process): void {
    if (request.kind === "timer") return;
    const pending = pendingOf(request);
    if (request.kind === "request" && pending?.holder === by) pending.fail("Offline");
    if (request.origin instanceof DurableHand) request.origin.ended("crashed");
    if (!this.#kernel.stopping || !(request.origin instanceof DurableHand)) this.bury(request, "crashed");
  }

  /** `message` cannot cross to where its target runs (kernel/placement/): a dead letter, and Offline to who waits. */
  dropUnpackable(message: Envelope): void {
    if (message.kind === "request") pendingOf(message)?.fail("Offline");
    if (message.origin instanceof DurableHand) message.origin.ended("crashed");
    this.bury(message, "unpackable");
  }

  bury(envelope: Envelope, reason: DeadLetterReason): void {
    const letter = this.#kernel.deadLetters.add(this.#kernel.clock.now(), reason, envelope);
    if (this.#kernel.events.heard) this.#kernel.events.emit({ type: "dead-letter", letter });
  }

  /** What a process wanted sent when it ends: from its own address, nobody waits for answers. */
  sendLastWords(from: Process, requests: readonly OnExitRequest[]): void {
    for (const { target, body, blob, metadata } of requests) {
      const request = new Envelope("request", from.address, toAddress(target, this.#kernel.name), body, blob ?? null);
      request.metadata = metadata ?? null;
      request.id = this.#kernel.nextMessageId();
      this.send(request, from);
    }
  }
}

/** Who may message a keyed family may message its instances. */
function holdsMessaging(from: Process, b: ProcessId): boolean {
  const a = from.address.id;
  if ((a.package === b.package && a.publisher === b.publisher) || from.capabilities.mayMessage(b)) return true;
  return b.key !== undefined && from.capabilities.mayMessage(b.family);
}
