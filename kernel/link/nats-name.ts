/**
 * Who has a node's name on the link: one at a time, and nobody but the NATS servers is asked for it.
 *
 * 1. Who wants a name listens on `n.<name>.<name>.id`, then asks there. Its connection hears no echo, so that the server's
 *    503 says that nobody else listens, and the name is its own. Each listens before it asks: of two that start at once at
 *    least one hears of the other, and both never have it. Servers of a cluster need a moment to tell each other who
 *    listens: there it is asked twice, SETTLE_MS apart.
 * 2. Who has it says so, and the other is refused, or waits for it when it is to succeed that one. Of two that only want it
 *    the one with the lower number leaves.
 * 3. Who was cut off may find another in its place: then the one that has been connected for longer stays.
 * 4. Nobody else can say anything there: servers let each node publish under its own name only.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { textOf } from "../../lib/protocol/index.ts";
import { LinkError } from "./errors.ts";
import { absenceSubject, nameSubject } from "./nats-subjects.ts";

const AGAIN_MS = 50; // what a node that leaves takes, with its connection
const HELD_MS = 250; // of one that hands over: it drains for a second at least
const ANSWER_MS = 1_000; // for who has it to answer, on a machine that is busy
const SETTLE_MS = 100; // servers of a machine room tell each other in 1 to 5 ms
const SAME_MS = 1_000; // connected for as long as each other, as when a server was back for both
const NUMBER_MAX = 2 ** 48; // two nodes draw the same one in 10^14
const NO_RESPONDERS = 503;
const WORDS = /^(wants|has) (\d{1,15}) (\d{1,15})$/; // its number, and for how many ms it has been connected

export type TakeOptions = {
  /** How long it waits for one that does not answer to be gone, ANSWER_MS at least. */
  readonly patienceMs: number;
  /** It succeeds who has the name: told once that it waits for that one, for as long as it takes. */
  readonly onHeld: (() => void) | undefined;
};

export class NatsName {
  readonly #nc: NatsConnection;
  readonly #node: string;
  readonly #where: string;
  readonly #onRival: (error: LinkError) => void;
  readonly #number = Math.floor(Math.random() * NUMBER_MAX);
  #state: "wants" | "has" | "left" = "wants";
  #connectedAt = performance.now();
  #saidAt = Number.NEGATIVE_INFINITY; // ms
  #isHeld = false;
  #isOutbid = false;
  #isAlone = false;
  #refused: Error | null = null;

  /** @param onRival it had the name, and another has it with more right: it must leave */
  constructor(nc: NatsConnection, node: string, where: string, onRival: (error: LinkError) => void) {
    this.#nc = nc;
    this.#node = node;
    this.#where = where;
    this.#onRival = onRival;
  }

  /** @throws {LinkError} (rejects) another has it, or its key is not that of this name */
  async take({ patienceMs, onHeld }: TakeOptions): Promise<void> {
    const nc = this.#nc;
    const answers = this.#listen();
    const begun = performance.now();
    const patience = Math.max(patienceMs, ANSWER_MS);
    let isSettled = nc.info?.cluster === undefined;
    let isTold = false;
    try {
      for (;;) {
        const isAlone = await this.#ask();
        if (isAlone && isSettled) break;
        if (!isAlone && !this.#isHeld && performance.now() - begun >= patience) throw this.#taken();
        await sleep(isAlone ? SETTLE_MS : this.#isHeld && isTold ? HELD_MS : AGAIN_MS);
        isSettled ||= isAlone;
        if (this.#isHeld && onHeld === undefined) throw this.#taken();
        if (this.#isHeld && !isTold) {
          isTold = true;
          onHeld?.();
        }
      }
    } finally {
      answers.unsubscribe();
    }
    this.#state = "has";
    this.#say("has"); // servers that took longer than SETTLE_MS to tell each other may have let two in: they hear of it here
  }

  /** The connection broke and is back: meanwhile another may have come. */
  reconnected(): void {
    this.#connectedAt = performance.now();
    if (this.#state === "has") this.#say("has");
  }

  /** Where it hears of others from now on, and the answers to what it asks. */
  #listen(): { unsubscribe(): void } {
    const node = this.#node;
    this.#nc.subscribe(nameSubject(node), {
      callback: (error, message) => {
        if (error === null) this.#hear(message);
        else this.#refused ??= error;
      },
    });
    return this.#nc.subscribe(absenceSubject(node, node, this.#number), {
      callback: (error, message) => {
        if (error !== null) this.#refused ??= error;
        else if (message.headers?.code === NO_RESPONDERS) this.#isAlone = true;
      },
    });
  }

  /** @returns whether nobody else listens. The server's word is there when the flush is. */
  async #ask(): Promise<boolean> {
    this.#isAlone = false;
    this.#say("wants", absenceSubject(this.#node, this.#node, this.#number));
    try {
      await this.#nc.flush();
    } catch (cause) {
      const rule = `it broke before this node was known there: ${textOf(cause)}, start again`;
      throw new LinkError(this.#where, rule, { cause });
    }
    if (this.#refused !== null) {
      const rule = `its key is not that of a node "${this.#node}" there: start it by the name that the key was made for`;
      throw new LinkError(this.#where, rule, { cause: this.#refused });
    }
    if (this.#isOutbid) {
      const rule = `another node "${this.#node}" starts on it in this moment`;
      throw new LinkError(this.#where, `${rule}: each needs a name of its own (--node)`);
    }
    return this.#isAlone;
  }

  #say(word: "wants" | "has", reply?: string): void {
    if (this.#nc.isClosed()) return;
    const text = `${word} ${this.#number} ${Math.floor(performance.now() - this.#connectedAt)}`;
    this.#nc.publish(nameSubject(this.#node), text, reply === undefined ? {} : { reply });
  }

  #hear(message: Msg): void {
    const [, word, number, ms] = WORDS.exec(message.string()) ?? [];
    if (word === undefined || message.headers !== undefined || this.#state === "left") return;
    if (this.#state === "has") {
      if (word === "wants") this.#say("has");
      else this.#meet(Number(number), Number(ms));
    } else if (word === "has") this.#isHeld = true;
    else if (Number(number) > this.#number) this.#isOutbid = true;
  }

  /** Another says that it has it, too. */
  #meet(number: number, connectedMs: number): void {
    const now = performance.now();
    const longer = now - this.#connectedAt - connectedMs;
    if (Math.abs(longer) > SAME_MS ? longer > 0 : this.#number > number) {
      if (now - this.#saidAt < SAME_MS) return; // two that both think that they stay must not talk for ever
      this.#saidAt = now;
      this.#say("has");
      return;
    }
    this.#state = "left";
    const rule = `another node "${this.#node}" is on it, and has been for longer: this one was cut off and has left`;
    this.#onRival(new LinkError(this.#where, `${rule}, stop one of them`));
  }

  #taken(): LinkError {
    const rule = `there is a node "${this.#node}" on it already: each needs a name of its own (--node)`;
    return new LinkError(this.#where, `${rule}; one that was cut off is gone after some 30 s`);
  }
}
