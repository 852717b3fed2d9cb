/**
 * The clients of a rolling restart: channels of lib/client, each of which goes on with another node when its own is gone.
 *
 * 1. No resume: a channel that comes back is a new one. What had left is lost with the old one, and counted; what waits in
 *    the client is sent on the new one.
 * 2. Each client asks every `everyMs`, in turn its own node and another, whatever became of the question before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, RequestError } from "jackfield/client";
import { WebSocket } from "ws";
import type { Answered, ClientCounts, Question } from "./rolling-report.ts";

const QUIET_MS = 15_000; // longer than a question may take: limits.requestMs of lib/client, 10 s
const POLL_MS = 20;
const DESK = "desk:rolling:sys";

export type Place = { readonly name: string; readonly url: string };

type Counts = { -readonly [Name in keyof ClientCounts]: ClientCounts[Name] } & {
  readonly refused: Record<string, number>;
  readonly closed: Record<string, number>;
  readonly backMs: number[];
};

class Client {
  readonly #id: number;
  readonly #places: readonly Place[];
  readonly #counts: Counts;
  readonly #next: number[]; // number of the next question, by node that is to answer
  readonly #channel: ReturnType<typeof connect>;
  #at: number; // which place it is with
  #asked = 0;
  #closedAt: number | undefined;
  #wasLost = false;
  #isOpen = false;

  constructor(id: number, places: readonly Place[], counts: Counts) {
    this.#id = id;
    this.#places = places;
    this.#counts = counts;
    this.#next = places.map(() => 0);
    this.#at = id % places.length;
    const channel = connect({ process: DESK, path: "/", url: () => this.#url(), WebSocket });
    channel.on("open", () => {
      this.#isOpen = true;
      if (this.#closedAt !== undefined) counts.backMs.push(performance.now() - this.#closedAt);
      this.#closedAt = undefined;
    });
    channel.on("close", ({ code, retryInMs }) => {
      if (retryInMs === undefined) return; // our own goodbye, or for good: then it is not open in the end
      this.#wasLost = true;
      if (!this.#isOpen) return; // a try that failed
      this.#isOpen = false;
      this.#closedAt = performance.now();
      counts.closed[code] = (counts.closed[code] ?? 0) + 1;
    });
    channel.on("error", () => undefined); // its close follows
    this.#channel = channel;
  }

  /** The name of the node that it is with; undefined: with none. */
  get on(): string | undefined {
    return this.#channel.state === "open" ? this.#places[this.#at]?.name : undefined;
  }

  /** The next node after a loss, any of the others: they share who comes. */
  #url(): string {
    const { length } = this.#places;
    if (this.#wasLost) this.#at = (this.#at + 1 + Math.floor(Math.random() * (length - 1))) % length;
    this.#wasLost = false;
    return this.#places[this.#at]?.url ?? "";
  }

  async ask(): Promise<void> {
    const counts = this.#counts;
    const index = (this.#at + (this.#asked++ % 2)) % this.#places.length;
    const n = this.#next[index] ?? 0;
    this.#next[index] = n + 1;
    const question: Question = { client: this.#id, n, to: this.#places[index]?.name ?? "" };
    counts.sent++;
    try {
      const answer = (await this.#channel.request(question)) as Answered; // of our own desk
      if (answer.n !== n) counts.mixedUp++;
      if (answer.breach !== undefined) counts[answer.breach]++;
      if (answer.refused === undefined) counts.answered++;
      else counts.refused[answer.refused] = (counts.refused[answer.refused] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code === "request_lost") counts.lostWithChannel++;
      else counts.timedOut++;
    }
  }

  close(): void {
    this.#channel.close();
  }
}

export class Clients {
  readonly #counts: Counts = {
    ...{ sent: 0, answered: 0, refused: {}, lostWithChannel: 0, timedOut: 0, duplicated: 0, reordered: 0, mixedUp: 0 },
    ...{ closed: {}, backMs: [], on: {} },
  };
  readonly #clients: readonly Client[];
  readonly #timers: NodeJS.Timeout[] = [];
  #open = 0;
  #failure: unknown;

  constructor(count: number, places: readonly Place[]) {
    this.#clients = Array.from({ length: count }, (_, id) => new Client(id, places, this.#counts));
  }

  /** Spread over the time, so that they do not ask all at once. */
  start(everyMs: number): void {
    for (const [index, client] of this.#clients.entries()) {
      const begin = (): void => {
        this.#timers.push(setInterval(() => this.#ask(client), everyMs));
      };
      this.#timers.push(setTimeout(begin, (everyMs * index) / this.#clients.length));
    }
  }

  #ask(client: Client): void {
    this.#open++;
    client
      .ask()
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#open--;
      });
  }

  on(): Readonly<Record<string, number>> {
    const on: Record<string, number> = {};
    for (const { on: name } of this.#clients) if (name !== undefined) on[name] = (on[name] ?? 0) + 1;
    return on;
  }

  /** Resolves once every client has a channel. @throws {Error} (rejects) not within `ms` */
  async allOpen(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.#clients.some(({ on }) => on === undefined)) {
      if (performance.now() > end) throw new Error(`Cannot go on as all channels must be open within ${ms} ms`);
      await sleep(POLL_MS);
    }
  }

  /** No more questions; waits for the answers to all there are, and says goodbye. */
  async end(): Promise<ClientCounts> {
    for (const timer of this.#timers) clearTimeout(timer); // a timeout's and an interval's alike
    const end = performance.now() + QUIET_MS;
    while (this.#open > 0 && performance.now() < end) await sleep(POLL_MS);
    const counts = { ...this.#counts, on: this.on() };
    for (const client of this.#clients) client.close();
    if (this.#failure !== undefined) throw this.#failure;
    return counts;
  }
}
