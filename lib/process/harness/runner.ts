/**
 * The life of a process under test: its incarnations one after the other, what asks it, and when it is at rest.
 *
 * At rest: nothing is in hand, or what is in hand awaits an answer that only the test, or time, can give.
 */
import {
  Address,
  type Blob,
  type Envelope,
  EventWriter,
  HTTP_SERVER,
  type HttpServerErrorKind,
  type HttpServerRequest,
  type Instance,
  OptionError,
  type Program,
  SendError,
  type WebSocketOpen,
} from "../../protocol/index.ts";
import { errorOf, HarnessHost, type World } from "./host.ts";
import { type Channel, type Closed, HarnessHttpServer, type Transferred } from "./http-server.ts";
import { Line } from "./line.ts";
import { SentRequest } from "./sent.ts";
import { HarnessStreams, type RefuseStream } from "./streams.ts";
import { HarnessTime } from "./time.ts";

/** What the process is doing. `crashed` and `exited`: it hears nothing until `restart`. */
export type Status = "starting" | "running" | "crashed" | "exited";

/** A request from outside that waits for its answer. */
type Asked = {
  readonly request: Envelope;
  readonly resolve: (answer: Envelope) => void;
  readonly reject: (error: SendError) => void;
  readonly cancel: () => void;
};

export type RunnerOptions = Pick<
  World,
  "our" | "folder" | "settings" | "dialect" | "capabilities" | "state" | "command"
> & {
  readonly onSend: (sent: SentRequest) => void;
  readonly onTransfer: (transferred: Transferred) => HttpServerErrorKind | undefined;
  readonly onStream: RefuseStream;
};

export class Runner {
  readonly world: World;
  status: Status = "starting";
  readonly #program: Program;
  readonly #events: EventWriter;
  readonly #asked = new Map<number, Asked>();
  #host: HarnessHost;
  #instance: Instance | undefined;
  #farewell: Promise<void> = Promise.resolve();

  constructor(program: Program, { onSend, onTransfer, onStream, ...given }: RunnerOptions) {
    this.#program = program;
    this.#events = new EventWriter(new Address(given.our.node, HTTP_SERVER));
    this.world = {
      ...given,
      time: new HarnessTime(),
      line: new Line({ crashed: (message) => this.#crashed(message), handled: () => this.#handled() }),
      httpServer: new HarnessHttpServer(given.our.node, {
        closed: (channel, closed) => {
          if (closed.transferredTo !== undefined)
            this.world.line.remove(({ origin, body }) => origin === channel && isPush(body)); // as on a node: they go along
          void this.closeEvent(channel, closed);
        },
        transferring: onTransfer,
      }),
      streams: new HarnessStreams(given.our.text, onStream),
      logs: [],
      spawned: [],
      onExit: "None",
      lastId: 0,
      sentOut: (request) => onSend(new SentRequest(request, (outcome) => this.#deliver(outcome))),
      answered: (answer) => void this.#finish(answer),
    };
    this.#host = new HarnessHost(this.world);
  }

  /** @throws {OptionError} it is down */
  assertRunning(act: string): void {
    if (this.status === "running") return;
    const state = this.status === "starting" ? "still in its init: await startProcess or restart" : "call restart()";
    throw new OptionError(`Cannot ${act} "${this.world.our.text}" as it must run: it is ${this.status}, ${state}`);
  }

  /** Ends the incarnation there is, as a crash does, and begins the next. */
  async restart(): Promise<void> {
    this.#end();
    this.status = "starting";
    const host = new HarnessHost(this.world);
    this.#host = host;
    let instance: Instance;
    try {
      instance = this.#program.start(host);
      this.#instance = instance;
      await instance.init?.();
    } catch (thrown) {
      this.#end();
      this.status = "crashed";
      throw thrown;
    }
    this.status = "running";
    if (host.exitAsked) this.#exit();
    else this.world.line.open((message) => this.#handle(host, instance, message), this.#opensToRepeat());
    await this.rest(Promise.resolve());
  }

  async stop(): Promise<void> {
    await this.rest(Promise.resolve());
    if (this.status !== "running") return;
    this.#exit();
    await this.rest(Promise.resolve());
  }

  async advance(ms: number): Promise<void> {
    await this.world.time.advance(ms, () => this.rest(Promise.resolve()));
  }

  /** What `work` comes to, once the process is at rest. @throws what crashed it, when nobody else was told */
  async rest<Result>(work: Promise<Result>): Promise<Result> {
    const { line } = this.world;
    let result: Result;
    try {
      result = await work;
    } catch (thrown) {
      line.forgive(thrown);
      throw thrown;
    }
    while (line.busy && this.#host.awaiting === 0) await line.changed();
    await this.#farewell;
    const crash = line.takeCrash();
    if (crash !== undefined) throw crash.thrown;
    return result;
  }

  post(message: Envelope): Promise<void> {
    return this.rest(this.world.line.post(message));
  }

  /** Posts a request and waits for its answer. @throws {SendError} */
  ask(request: Envelope, seconds: number): Promise<Envelope> {
    request.id = ++this.world.lastId;
    request.rsvp = request.source;
    request.expectsResponse = seconds;
    const answered = new Promise<Envelope>((resolve, reject) => {
      const cancel = this.world.time.setTimeout(() => this.#finish(errorOf(request, "Timeout")), seconds * 1000);
      this.#asked.set(request.id, { request, resolve, reject, cancel });
    });
    const handled = this.world.line.post(request);
    return this.rest(Promise.race([answered, handled.then(() => answered)]));
  }

  event(body: HttpServerRequest, origin: unknown, blob: Blob | null = null): Envelope {
    const event = this.#events.event(this.world.dialect, this.world.our, body, blob);
    event.origin = origin;
    return event;
  }

  openEvent(channel: Channel): Envelope {
    const { path, peer, user, query, headers, protocol } = channel.opening;
    const { handover } = channel;
    const open: WebSocketOpen = {
      path,
      channel_id: channel.id,
      source_socket_addr: peer,
      forwarded_for: null,
      user,
      query_params: query,
      headers,
      protocol,
      ...(handover === undefined ? {} : { transferred_from: handover.from }),
    };
    return this.event({ WebSocketOpen: open }, channel, handover?.note ?? null);
  }

  closeEvent(channel: Channel, { code, reason, transferredTo }: Closed): Promise<void> {
    const facts = { code, reason, ...(transferredTo === undefined ? {} : { transferred_to: transferredTo }) };
    const event = this.#events.close(this.world.dialect, this.world.our, channel.id, facts);
    event.origin = channel;
    return this.world.line.post(event);
  }

  /** Those that live, and those of which something waits; but not where an Open waits already (DESIGN §4.4). */
  #opensToRepeat(): readonly Envelope[] {
    const waiting = this.world.line.waiting();
    const announced = new Set(waiting.filter(({ body }) => isOpen(body)).map(({ origin }) => origin));
    const { channels } = this.world.httpServer;
    const isKnown = (channel: Channel): boolean =>
      channel.closed === undefined || waiting.some(({ origin }) => origin === channel);
    return [...channels.values()]
      .filter((channel) => isKnown(channel) && !announced.has(channel))
      .map((channel) => this.openEvent(channel));
  }

  #deliver(outcome: Envelope): Promise<void> | undefined {
    const taken = outcome.target.text === this.world.our.text ? this.#host.outcome(outcome) : this.#finish(outcome);
    return taken === undefined ? undefined : this.rest(taken);
  }

  /** Somebody outside gets an answer, or hears that there is none. @returns undefined when nobody waits for it */
  #finish(outcome: Envelope): Promise<void> | undefined {
    const asked = this.#asked.get(outcome.id);
    if (asked === undefined) return undefined;
    this.#asked.delete(outcome.id);
    asked.cancel();
    outcome.blob?.keep();
    if (outcome.kind === "error") asked.reject(new SendError(outcome));
    else asked.resolve(outcome);
    return Promise.resolve();
  }

  #handle(host: HarnessHost, instance: Instance, message: Envelope): void | Promise<void> {
    host.take(message);
    return instance.handle(message);
  }

  #handled(): void {
    if (this.#host.exitAsked && this.status === "running") this.#exit();
  }

  #exit(): void {
    const instance = this.#instance;
    this.status = "exited";
    this.world.line.clear();
    const farewell = async (): Promise<void> => {
      await instance?.exit?.();
    };
    this.#farewell = farewell().finally(() => {
      this.#end();
      for (const { request } of [...this.#asked.values()]) this.#finish(errorOf(request, "Offline"));
    });
    this.#farewell.catch(() => undefined); // `rest` tells
  }

  #crashed(message: Envelope): void {
    this.#end();
    this.status = "crashed";
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id); // its asker hears of the crash itself
    asked?.cancel();
  }

  #end(): void {
    this.#host.end();
    this.world.streams.incarnationEnded();
    this.#instance = undefined;
    this.world.line.hold();
  }
}

function isPush(body: unknown): boolean {
  return typeof body === "object" && body !== null && "WebSocketPush" in body;
}

function isOpen(body: unknown): boolean {
  return typeof body === "object" && body !== null && "WebSocketOpen" in body;
}
