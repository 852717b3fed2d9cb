/**
 * The link of a node to others: requests out, answers back, and the other way round (docs/cluster.md).
 *
 * 1. Whoever sends sees no difference: the same errors, the same order per sender and target.
 * 2. Which node a message is of, the wire says; the rest of it is its kernel's word. A message for a process here is
 *    delivered when that process may use the network, and is public, of the sender's package, or judges other nodes'
 *    messages itself; or the message brings its messaging capability.
 * 3. Capabilities leave only when the node's own processes issued them: nobody can check what is said of a third's.
 *    What comes of capabilities of this node's processes is dropped: they never left as such.
 * 4. While the wire is down, messages wait for it, `linkGrace` at most; then, and for those sent later, it is Offline.
 */

import { copyOf } from "../../lib/protocol/arena.ts";
import {
  Address,
  Blob,
  type Capability,
  canonicalId,
  Envelope,
  HTTP_SERVER,
  ProcessId,
  RPC_ORIGIN,
  type SendError,
  type SendErrorKind,
} from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { mayBeReached } from "../network.ts";
import { pendingOf } from "../pending.ts";
import { Alarm } from "../timer-wheel.ts";
import { LinkError } from "./errors.ts";
import {
  bodyOf,
  type Load,
  packAnswer,
  packRequest,
  readAck,
  readAnswer,
  readHead,
  readProbe,
  readRequest,
} from "./frame.ts";
import { isLinkName } from "./nats-subjects.ts";
import { Peer, type PeerFacts, travelling } from "./peer.ts";
import type { Lane, Wire } from "./wire.ts";

const PEERS_MAX = 10_000; // as many nodes as one directory is good for (contracts/cluster.md §10), some 2 kB each
const ADDRESSES_MAX = 10_000; // of other nodes, some 200 bytes each; then they are made anew

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
  readonly #addresses = new Map<string, Address>();
  readonly #grace: Alarm;
  #ups = 0;
  #state: "closed" | "up" | "waiting" | "lost" = "closed";

  constructor(kernel: Kernel, wire: Wire) {
    this.#kernel = kernel;
    this.#wire = wire;
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
      frame: (peer, lane, bytes) => this.#frame(peer, lane, bytes),
      absent: (peer, seq) => this.#inTurn(() => this.#peers.get(peer)?.absent(seq)),
      up: () => this.#inTurn(() => this.#up()),
      down: () => this.#down(),
    });
  }

  async close(): Promise<void> {
    this.#kernel.wheel.cancel(this.#grace);
    for (const peer of this.#peers.values()) if (this.isUp && peer.in.owes) peer.acknowledge();
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

  /** @returns why not; undefined: it is on its way, and how it ends its pending entry will hear */
  send(request: Envelope): SendErrorKind | undefined {
    if (this.#state === "lost" || this.#state === "closed" || !isLinkName(request.target.node)) return "Offline";
    const { id, source, target, body, metadata, rsvp } = request;
    const waiting = rsvp === null ? null : pendingOf(request);
    const seconds = waiting === null ? null : (request.expectsResponse ?? waiting.request.expectsResponse);
    let packed: Uint8Array;
    try {
      packed = packRequest({
        id: waiting === null ? 0 : id,
        source: source.id.text,
        target: target.id.text,
        seconds,
        body,
        ...travelling(request),
        metadata,
        capabilities: this.#leaving(request.capabilities),
      });
    } catch {
      this.#kernel.bus.dropUnpackable(request);
      return undefined;
    }
    if (packed.byteLength > this.#kernel.limits.linkMessage * 1024 * 1024) return "Overloaded";
    const peer = this.#peer(target.node);
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

  /** What comes runs as a turn of its own, as frames of sockets do. */
  #inTurn(work: () => void): void {
    this.#kernel.queue.begin();
    try {
      work();
    } finally {
      this.#kernel.queue.end();
    }
  }

  #frame(node: string, lane: Lane, bytes: Uint8Array): void {
    this.#inTurn(() => {
      try {
        const peer = this.#peer(node);
        if (peer?.inflow.takes(bytes.byteLength, this.#kernel.clock.monotonic())) this.#take(peer, lane, bytes);
      } catch (error) {
        this.#fault(node, error);
      }
    });
  }

  /** A node that sends nothing but rubbish must not fill the log: one of its faults a time is told, the others counted. */
  #fault(node: string, error: unknown): void {
    if (this.#peers.get(node)?.faulted() === true)
      this.#kernel.events.emit({ type: "fault", process: `${node}@kernel:distro:sys`, error });
  }

  #take(peer: Peer, lane: Lane, bytes: Uint8Array): void {
    const { epoch, seq } = readHead(bytes);
    const how = peer.in.heard(epoch);
    if (how === "over") return;
    if (how === "anew") peer.anew();
    else peer.untold.tellAll();
    if (lane === "k") return this.#acknowledged(peer, bytes);
    if (lane === "p") return this.#probed(peer, seq, bytes);
    if (!peer.in.take(seq, bytes.byteLength)) return;
    try {
      if (lane === "q") this.#request(peer, bodyOf(bytes));
      else if (lane === "r") this.#answer(peer, bodyOf(bytes));
      else {
        const whole = peer.in.piece(bodyOf(bytes));
        if (whole?.lane === "q") this.#request(peer, whole.body);
        else if (whole?.lane === "r") this.#answer(peer, whole.body);
      }
    } finally {
      peer.received(); // one that cannot be read has come all the same
    }
  }

  #acknowledged(peer: Peer, bytes: Uint8Array): void {
    const account = readAck(bodyOf(bytes));
    if (account.epoch === peer.out.epoch) peer.out.confirmed(account);
    else if (account.epoch !== 0) peer.out.probe(); // it has not heard that this node began anew
  }

  #probed(peer: Peer, seq: number, bytes: Uint8Array): void {
    peer.in.probed(seq, readProbe(bodyOf(bytes)));
    peer.acknowledge();
  }

  #request(peer: Peer, body: Uint8Array): void {
    const { id, source, target, seconds, ...load } = readRequest(body);
    const to = ProcessId.parse(target);
    const request = this.#envelope("request", this.#address(peer.name, source), this.#kernel.address(to), load);
    const { bus, registry } = this.#kernel;
    request.id = this.#kernel.nextMessageId();
    if (canonicalId(source) === HTTP_SERVER.text) request.origin = RPC_ORIGIN; // events of channels come by far-channels.ts
    if (id !== 0 && seconds !== null) {
      request.rsvp = request.source;
      request.expectsResponse = seconds;
      const asked = { id, by: source };
      if (peer.asked.size >= this.#kernel.limits.linkAsked)
        return this.#say(peer, asked, { kind: "Overloaded", target: request.target });
      peer.asked.add(
        request,
        null,
        seconds,
        (answer) => this.#respond(peer, asked, answer),
        (error) => this.#say(peer, asked, error),
      );
    }
    const process = registry.get(to);
    if (process === undefined) bus.refuse(request, "Offline");
    else if (!mayBeReached(this.#kernel.name, process, request)) bus.refuse(request, "Denied");
    else bus.deliver(request, process);
  }

  #answer(peer: Peer, body: Uint8Array): void {
    const { id, source, error, ...load } = readAnswer(body);
    const pending = peer.takeWaiting(id);
    if (pending === undefined || error === null) {
      const to = pending?.request.source ?? this.#kernel.address(ProcessId.parse("kernel:distro:sys"));
      const answer = this.#envelope("response", this.#address(peer.name, source), to, load);
      answer.id = id;
      if (pending?.answer(answer) !== true && error === null) this.#kernel.bus.bury(answer, "unexpected_answer");
    } else pending.fail(error);
  }

  #respond(peer: Peer, { id, by }: Asked, answer: Envelope): void {
    const { body, metadata } = answer;
    const source = answer.source.id.text; // another than was asked, where that passed it on
    let packed: Uint8Array;
    try {
      const capabilities = this.#leaving(answer.capabilities);
      packed = packAnswer({ id, source, error: null, body, ...travelling(answer), metadata, capabilities });
    } catch {
      this.#kernel.bus.bury(answer, "unpackable");
      packed = packAnswer({ id, source, error: "Offline", ...NOTHING });
    }
    const pair = `${source} ${by}`;
    const lost = (isThere: boolean): void => {
      this.#kernel.bus.bury(answer, "offline");
      this.#answerLost(peer, isThere, () => this.#sayOffline(peer, id, source, pair));
    };
    peer.answer({ body: packed, pair, lost });
  }

  /** @param isThere its requester's node can be told now; else it may be between two servers, and is told when it speaks */
  #answerLost({ untold }: Peer, isThere: boolean, tell: () => void): void {
    if (isThere) tell();
    else untold.add(tell);
  }

  /** The answer was lost on its way: its requester need not wait for its clock. Once; it has that clock. */
  #sayOffline(peer: Peer, id: number, source: string, pair: string): void {
    const body = packAnswer({ id, source, error: "Offline", ...NOTHING });
    peer.answer({ body, pair, lost: () => undefined });
  }

  /** A time-out is its requester's own to tell. */
  #say(peer: Peer, { id, by }: Asked, { kind, target }: Pick<SendError, "kind" | "target">): void {
    if (kind === "Timeout") return;
    const source = target.id.text;
    const body = packAnswer({ id, source, error: kind, ...NOTHING });
    const pair = `${source} ${by}`;
    const lost = (isThere: boolean): void => {
      this.#answerLost(peer, isThere, () => this.#sayOffline(peer, id, source, pair));
    };
    peer.answer({ body, pair, lost });
  }

  #envelope(kind: "request" | "response", source: Address, target: Address, load: Load): Envelope {
    const { body, blob, mime, metadata, capabilities } = load;
    const envelope = new Envelope(kind, source, target, body, blob === null ? null : Blob.of(ownBytes(blob), mime));
    envelope.metadata = metadata;
    if (capabilities.length > 0) envelope.capabilities = capabilities.filter((cap) => this.#isTheirs(cap, source));
    return envelope;
  }

  #leaving(capabilities: readonly Capability[]): readonly Capability[] {
    if (capabilities.length === 0) return capabilities;
    return capabilities.filter(({ issuer }) => issuer.startsWith(`${this.#kernel.name}@`));
  }

  /** Issued by a process of the node that it comes from. */
  #isTheirs({ issuer }: Capability, { node }: Address): boolean {
    return issuer.startsWith(`${node}@`);
  }

  /** @throws {IdError} */
  #address(node: string, id: string): Address {
    const text = `${node}@${id}`;
    let address = this.#addresses.get(text);
    if (address === undefined) {
      if (this.#addresses.size >= ADDRESSES_MAX) this.#addresses.clear();
      address = new Address(node, ProcessId.parse(id));
      this.#addresses.set(text, address);
    }
    return address;
  }
}

/** @property id as the peer has it @property by the process id of who asked */
type Asked = { readonly id: number; readonly by: string };

const NOTHING: Load = { body: null, blob: null, mime: null, metadata: null, capabilities: [] };

/** A small piece must not keep a large frame in memory. */
function ownBytes(bytes: Uint8Array | string): Uint8Array | string {
  if (typeof bytes === "string") return bytes;
  return bytes.byteLength * 2 >= bytes.buffer.byteLength ? bytes : copyOf(bytes);
}
