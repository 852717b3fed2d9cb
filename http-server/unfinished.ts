/**
 * Ends channels whose client begins a message and never finishes it.
 *
 * A transport's idle timeout restarts at every byte, so a frame that drips in byte by byte would hold its socket, and
 * what was received of it, for ever. Its client shows no other life either: a frame cannot be answered within a frame.
 *
 * 1. Whole messages, pings and pongs are life. Who is silent instead is pinged by the transport before `idleTimeout`,
 *    and answers: so nobody honest shows no life for `idleTimeout` and some seconds, and no ping of ours is needed.
 * 2. Nothing is kept for it: life is `Channel.frames`, which each look puts back to 0, and `windowStart` is when.
 *    A look so begins a new second for `messagesPerSecond`.
 * 3. It comes a quarter of the limit late at most.
 * 4. One timer for all, and none without channels. It looks at a sixteenth of them at a time, told apart by their ids,
 *    so that none is missed while the table grows or shrinks: 0.7 ms with 100,000.
 */
import type { Clock } from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import { type ChannelTable, PARTS } from "./channel-table.ts";
import type { HttpServerLimits } from "./limits.ts";

const PONG_SECONDS = 10; // beyond idleTimeout: uWebSockets.js counts in steps of 4 s, and a pong may take a while
const LOOKS = 4; // at each channel, within the time it has

export class UnfinishedMessages {
  readonly #clock: Clock;
  readonly #channels: ChannelTable;
  readonly #limitMs: number;
  readonly #end: (channel: Channel) => void;
  #next = 0; // part of the table
  #cancel: (() => void) | null = null;

  /** @param end is told of a channel that had its time */
  constructor(clock: Clock, limits: HttpServerLimits, channels: ChannelTable, end: (channel: Channel) => void) {
    this.#clock = clock;
    this.#channels = channels;
    this.#limitMs = messageSeconds(limits) * 1000;
    this.#end = end;
  }

  /** A channel was added. */
  opened(): void {
    this.#cancel ??= this.#clock.setTimeout(this.#look, this.#limitMs / (LOOKS * PARTS));
  }

  /** A channel was taken away. */
  closed(): void {
    if (this.#channels.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  readonly #look = (): void => {
    this.#cancel = null;
    this.opened();
    const now = Math.floor(this.#clock.monotonic());
    const part = this.#channels.part(this.#next); // a copy: ending one moves others
    this.#next = (this.#next + 1) % PARTS;
    for (const channel of part) {
      if (channel.frames > 0) {
        channel.frames = 0;
        channel.windowStart = now;
      } else if (now - channel.windowStart >= this.#limitMs) this.#end(channel);
    }
  };
}

/** What a message has: an idle client must have had time to be pinged, and to answer. */
export function messageSeconds({ messageSeconds, idleTimeout }: HttpServerLimits): number {
  return Math.max(messageSeconds, idleTimeout + PONG_SECONDS);
}
