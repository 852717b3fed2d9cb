/**
 * ctx.timers: timers that timer:distro:sys keeps. `ctx.after` and `ctx.every` are this process's own, and cheaper.
 *
 *   await ctx.timers.sleep(500);                       // within a handler: the mailbox waits too
 *   const tea = ctx.timers.set(180_000, "tea");        // onResponse, with "tea" as message.context
 *   const tick = await ctx.timers.every(1000);         // onRequest, with {"Tick":{"id":tick.id,"count":1}}
 *   tea.cancel();
 *
 * They end with this incarnation: set them in `init`, and they are there after a restart.
 */
import { Address, Envelope, type Host, KernelError, ProcessId, type Timer } from "../protocol/index.ts";

const TIMER = new ProcessId("timer", "distro", "sys");
const SECONDS = 5; // seconds: timer:distro:sys answers in its turn
const SLACK = 5; // seconds beyond its time that an answer is waited for: what a busy node may have in hand
const SLEEP_MAX = 3_600_000; // ms of one request: longer sleeps are several, as a request waits for a day at most

/**
 * timer:distro:sys refused. Nothing was set.
 * @property kind `TooManyTimers`, `MalformedRequest`; `Cancelled`: it was cancelled while it was waited for
 */
export class TimerError extends KernelError {
  override readonly name = "TimerError";
  readonly kind: string;
  readonly facts: unknown;

  constructor(kind: string, facts: unknown) {
    const told = facts === null ? "" : ` ${JSON.stringify(facts)}`;
    super(kind, `Cannot set a timer as timer:distro:sys says ${kind}${told}${HINT[kind] ?? ""}`);
    this.kind = kind;
    this.facts = facts;
  }
}

const HINT: Readonly<Record<string, string>> = {
  TooManyTimers: ": cancel some, or use ctx.after",
  MalformedRequest: ": give whole milliseconds, at least 10 for one that repeats",
  Cancelled: ": one of the same id was set, or it was cancelled",
};

/** @property id its name within this process */
export type SetTimer = Timer & { readonly id: string };

/** @property every ms between ticks; null: it comes once @property in_ms until it comes */
export type TimerInfo = { readonly id: string; readonly every: number | null; readonly in_ms: number };

export class TimerCalls {
  readonly #host: Host;
  readonly #target: Address;
  #last = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#target = new Address(host.our.node, TIMER);
  }

  /** Resolves `ms` from now, at the earliest. What waits in the mailbox goes on waiting. @throws {TimerError} @throws {SendError} */
  async sleep(ms: number): Promise<void> {
    let left = Math.ceil(ms);
    for (; left > SLEEP_MAX; left -= SLEEP_MAX) await this.#ask({ SetTimer: SLEEP_MAX }, SLEEP_MAX / 1000 + SLACK);
    await this.#ask({ SetTimer: left }, Math.ceil(left / 1000) + SLACK);
  }

  /**
   * Once, `ms` from now, a day at most: an answer to `onResponse`, with `context`; when it is cancelled, one whose body is `Cancelled`.
   * @param options.id one that is set already of that name is cancelled
   */
  set(ms: number, context: unknown = null, { id = this.#nextId() }: { readonly id?: string } = {}): SetTimer {
    const request = this.#request({ SetTimer: { ms, id } }, Math.ceil(ms / 1000) + SLACK);
    request.context = context;
    this.#host.send(request);
    return { id, cancel: () => this.#cancel(id) };
  }

  /** Every `ms`, a request to `onRequest`: `{"Tick":{"id","count"}}`. @throws {TimerError} @throws {SendError} */
  async every(ms: number, { id = this.#nextId() }: { readonly id?: string } = {}): Promise<SetTimer> {
    await this.#ask({ Repeat: { ms, id } });
    return { id, cancel: () => this.#cancel(id) };
  }

  /** Those of this process that have not come. */
  async list(): Promise<readonly TimerInfo[]> {
    const body = (await this.#ask("List")) as { readonly List: readonly TimerInfo[] };
    return body.List;
  }

  #nextId(): string {
    return `timer-${++this.#last}`;
  }

  #cancel(id: string): void {
    this.#host.tell(this.#target, { Cancel: { id } }, null);
  }

  async #ask(body: unknown, seconds: number = SECONDS): Promise<unknown> {
    const answer = await this.#host.call(this.#request(body, seconds));
    if (answer.body === "Cancelled") throw new TimerError("Cancelled", null);
    if (typeof answer.body !== "object" || answer.body === null || !("Err" in answer.body)) return answer.body;
    const { Err: error } = answer.body;
    if (typeof error === "string") throw new TimerError(error, null);
    const [[kind, facts] = ["Unknown", error]] = Object.entries(error as object);
    throw new TimerError(kind, facts);
  }

  #request(body: unknown, seconds: number): Envelope {
    const request = new Envelope("request", this.#host.our, this.#target, body, null);
    request.expectsResponse = seconds;
    return request;
  }
}
