/**
 * From the first message of a socket to its channel (DESIGN §4.2, contract kinode §5.7).
 *
 *   socket on `/` ──first message──▶ registration? ──▶ token or cookie? ──▶ process? ──▶ Open queued, {"channel_id": N} sent
 *                 └─ none in time: 4408     └─ 4400        └─ 4401             └─ 4404
 *
 * 1. The client reads its channel id before anything its process pushes: the id is sent before the turn runs.
 * 2. The process is named only after the token was checked: strangers learn nothing about names.
 */
import type { Kernel, Process } from "../kernel/index.ts";
import { CLOSE, type CloseCode, type ProcessId } from "../lib/protocol/index.ts";
import { Arrival } from "./arrival.ts";
import type { Auth } from "./auth.ts";
import type { Channel } from "./channel.ts";
import { ChannelList } from "./channel-list.ts";
import type { Channels } from "./channels.ts";
import type { HttpServerLimits } from "./limits.ts";
import { isNodesOwn } from "./own-processes.ts";
import { type Encoding, encodeAnswer, parseRegistration } from "./register.ts";

export class Registrar {
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #self: Process;
  readonly #channels: Channels;
  readonly #auth: Auth;
  /** Sockets on the main route that have not registered. */
  readonly #waiting = new ChannelList();

  constructor(kernel: Kernel, limits: HttpServerLimits, self: Process, channels: Channels, auth: Auth) {
    this.#kernel = kernel;
    this.#limits = limits;
    this.#self = self;
    this.#channels = channels;
    this.#auth = auth;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param boundTo whose path it is; null on the main route */
  expect(loggedIn: boolean, boundTo: Process | null): Arrival {
    return new Arrival(loggedIn, boundTo, this.#tooLate);
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

  /** The node stops: who has not registered will not, and hears 1001 as channels do. */
  endAll(): void {
    for (const channel of this.#waiting.all()) {
      this.#stopWaiting(channel);
      this.#channels.end(channel, CLOSE.goingAway.code, "the node is stopping");
    }
  }

  /** The first message of a socket on the main route. */
  register(channel: Channel, bytes: Uint8Array): void {
    channel.fresh = false;
    const registration = parseRegistration(bytes, this.#limits.registerBytes);
    const { encoding } = registration;
    if ("refused" in registration) return this.#refuse(channel, registration.close, registration.message, encoding);
    const { token, target, slowReader } = registration;
    const isAllowed = token === null ? channel.arrival?.loggedIn === true : this.#auth.mayRegister(token);
    if (!isAllowed) {
      const message =
        token === null
          ? "no auth_token and no session cookie came: log in first"
          : "the auth_token is not valid here, or has ended: log in again";
      return this.#refuse(channel, CLOSE.badToken, message, encoding);
    }
    const process = this.#kernel.registry.get(target);
    if (process === undefined || !this.#mayOpen(process)) {
      return this.#refuse(channel, CLOSE.noSuchProcess, `no process "${target.text}" takes channels here`, encoding);
    }
    if (slowReader !== null && slowReader !== channel.slowReader) channel.terms = { ...channel.terms, slowReader };
    this.#stopWaiting(channel); // first: it is about to be in its owner's list
    if (this.#channels.open(channel, process)) this.#welcome(channel, encoding);
    else this.#refuse(channel, CLOSE.tryAgainLater, `process "${target.text}" is overloaded`, encoding);
  }

  /**
   * The first message of a path-bound socket: clients of early 2024 register there too, for the path's own process
   * (contract kinode §8.3). @returns whether it was that, and has been answered
   */
  acknowledge(channel: Channel, bytes: Uint8Array): boolean {
    channel.fresh = false;
    if (bytes.byteLength > this.#limits.registerBytes) return false;
    const registration = parseRegistration(bytes, this.#limits.registerBytes);
    if ("refused" in registration || !this.#isFor(channel, registration.target)) return false;
    this.#welcome(channel, registration.encoding);
    return true;
  }

  #isFor(channel: Channel, target: ProcessId): boolean {
    return channel.owner?.address.id.equals(target) === true;
  }

  #mayOpen(process: Process): boolean {
    return !isNodesOwn(process, this.#self) && this.#kernel.bus.mayMessage(this.#self, process);
  }

  #welcome(channel: Channel, encoding: Encoding): void {
    channel.socket?.send(encodeAnswer({ channel_id: channel.id }, encoding), encoding === "messagepack");
  }

  #refuse(channel: Channel, close: CloseCode, message: string, encoding: Encoding): void {
    this.#stopWaiting(channel);
    channel.socket?.send(encodeAnswer({ error: { code: close.error, message } }, encoding), encoding === "messagepack");
    this.#channels.end(channel, close.code, message);
  }

  readonly #tooLate = (channel: Channel): void =>
    this.#refuse(channel, CLOSE.tooLate, "no WsRegister came in time", "json");

  #stopWaiting(channel: Channel): void {
    if (channel.arrival === null) return;
    this.#kernel.wheel.cancel(channel.arrival);
    channel.arrival = null;
    this.#waiting.delete(channel);
  }
}
