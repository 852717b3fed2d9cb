/**
 * From the first message of a socket to its channel (DESIGN §4.2, contract kinode §5.7).
 *
 *   socket on `/` ──first message──▶ registration? ──▶ token or cookie? ──▶ process? ──▶ Open queued, {"channel_id": N} sent
 *                 └─ none in time: 4408     └─ 4400        └─ 4401             └─ 4404
 *
 * 1. The client reads its channel id before anything its process pushes: the id is sent before the turn runs.
 * 2. Clients of 2023 name their process in their first message after it (wrapped.ts): until then they wait, logged in,
 *    for `wrappedDeadline`, or as long as the session that let them in.
 * 3. The process is named only after the token was checked: strangers learn nothing about names.
 * 4. A token of a process's secure subdomain is good for that process alone. A process with a secure path takes no other:
 *    pages of other packages, which are on the node's own host, must not reach it. On a subdomain no other is taken either.
 * 5. A name of the cluster may be on any node, or on none yet: while it is looked for, what the client sends is kept.
 */
import type { Kernel, Process } from "../kernel/index.ts";
import { Address, CLOSE, type CloseCode, type ProcessId } from "../lib/protocol/index.ts";
import { Arrival, type Comer, EarlyFrames } from "./arrival.ts";
import type { Auth, Verified } from "./auth.ts";
import type { Bindings } from "./bindings.ts";
import type { Channel } from "./channel.ts";
import { ChannelList } from "./channel-list.ts";
import { type Channels, SESSION_ENDED } from "./channels.ts";
import type { Far } from "./far.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Openings } from "./opening.ts";
import { isNodesOwn } from "./own-processes.ts";
import { type Encoding, encodeAnswer, parseRegistration } from "./register.ts";
import type { Session } from "./sessions.ts";
import { readWrapped } from "./wrapped.ts";

export class Registrar {
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #self: Process;
  readonly #channels: Channels;
  readonly #auth: Auth;
  readonly #bindings: Bindings;
  readonly #openings: Openings;
  readonly #far: Far;
  /** Sockets on the main route that have not registered. */
  readonly #waiting = new ChannelList();

  constructor(parts: {
    readonly kernel: Kernel;
    readonly limits: HttpServerLimits;
    readonly self: Process;
    readonly channels: Channels;
    readonly auth: Auth;
    readonly bindings: Bindings;
    readonly openings: Openings;
    readonly far: Far;
  }) {
    this.#kernel = parts.kernel;
    this.#limits = parts.limits;
    this.#self = parts.self;
    this.#channels = parts.channels;
    this.#auth = parts.auth;
    this.#bindings = parts.bindings;
    this.#openings = parts.openings;
    this.#far = parts.far;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param boundTo whose path it is; null on the main route */
  expect(comer: Comer): Arrival {
    return new Arrival(comer, this.#tooLate);
  }

  /** A socket has opened. A path-bound one is a channel at once. */
  opened(channel: Channel): void {
    const { arrival } = channel;
    if (arrival === null) return;
    const { boundTo } = arrival;
    if (boundTo === null) {
      arrival.channel = channel;
      this.#waiting.add(channel);
      this.#kernel.wheel.add(arrival, this.#limits.registerDeadline);
      return;
    }
    channel.arrival = null;
    if (!this.#mayOpen(boundTo) || !this.#channels.open(channel, boundTo)) {
      this.#refuse(channel, CLOSE.tryAgainLater, "the process takes no channels now", "json");
    }
  }

  /** The socket has closed. */
  closed(channel: Channel): void {
    this.#stopWaiting(channel);
  }

  /** Somebody logged out: who waits by one of these logins to name its process is refused. */
  endSessions(ended: ReadonlySet<Session>): void {
    for (const channel of this.#waiting.all()) {
      const { session } = channel.opening;
      if (session !== null && ended.has(session)) this.#refuse(channel, CLOSE.badToken, SESSION_ENDED, "json");
    }
  }

  /** The node stops: who has not registered will not, and hears 1001 as channels do. */
  endAll(): void {
    for (const channel of this.#waiting.all()) {
      this.#stopWaiting(channel);
      this.#channels.end(channel, CLOSE.goingAway.code, "the node is stopping");
    }
  }

  /** The first message of a socket on the main route; and more, while its process is looked for. */
  register(channel: Channel, bytes: Uint8Array, isBinary: boolean): void {
    if (channel.terms.wrapped) return this.#bindWrapped(channel, bytes);
    const { early = null } = channel.arrival ?? {};
    if (early !== null) return this.#keepEarly(channel, early, bytes, isBinary);
    channel.fresh = false;
    const registration = parseRegistration(bytes, this.#limits.registerBytes);
    const { encoding } = registration;
    if ("refused" in registration) return this.#refuse(channel, registration.close, registration.message, encoding);
    const { token, slowReader, node } = registration;
    const isFar = node !== null && node !== this.#kernel.name;
    const target = isFar ? null : registration.target; // another node's has no subdomain here, whatever its name
    const { label = null, cookies = "" } = channel.arrival ?? {};
    const isSecure = label !== null || (target !== null && this.#bindings.subdomains.isSecure(target));
    const verified = token === null ? this.#cookie(cookies, target, label) : this.#auth.verify(token);
    if (verified === undefined || !isGoodFor(verified, target, isSecure)) {
      const message =
        token === null
          ? "no auth_token and no session cookie came: log in first"
          : "the auth_token is not valid here, or has ended: log in again";
      return this.#refuse(channel, CLOSE.badToken, message, encoding);
    }
    // The token is this node's, and so is its user: a cookie may not have come along.
    const { session } = verified;
    channel.opening = this.#openings.of({ ...channel.opening, user: this.#auth.node, session });
    if (slowReader !== null && slowReader !== channel.slowReader) channel.terms = { ...channel.terms, slowReader };
    const { target: named } = registration;
    if (named !== null && label === null && !isSecure && this.#far.names.isSought(node, named))
      this.#seek(channel, named, encoding);
    else if (isFar && registration.target !== null)
      this.#bindFar(channel, new Address(node, registration.target), encoding);
    else if (target === null) this.#expectWrapped(channel);
    else this.#bind(channel, target, encoding);
  }

  /** Whether that process takes channels its own node says, behind the Open: the channel ends then. */
  #bindFar(channel: Channel, target: Address, encoding: Encoding): void {
    const owner = this.#far.owners.of(target);
    if (owner === undefined)
      return this.#refuse(channel, CLOSE.noSuchProcess, `no process "${target.text}" takes channels here`, encoding);
    this.#stopWaiting(channel);
    if (this.#channels.open(channel, owner)) this.#welcome(channel, encoding);
    else this.#refuse(channel, CLOSE.tryAgainLater, `process "${target.text}" is overloaded`, encoding);
  }

  /** A name of the cluster: until it is known who has it, the socket waits as one that has not registered. */
  #seek(channel: Channel, target: ProcessId, encoding: Encoding): void {
    const { arrival } = channel;
    if (arrival === null) return;
    const early = new EarlyFrames(this.#limits.registerBytes);
    arrival.early = early;
    channel.fresh = true;
    this.#far.names.find(target, (owner) => {
      if (channel.finished || channel.arrival !== arrival) return; // it has left, or was refused
      if ("close" in owner) return this.#refuse(channel, owner.close, owner.message, encoding);
      channel.fresh = false;
      this.#stopWaiting(channel);
      if (!this.#channels.open(channel, owner))
        return this.#refuse(channel, CLOSE.tryAgainLater, `process "${target.text}" is overloaded`, encoding);
      this.#welcome(channel, encoding);
      for (const { bytes, isBinary } of early.all())
        if (!channel.finished) this.#channels.frame(channel, bytes, isBinary);
    });
  }

  #keepEarly(channel: Channel, early: EarlyFrames, bytes: Uint8Array, isBinary: boolean): void {
    if (early.add(bytes, isBinary)) return;
    const rule = `before its channel_id a client may send ${this.#limits.registerBytes} bytes: wait for it`;
    this.#refuse(channel, CLOSE.malformed, rule, "json");
  }

  #bind(channel: Channel, target: ProcessId, encoding: Encoding): void {
    const process = this.#kernel.registry.get(target);
    if (process === undefined || !this.#mayOpen(process)) {
      return this.#refuse(channel, CLOSE.noSuchProcess, `no process "${target.text}" takes channels here`, encoding);
    }
    this.#stopWaiting(channel); // first: it is about to be in its owner's list
    if (this.#channels.open(channel, process)) this.#welcome(channel, encoding);
    else this.#refuse(channel, CLOSE.tryAgainLater, `process "${target.text}" is overloaded`, encoding);
  }

  /**
   * The first message of a path-bound socket: clients of early 2024 register there too, for the path's own process
   * (contract kinode §8.3). @returns whether it was that, and has been answered
   */
  acknowledge(channel: Channel, bytes: Uint8Array): boolean {
    if (this.#unwrap(channel, bytes)) return true;
    channel.fresh = false;
    if (bytes.byteLength > this.#limits.registerBytes) return false;
    const registration = parseRegistration(bytes, this.#limits.registerBytes);
    if ("refused" in registration || registration.node !== null) return false;
    if (!this.#isFor(channel, registration.target)) return false;
    this.#welcome(channel, registration.encoding);
    return true;
  }

  #cookie(cookies: string, target: ProcessId | null, label: string | null): Verified | undefined {
    if (label === null) return this.#auth.session(cookies);
    return target === null ? undefined : this.#auth.session(cookies, target.text);
  }

  #isFor(channel: Channel, target: ProcessId | null): boolean {
    return target !== null && channel.owner?.address.id.equals(target) === true;
  }

  #expectWrapped(channel: Channel): void {
    channel.terms = { ...channel.terms, wrapped: true };
    channel.fresh = true;
    if (channel.arrival === null) return;
    this.#kernel.wheel.cancel(channel.arrival);
    this.#kernel.wheel.add(channel.arrival, this.#limits.wrappedDeadline);
  }

  #bindWrapped(channel: Channel, bytes: Uint8Array): void {
    // Ended by its time: nobody was told of that.
    if (channel.opening.session?.ended === true) return this.#refuse(channel, CLOSE.badToken, SESSION_ENDED, "json");
    const message = readWrapped(bytes, this.#kernel.name);
    if (typeof message === "string") return this.#refuse(channel, CLOSE.malformed, message, "json");
    if (this.#bindings.subdomains.isSecure(message.target))
      return this.#refuse(channel, CLOSE.badToken, "that process takes tokens of its own subdomain only", "json");
    this.#bind(channel, message.target, "json");
    if (channel.owner !== null) this.#channels.frame(channel, message.data, true);
  }

  /** @returns whether it was a wrapped message, and has been dealt with */
  #unwrap(channel: Channel, bytes: Uint8Array): boolean {
    if (!channel.terms.wrapped) return false;
    const message = readWrapped(bytes, this.#kernel.name);
    if (typeof message === "string") this.#refuse(channel, CLOSE.malformed, message, "json");
    else if (this.#isFor(channel, message.target) || this.#channels.wasHandedOver(channel))
      this.#channels.frame(channel, message.data, true); // such a client does not learn of a new owner
    else this.#refuse(channel, CLOSE.malformed, "this channel belongs to the first message's target", "json");
    return true;
  }

  #mayOpen(process: Process): boolean {
    if (this.#far.owners.isStandIn(process.address.id)) return false;
    return !isNodesOwn(process, this.#self) && this.#kernel.bus.mayMessage(this.#self, process);
  }

  #welcome(channel: Channel, encoding: Encoding): void {
    this.#channels.outgoing.flushOf(channel);
    // Spelled out: JSON.stringify is ten times as much for one number.
    if (encoding === "json") channel.socket?.send(`{"channel_id":${channel.id}}`, false);
    else channel.socket?.send(encodeAnswer({ channel_id: channel.id }, encoding), true);
  }

  #refuse(channel: Channel, close: CloseCode, message: string, encoding: Encoding): void {
    this.#stopWaiting(channel);
    channel.fresh = false;
    this.#channels.outgoing.flushOf(channel);
    channel.socket?.send(encodeAnswer({ error: { code: close.error, message } }, encoding), encoding === "messagepack");
    this.#channels.end(channel, close.code, message);
  }

  readonly #tooLate = (channel: Channel): void => {
    if (channel.arrival?.early !== null)
      return this.#refuse(channel, CLOSE.tryAgainLater, "who has that process was not found in time", "json");
    this.#refuse(
      channel,
      CLOSE.tooLate,
      `no ${channel.terms.wrapped ? "WsMessage" : "WsRegister"} came in time`,
      "json",
    );
  };

  #stopWaiting(channel: Channel): void {
    if (channel.arrival === null) return;
    this.#kernel.wheel.cancel(channel.arrival);
    channel.arrival = null;
    this.#waiting.delete(channel);
  }
}

/** See rule 4. */
function isGoodFor({ session: { subdomain } }: Verified, target: ProcessId | null, isSecure: boolean): boolean {
  return subdomain === null ? !isSecure : subdomain === target?.text;
}
