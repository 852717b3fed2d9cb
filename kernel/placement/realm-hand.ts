/** The message in hand in a realm, or the last one; of a frame, made when somebody asks for it (kernel/incarnation.ts). */
import {
  type Address,
  Address as AddressClass,
  type Blob,
  type Dialect,
  type Envelope,
  EventWriter,
  freezeBody,
  HTTP_SERVER,
  type WsMessageType,
} from "../../lib/protocol/index.ts";

export class RealmHand {
  readonly #our: Address;
  readonly #dialect: Dialect;
  readonly #freezes: boolean;
  readonly #events: EventWriter;
  #message: Envelope | null = null;
  #blob: Blob | null = null; // null for an error, which brings back what this process sent itself
  #lastBlob: Blob | null = null; // of a message before this one
  #channelId = -1; // of a frame whose message nobody has asked for; -1: none
  #messageType: WsMessageType = "Text";

  constructor(our: Address, dialect: Dialect, freezes: boolean) {
    this.#our = our;
    this.#dialect = dialect;
    this.#freezes = freezes;
    this.#events = new EventWriter(new AddressClass(our.node, HTTP_SERVER));
  }

  get blob(): Blob | null {
    return this.#blob;
  }

  lastBlob(): Blob | null {
    return this.#blob ?? this.#lastBlob;
  }

  take(message: Envelope): void {
    const blob = message.kind === "error" ? null : message.blob;
    if (blob === null && this.#blob !== null) this.#lastBlob = this.#blob;
    this.#message = message;
    this.#blob = blob;
    this.#channelId = -1;
  }

  takeFrame(channelId: number, messageType: WsMessageType, blob: Blob): void {
    this.#message = null;
    this.#blob = blob;
    this.#channelId = channelId;
    this.#messageType = messageType;
  }

  message(): Envelope | null {
    if (this.#channelId === -1) return this.#message;
    const body = { WebSocketPush: { channel_id: this.#channelId, message_type: this.#messageType } };
    this.#message = this.#events.event(this.#dialect, this.#our, body, this.#blob);
    if (this.#freezes) freezeBody(this.#message.body);
    this.#channelId = -1;
    return this.#message;
  }

  /** The request to answer: see kernel/incarnation.ts, rule 2. */
  prompting(): Envelope | null {
    const message = this.message();
    if (message === null || message.kind !== "request") return message?.prompting ?? null;
    return message.rsvp === null ? null : message;
  }
}
