/**
 * What a process is told of its channels, as messages: Open, Push, Close, each in the dialect of the process.
 *
 * A frame that is handled at once has none (Process.frameNow): its message is made when somebody asks for it.
 */
import type { Kernel, Process } from "../kernel/index.ts";
import {
  type Address,
  Blob,
  type CloseMetadata,
  DEFAULT_DIALECT,
  Envelope,
  EventWriter,
  type FrameSource,
  type FrameTaker,
  frameTypeIn,
  freezeBody,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import { queryParams } from "./opening.ts";

/** How a channel came to its owner. @property from text of an address */
export type Handover = { readonly from: string; readonly note: Blob | null };

export class ChannelEvents implements FrameSource {
  readonly writer: EventWriter;
  readonly #our: Address;
  readonly #freezes: boolean;
  /** What a frame is, where its process is told another word for all of them: for the next one, if it is handed over. */
  readonly #types = new WeakMap<Envelope, WsMessageType>();

  /** @param our the http-server's address */
  constructor(kernel: Kernel, our: Address) {
    this.writer = new EventWriter(our);
    this.#our = our;
    this.#freezes = kernel.freezeBodies;
  }

  /** Whether a message that bears `source` was made here. */
  isOurs(source: Address): boolean {
    return this.writer.isOurs(source);
  }

  /** FrameSource: `origin` is a channel that has an owner. */
  messageOf(origin: unknown, messageType: WsMessageType, blob: Blob, taker?: FrameTaker): Envelope {
    const channel = origin as Channel; // frameNow was given it
    const owner = taker ?? channel.owner;
    const body = { WebSocketPush: { channel_id: channel.id, message_type: messageType } };
    const event =
      owner === null || owner.dialect === DEFAULT_DIALECT
        ? new Envelope("request", this.#our, owner?.address ?? this.#our, body, blob)
        : this.writer.event(owner.dialect, owner.address, body, blob);
    if (owner !== null && frameTypeIn(owner.dialect) !== null) this.#types.set(event, messageType);
    if (this.#freezes) freezeBody(event.body);
    event.origin = channel;
    return event;
  }

  /** @param handover how it came to `owner`, when another process had it before */
  open(channel: Channel, owner: Process, handover: Handover | undefined): Envelope {
    const { user, query, headers, protocol, forwardedFor } = channel.opening;
    const open = {
      path: channel.path,
      channel_id: channel.id,
      source_socket_addr: `${channel.peer.address}:${channel.port}`,
      forwarded_for: forwardedFor,
      user,
      query_params: queryParams(query),
      headers,
      protocol,
      ...(handover === undefined ? {} : { transferred_from: handover.from }),
    };
    const event = this.writer.event(owner.dialect, owner.address, { WebSocketOpen: open }, handover?.note ?? null);
    event.origin = channel;
    return event;
  }

  close(channel: Channel, owner: Process, facts: CloseMetadata): Envelope {
    const event = this.writer.close(owner.dialect, owner.address, channel.id, facts);
    event.origin = channel;
    return event;
  }

  /** A frame that waited for one owner, for the next: spelled anew where they speak differently. */
  readdressed(frame: Envelope, channel: Channel, from: Process, to: Process): Envelope {
    frame.target = to.address;
    if (from.dialect === to.dialect) return frame;
    const { WebSocketPush: push } = frame.body as { WebSocketPush: { message_type: WsMessageType } }; // our own words
    const type = this.#types.get(frame) ?? push.message_type;
    const spelled = this.messageOf(channel, type, frame.blob ?? Blob.of(""));
    frame.source = spelled.source; // in place: it may be an extension's question, that somebody waits for
    frame.body = spelled.body;
    frame.metadata = spelled.metadata;
    return frame;
  }
}

export function isOpen(body: unknown): boolean {
  return typeof body === "object" && body !== null && "WebSocketOpen" in body;
}
