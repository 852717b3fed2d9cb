/**
 * What a kernel offers to one incarnation, without a kernel: see `Host` for what each call promises.
 *
 * It keeps to kernel/incarnation.ts: whom an answer goes to, what `inherit` passes on, when a call fails. Actions for
 * this node's http-server, state and streams are answered at once; other requests wait for the test (`World.sentOut`),
 * and so does what is asked of an extension.
 */
import {
  type Address,
  type Answer,
  Blob,
  BlobExpiredError,
  type Capability,
  canonicalId,
  type Dialect,
  Envelope,
  freezeBody,
  type Host,
  type HostCommand,
  HTTP_SERVER,
  KernelError,
  NoRequestToAnswerError,
  type OnExit,
  OptionError,
  ProcessId,
  SelfCallError,
  SendError,
  type SendErrorKind,
  type Settings,
  type SpawnOptions,
  STATE,
  STREAMS,
  spellResult,
  type Timer,
} from "../../protocol/index.ts";
import type { HeldCapabilities } from "./capabilities.ts";
import type { HarnessHttpServer } from "./http-server.ts";
import { type Line, TimerMark } from "./line.ts";
import type { HarnessStreams } from "./streams.ts";
import type { HarnessTime } from "./time.ts";

/** What is around the incarnations of one process, and outlives them. */
export type World = {
  readonly our: Address;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly dialect: Dialect;
  readonly time: HarnessTime;
  readonly line: Line;
  readonly httpServer: HarnessHttpServer;
  readonly streams: HarnessStreams;
  readonly capabilities: HeldCapabilities;
  readonly logs: string[];
  readonly spawned: SpawnOptions[];
  /** As stored: MessagePack. */
  state: Uint8Array | undefined;
  onExit: OnExit;
  lastId: number;
  /** What the kernel answers to a command. */
  command(command: HostCommand): unknown;
  /** A request left for another process. */
  sentOut(request: Envelope): void;
  /** Somebody outside gets an answer. */
  answered(answer: Envelope): void;
};

type Waiter = { readonly resolve: (answer: Envelope) => void; readonly reject: (error: SendError) => void };

type Pending = {
  readonly request: Envelope;
  readonly prompting: Envelope | null;
  readonly waiter: Waiter | null; // null: the outcome is a message
  readonly cancel: () => void;
};

export class HarnessHost implements Host {
  readonly our: Address;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly dialect: Dialect;
  readonly capabilities: HeldCapabilities;
  exitAsked = false;
  readonly #world: World;
  readonly #pending = new Map<number, Pending>();
  readonly #timers = new Set<() => void>();
  #inHand: Envelope | null = null;
  #lastBlob: Blob | null = null;
  #ended = false; // final

  constructor(world: World) {
    this.#world = world;
    this.our = world.our;
    this.folder = world.folder;
    this.settings = world.settings;
    this.dialect = world.dialect;
    this.capabilities = world.capabilities;
  }

  /** How many answers a handler awaits: while there are some, only the test or time can move it on. */
  get awaiting(): number {
    return [...this.#pending.values()].filter(({ waiter }) => waiter !== null).length;
  }

  /** A message is about to be handled. */
  take(message: Envelope): void {
    this.#inHand = message;
    if (message.blob !== null) this.#lastBlob = message.blob;
    this.capabilities.offer(message.capabilities);
  }

  end(): void {
    this.#ended = true;
    for (const { cancel, request } of this.#pending.values()) {
      cancel();
      request.blob?.release();
    }
    this.#pending.clear();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  now(): number {
    return this.#world.time.now();
  }

  send(request: Envelope): void {
    this.#stamp(request, null);
    this.#route(request);
  }

  tell(target: Address, body: unknown, blob: Blob | null): void {
    this.send(new Envelope("request", this.our, target, body, blob));
  }

  push(): boolean {
    return false;
  }

  call(request: Envelope): Promise<Envelope> {
    if (request.target.text === this.our.text) return Promise.reject(new SelfCallError(this.our.text));
    if (request.expectsResponse === null) {
      const rule = `the request expects none: set expectsResponse(seconds)`;
      return Promise.reject(new OptionError(`Cannot await an answer from "${request.target.text}" as ${rule}`));
    }
    return new Promise((resolve, reject) => {
      this.#stamp(request, { resolve, reject });
      this.#route(request);
    });
  }

  respond(answer: Answer, to?: Envelope): void {
    this.#assertAlive("respond");
    const request = to ?? this.#prompting;
    if (request === null || request.rsvp === null) throw new NoRequestToAnswerError(this.our.text);
    const blob = answer.blob ?? (answer.inherit ? request.blob : null);
    if (blob?.expired === true) throw new BlobExpiredError();
    const envelope = new Envelope("response", this.our, request.rsvp, freezeBody(answer.body), blob);
    envelope.id = request.id;
    envelope.metadata = answer.metadata ?? null;
    if (answer.capabilities !== undefined) envelope.capabilities = this.#attachable(answer.capabilities);
    if (request.rsvp.text === this.our.text) void this.outcome(envelope);
    else this.#world.answered(envelope);
  }

  /** An answer or error for a request of this incarnation. @returns settles when it was taken; undefined: nobody waits */
  outcome(envelope: Envelope): Promise<void> | undefined {
    const entry = this.#pending.get(envelope.id);
    if (entry === undefined) return undefined;
    this.#pending.delete(envelope.id);
    entry.cancel();
    entry.request.blob?.release();
    envelope.context = entry.request.context;
    envelope.prompting = entry.prompting;
    if (entry.waiter === null) return this.#world.line.post(envelope);
    envelope.blob?.keep(); // the promise settles after lent memory has gone
    if (envelope.kind === "error") entry.waiter.reject(new SendError(envelope));
    else entry.waiter.resolve(envelope);
    return Promise.resolve();
  }

  after(ms: number, due: unknown): Timer {
    this.#assertAlive("set a timer");
    if (!(ms >= 0 && ms <= 2 ** 40))
      throw new OptionError(`Cannot set a timer as its delay must be 0 to ${2 ** 40} ms: got ${ms}`);
    const mark = new TimerMark();
    const cancel = this.#world.time.setTimeout(() => {
      this.#timers.delete(cancel);
      const envelope = new Envelope("timer", this.our, this.our, null, null);
      envelope.context = due;
      envelope.origin = mark;
      void this.#world.line.post(envelope);
    }, ms);
    this.#timers.add(cancel);
    return {
      cancel: () => {
        this.#timers.delete(cancel);
        cancel();
        mark.cancelled = true;
      },
    };
  }

  async spawn(options: SpawnOptions): Promise<ProcessId> {
    this.#assertAlive("spawn");
    this.#world.spawned.push(options);
    const { package: packageName, publisher } = this.our.id;
    return new ProcessId(options.name ?? String(this.#world.spawned.length), packageName, publisher);
  }

  async command(command: HostCommand): Promise<unknown> {
    this.#assertAlive("command the kernel");
    return this.#world.command(command) ?? this.capabilities.command(command);
  }

  exit(): void {
    this.#assertAlive("exit");
    this.exitAsked = true;
  }

  getOnExit(): OnExit {
    return this.#world.onExit;
  }

  setOnExit(onExit: OnExit): void {
    this.#assertAlive("set on_exit");
    this.#world.onExit = onExit;
  }

  inHand(): Envelope | null {
    return this.#inHand;
  }

  lastBlob(): Blob | null {
    return this.#lastBlob;
  }

  log(text: string): void {
    this.#world.logs.push(text);
  }

  /** The request to answer: the one in hand, or the one that was when the request answered now was sent. */
  get #prompting(): Envelope | null {
    const message = this.#inHand;
    if (message === null || message.kind !== "request") return message?.prompting ?? null;
    return message.rsvp === null ? null : message;
  }

  #assertAlive(act: string): void {
    if (this.#ended) {
      const rule = "this incarnation has ended: stop its work when its handler ends";
      throw new KernelError("process_exited", `Cannot ${act} from "${this.our.text}" as ${rule}`);
    }
  }

  #stamp(request: Envelope, waiter: Waiter | null): void {
    this.#assertAlive("send");
    const prompting = this.#prompting;
    request.source = this.our;
    freezeBody(request.body);
    if (request.inherit && prompting !== null) request.blob ??= prompting.blob;
    if (request.blob?.expired === true) throw new BlobExpiredError();
    if (request.inherit && prompting !== null && request.expectsResponse === null) {
      request.id = prompting.id;
      request.rsvp = prompting.rsvp;
    }
    if (request.id === 0) request.id = ++this.#world.lastId;
    if (request.capabilities.length > 0) request.capabilities = this.#attachable(request.capabilities);
    const seconds = request.expectsResponse;
    if (seconds === null) return;
    if (!(seconds >= 0))
      throw new OptionError(
        `Cannot send to "${request.target.text}" as expectsResponse must be 0 seconds or more: got ${seconds}`,
      );
    request.rsvp = this.our;
    request.blob?.hold();
    const cancel = this.#world.time.setTimeout(() => void this.outcome(errorOf(request, "Timeout")), seconds * 1000);
    this.#pending.set(request.id, { request, prompting, waiter, cancel });
  }

  #attachable(capabilities: readonly Capability[]): readonly Capability[] {
    return this.capabilities.attachable(capabilities);
  }

  #route(request: Envelope): void {
    const { target } = request;
    const isOurs = target.node === this.our.node;
    const id = canonicalId(target.id.text);
    if (target.text === this.our.text) void this.#world.line.post(request);
    else if (isOurs && id === HTTP_SERVER.text) {
      const read = this.#world.httpServer.read(request.body);
      const error = read === undefined ? this.#world.httpServer.act(request) : undefined;
      if (read !== undefined) this.#answerAtOnce(request, read.body, read.blob);
      else if (error === undefined && asksExtension(request.body)) this.#sentOut(request);
      else this.#answerAtOnce(request, spellResult(this.dialect, error, request.body), null);
    } else if (isOurs && id === STATE.text) this.#answerAtOnce(request, ...this.#stateOf(request));
    else if (isOurs && id === STREAMS.text) this.#answerAtOnce(request, this.#world.streams.answer(request), null);
    else this.#sentOut(request);
  }

  #sentOut(request: Envelope): void {
    this.#world.sentOut(request);
    this.#world.line.notify(); // perhaps its handler waits for the answer now
  }

  #answerAtOnce(request: Envelope, body: unknown, blob: Blob | null): void {
    const answer = new Envelope("response", request.target, this.our, body, blob);
    answer.id = request.id;
    if (request.expectsResponse !== null) void this.outcome(answer);
  }

  /** state:distro:sys in memory (contract kinode §3.3). */
  #stateOf({ body, blob }: Envelope): readonly [body: unknown, blob: Blob | null] {
    const [action] = Object.keys(body as object);
    if (action === "SetState") this.#world.state = blob === null ? undefined : new Uint8Array(blob.bytes());
    if (action === "DeleteState") this.#world.state = undefined;
    const { state } = this.#world;
    return [action, action === "GetState" && state !== undefined ? Blob.of(state) : null];
  }
}

/** What the http-server passes on to an extension that is to answer: the test is that extension. */
function asksExtension(body: unknown): boolean {
  const { WebSocketExtPushOutgoing: push } = body as { WebSocketExtPushOutgoing?: { desired_reply_type: string } };
  return push?.desired_reply_type === "Response";
}

/** How `request` ends without an answer. */
export function errorOf(request: Envelope, kind: SendErrorKind): Envelope {
  const error = new Envelope("error", request.target, request.source, request.body, request.blob);
  error.id = request.id;
  error.error = kind;
  return error;
}
