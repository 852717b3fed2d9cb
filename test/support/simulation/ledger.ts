/**
 * What a simulation knows to be true, kept apart from the kernel, and what the kernel did. They must agree (DESIGN §3).
 *
 * 1. Every message has a number, in the order of sending; its body says which.
 * 2. Of a request that waits for an answer the ledger decides itself how it must end: by whatever comes first of the
 *    answers given, the refusals foreseen, and the ends of who had to answer. Where nothing came in time: Timeout.
 * 3. `check…` throws a Violation, which fails the run.
 */
import type { KernelEvent, Process } from "../../../kernel/index.ts";
import type { PendingTable } from "../../../kernel/pending.ts";
import type { Envelope, SendErrorKind } from "../../../lib/protocol/index.ts";

/** A guarantee of the kernel that did not hold. */
export class Violation extends Error {
  /** The first of this run: one that is thrown in what is left of a dead incarnation is heard by nobody. */
  static first: Violation | undefined;
  override readonly name = "Violation";

  constructor(says: string) {
    super(says);
    Violation.first ??= this;
  }
}

/** A process from its registration to its end. */
export type Body = { readonly process: Process; readonly name: string; readonly ofPlan: boolean };

/** One incarnation. */
export type Life = {
  readonly body: Body;
  readonly number: number;
  readonly pending: PendingTable | undefined;
  /** The message that it must hear before any other; null: it has. */
  prelude: number | null;
  /** Its init is over. */
  ready: boolean;
  leaving: boolean;
  ended: boolean;
  /** It will never come back to its mailbox by itself. */
  hung: boolean;
  /** What it handles now. */
  inHand: Sent | "something" | null;
  /** Its handler has returned a promise, which is out. */
  waits: boolean;
  /** What its promise was for, which was settled since the last step: perhaps the kernel does not know yet. */
  settling: Sent | null;
  /** What the kernel shows it as the message in hand: the last one, too. */
  hand: Hand;
};

export type Hand = {
  readonly blob: string | null;
  /** The request that an answer given now goes to. */
  readonly prompting: Sent | null;
};

export type Sent = {
  readonly n: number;
  readonly kind: "request" | "answer" | "prelude";
  readonly from: string;
  /** Who waits for its answer; null: nobody. */
  readonly owner: Life | null;
  readonly to: string;
  readonly body: unknown;
  readonly blob: string | null;
  readonly context: unknown;
  /** When it is Timeout, ms; null: no answer is wanted. */
  readonly due: number | null;
  /** The request whose answer is wanted: itself, or the one that it passes on; null: none. */
  readonly root: Sent | null;
  readonly prompting: Sent | null;
  /** Where it was put. */
  deliveredTo: Body | null;
  refused: SendErrorKind | null;
  starts: number;
  /** It was in hand when its process crashed or was killed. */
  cutShort: boolean | "perhaps";
  readonly letters: string[];
  /** Of a root: who has to answer, how it must end, and how it was seen to end. */
  holder: Body | null;
  first: { readonly how: SendErrorKind | Sent; readonly at: number } | null;
  seen: number;
};

const LATE_MAX = 20; // ms: two ticks of the timer wheel

export class Ledger {
  readonly sent: Map<number, Sent> = new Map();
  readonly lives: Life[] = [];
  /** By the sender's name: how often it ended by itself with last words, and how many of those were handled or buried. */
  readonly lastWords: Map<string, { owed: number; seen: number }> = new Map();
  readonly #now: () => number;
  readonly #current = new Map<Process, Life>();
  readonly #lastHeard = new Map<string, number>();
  #number = 0;

  /** @param now ms monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  next(): number {
    return ++this.#number;
  }

  begin(life: Life): void {
    this.lives.push(life);
    this.#current.set(life.body.process, life);
  }

  current(process: Process): Life | undefined {
    return this.#current.get(process);
  }

  record(facts: Pick<Sent, "n" | "kind" | "from" | "to" | "body"> & Partial<Sent>): Sent {
    const sent: Sent = {
      owner: null,
      blob: null,
      context: undefined,
      due: null,
      root: null,
      prompting: null,
      deliveredTo: null,
      refused: null,
      starts: 0,
      cutShort: false,
      letters: [],
      holder: null,
      first: null,
      seen: 0,
      ...facts,
    };
    this.sent.set(sent.n, sent);
    return sent;
  }

  /** It threw instead: nothing was sent. */
  unsent({ n }: Sent): void {
    this.sent.delete(n);
  }

  /** `sent` went to `to`, or was refused as was foreseen. */
  delivered(sent: Sent, refused: SendErrorKind | null, to: Body | null): void {
    const { root } = sent;
    sent.refused = refused;
    if (refused !== null) {
      if (root !== null) this.#decide(root, refused);
      return;
    }
    sent.deliveredTo = to;
    if (root !== null) root.holder = to;
  }

  answered(request: Sent, answer: Sent): void {
    if (request.root !== null) this.#decide(request.root, answer);
  }

  #decide(root: Sent, how: SendErrorKind | Sent): void {
    root.first ??= { how, at: this.#now() };
  }

  /** A handler begins. */
  start(life: Life, what: Sent | null): void {
    const who = `${life.body.name} #${life.number}`;
    this.#check(!life.ended, `${who} handles a message after its end`);
    this.#check(life.ready, `${who} handles a message before its init is over`);
    this.#check(!life.leaving, `${who} handles a message after its farewell began`);
    this.#check(life.inHand === null, `${who} handles two messages at once`);
    this.#check(life.prelude === null || life.prelude === what?.n, `${who} hears ${what?.n} before its prelude`);
    life.prelude = null;
    life.inHand = what ?? "something";
    if (what === null) return;
    this.#check(what.to === life.body.name, `${who} handles message ${what.n}, which was for ${what.to}`);
    what.starts++;
    this.#check(what.starts === 1, `message ${what.n} is handled a second time, by ${who}`);
    this.#check(what.refused === null, `message ${what.n} was refused, and is handled by ${who}`);
    if (what.kind !== "prelude") this.heard(what, life.body.name);
  }

  /** Rule of order: from one sender to one target, in the order sent. */
  heard(what: Sent, by: string): void {
    const pair = `${what.from} → ${by}`;
    const last = this.#lastHeard.get(pair) ?? 0;
    this.#check(what.n > last, `${pair}: message ${what.n} is heard after ${last}`);
    this.#lastHeard.set(pair, what.n);
  }

  /** An answer or an error reached who asked: `by` its handler, or its promise. */
  outcome(root: Sent, message: Facts, by: "handler" | "promise"): Sent | null {
    root.seen++;
    this.#check(root.seen === 1, `request ${root.n} ends a second time: ${message.error ?? "answered"}`);
    this.#check(message.context === root.context, `request ${root.n} gets another's context`);
    const { first, due } = root;
    if (due === null) throw new Violation(`request ${root.n} wants no answer and ends with one`);
    if (message.error !== null) {
      this.#check(message.body === root.body, `request ${root.n} ends with ${message.error} and another's body`);
      this.#check(message.text === root.blob, `request ${root.n} gets back ${message.text} as its blob: ${root.blob}`);
      if (message.error === "Timeout") {
        this.#check(this.#now() >= due, `request ${root.n} is Timeout ${due - this.#now()} ms early`);
        this.#check(first === null || first.at >= due, `request ${root.n} is Timeout, but was ${shown(first)}`);
      } else
        this.#check(first?.how === message.error, `request ${root.n} is ${message.error}, but was ${shown(first)}`);
      return null;
    }
    const answer = this.ofBody(message.body);
    if (answer === undefined || first?.how !== answer || answer.body !== message.body)
      throw new Violation(`request ${root.n} is answered by ${answer?.n}, but was ${shown(first)}`);
    this.#check(first.at <= due + LATE_MAX, `request ${root.n} is answered ${first.at - due} ms after its end`);
    this.#check(message.text === answer.blob, `answer ${answer.n} has the blob ${message.text}: ${answer.blob}`);
    answer.seen++;
    if (by === "handler") this.heard(answer, root.owner?.body.name ?? "");
    return answer;
  }

  /** The message that `body` is of. */
  ofBody(body: unknown): Sent | undefined {
    if (typeof body !== "object" || body === null || !("n" in body)) return undefined;
    return this.sent.get(Number(body.n));
  }

  readonly hear = (event: KernelEvent): void => {
    if (event.type === "dead-letter") this.#letter(event.letter);
  };

  #letter({ kind, reason, body, source }: { kind: string; reason: string; body: unknown; source: string }): void {
    const sent = this.ofBody(body);
    if (sent === undefined) {
      const words = this.lastWords.get(source.replace(/^.*@/, ""));
      if (words !== undefined && kind === "request") words.seen++;
      return;
    }
    const isOutcome = kind === "error" || sent.kind === "answer";
    if (isOutcome && reason === "crashed") this.#check(sent.seen === 1, `the end of ${sent.n} crashed nobody`);
    else if (kind === "error")
      sent.seen++; // it brings back the request's own body
    else sent.letters.push(reason);
  }

  /** Its handler has returned a promise. */
  waits(life: Life): void {
    life.waits = true;
    if (life.ended && life.inHand !== null && life.inHand !== "something") life.inHand.cutShort = true;
  }

  /** The promise of its handler is fulfilled. */
  settled(life: Life): void {
    if (life.inHand !== "something") life.settling = life.inHand;
    life.waits = false;
    life.inHand = null;
  }

  /** Every callback of a settled promise has run. */
  allSettled(): void {
    for (const life of this.lives) life.settling = null;
  }

  /** Its handler or its init threw, by the kernel's word. */
  crashed(life: Life): void {
    const { inHand, body } = life;
    if (inHand === null || inHand === "something" || life.leaving) return; // its farewell threw
    inHand.cutShort = true;
    const { root } = inHand;
    if (root !== null && root.holder === body) this.#decide(root, "Offline");
  }

  /** No more of this incarnation. */
  ended(life: Life): void {
    life.ended = true;
  }

  /** No more of this process: who waits on it hears so. */
  gone(body: Body): void {
    const life = this.#current.get(body.process);
    if (life !== undefined) {
      if (life.waits && life.inHand !== null && life.inHand !== "something") life.inHand.cutShort = true;
      if (life.settling !== null) life.settling.cutShort = "perhaps";
      this.ended(life);
    }
    for (const sent of this.sent.values()) {
      const waitsThere = sent.deliveredTo === body && sent.starts === 0;
      if (waitsThere && sent.root !== null) this.#decide(sent.root, "Offline");
      if (sent.holder === body) this.#decide(sent, "Offline");
    }
  }

  /** All is quiet, and all time-outs are over: whoever lives has heard of all that it sent. */
  checkQuiet(): void {
    for (const sent of this.sent.values()) {
      const { owner, due, n, seen } = sent;
      if (due !== null && owner !== null && !owner.ended && !owner.hung)
        this.#check(seen === 1, `request ${n} of ${owner.body.name} has not ended; it was ${shown(sent.first)}`);
    }
  }

  /** Everything has stopped: each message was handled once, or is one dead letter, or its sender was told. */
  checkEnd(): void {
    for (const sent of this.sent.values()) this.#checkAccount(sent);
    for (const [name, { owed, seen }] of this.lastWords)
      this.#check(owed === seen, `${name} had last words ${owed} times, of which ${seen} were heard or dead letters`);
    for (const { body, number, pending } of this.lives)
      this.#check((pending?.size ?? 0) === 0, `${body.name} #${number} has ended and still waits for ${pending?.size}`);
  }

  #checkAccount({ n, kind, starts, letters, seen, cutShort, refused, root }: Sent): void {
    const says = `${kind} ${n}: handled ${starts}, refused ${refused}, cut short ${cutShort}, letters ${letters}`;
    if (kind === "answer") {
      this.#check(seen + letters.length === 1, `${says}, and was heard ${seen} times`);
      return;
    }
    this.#check(seen <= 1, `${says}; it ended ${seen} times`);
    if (starts > 0)
      this.#check(cutShort === "perhaps" ? letters.length <= 1 : letters.join() === (cutShort ? "crashed" : ""), says);
    else if (root !== null && root.seen > 0 && letters.length === 0)
      this.#check(root.first !== null && typeof root.first.how === "string", `${says}; nobody was told`);
    else this.#check(letters.length === 1 && letters[0] !== "crashed", says);
    if (refused !== null && letters.length > 0) this.#check(letters[0] === refused.toLowerCase(), says);
  }

  #check(holds: boolean, says: string): void {
    if (!holds) throw new Violation(says);
  }
}

/** Of an outcome, however it came. */
export type Facts = Pick<Envelope, "body" | "context" | "error"> & { readonly text: string | null };

function shown(first: Sent["first"]): string {
  if (first === null) return "neither answered nor refused";
  return `${typeof first.how === "string" ? first.how : `answered by ${first.how.n}`} at ${first.at} ms`;
}
