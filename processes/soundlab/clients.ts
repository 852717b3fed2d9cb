/**
 * Who is connected to which stream, and what each may still say or has still to read.
 *
 * 1. Metrics and latency go out by topic: the http-server leaves a slow client out of all but the newest.
 * 2. An event may not be left out, so each client of /ws/events has a queue of its own. Its pings and pongs tell how far
 *    it has read, as buffers below would take thousands before anybody noticed; one more than EVENTS_WAITING closes it.
 */
import type { Blob } from "jackfield/process";
import { type Context, PacedQueue } from "jackfield/process";
import { Inbound } from "./inbound.ts";
import { EVENTS_WAITING, EVENTS_WINDOW } from "./limits.ts";

export const STREAMS = ["metrics", "latency", "events"] as const;
export type Stream = (typeof STREAMS)[number];

export type Client = {
  readonly stream: Stream;
  readonly inbound: Inbound;
  /** Of events; null: not one of theirs. */
  readonly queue: PacedQueue<Blob> | null;
};

const TRY_AGAIN_LATER = 1013;

export class Clients {
  readonly #clients = new Map<number, Client>(); // by channel
  readonly #counts: Record<Stream, number> = { metrics: 0, latency: 0, events: 0 };
  readonly #messagesPerSecond: number;

  constructor(messagesPerSecond: number) {
    this.#messagesPerSecond = messagesPerSecond;
  }

  get counts(): Readonly<Record<Stream, number>> {
    return { ...this.#counts };
  }

  of(channelId: number): Client | undefined {
    return this.#clients.get(channelId);
  }

  /** @param path as the process was told of it, the token's prefix or not @returns undefined: it is none of a stream */
  add(channelId: number, path: string, ctx: Pick<Context, "push" | "now">): Client | undefined {
    const stream = STREAMS.find((name) => path.endsWith(`/ws/${name}`));
    if (stream === undefined) return undefined;
    const queue =
      stream === "events"
        ? new PacedQueue<Blob>({
            send: (event) => ctx.push(channelId, event),
            ping: (payload) => ctx.push(channelId, payload, "Ping"),
            now: () => ctx.now(),
            items: EVENTS_WAITING,
            windowFrames: EVENTS_WINDOW,
          })
        : null;
    const client = { stream, inbound: new Inbound(this.#messagesPerSecond), queue };
    this.#clients.set(channelId, client);
    this.#counts[stream]++;
    return client;
  }

  delete(channelId: number): void {
    const client = this.#clients.get(channelId);
    if (client === undefined) return;
    this.#clients.delete(channelId);
    this.#counts[client.stream]--;
  }

  /** To everybody who listens to events. */
  tell(event: Blob, ctx: Pick<Context, "close">): void {
    for (const [channelId, { queue }] of this.#clients) {
      if (queue === null) continue;
      if (queue.offer(event, { bytes: event.byteLength, droppable: false }) !== "full") continue;
      ctx.close(channelId, TRY_AGAIN_LATER, `${EVENTS_WAITING} events wait for this client: read faster`);
      this.delete(channelId); // nothing more goes there
    }
  }
}
