/**
 * timer:distro:sys: an answer, or a message now and then, when the time has come (contract kinode §6). README.md has its actions.
 *
 * Needs   nothing. Public; `trusted`, so that it can send ticks to processes that are not.
 * State   none: timers end with the node, and with the incarnation that set them.
 *
 * 1. A timer is never early, and late by no more than 10 ms of the kernel's clock and what the node has in hand.
 * 2. Who set it and its id make it what it is: the same id again takes the place of the one before, which is cancelled.
 * 3. A process that ends takes its timers along: the kernel's monitors tell, and where they do not, a tick that may not be sent does.
 */
import { Address, type Context, defineProcess, type Message, type Program } from "jackfield/process";
import { type HostCommand, KERNEL, ProcessId } from "jackfield/protocol";
import { DELAY_MAX, TIMER_LIMITS, type TimerLimits } from "./limits.ts";
import { type Entry, Timers } from "./timers.ts";

export function timerProcess(limits: TimerLimits = TIMER_LIMITS): Program {
  return defineProcess<TimerService>({
    init: (ctx) => new TimerService(ctx, limits),
    onRequest: (service, message) => service.handle(message),
    onSendError: () => undefined, // nothing is sent that expects an answer
  });
}

class TimerService {
  readonly #ctx: Context<TimerService>;
  readonly #limits: TimerLimits;
  readonly #timers = new Timers();
  #last = 0;

  constructor(ctx: Context<TimerService>, limits: TimerLimits) {
    this.#ctx = ctx;
    this.#limits = limits;
  }

  handle(message: Message): void {
    const { body } = message;
    if (this.#isDown(message)) return;
    if (body === "List") return this.#answer(message, { List: this.#shown(message.source.text) });
    if (body === "Debug") return this.#answer(message, { Debug: this.#debug() });
    const [action, given] = readAction(body);
    if (action === "SetTimer") this.#set(message, given);
    else if (action === "Repeat") this.#repeat(message, given);
    else if (action === "Cancel") this.#cancel(message, given);
    else this.#answer(message, { Err: "MalformedRequest" });
  }

  /** {"SetTimer":100}, or {"SetTimer":{"ms":100,"id":"tea"}}. */
  #set(message: Message, given: unknown): void {
    const { ms, id = `#${++this.#last}` } = isRecord(given) ? given : { ms: given };
    if (!isDelay(ms, 0) || !this.#isId(id)) return this.#answer(message, { Err: "MalformedRequest" });
    const owner = message.source.text;
    this.#timers.take(owner, id)?.cancelled();
    if (ms === 0) return this.#answer(message, null);
    if (message.rsvp === null) return; // nobody waits for its end
    this.#start(message, id, ms, null, {
      due: () => {
        this.#end(owner, id);
        this.#answer(message, null);
      },
      cancelled: () => this.#answer(message, "Cancelled"),
    });
  }

  /** {"Repeat":{"ms":1000,"id":"tick"}} */
  #repeat(message: Message, given: unknown): void {
    const { ms, id } = isRecord(given) ? given : {};
    const { shortest } = this.#limits;
    if (!isDelay(ms, shortest) || !this.#isId(id)) return this.#answer(message, { Err: "MalformedRequest" });
    const { source } = message;
    this.#timers.take(source.text, id)?.cancelled();
    let count = 0;
    const due = (): void => {
      if (!this.#ctx.capabilities.canMessage(source)) return this.#forget(source.text); // it is not there any more
      this.#ctx
        .request(source)
        .body({ Tick: { id, count: ++count } })
        .send();
      const entry = this.#timers.of(source.text).find((each) => each.id === id);
      if (entry === undefined) return;
      entry.timer = this.#ctx.after(ms, due); // from now on: ticks that were late are not made up for
      entry.due = this.#ctx.now() + ms;
    };
    if (this.#start(message, id, ms, ms, { due, cancelled: () => undefined })) this.#answer(message, "Ok");
  }

  /** {"Cancel":{"id":"tea"}} → {"Cancelled": whether there was one} */
  #cancel(message: Message, given: unknown): void {
    const id = isRecord(given) ? given.id : given;
    if (!this.#isId(id)) return this.#answer(message, { Err: "MalformedRequest" });
    const entry = this.#end(message.source.text, id);
    entry?.cancelled();
    this.#answer(message, { Cancelled: entry !== undefined });
  }

  /** @returns whether it is set; else that was answered */
  #start(
    message: Message,
    id: string,
    ms: number,
    every: number | null,
    { due, cancelled }: { readonly due: () => void; readonly cancelled: () => void },
  ): boolean {
    const owner = message.source.text;
    const { timers: max } = this.#limits;
    if (this.#timers.count(owner) >= max) {
      this.#answer(message, { Err: { TooManyTimers: { max } } });
      return false;
    }
    let timer: Entry["timer"];
    try {
      timer = this.#ctx.after(ms, due);
    } catch (thrown) {
      this.#sweep(); // there may be room when it is asked again
      this.#answer(message, { Err: { TooManyTimers: { max: this.#timers.size } } });
      this.#ctx.log(`no room for a timer of ${owner}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      return false;
    }
    if (this.#timers.count(owner) === 0) this.#watch("Monitor", owner);
    this.#timers.add({ owner, id, every, due: this.#ctx.now() + ms, timer, cancelled });
    return true;
  }

  #end(owner: string, id: string): Entry | undefined {
    const entry = this.#timers.take(owner, id);
    if (entry !== undefined && this.#timers.count(owner) === 0) this.#watch("Demonitor", owner);
    return entry;
  }

  /** All of a process that has ended. Nobody waits for them. */
  #forget(owner: string): void {
    for (const { id } of this.#timers.of(owner)) this.#timers.take(owner, id);
  }

  #sweep(): void {
    for (const owner of this.#timers.owners) {
      if (!this.#ctx.capabilities.canMessage(Address.parse(owner))) this.#forget(owner);
    }
  }

  /** More than `limits.monitors` are refused: then `canMessage` finds out. */
  #watch(command: "Monitor" | "Demonitor", owner: string): void {
    const asked: HostCommand =
      command === "Monitor" ? { Monitor: { process: owner } } : { Demonitor: { process: owner } };
    this.#ctx.host.command(asked).catch(() => undefined);
  }

  /** The kernel's word that an incarnation has ended. */
  #isDown({ source, body }: Message): boolean {
    if (source.id.text !== KERNEL.text || source.node !== this.#ctx.node) return false;
    const down = isRecord(body) && isRecord(body.ProcessDown) ? body.ProcessDown.process : undefined;
    if (typeof down !== "string") return false;
    this.#forget(new Address(this.#ctx.node, ProcessId.parse(down)).text);
    return true;
  }

  #shown(owner: string): readonly unknown[] {
    const now = this.#ctx.now();
    return this.#timers
      .of(owner)
      .map(({ id, every, due }) => ({ id, every, in_ms: Math.max(0, Math.round(due - now)) }));
  }

  #debug(): unknown {
    const owners = this.#timers.owners.map((owner) => ({ process: owner, timers: this.#timers.count(owner) }));
    return { timers: this.#timers.size, owners: owners.sort((a, b) => b.timers - a.timers).slice(0, 100) };
  }

  #isId(id: unknown): id is string {
    return typeof id === "string" && id !== "" && id.length <= this.#limits.idLength;
  }

  #answer(to: Message, body: unknown): void {
    if (to.rsvp !== null) this.#ctx.respond(body, { to });
  }
}

function readAction(body: unknown): readonly [action: string, given: unknown] {
  const [entry, ...more] = isRecord(body) ? Object.entries(body) : [];
  return entry === undefined || more.length > 0 ? ["", undefined] : entry;
}

function isDelay(ms: unknown, least: number): ms is number {
  return Number.isSafeInteger(ms) && (ms as number) >= least && (ms as number) <= DELAY_MAX;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
