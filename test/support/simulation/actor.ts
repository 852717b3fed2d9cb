/** The program of a simulated process: does what the messages it gets tell it to, and tells the ledger all it sees. */
import { LimitError, ProcessExitedError, SpawnError } from "../../../kernel/index.ts";
import {
  type Address,
  Blob,
  Envelope,
  type Host,
  type Instance,
  NoRequestToAnswerError,
  type Program,
  SendError,
  type SendErrorKind,
  type Timer,
  toAddress,
} from "../../../lib/protocol/index.ts";
import { type Facts, type Ledger, type Life, type Sent, Violation } from "./ledger.ts";
import type { Act, ActorPlan, Whom } from "./plan.ts";

/** What actors need of the simulation they are in. */
export interface Stage {
  readonly ledger: Ledger;
  readonly pendingMax: number;
  readonly addresses: Map<string, Address>;
  now(): number;
  gate(): Promise<void>;
  note(line: string): void;
  /** @returns the text of an address */
  address(whom: Whom): string;
  /** What becomes of a message from `from` that is sent now. */
  foresee(from: string, to: string): { readonly refused: SendErrorKind | null; readonly body: Life["body"] | null };
  /** The incarnation that begins now. */
  born(host: Host, actor: Actor): Life;
  kill(address: string): void;
  /** The name for one more child of `parent`, which `whom: "child"` leads to from now on. */
  childName(parent: Host): string;
  /** Handlers on the stack. */
  depth: number;
}

/** A throw that was planned. */
export class Planned extends Error {}

const DRIVER_DOES: ReadonlySet<string> = new Set(["reply", "keep", "reply-kept", "send", "tell", "burst"]);
const CHILD: ActorPlan = { onExit: "None", public: false, mailbox: 8, inits: [], farewell: "none" };

type Body = { readonly n: number; readonly acts: readonly Act[]; readonly lastWords?: string };
type Due = {
  readonly id: number;
  readonly at: number;
  readonly acts: readonly Act[];
  cancelled: boolean;
  done: boolean;
};

/** @param isDriver does nothing that would end or block it */
export function actorProgram(stage: Stage, plan: ActorPlan = CHILD, isDriver = false): Program {
  return { start: (host) => new Actor(stage, host, plan, isDriver) };
}

export class Actor implements Instance {
  readonly life: Life;
  readonly host: Host;
  readonly #stage: Stage;
  readonly #plan: ActorPlan;
  readonly #isDriver: boolean;
  readonly #kept: { readonly envelope: Envelope; readonly sent: Sent }[] = [];
  readonly #timers: { readonly timer: Timer; readonly due: Due }[] = [];

  constructor(stage: Stage, host: Host, plan: ActorPlan, isDriver: boolean) {
    this.#stage = stage;
    this.host = host;
    this.#plan = plan;
    this.#isDriver = isDriver;
    this.life = stage.born(host, this);
  }

  init(): void | Promise<void> {
    const how = this.#plan.inits[this.life.number - 1] ?? "none";
    this.#stage.note(`${this.#who} init: ${how}`);
    if (how === "throw") throw new Planned("init");
    if (how === "send") this.#try(() => this.#send(3, [], { expects: 0.5 }));
    if (how === "slow") return this.#stage.gate().then(() => this.#ready());
    if (how === "throw later") return this.#stage.gate().then(() => Promise.reject(new Planned("init")));
    return this.#ready();
  }

  #ready(): void {
    this.life.ready = true;
  }

  get #who(): string {
    return `${this.life.body.name} #${this.life.number}`;
  }

  /** A frame comes with the message that it is. */
  push(): void | Promise<void> {
    const message = this.host.inHand();
    if (message === null) throw new Violation(`${this.#who} has a frame without its message in hand`);
    return this.handle(message);
  }

  /** A leaf's: on its sender's stack. */
  take = (_source: unknown, body: unknown): void => {
    const { ledger } = this.#stage;
    ledger.start(this.life, ledger.ofBody(body) ?? null);
    this.life.inHand = null;
  };

  handle(message: Envelope): void | Promise<void> {
    const { life } = this;
    const stage = this.#stage;
    if (stage.depth > 0) throw new Violation(`${this.#who} handles a message within another's handler`);
    const acts = this.#begin(message);
    stage.depth++;
    let result: void | Promise<void>;
    try {
      result = this.#run(acts, message);
    } catch (thrown) {
      if (!(thrown instanceof Planned)) stage.note(`! ${this.#who}: ${String(thrown)}`);
      throw thrown;
    } finally {
      stage.depth--;
    }
    if (result === undefined) {
      life.inHand = null;
      return undefined;
    }
    stage.ledger.waits(life);
    return result.then(() => stage.ledger.settled(life));
  }

  /** Tells the ledger of `message`. @returns what to do with it */
  #begin(message: Envelope): readonly Act[] {
    const { life } = this;
    const { ledger, note } = this.#stage;
    if (message.kind === "timer") {
      const due = message.context as Due;
      note(`${this.#who} timer ${due.id}`);
      ledger.start(life, null);
      if (due.cancelled || due.done || this.#stage.now() < due.at)
        throw new Violation(
          `${this.#who}: timer ${due.id} ${due.cancelled ? "was cancelled" : "comes twice or early"}`,
        );
      due.done = true;
      life.hand = { blob: null, prompting: null };
      return due.acts;
    }
    if (message.kind === "request") {
      const body = message.body as Body;
      const sent = ledger.ofBody(body) ?? null;
      note(`${this.#who} handles ${sent?.n ?? "last words"}`);
      ledger.start(life, sent);
      life.hand = { blob: sent?.blob ?? null, prompting: sent?.root === null ? null : sent };
      if (sent === null) {
        const words = ledger.lastWords.get(body.lastWords ?? "");
        if (words === undefined) throw new Violation(`${this.#who} is sent what nobody sent`);
        words.seen++;
        return [];
      }
      this.#readBlob(message, sent);
      return body.acts;
    }
    const { request, next } = message.context as { request: Sent | null; next: readonly Act[] };
    if (request === null) throw new Violation(`${this.#who} hears of the end of a request before it was sent`);
    note(`${this.#who} hears that ${request.n} is ${message.error ?? "answered"}`);
    ledger.start(life, null);
    if (request.owner !== life) throw new Violation(`${this.#who} hears how ${request.n} of another incarnation ended`);
    ledger.outcome(request, factsOf(message), "handler");
    life.hand = {
      blob: message.error === null ? (message.blob?.text() ?? null) : null,
      prompting: request.prompting,
    };
    return next;
  }

  #readBlob(message: Envelope, { n, blob }: Sent): void {
    const read = message.blob === null ? null : message.blob.text();
    if (read !== blob) throw new Violation(`${this.#who}: the blob of ${n} is ${read}, and was ${blob}`);
  }

  exit(): void | Promise<void> {
    if (this.life.leaving || this.life.ended) throw new Violation(`${this.#who} takes its leave a second time`);
    this.life.leaving = true;
    const { farewell } = this.#plan;
    this.#stage.note(`${this.#who} leaves: ${farewell}`);
    if (farewell === "throw") throw new Planned("farewell");
    if (farewell === "slow") return this.#stage.gate();
    if (farewell === "send") this.#try(() => this.#send(1, [], {}));
    return undefined;
  }

  /** From outside of a handler, where nothing is in hand that could be passed on. */
  do(act: Act): void {
    this.#try(() => void this.#act(passingNothingOn(act), null)?.catch((thrown: unknown) => this.#refused(thrown)));
  }

  #run(acts: readonly Act[], message: Envelope, from = 0): void | Promise<void> {
    for (const [index, act] of acts.entries()) {
      if (index < from) continue;
      if (this.#isDriver && !DRIVER_DOES.has(act.do)) continue;
      const waits = this.#act(act, message);
      if (waits !== undefined)
        return waits.then(() => {
          const sent = message.kind === "request" ? this.#stage.ledger.ofBody(message.body) : undefined;
          if (sent !== undefined && !this.life.ended) this.#readBlob(message, sent);
          return this.#run(acts, message, index + 1);
        });
    }
    return undefined;
  }

  #act(act: Act, message: Envelope | null): void | Promise<void> {
    const stage = this.#stage;
    switch (act.do) {
      case "reply":
        return this.#reply(act.blob);
      case "keep": {
        const sent = stage.ledger.ofBody(message?.body);
        if (message?.kind === "request" && sent !== undefined) this.#kept.push({ envelope: message, sent });
        return undefined;
      }
      case "reply-kept": {
        const kept = this.#kept.shift();
        return kept === undefined ? undefined : this.#reply("own", kept);
      }
      case "send":
        return this.#send(act.to, act.acts, act);
      case "tell":
        return this.#tell(act.to, act.acts);
      case "call":
        return this.#call(act);
      case "burst":
        for (let i = 0; i < act.count; i++) this.#send(act.to, REPLY, { expects: act.expects });
        return undefined;
      case "timer":
        return this.#after(act.ms, act.acts);
      case "cancel": {
        const next = this.#timers.find(({ due }) => !due.done && !due.cancelled);
        if (next === undefined) return undefined;
        stage.note(`${this.#who} cancels timer ${next.due.id}`);
        next.due.cancelled = true;
        return next.timer.cancel();
      }
      case "pause":
        return stage.gate();
      case "hang":
        this.life.hung = true;
        return new Promise(() => undefined);
      case "throw":
        throw new Planned("as planned");
      case "exit":
        return this.#acts(() => this.host.exit());
      case "spawn":
        return this.#spawn(act.restarts, act.acts);
      case "kill":
        return stage.kill(stage.address(act.whom));
    }
  }

  /** Does what only a live incarnation may. */
  #acts<Result>(work: () => Result): Result {
    let result: Result;
    try {
      result = work();
    } catch (thrown) {
      if (thrown instanceof ProcessExitedError && !this.life.ended)
        throw new Violation(`${this.#who} is told that it has ended, and it has not`);
      throw thrown;
    }
    if (this.life.ended) throw new Violation(`${this.#who} acts after its end`);
    return result;
  }

  /** Also when it is not within a handler: nothing of it may get lost. */
  #try(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#refused(thrown);
    }
  }

  #refused(thrown: unknown): void {
    if (thrown instanceof Violation) return; // the run knows of it
    if (!(thrown instanceof LimitError || thrown instanceof ProcessExitedError)) throw thrown;
    this.#stage.note(`${this.#who} may not: ${thrown.message}`);
  }

  #envelope(sent: Sent, given: { readonly blob?: Blob | null; readonly inherit?: boolean }): Envelope {
    const envelope = new Envelope("request", this.host.our, this.#addressOf(sent.to), sent.body, given.blob ?? null);
    envelope.inherit = given.inherit ?? false;
    return envelope;
  }

  /** The same object each time, as the kernel remembers what one leads to. */
  #addressOf(to: string): Address {
    const { addresses } = this.#stage;
    const address = addresses.get(to) ?? toAddress(to, this.host.our.node);
    addresses.set(to, address);
    return address;
  }

  #record(
    whom: Whom,
    acts: readonly Act[],
    given: {
      readonly expects: number | null;
      readonly inherit?: boolean;
      readonly blob?: boolean;
      readonly next?: readonly Act[];
    },
  ): { sent: Sent; envelope: Envelope } {
    const { ledger } = this.#stage;
    const stage = this.#stage;
    const { hand, body } = this.life;
    const { expects, inherit = false } = given;
    const n = ledger.next();
    const blob = given.blob === true ? Blob.of(`blob of ${n}`) : null;
    const to = this.#stage.address(whom);
    const prompting = inherit || expects !== null ? hand.prompting : null;
    const passedOn = inherit && expects === null ? (prompting?.root ?? null) : null;
    const context: { request: Sent | null; next: readonly Act[] } = { request: null, next: given.next ?? [] };
    const facts = {
      n,
      kind: "request" as const,
      from: body.name,
      to,
      owner: expects === null ? null : this.life,
      body: { n, acts },
      blob: blob === null ? (inherit ? (hand.blob ?? prompting?.blob ?? null) : null) : `blob of ${n}`,
      context,
      due: expects === null ? null : stage.now() + expects * 1000,
      root: passedOn,
      prompting,
    };
    const sent = ledger.record(facts);
    context.request = sent;
    if (expects !== null) Object.assign(sent, { root: sent }); // it is its own
    const envelope = this.#envelope(sent, { blob, inherit });
    envelope.expectsResponse = expects;
    envelope.context = context;
    return { sent, envelope };
  }

  #send(
    whom: Whom,
    acts: readonly Act[],
    given: {
      readonly expects?: number | null;
      readonly inherit?: boolean;
      readonly blob?: boolean;
      readonly next?: readonly Act[];
    },
  ): void {
    const { sent, envelope } = this.#record(whom, acts, { ...given, expects: given.expects ?? null });
    this.#hand(sent, () => this.host.send(envelope));
  }

  #tell(whom: Whom, acts: readonly Act[]): void {
    const { sent, envelope } = this.#record(whom, acts, { expects: null });
    this.#hand(sent, () => this.host.tell(envelope.target, sent.body, null));
  }

  /** Foresees what becomes of `sent`, and sends it. */
  #hand(sent: Sent, send: () => void): void {
    const { refused, body } = this.#stage.foresee(this.life.body.name, sent.to);
    this.#stage.note(`${this.#who} sends ${sent.n} to ${sent.to}${refused === null ? "" : `: ${refused}`}`);
    try {
      this.#acts(send);
    } catch (thrown) {
      this.#stage.ledger.unsent(sent);
      if (thrown instanceof LimitError && (this.life.pending?.size ?? 0) < this.#stage.pendingMax)
        throw new Violation(`${this.#who} may not wait for one more answer: it waits for ${this.life.pending?.size}`);
      throw thrown;
    }
    this.#stage.ledger.delivered(sent, refused, body);
  }

  #call({ to, expects, acts }: Extract<Act, { do: "call" }>): void | Promise<void> {
    if (this.#stage.address(to) === this.life.body.name) return undefined; // it would be told SelfCallError
    const stage = this.#stage;
    const { sent, envelope } = this.#record(to, acts, { expects });
    const { refused, body } = stage.foresee(this.life.body.name, sent.to);
    stage.note(`${this.#who} calls ${sent.to} with ${sent.n}${refused === null ? "" : `: ${refused}`}`);
    const answer = this.host.call(envelope);
    if (envelope.pending !== null) stage.ledger.delivered(sent, refused, body);
    else stage.ledger.unsent(sent); // it rejects
    return answer.then(
      (response) => {
        stage.note(`${this.#who}: ${sent.n} is answered`);
        stage.ledger.outcome(sent, factsOf(response), "promise");
      },
      (thrown: unknown) => {
        if (!(thrown instanceof SendError)) throw thrown;
        stage.note(`${this.#who}: ${sent.n} is ${thrown.kind}`);
        const { kind: error, body: back, context, blob } = thrown;
        stage.ledger.outcome(sent, { error, body: back, context, text: blob?.text() ?? null }, "promise");
      },
    );
  }

  #reply(how: "none" | "own" | "inherit", kept?: { readonly envelope: Envelope; readonly sent: Sent }): void {
    const { ledger } = this.#stage;
    const { hand, body } = this.life;
    const request = kept?.sent ?? hand.prompting;
    const isWanted = request !== null && request.root !== null;
    const n = ledger.next();
    const inherited = kept === undefined ? (hand.blob ?? request?.blob ?? null) : kept.sent.blob;
    const blob = how === "own" ? `blob of ${n}` : how === "inherit" ? inherited : null;
    const owner = request?.root?.owner ?? null;
    const answer = ledger.record({
      n,
      kind: "answer",
      from: body.name,
      to: owner?.body.name ?? "",
      body: { n },
      blob,
    });
    this.#stage.note(`${this.#who} answers ${request?.n} with ${n}`);
    const given = {
      body: answer.body,
      blob: how === "own" ? Blob.of(`blob of ${n}`) : null,
      inherit: how === "inherit",
    };
    try {
      this.#acts(() => this.host.respond(given, kept?.envelope));
    } catch (thrown) {
      ledger.unsent(answer);
      if (!(thrown instanceof NoRequestToAnswerError)) throw thrown;
      if (isWanted) throw new Violation(`${this.#who} may not answer ${request?.n}`);
      return;
    }
    if (request === null || !isWanted) throw new Violation(`${this.#who} may answer what wants none: ${request?.n}`);
    ledger.answered(request, answer);
  }

  #after(ms: number, acts: readonly Act[]): void {
    const due: Due = { id: this.#stage.ledger.next(), at: this.#stage.now() + ms, acts, cancelled: false, done: false };
    const timer = this.#acts(() => this.host.after(ms, due));
    this.#timers.push({ timer, due });
  }

  /** Timers that should have come by now. */
  get overdue(): readonly number[] {
    return this.#timers.filter(({ due }) => !due.done && !due.cancelled).map(({ due }) => due.id);
  }

  #spawn(restarts: boolean, acts: readonly Act[]): void {
    const name = this.#stage.childName(this.host);
    const program = actorProgram(this.#stage, { ...CHILD, inits: ["none", "throw"] });
    const made = this.#acts(() =>
      this.host.spawn({ name, program, public: true, onExit: restarts ? "Restart" : "None" }),
    );
    made.catch((thrown: unknown) => {
      if (!(thrown instanceof SpawnError)) throw thrown;
    });
    for (const act of acts) if (act.do === "send") this.#act(act, null);
  }
}

const REPLY: readonly Act[] = [{ do: "reply", blob: "none" }];

/** Also of what follows: bytes on loan have gone since the message that is shown as the one in hand was handled. */
function passingNothingOn(act: Act): Act {
  if (act.do === "reply") return { ...act, blob: act.blob === "inherit" ? "none" : act.blob };
  return act.do === "send" ? { ...act, inherit: false, next: act.next.map(passingNothingOn) } : act;
}

function factsOf({ body, context, error, blob }: Envelope): Facts {
  return { body, context, error, text: blob?.text() ?? null };
}

/** What a handler throws that nobody planned: a limit reached, or an act after its incarnation's end. */
export function isExpected(error: string): boolean {
  return /^(Error: (as planned|init|farewell)|ProcessExitedError|LimitError)/.test(error);
}
