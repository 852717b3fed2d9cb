/**
 * What comes over the link: who takes it here, and how what was asked is answered (docs/cluster.md).
 *
 * 1. Which node a message is of, the wire says; the rest of it is its kernel's word. A message for a process here is
 *    delivered when that process may use the network, and is public, of the sender's package, or judges other nodes'
 *    messages itself; or the message brings its messaging capability.
 * 2. What comes of capabilities of this node's processes is dropped: they never left as such.
 * 3. Each frame runs as a turn of its own, as frames of sockets do.
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
} from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { mayBeReached } from "../network.ts";
import { bodyOf, type Load, packAnswer, readAck, readAnswer, readHead, readProbe, readRequest } from "./frame.ts";
import { leavingOf, type Peer, travelling } from "./peer.ts";
import type { Lane } from "./wire.ts";

const ADDRESSES_MAX = 10_000; // of other nodes, some 200 bytes each; then they are made anew

export class Incoming {
  readonly #kernel: Kernel;
  readonly #peerOf: (node: string) => Peer | undefined;
  readonly #addresses = new Map<string, Address>();

  /** @param peerOf undefined when there are too many */
  constructor(kernel: Kernel, peerOf: (node: string) => Peer | undefined) {
    this.#kernel = kernel;
    this.#peerOf = peerOf;
  }

  frame(node: string, lane: Lane, bytes: Uint8Array): void {
    const { queue, clock } = this.#kernel;
    queue.begin();
    const peer = this.#peerOf(node);
    try {
      if (peer?.inflow.takes(bytes.byteLength, clock.monotonic())) this.#take(peer, lane, bytes);
    } catch (error) {
      this.#fault(peer, error);
    } finally {
      queue.end();
    }
  }

  /** A node that sends nothing but rubbish must not fill the log: one of its faults a time is told, the others counted. */
  #fault(peer: Peer | undefined, error: unknown): void {
    if (peer?.faulted() === true)
      this.#kernel.events.emit({ type: "fault", process: `${peer.name}@kernel:distro:sys`, error });
  }

  #take(peer: Peer, lane: Lane, bytes: Uint8Array): void {
    const { epoch, seq } = readHead(bytes);
    const how = peer.in.heard(epoch);
    if (how === "over") return;
    if (how === "anew") peer.anew();
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
      const capabilities = leavingOf(answer.capabilities, this.#kernel.name);
      packed = packAnswer({ id, source, error: null, body, ...travelling(answer), metadata, capabilities });
    } catch {
      this.#kernel.bus.bury(answer, "unpackable");
      packed = packAnswer({ id, source, error: "Offline", ...NOTHING });
    }
    const pair = `${source} ${by}`;
    const lost = (isThere: boolean): void => {
      this.#kernel.bus.bury(answer, "offline");
      if (isThere) this.#sayOffline(peer, id, source, pair);
    };
    peer.answer({ body: packed, pair, lost });
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
      if (isThere) this.#sayOffline(peer, id, source, pair);
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
