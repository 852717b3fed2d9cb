/**
 * To whom a channel may be handed over, what goes along, and what the new owner is told (docs/adr/0015).
 *
 * 1. All or nothing: everything is looked at before anything is done, so that a refusal loses nothing.
 * 2. A process may hand a channel to one that it may message, and that takes channels at all.
 * 3. The frames that wait in the old owner's mailbox go along, and need room in the new one's like any message. The
 *    one in hand stays: so each is begun once, in the order sent.
 * 4. Every Open of the new owner says who handed the channel over, and has the note, those after a restart too: a process
 *    that begins again knows no more than at first. So the note is kept, for as long as the channel is that owner's.
 */
import type { Kernel, Process } from "../kernel/index.ts";
import type { Address, Blob, Envelope, HttpServerErrorKind } from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import type { ChannelEvents, Handover } from "./channel-events.ts";
import type { HttpServerLimits } from "./limits.ts";
import { isNodesOwn } from "./own-processes.ts";

export class Transfers {
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #self: Process; // the http-server
  readonly #events: Pick<ChannelEvents, "isOurs">;
  /** Of channels that were handed over and are open. A map, not a field: most channels never are. */
  readonly #handovers = new Map<Channel, Handover>();

  constructor(kernel: Kernel, limits: HttpServerLimits, self: Process, events: Pick<ChannelEvents, "isOurs">) {
    this.#events = events;
    this.#kernel = kernel;
    this.#limits = limits;
    this.#self = self;
  }

  /** Who `to` is, when `owner` may hand it a channel with that note. */
  check(owner: Process, to: Address, note: Blob | null): Process | HttpServerErrorKind {
    const { bus, registry, name } = this.#kernel;
    const target = to.node === "our" || to.node === name ? registry.get(to.id) : undefined;
    if (target === undefined || target.mailbox.closed || isNodesOwn(target, this.#self)) return "WsTargetNotFound";
    if (target === owner) return "MalformedRequest"; // it has it already
    if (!bus.mayMessage(owner, target) || !bus.mayMessage(this.#self, target)) return "WsTargetDenied";
    return note !== null && note.byteLength > this.#limits.noteBytes ? "LimitReached" : target;
  }

  /** Takes the frames of `channel` that wait for `owner`, when `target` has room for them and the Open before them. */
  take(channel: Channel, owner: Process, target: Process): readonly Envelope[] | undefined {
    const isFrame = ({ source, origin, body }: Envelope): boolean =>
      origin === channel && this.#events.isOurs(source) && isPush(body);
    const count = owner.waiting().filter(isFrame).length;
    if (target.mailbox.length + 1 + count > target.mailbox.capacity) return undefined;
    return count === 0 ? [] : owner.recall(isFrame);
  }

  add(channel: Channel, handover: Handover): void {
    handover.note?.keep();
    this.#handovers.set(channel, handover);
  }

  /** Whether `channel` has had another owner. */
  has(channel: Channel): boolean {
    return this.#handovers.has(channel);
  }

  /** How `channel` came to `owner`; undefined: it began there. Another's note is not for who had the channel before. */
  of(channel: Channel, owner: Process): Handover | undefined {
    return channel.owner === owner ? this.#handovers.get(channel) : undefined;
  }

  /** It has ended. */
  forget(channel: Channel): void {
    this.#handovers.delete(channel);
  }
}

/** Frames only: of an earlier time as its owner, a Close and an Open may still wait there. */
function isPush(body: unknown): boolean {
  return typeof body === "object" && body !== null && "WebSocketPush" in body;
}
