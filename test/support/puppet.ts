/**
 * One process that does what a test tells it: the test's side of programs/puppet.mjs. Made by stage.ts, which says how.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type * as lib from "../../lib/process/index.ts";
import type * as protocol from "../../lib/protocol/index.ts";
import type { Envelope } from "../../lib/protocol/index.ts";

const REPORT_MS = 50_000; // less than a test may take; a process of its own starts within it on two busy cores

/** What a puppet needs of its stage. */
export type Stagehand = {
  ask(to: string, body: unknown): Promise<Envelope>;
  tell(to: string, body: unknown): void;
  folderOf(id: string): string;
  crashReports(): string;
};

/** What one function puts there for another to find; `all` and `ended` are there from the beginning. */
export type Keep = {
  readonly all: unknown[];
  readonly ended: Map<unknown, string>;
  asked: lib.Message;
  request: lib.IncomingHttp;
  timer: lib.Timer;
  blob: lib.Blob;
  body: unknown;
  ctx: lib.Context;
  promise: Promise<unknown>;
};

/** What a test's function gets: see programs/puppet.mjs. */
export type Me = {
  readonly ctx: lib.Context;
  readonly lib: typeof lib;
  /** `jackfield/protocol`. */
  readonly protocol: typeof protocol;
  /** This incarnation's, for what a later function needs. */
  readonly keep: Keep;
  report(value: unknown): void;
  /** One more of `name`, over all incarnations; the first is 1. */
  count(name: string): number;
  /** Resolves when the test has opened it: see `Puppet.open`. */
  gate(name: string): Promise<void>;
  /** The same, but returns when it is open: until then its thread does nothing else. */
  block(name: string): void;
  seen(message: lib.Message | lib.SendError): Seen;
  error(thrown: unknown): Thrown;
  caught(work: () => unknown): Promise<Thrown | null>;
  caughtNow(work: () => unknown): Thrown | null;
};

export type Thrown = {
  readonly name: string;
  readonly message: string;
  readonly code?: string | null;
  readonly [fact: string]: unknown;
};

export type Seen = { readonly kind: string; readonly [fact: string]: unknown };

/** What there is to react to. */
export type Events = {
  readonly request: lib.Message;
  readonly response: lib.Message;
  readonly error: lib.SendError;
  readonly open: lib.Open;
  readonly push: lib.Push & { readonly blob: lib.Blob };
  readonly close: lib.Close;
  readonly http: lib.IncomingHttp;
  readonly down: lib.Down;
  readonly exit: null;
};

/** What a puppet's function threw. */
export class PuppetError extends Error {
  override readonly name = "PuppetError";
  readonly thrown: Thrown;
  constructor(thrown: Thrown) {
    super(`${thrown.name}: ${thrown.message}`);
    this.thrown = thrown;
  }
}

/** A puppet's reports in the order they came, for one reader. */
export class Reports {
  readonly waiting: unknown[] = [];
  readonly #id: string;
  readonly #takers: ((report: unknown) => void)[] = [];

  readonly #crashes: () => string;

  constructor(id: string, crashes: () => string) {
    this.#id = id;
    this.#crashes = crashes;
  }

  add(report: unknown): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.waiting.push(report);
    else taker(report);
  }

  async next(): Promise<unknown> {
    if (this.waiting.length > 0) return this.waiting.shift();
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`"${this.#id}" reported nothing within ${REPORT_MS} ms${this.#crashes()}`)),
        REPORT_MS,
      );
      this.#takers.push((report) => {
        clearTimeout(timer);
        resolve(report);
      });
    });
  }
}

export class Puppet {
  readonly id: string;
  readonly #stage: Stagehand;
  readonly #reports: Reports;

  constructor(id: string, stage: Stagehand, reports: Reports) {
    this.id = id;
    this.#stage = stage;
    this.#reports = reports;
  }

  /** Runs `act` in a handler of the puppet. @returns what it returned @throws {PuppetError} what it threw */
  async run<Result, Args = undefined>(
    act: (me: Me, args: Args) => Result,
    ...[args]: Args extends undefined ? [] : [args: Args]
  ): Promise<Awaited<Result>> {
    const { body } = await this.#obeyed({ run: act.toString(), args });
    const outcome = body as { readonly value: Awaited<Result> } | { readonly threw: Thrown }; // of puppet.mjs
    if ("threw" in outcome) throw new PuppetError(outcome.threw);
    return outcome.value;
  }

  /** Has `act` run and does not wait; what it throws is its handler's. */
  start<Args = undefined>(
    act: (me: Me, args: Args) => unknown,
    ...[args]: Args extends undefined ? [] : [args: Args]
  ): void {
    this.#stage.tell(this.id, { run: act.toString(), args, crash: true });
  }

  /** Runs `act`, whose throw is its handler's. @returns how the driver's request ended */
  async crash<Args = undefined>(
    act: (me: Me, args: Args) => unknown,
    ...[args]: Args extends undefined ? [] : [args: Args]
  ): Promise<string> {
    try {
      await this.#stage.ask(this.id, { run: act.toString(), args, crash: true });
    } catch (thrown) {
      return thrown instanceof Error && "kind" in thrown ? String(thrown.kind) : String(thrown);
    }
    return "answered";
  }

  /** From now on, in this incarnation. */
  async on<Kind extends keyof Events, Args = undefined>(
    kind: Kind,
    act: (me: Me, event: Events[Kind], args: Args) => unknown,
    ...[args]: Args extends undefined ? [] : [args: Args]
  ): Promise<void> {
    await this.#obeyed({ on: kind, act: act.toString(), args });
  }

  /** Lets through who waits at `me.gate(name)`, and who comes there later. */
  open(name: string): void {
    writeFileSync(join(this.#stage.folderOf(this.id), `${name}.gate`), "");
  }

  /** The oldest report not yet taken; waits for one. */
  async next(): Promise<unknown> {
    return await this.#reports.next();
  }

  async nextOf(count: number): Promise<unknown[]> {
    const reports: unknown[] = [];
    while (reports.length < count) reports.push(await this.next());
    return reports;
  }

  async #obeyed(order: unknown): Promise<Envelope> {
    try {
      return await this.#stage.ask(this.id, order);
    } catch (thrown) {
      if (thrown instanceof Error) thrown.message += this.#stage.crashReports();
      throw thrown;
    }
  }

  /** Reports that came and were not taken. */
  get waiting(): readonly unknown[] {
    return this.#reports.waiting;
  }
}
