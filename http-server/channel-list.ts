/**
 * Channels in the order they came, in a list that runs through the channels themselves. A channel is in one at a time:
 * of those that wait to be registered, then of its owner's.
 *
 * Not a Set: with the tables it had outgrown, that held 62 bytes for each of 19,000 channels; two fields are 16. And one
 * that channels pass through outgrows its table again and again, each dead one leading to the next: in V8's old
 * generation they keep each other until all of it is collected.
 */
import type { Channel } from "./channel.ts";

export class ChannelList {
  #oldest: Channel | null = null;
  #newest: Channel | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param channel which is in no list */
  add(channel: Channel): void {
    channel.older = this.#newest;
    if (this.#newest === null) this.#oldest = channel;
    else this.#newest.newer = channel;
    this.#newest = channel;
    this.#length++;
  }

  /** @param channel which is in this list, or in none: then nothing happens */
  delete(channel: Channel): void {
    const { older, newer } = channel;
    if (older === null && this.#oldest !== channel) return;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    channel.older = null;
    channel.newer = null;
    this.#length--;
  }

  /** Oldest first. */
  all(): Channel[] {
    const channels: Channel[] = [];
    for (let channel = this.#oldest; channel !== null; channel = channel.newer) channels.push(channel);
    return channels;
  }
}
