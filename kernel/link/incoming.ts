/**
 * What comes over the link: who takes it here, and how what was asked is answered (docs/cluster.md).
 *
 * 1. Which node a message is of, the wire says; the rest of it is its kernel's word. A message for a process here is
 *    delivered when that process may use the network, and is public, of the sender's package, or judges other nodes'
 *    messages itself.
 * 2. What comes of capabilities of this node's processes is dropped: they never left as such.
 * 3. Each frame runs as a turn of its own, as frames of sockets do.
 */
import { copyOf } from "../../lib/protocol/arena.ts";
import {
  type Address,
  Blob,
  type Capability,
  canonicalId,
  Envelope,
  HTTP_SERVER,
  KERNEL,
  RPC_ORIGIN,
  type SendError,
} from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { mayBeReached } from "../network.ts";
import { Addresses } from "./addresses.ts";
import {
  type AnswerFields,
  BatchReader,
  HEAD_BYTES,
  type Load,
  packAnswer,
  type RequestFields,
  readAck,
  readAnswer,
  readHead,
  readProbe,
  readRequest,
} from "./frame.ts";
import { Item } from "./item.ts";
import { leavingOf, type Peer, travelling } from "./peer.ts";
import type { Lane } from "./wire.ts";

export class Incoming {
  readonly #kernel: Kernel;
  readonly #firstId: number;
  readonly #peerOf: (node: string) => Peer | undefined;
  readonly #own: Addresses;

  /** @param firstId that was added to the ids of this node's requests @param peerOf undefined when there are too many */
  constructor(kernel: Kernel, firstId: number, peerOf: (node: string) => Peer | undefined) {
    this.#kernel = kernel;
    this.#firstId = firstId;
    this.#peerOf = peerOf;
    this.#own = new Addresses(kernel.name);
  }

  frame(node: string, lane: Lane, bytes: Uint8Array): void {
    const peer = this.#peerOf(node);
    if (peer === undefined) return;
    peer.inflow.refill(this.#kernel.clock.monotonic());
    if (lane !== "b" && !peer.inflow.takes(bytes.byteLength)) return;
    try {
      const { epoch, seq } = readHead(bytes);
      if (!this.#hears(peer, epoch)) return;
      if (lane === "b") this.#batch(peer, seq, bytes);
      else if (lane === "p") this.#probed(peer, seq, bytes);
      else this.#take(peer, lane, seq, bytes, HEAD_BYTES, bytes.byteLength);
      if (peer.in.owes) peer.received();
    } catch (error) {
      this.#fault(peer, error);
    }
  }

  /** A node that sends nothing but rubbish must not fill the log: one of its faults a time is told, the others counted. */
  #fault(peer: Peer, error: unknown): void {
    if (peer.faulted()) this.#kernel.events.emit({ type: "fault", process: `${peer.name}@kernel:distro:sys`, error });
  }

  /** Each as if it had come alone. */
  #batch(peer: Peer, seq: number, bytes: Uint8Array): void {
    const frames = new BatchReader(bytes);
    let next = seq;
    while (frames.next()) {
      const { lane, start, end } = frames;
      const own = lane === "k" ? 0 : next++;
      if (peer.inflow.takes(end - start)) this.#take(peer, lane, own, bytes, start, end);
    }
  }

  /** @returns whether what it says is of any use */
  #hears(peer: Peer, epoch: number): boolean {
    const how = peer.in.heard(epoch);
    if (how === "anew") peer.anew();
    else if (how === "same" && peer.out.isHalfFree) peer.untold.tellAll();
    return how !== "over";
  }

  /** Its value is in `bytes` from `start` to `end`. One that cannot be read has come all the same. */
  #take(peer: Peer, lane: Exclude<Lane, "b" | "p">, seq: number, bytes: Uint8Array, start: number, end: number): void {
    const { queue } = this.#kernel;
    queue.begin();
    try {
      if (lane === "k") this.#acknowledged(peer, bytes, start, end);
      else if (peer.in.take(seq, HEAD_BYTES + end - start)) this.#taken(peer, lane, bytes, start, end);
    } catch (error) {
      this.#fault(peer, error);
    } finally {
      queue.end();
    }
  }

  #taken(peer: Peer, lane: "q" | "r" | "c", bytes: Uint8Array, start: number, end: number): void {
    if (lane === "q") this.#request(peer, readRequest(bytes, start, end), end - start);
    else if (lane === "r") this.#answer(peer, readAnswer(bytes, start, end));
    else {
      const whole = peer.in.piece(bytes, start, end);
      if (whole?.lane === "q") this.#request(peer, readRequest(whole.body), whole.body.byteLength);
      else if (whole?.lane === "r") this.#answer(peer, readAnswer(whole.body));
    }
  }

  #acknowledged(peer: Peer, bytes: Uint8Array, start: number, end: number): void {
    const account = readAck(bytes, start, end);
    if (account.epoch === peer.out.epoch) peer.out.confirmed(account);
    else if (account.epoch !== 0) peer.out.probe(); // it has not heard that this node began anew
  }

  #probed(peer: Peer, seq: number, bytes: Uint8Array): void {
    const { queue } = this.#kernel;
    queue.begin(); // what was missed is told here
    try {
      peer.in.probed(seq, readProbe(bytes, HEAD_BYTES));
    } finally {
      queue.end();
    }
    peer.acknowledge();
    peer.asksBack();
  }

  /** @param bytes that it came in */
  #request(peer: Peer, fields: RequestFields, bytes: number): void {
    const { id, source, target, seconds } = fields;
    const from = peer.addresses.of(source);
    const to = this.#own.of(target);
    const request = this.#envelope("request", from, to, fields);
    const { bus, registry } = this.#kernel;
    request.id = this.#kernel.nextMessageId();
    if (canonicalId(from.id.text) === HTTP_SERVER.text) request.origin = RPC_ORIGIN; // events of channels come by far-channels.ts
    if (id !== 0 && seconds !== null) {
      request.rsvp = request.source;
      request.expectsResponse = seconds;
      const asked = { id, by: source };
      if (peer.asked.size >= this.#kernel.limits.linkAsked || !peer.held.takes(request, bytes))
        return this.#say(peer, asked, { kind: "Overloaded", target: request.target });
      peer.asked.add(
        request,
        null,
        seconds,
        (answer) => this.#respond(peer, asked, answer),
        (error) => this.#say(peer, asked, error),
      );
    } else if (!peer.held.takes(request, bytes)) return bus.refuse(request, "Overloaded");
    const process = registry.get(to.id);
    if (process === undefined) this.#seek(peer, request);
    else if (!mayBeReached(this.#kernel.name, process, request)) bus.refuse(request, "Denied");
    else bus.deliver(request, process);
  }

  /** No process here has that name. Who expects no answer is told too (id 0), or it would send there for ever. */
  #seek(peer: Peer, request: Envelope): void {
    const { bus, cluster } = this.#kernel;
    if (cluster === null) return bus.refuse(request, "Offline");
    const by = request.source.id.text;
    cluster.arrived(request, () => {
      if (request.rsvp === null) this.#say(peer, { id: 0, by }, { kind: "Offline", target: request.target });
    });
  }

  /** What it had of the cluster is nobody's: others need not ask it in vain once more. */
  sayGone(peer: Peer): void {
    this.#say(peer, { id: 0, by: KERNEL.text }, { kind: "Offline", target: this.#kernel.address(KERNEL) });
  }

  #answer(peer: Peer, fields: AnswerFields): void {
    const { source, error } = fields;
    if (error === "Offline") this.#offline(peer, fields.id, source);
    const id = fields.id - this.#firstId;
    const pending = peer.takeWaiting(id);
    if (pending === undefined || error === null) {
      const to = pending?.request.source ?? this.#kernel.address(KERNEL);
      const answer = this.#envelope("response", peer.addresses.of(source), to, fields);
      answer.id = id;
      if (pending?.answer(answer) !== true && error === null) this.#kernel.bus.bury(answer, "unexpected_answer");
    } else pending.fail(error);
  }

  #offline(peer: Peer, id: number, source: string): void {
    const { cluster } = this.#kernel;
    if (id === 0 && source === KERNEL.text) cluster?.nodeAbsent(peer.name);
    else cluster?.lostAt(peer.name, source);
  }

  #respond(peer: Peer, asked: Asked, answer: Envelope): void {
    const { id } = asked;
    const { blob, body, metadata } = answer;
    const source = answer.source.id.text; // another than was asked, where that passed it on
    const capabilities = leavingOf(answer.capabilities, this.#kernel.name);
    let packed: Uint8Array;
    try {
      const mime = blob === null ? null : blob.mime;
      packed = packAnswer({ id, source, error: null, body, blob: travelling(answer), mime, metadata, capabilities });
    } catch {
      this.#kernel.bus.bury(answer, "unpackable");
      return this.#say(peer, asked, { kind: "Offline", target: answer.source });
    }
    if (packed.byteLength > this.#kernel.limits.linkMessage * 1024 * 1024) {
      this.#kernel.bus.bury(answer, "overloaded"); // it would be dropped there without a word
      return this.#say(peer, asked, { kind: "Overloaded", target: answer.source });
    }
    peer.answer(new AnswerItem(packed, source, asked, answer, (item, isThere) => this.#lost(peer, item, isThere)));
  }

  /** A time-out is its requester's own to tell. */
  #say(peer: Peer, asked: Asked, { kind, target }: Pick<SendError, "kind" | "target">): void {
    if (kind === "Timeout") return;
    const source = target.id.text;
    const body = packAnswer({ id: asked.id, source, error: kind, ...NOTHING });
    peer.answer(new AnswerItem(body, source, asked, null, (item, isThere) => this.#lost(peer, item, isThere)));
  }

  /**
   * The answer was lost on its way: its requester need not wait for its clock.
   * @param isThere its node can be told now; else it may be between two servers, and is told when it speaks
   */
  #lost(peer: Peer, { source, asked, answer }: AnswerItem, isThere: boolean): void {
    if (answer !== null) this.#kernel.bus.bury(answer, "offline");
    const tell = (): void => {
      const body = packAnswer({ id: asked.id, source, error: "Offline", ...NOTHING });
      peer.answer(new AnswerItem(body, source, asked, null, (item, isStill) => this.#lost(peer, item, isStill)));
    };
    if (isThere) tell();
    else peer.untold.add(tell);
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
}

/** @property id as the peer has it @property by the process id of who asked */
type Asked = { readonly id: number; readonly by: string };

class AnswerItem extends Item {
  readonly source: string;
  readonly asked: Asked;
  /** null: it says that there is none. */
  readonly answer: Envelope | null;
  readonly #lost: (item: AnswerItem, isThere: boolean) => void;

  constructor(
    body: Uint8Array,
    source: string,
    asked: Asked,
    answer: Envelope | null,
    lost: (item: AnswerItem, isThere: boolean) => void,
  ) {
    super("r", body);
    this.source = source;
    this.asked = asked;
    this.answer = answer;
    this.#lost = lost;
  }

  get pair(): string {
    return `${this.source} ${this.asked.by}`;
  }

  get isWanted(): boolean {
    return true;
  }

  arrived(): void {}

  lost(isThere: boolean): void {
    this.#lost(this, isThere);
  }
}

const NOTHING: Load = { body: null, blob: null, mime: null, metadata: null, capabilities: [] };

/** A small piece must not keep a large frame in memory. */
function ownBytes(bytes: Uint8Array | string): Uint8Array | string {
  if (typeof bytes === "string") return bytes;
  return bytes.byteLength * 2 >= bytes.buffer.byteLength ? bytes : copyOf(bytes);
}
