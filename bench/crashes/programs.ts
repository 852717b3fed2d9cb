/**
 * The processes of a soak: several of each kind, each with something that a crash could break.
 *
 * Drivers ask and are never crashed; everybody else is. Who is sent `{ crash }` crashes that way.
 */
import { fileURLToPath } from "node:url";
import { PlacedProgram } from "../../kernel/index.ts";
import { type Context, defineProcess, type Handlers, type Message, SendError } from "../../lib/process/index.ts";
import type { Placement, Program } from "../../lib/protocol/index.ts";
import { breakDown, type OwnCrash } from "./break-down.ts";
import type { Ledger } from "./ledger.ts";

const PACKAGE = "soak:bench";
const WAIT = 2; // seconds for an answer: longer than any queue here, so that Timeout is rare but possible
const DRIVER_EVERY = 20; // ms between the requests of a driver, of which it sends DRIVER_ASKS
const DRIVER_ASKS = 2; // more, and a disk that others use too is the limit: each write of a state is flushed
const ASKED_AT_ONCE = 200; // by one driver: it is no flood
const TIMER_EVERY = 50; // ms
const CLOCK_SLACK = 1; // ms: Date.now() is whole milliseconds, and not the timers' clock

export const id = (name: string): string => `${name}:${PACKAGE}`;
const short = ({ source }: Pick<Message, "source">): string => source.id.process;

export type Kind = {
  readonly name: string;
  readonly count: number;
  readonly program: (name: string, ledger: Ledger) => Program;
  /** It may be crashed. */
  readonly victim: boolean;
};

type Asked = { readonly n: number };

/** `handlers`, and the crash that a message asks for. */
function crashable<State>(name: string, ledger: Ledger, handlers: Handlers<State>): Program {
  let breaksNext = false;
  return defineProcess<State>({
    ...handlers,
    init(ctx) {
      breaksNext = false;
      ledger.begin(name);
      return handlers.init?.(ctx) as State;
    },
    onRequest(state, message, ctx) {
      const { crash, n } = message.body as { readonly crash?: OwnCrash } & Asked;
      if (crash === "next") breaksNext = true;
      if (crash !== undefined) return breakDown(crash, ctx);
      ledger.hear(short(message), name, n);
      if (breaksNext) throw new Error("soak: thrown at the next request");
      return handlers.onRequest?.(state, message, ctx);
    },
  });
}

/** Channels: exactly one Open and one Close each, for one incarnation; what comes goes back. */
function echo(name: string, ledger: Ledger): Program {
  const breach = (says: string): void => ledger.breaches.add("channel", `${name}: ${says}`);
  return crashable<Set<number>>(name, ledger, {
    init: () => new Set(),
    onOpen(open, { channelId }) {
      if (open.has(channelId)) breach(`channel ${channelId} is opened twice`);
      open.add(channelId);
    },
    onPush(open, { channelId }, blob, ctx) {
      if (!open.has(channelId)) breach(`a frame of channel ${channelId}, which is not open`);
      ledger.handled++;
      ctx.push(channelId, blob);
    },
    onClose(open, { channelId }) {
      if (!open.delete(channelId)) breach(`channel ${channelId} is closed, and was not open`);
    },
  });
}

/** The first of a chain: awaits what the second says. */
function first(name: string, ledger: Ledger): Program {
  const next = id(name.replace("first", "second"));
  return crashable(name, ledger, {
    async onRequest(_, message, ctx) {
      const n = ledger.ask(name);
      let body: unknown;
      try {
        body = (
          await ctx
            .request(next)
            .body({ n, for: (message.body as Asked).n })
            .sendAndAwaitResponse(WAIT)
        ).body;
        ledger.end(n, "Response");
      } catch (error) {
        if (!(error instanceof SendError)) throw error;
        ledger.end(n, error.kind);
        body = { failed: error.kind };
      }
      ctx.respond(body);
    },
  });
}

/** The second: passes on, and the third answers the first. */
function second(name: string, ledger: Ledger): Program {
  const next = id(name.replace("second", "third"));
  return crashable(name, ledger, {
    onRequest(_, { body }, ctx) {
      ctx.request(next).body(body).inherit().send();
    },
  });
}

function third(name: string, ledger: Ledger): Program {
  return crashable(name, ledger, {
    onRequest: (_, { body }, ctx) => ctx.respond(body),
  });
}

/** Answers when what it was told to write is durable. */
function writer(name: string, ledger: Ledger): Program {
  return crashable<number>(name, ledger, {
    async init(ctx) {
      const value = (await ctx.getState<number>()) ?? 0;
      ledger.restored(name, value);
      return value;
    },
    async onRequest(_, message, ctx) {
      const { n } = message.body as Asked;
      ledger.trying(name, n);
      await ctx.setState(n);
      ledger.durable(name, n);
      ctx.respond({ n });
      return n;
    },
  });
}

/** One that repeats, and one for each request. */
function timer(name: string, ledger: Ledger): Program {
  const due = (ctx: { now(): number }, ms: number): (() => void) => {
    const at = ctx.now() + ms;
    return () => {
      ledger.timersFired++;
      if (ctx.now() < at - CLOCK_SLACK) ledger.breaches.add("timer", `${name}: ${at - ctx.now()} ms early`);
    };
  };
  return crashable(name, ledger, {
    init: (ctx) => void ctx.every(TIMER_EVERY, () => void ledger.timersFired++),
    onRequest(_, message, ctx) {
      const fired = due(ctx, TIMER_EVERY / 2);
      const { n } = message.body as Asked;
      ctx.after(TIMER_EVERY / 2, () => {
        fired();
        ctx.respond({ n }, { to: message });
      });
    },
  });
}

/** Has a child do its work, which then exits. */
function spawner(name: string, ledger: Ledger): Program {
  const child = defineProcess({
    onRequest(_, { body }, ctx) {
      ctx.respond(body);
      ctx.exit();
    },
  });
  return crashable(name, ledger, {
    async onRequest(_, { body }, ctx) {
      const made = await ctx.spawn({ program: child });
      ledger.spawned++;
      ctx.request(made).body(body).inherit().send();
    },
  });
}

/** Every second request is answered a little later. */
function http(name: string, ledger: Ledger): Program {
  return crashable<number>(name, ledger, {
    async init(ctx) {
      await ctx.bindHttp("/", { authenticated: false });
      return 0;
    },
    onHttp(served, request, ctx) {
      ledger.handled++;
      const text = request.queryParams.n ?? "";
      if (served % 2 === 0) request.reply(text);
      else ctx.after(TIMER_EVERY / 5, () => request.reply(text));
      return served + 1;
    },
  });
}

/** Asks everybody in turn, and is told how each request ends. */
function driver(name: string, ledger: Ledger): Program {
  const targets = KINDS.filter(({ asked }) => asked).flatMap((kind) => namesOf(kind));
  let turn = 0;
  let waiting = 0;
  const ask = (ctx: Context<undefined>): void => {
    if (!driving.on || waiting >= ASKED_AT_ONCE) return;
    const target = targets[turn++ % targets.length];
    if (target === undefined) return;
    const n = ledger.ask(name);
    waiting++;
    const context = { n };
    ctx.request(id(target)).body({ n }).context(context).expectsResponse(WAIT).send();
  };
  const end = (context: unknown, how: string): void => {
    waiting--;
    ledger.end((context as Asked).n, how);
  };
  return defineProcess({
    init(ctx) {
      ledger.begin(name);
      ctx.every(DRIVER_EVERY, () => {
        for (let i = 0; i < DRIVER_ASKS; i++) ask(ctx);
      });
    },
    onResponse(_, { source, body, context }) {
      const { n, before = 0 } = body as Asked & { readonly before?: number };
      if (before >= n) ledger.breaches.add("order", `${short({ source })} heard ${n} of ${name} after ${before}`);
      end(context, "Response");
    },
    onSendError: (_, { context, kind }) => end(context, kind),
  });
}

/** In a thread, or an operating-system process, of its own: it can tell the ledger nothing, and answers what it has heard. */
const placed = (placement: Exclude<Placement, "inline">) => (): Program =>
  new PlacedProgram(placement, fileURLToPath(new URL("./placed.js", import.meta.url))); // .js: it runs from dist/

/** Drivers stop asking when this is off. */
export const driving = { on: true };

export const KINDS: readonly (Kind & { readonly asked: boolean })[] = [
  { name: "echo", count: 6, program: echo, victim: true, asked: false },
  { name: "first", count: 5, program: first, victim: true, asked: true },
  { name: "second", count: 5, program: second, victim: true, asked: false },
  { name: "third", count: 5, program: third, victim: true, asked: false },
  { name: "writer", count: 5, program: writer, victim: true, asked: true },
  { name: "timer", count: 4, program: timer, victim: true, asked: true },
  { name: "spawner", count: 2, program: spawner, victim: true, asked: true },
  { name: "http", count: 4, program: http, victim: true, asked: false },
  { name: "worker", count: 3, program: placed("worker"), victim: true, asked: true },
  { name: "isolated", count: 3, program: placed("isolated"), victim: true, asked: true },
  { name: "driver", count: 4, program: driver, victim: false, asked: false },
];

export function namesOf({ name, count }: Pick<Kind, "name" | "count">): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${name}-${n}`);
}
