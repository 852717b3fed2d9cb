/**
 * The link of a node to others: requests out, and whether it is up (docs/cluster.md). What comes: incoming.ts.
 *
 * 1. Whoever sends sees no difference: the same errors, the same order per sender and target.
 * 2. Capabilities leave only when the node's own processes issued them: nobody can check what is said of a third's.
 * 3. While the wire is down, messages wait for it, `linkGrace` at most; then, and for those sent later, it is Offline.
 */

import type { Envelope, SendErrorKind } from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { pendingOf } from "../pending.ts";
import { Alarm } from "../timer-wheel.ts";
import { LinkError } from "./errors.ts";
import { packRequest } from "./frame.ts";
import { Incoming } from "./incoming.ts";
import { isLinkName } from "./nats-subjects.ts";
import { leavingOf, Peer, type PeerFacts, travelling } from "./peer.ts";
import type { Wire } from "./wire.ts";

const LIFE_IDS = 2 ** 21; // how far apart the numbers of two lives' requests begin, by chance at 2^31 places
const PEERS_MAX = 10_000; // as many nodes as one directory is good for (contracts/cluster.md §10), some 2 kB each

export type LinkFacts = {
  /** The servers, as they were given. */
  readonly where: string;
  /** `waiting`: it broke, and messages wait for it; `lost`: for longer than limits.linkGrace. */
  readonly state: "up" | "waiting" | "lost";
  readonly up: boolean;
  /** How often it has come back. */
  readonly reconnects: number;
  readonly peers: readonly PeerFacts[];
};

export class Link {
  readonly #kernel: Kernel;
  readonly #wire: Wire;
  readonly #peers = new Map<string, Peer>();
  readonly #incoming: Incoming;
  /** Added to a request's id where it leaves: an answer to the life before must not be one to this. */
  readonly #firstId: number;
  readonly #grace: Alarm;
  #ups = 0;
  #state: "closed" | "up" | "waiting" | "lost" = "closed";

  constructor(kernel: Kernel, wire: Wire) {
    this.#kernel = kernel;
    this.#wire = wire;
    this.#firstId = LIFE_IDS * Math.floor(kernel.random() * 2 ** 31);
    this.#incoming = new Incoming(kernel, this.#firstId, (node) => this.#peer(node));
    this.#grace = new Alarm(() => {
      this.#state = "lost";
      for (const peer of this.#peers.values()) peer.unreachable();
    });
  }

  get where(): string {
    return this.#wire.where;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** @throws {LinkError} (rejects) */
  async open(): Promise<void> {
    const { name } = this.#kernel;
    if (!isLinkName(name)) {
      const rule = "a linked node's name must be of lower-case letters, digits, dots and hyphens, 253 at most";
      throw new LinkError(this.where, `${rule}: got "${name}", give it another with --node`);
    }
    await this.#wire.open({
      frame: (peer, lane, bytes) => this.#incoming.frame(peer, lane, bytes),
      absent: (peer, seq) => this.#inTurn(() => this.#peers.get(peer)?.absent(seq)),
      up: () => this.#inTurn(() => this.#up()),
      down: () => this.#down(),
      failed: (error) => this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error }),
    });
  }

  async close(): Promise<void> {
    this.#kernel.wheel.cancel(this.#grace);
    for (const peer of this.#peers.values()) {
      if (this.isUp && this.#kernel.cluster !== null) this.#incoming.sayGone(peer);
      if (this.isUp && peer.in.owes) peer.acknowledge();
      peer.out.leave();
    }
    this.#state = "closed";
    await this.#wire.close();
    for (const peer of this.#peers.values()) peer.stop();
  }

  /** For people: `{"Debug":"Link"}`. */
  describe(): LinkFacts {
    const { where, isUp } = this;
    const state = this.#state === "closed" ? "lost" : this.#state;
    return { where, state, up: isUp, reconnects: Math.max(0, this.#ups - 1), peers: this.facts() };
  }

  /** By name. */
  facts(): readonly PeerFacts[] {
    return [...this.#peers.values()].map(({ facts }) => facts).sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /**
   * @param node another than its target's, where that is whichever has it
   * @returns why not; undefined: it is on its way, and how it ends its pending entry will hear
   */
  send(request: Envelope, node: string = request.target.node): SendErrorKind | undefined {
    if (this.#state === "lost" || this.#state === "closed" || !isLinkName(node)) return "Offline";
    const { id, source, target, body, metadata, rsvp } = request;
    const waiting = rsvp === null ? null : pendingOf(request);
    const seconds = waiting === null ? null : (request.expectsResponse ?? waiting.request.expectsResponse);
    let packed: Uint8Array;
    try {
      packed = packRequest({
        id: waiting === null ? 0 : this.#firstId + id,
        source: source.id.text,
        target: target.id.text,
        seconds,
        body,
        blob: travelling(request),
        mime: request.blob === null ? null : request.blob.mime,
        metadata,
        capabilities: leavingOf(request.capabilities, this.#kernel.name),
      });
    } catch {
      this.#kernel.bus.dropUnpackable(request);
      return undefined;
    }
    if (packed.byteLength > this.#kernel.limits.linkMessage * 1024 * 1024) return "Overloaded";
    const peer = this.#peer(node);
    return peer === undefined ? "Overloaded" : peer.send(request, waiting, packed, seconds ?? 0);
  }

  /** @returns undefined when there are too many, and something is under way with each */
  #peer(node: string): Peer | undefined {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      if (this.#peers.size >= PEERS_MAX && !this.#forgetIdle()) return undefined;
      peer = new Peer(this.#kernel, this.#wire, node, this.#newEpoch());
      this.#peers.set(node, peer);
      if (this.isUp) peer.out.up();
    }
    return peer;
  }

  /** Of a peer that is made again after it was forgotten too: its count begins anew. */
  #newEpoch(): number {
    return 1 + Math.floor(this.#kernel.random() * (2 ** 32 - 2));
  }

  #forgetIdle(): boolean {
    const idle = [...this.#peers.values()].filter(({ isIdle }) => isIdle).slice(0, PEERS_MAX / 10);
    for (const peer of idle) {
      peer.out.leave(); // what was just said of what came: made again, it would say that this was lost
      peer.stop();
      this.#peers.delete(peer.name);
    }
    return idle.length > 0;
  }

  #up(): void {
    this.#kernel.wheel.cancel(this.#grace);
    this.#state = "up";
    this.#ups++;
    for (const peer of this.#peers.values()) peer.out.up();
  }

  #down(): void {
    if (this.#state !== "up") return;
    this.#state = "waiting";
    for (const peer of this.#peers.values()) peer.out.down();
    this.#kernel.wheel.add(this.#grace, this.#kernel.limits.linkGrace);
  }

  /** What the wire tells runs as a turn of its own, as frames do. */
  #inTurn(work: () => void): void {
    this.#kernel.queue.begin();
    try {
      work();
    } finally {
      this.#kernel.queue.end();
    }
  }
}
