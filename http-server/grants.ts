/**
 * Who besides its owner may push to a channel and close it: processes of this node or another, by their full address.
 *
 * 1. A grant ends with the channel, and when that is handed over: the next owner gives its own (docs/adr/0035).
 * 2. It is for pushes and closes and nothing else: topics, hand-over and further grants stay its owner's.
 */
import type { Address, HttpServerErrorKind } from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import type { HttpServerLimits } from "./limits.ts";

export class Grants {
  readonly #limits: HttpServerLimits;
  /** Full addresses. Not a field of a channel: most have none, and what nobody refers to ends by itself. */
  readonly #granted = new WeakMap<Channel, Set<string>>();

  constructor(limits: HttpServerLimits) {
    this.#limits = limits;
  }

  /** @returns undefined: `to` may push from now on */
  add(channel: Channel, to: Address): HttpServerErrorKind | undefined {
    const granted = this.#granted.get(channel) ?? new Set();
    if (!granted.has(to.text) && granted.size >= this.#limits.grantsPerChannel) return "LimitReached";
    granted.add(to.text);
    this.#granted.set(channel, granted);
    return undefined;
  }

  remove(channel: Channel, to: Address): void {
    this.#granted.get(channel)?.delete(to.text);
  }

  /** `channel` when `from` may push to it. */
  pick(channel: Channel | undefined, from: Address): Channel | undefined {
    return channel !== undefined && this.#granted.get(channel)?.has(from.text) === true ? channel : undefined;
  }

  /** It has another owner. */
  forget(channel: Channel): void {
    this.#granted.delete(channel);
  }
}
