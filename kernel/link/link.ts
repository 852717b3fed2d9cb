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
import {
  bodyOf,
  type Head,
  type Load,
  packAnswer,
  packRequest,
  readAck,
  readAnswer,
  readHead,
  readRequest,
} from "./frame.ts";
import { Peer, type PeerFacts, travelling } from "./peer.ts";
import type { Lane, Wire } from "./wire.ts";

const ADDRESSES_MAX = 10_000; // of other nodes, some 200 bytes each; then they are made anew

export class Link {
  readonly #kernel: Kernel;
  readonly #wire: Wire;
  readonly #epoch: number;
  readonly #peers = new Map<string, Peer>();
  readonly #addresses = new Map<string, Address>();
  readonly #grace: Alarm;
  #state: "closed" | "up" | "waiting" | "lost" = "closed";

  constructor(kernel: Kernel, wire: Wire) {
    this.#kernel = kernel;
    this.#wire = wire;
    this.#epoch = 1 + Math.floor(kernel.random() * (2 ** 32 - 2));
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

  /** By name. */
  facts(): readonly PeerFacts[] {
    return [...this.#peers.values()].map(({ facts }) => facts).sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** @returns why not; undefined: it is on its way, and how it ends its pending entry will hear */
  send(request: Envelope): SendErrorKind | undefined {
    if (this.#state === "lost" || this.#state === "closed") return "Offline";
    const { id, source, target, body, metadata, rsvp } = request;
    const waiting = rsvp === null ? null : pendingOf(request);
    let packed: Uint8Array;
    try {
      packed = packRequest({
        id: waiting === null ? 0 : id,
        source: source.id.text,
        target: target.id.text,
        seconds: waiting === null ? null : (request.expectsResponse ?? waiting.request.expectsResponse),
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
    return this.#peer(target.node).send(request, waiting, packed);
  }

  #peer(node: string): Peer {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      peer = new Peer(this.#kernel, this.#wire, node, this.#epoch);
      this.#peers.set(node, peer);
      if (this.isUp) peer.out.up();
    }
    return peer;
  }

  #up(): void {
    this.#kernel.wheel.cancel(this.#grace);
    this.#state = "up";
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
        this.#take(this.#peer(node), lane, bytes);
      } catch (error) {
        this.#kernel.events.emit({ type: "fault", process: `${node}@kernel:distro:sys`, error });
      }
    });
  }

  #take(peer: Peer, lane: Lane, bytes: Uint8Array): void {
    const head = readHead(bytes);
    if (lane === "k") return this.#acknowledged(peer, bytes);
    if (lane === "p") return this.#probed(peer, head);
    const how = peer.in.take(head, bytes.byteLength);
    if (how === "again") return;
    if (how === "anew") peer.anew();
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
    if (account.epoch === this.#epoch) peer.out.confirmed(account);
    else if (account.epoch !== 0) peer.out.probe(); // it has not heard that this node began anew
  }

  #probed(peer: Peer, head: Head): void {
    if (peer.in.probed(head) === "anew") peer.anew();
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
    peer.answer({ body: packed, pair: `${source} ${by}`, lost: () => this.#kernel.bus.bury(answer, "offline") });
  }

  /** A time-out is its requester's own to tell. */
  #say(peer: Peer, { id, by }: Asked, { kind, target }: SendError): void {
    if (kind === "Timeout") return;
    const source = target.id.text;
    const body = packAnswer({ id, source, error: kind, ...NOTHING });
    peer.answer({ body, pair: `${source} ${by}`, lost: () => undefined });
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
