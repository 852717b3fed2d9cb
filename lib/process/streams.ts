/**
 * ctx.streams: named outputs and inputs, which streams:distro:sys brings together.
 *
 *   const out = await ctx.streams.output<number[]>("device.stream1", { ready: true });   // in init, and again after a restart
 *   out.publish([1, 2, 3]);                                                              // onSample of whoever listens
 *   await ctx.streams.listen("device.stream2");                                          // samples come to this one's onSample
 *   await ctx.streams.input("device.command");                                           // what sessions feed comes to onInput
 *
 * 1. A name is one process's. What it has declared stays its own over a restart; who listens goes on hearing.
 * 2. Samples of one owner come in the order published. A listener whose mailbox is full misses some.
 * 3. What this process listens to, and the inputs it has opened, end with its incarnation.
 * 4. What is refused is thrown as StreamError; SendError when streams:distro:sys does not answer.
 */
import {
  Address,
  type Capability,
  Envelope,
  type Host,
  KernelError,
  type Message,
  ON_BEHALF,
  SendError,
  STREAMS,
  type StreamAction,
  type StreamEntry,
  type StreamEvent,
  type StreamFault,
  type StreamKind,
  type StreamResult,
} from "../protocol/index.ts";

const SECONDS = 5; // seconds: streams:distro:sys answers in its turn; the first time it is loaded

/**
 * streams:distro:sys refused. Nothing was changed.
 * @property kind `NameTaken`, `BadName`, `LimitReached`, `NotOwner`, `NonExistentStream`, `NotReady`, `NoListenCap`,
 * `InputTaken`, `NotAProcess`, `MalformedRequest`
 * @property facts what came with it, e.g. `{ name, owner }`
 */
export class StreamError extends KernelError {
  override readonly name = "StreamError";
  readonly kind: string;
  readonly facts: unknown;

  constructor(act: string, stream: string, fault: StreamFault) {
    const [[kind, facts] = ["MalformedRequest", null]] =
      typeof fault === "string" ? [[fault, null] as const] : Object.entries(fault);
    const told = facts === null ? "" : ` ${JSON.stringify(facts)}`;
    super(kind, `Cannot ${act} "${stream}" as streams:distro:sys says ${kind}${told}${HINT[kind] ?? ""}`);
    this.kind = kind;
    this.facts = facts;
  }
}

const HINT: Readonly<Record<string, string>> = {
  NameTaken: ": take another name, or have its owner withdraw it",
  LimitReached: ": withdraw, unlisten or close some",
  NonExistentStream: ": its owner has to declare it first",
  NotReady: ": its owner has to say that it is ready",
  NoListenCap: ': it is private; others than its package need a capability of kind "listen" for it',
  InputTaken: ": one session has it at a time",
};

/** What `onSample` gets. @property producedTimestampS when it was published, seconds since 1970 */
export type Sample<Data = unknown> = {
  readonly name: string;
  readonly data: Data;
  readonly producedTimestampS: number;
};

/**
 * What `onInput` gets: a session opens an input, feeds it, and closes it, or ends. One that was open before this
 * incarnation is opened anew.
 * @property session its opener's name for it @property streamId the client's @property appId null: it gave none
 * @property samples with `samples` only; else empty
 */
export type InputEvent = {
  readonly type: "opened" | "samples" | "closed";
  readonly name: string;
  readonly session: string | number;
  readonly streamId: string;
  readonly appId: string | null;
  readonly samples: readonly unknown[];
};

/** What `onListeners` gets. @property count processes that listen */
export type Listeners = { readonly name: string; readonly count: number };

export type OutputOptions = {
  /** Default true. While it is not, nobody begins to listen. */
  readonly ready?: boolean;
  /** Default false. Only processes of this package listen, and who brings a capability. */
  readonly private?: boolean;
};

export type ListenOptions = {
  /** They go along, and then count alone. */
  readonly capabilities?: readonly Capability[];
  /** The sender of a message in whose name this is done: its capabilities go along, and no right of this process counts. */
  readonly onBehalfOf?: Pick<Message, "capabilities">;
};

/** @property session any name for it, unique within this process @property appId who it is, for its owner */
export type InputSessionOptions = {
  readonly session: string | number;
  readonly streamId: string;
  readonly appId?: string | null;
};

/** As `onSample` and its like get it. */
export type StreamNews =
  | { readonly to: "onSample"; readonly sample: Sample }
  | { readonly to: "onInput"; readonly event: InputEvent }
  | { readonly to: "onListeners"; readonly listeners: Listeners };

export class StreamCalls {
  readonly #host: Host;
  readonly #target: Address;
  readonly #outputs = new Map<string, StreamOutput>();

  constructor(host: Host) {
    this.#host = host;
    this.#target = new Address(host.our.node, STREAMS);
  }

  /** Makes `name` an output of this process; declared again, it goes on. @throws {StreamError} NameTaken, BadName, LimitReached */
  async output<Data = unknown>(name: string, options: OutputOptions = {}): Promise<StreamOutput<Data>> {
    const known = this.#outputs.get(name);
    const output = known ?? new StreamOutput(this.#host, this.#target, name);
    this.#outputs.set(name, output); // now: how many listen may be told before the answer is taken
    try {
      await this.#ask("declare output", name, { DeclareOutput: { name, ...options } });
    } catch (thrown) {
      if (known === undefined) this.#outputs.delete(name);
      throw thrown;
    }
    return output as StreamOutput<Data>; // what it publishes is for its owner to say
  }

  /** Makes `name` an input of this process: see `onInput`. @throws {StreamError} NameTaken, BadName, LimitReached */
  async input(name: string): Promise<void> {
    await this.#ask("declare input", name, { DeclareInput: { name } });
  }

  /** An output or input of this process is so no more; who listens goes on when it is declared again. @throws {StreamError} NotOwner, NonExistentStream */
  async withdraw(name: string): Promise<void> {
    await this.#ask("withdraw", name, { Withdraw: { name } });
    this.#outputs.delete(name);
  }

  /** From now on its samples come to `onSample`. Asked twice, they come once. @throws {StreamError} NonExistentStream, NotReady, NoListenCap, LimitReached */
  async listen(name: string, options: ListenOptions = {}): Promise<void> {
    await this.#ask("listen to", name, { Listen: { name } }, rightsOf(this.#host, options));
  }

  /** What is on its way here still comes. Nothing happens when it does not listen. */
  async unlisten(name: string): Promise<void> {
    await this.#ask("stop listening to", name, { Unlisten: { name } });
  }

  /** All of this node. */
  async names(): Promise<readonly StreamEntry[]> {
    const answer = await this.#ask("list", "names", "Names");
    return (answer as { readonly Names: readonly StreamEntry[] }).Names;
  }

  /** Opens another process's input for a session of this one. @throws {StreamError} NonExistentStream, InputTaken */
  async openInput(name: string, { session, streamId, appId = null }: InputSessionOptions): Promise<InputFeed> {
    const feed = new InputFeed(this.#host, this.#target, name, session, streamId);
    try {
      await this.#ask("open input", name, { OpenInput: { name, session, stream_id: streamId, app_id: appId } });
    } catch (thrown) {
      if (thrown instanceof SendError) feed.close(); // too late is not never: nobody would close it then
      throw thrown;
    }
    return feed;
  }

  /** Process-lib only. @returns undefined: it is a message like any other */
  read({ source, body }: Message): StreamNews | undefined {
    if (source.id.text !== STREAMS.text || source.node !== this.#host.our.node) return undefined;
    if (typeof body !== "object" || body === null) return undefined;
    const news = newsOf(body as StreamEvent); // its word: the kernel says who sends
    if (news?.to === "onListeners") this.#outputs.get(news.listeners.name)?.heard(news.listeners.count);
    return news;
  }

  async #ask(
    act: string,
    stream: string,
    action: StreamAction,
    capabilities: readonly Capability[] = [],
  ): Promise<StreamResult> {
    const request = new Envelope("request", this.#host.our, this.#target, action, null);
    request.expectsResponse = SECONDS;
    if (capabilities.length > 0) request.capabilities = capabilities;
    const body = (await this.#host.call(request)).body as StreamResult; // its word
    if (typeof body === "object" && "Err" in body) throw new StreamError(act, stream, body.Err);
    return body;
  }
}

/** An output of this process. Nothing of it waits for an answer. */
export class StreamOutput<Data = unknown> {
  readonly name: string;
  readonly #host: Host;
  readonly #target: Address;
  #listeners = 0;

  /** Call `ctx.streams.output`. */
  constructor(host: Host, target: Address, name: string) {
    this.#host = host;
    this.#target = target;
    this.name = name;
  }

  /** How many processes listen, as last told: while it is 0, nothing need be computed. See `onListeners`. */
  get listeners(): number {
    return this.#listeners;
  }

  /** To all that listen; nobody: it is dropped. @param data not changed afterwards @param producedTimestampS when it came about, seconds since 1970; default now */
  publish(data: Data, producedTimestampS?: number): void {
    const time = producedTimestampS === undefined ? {} : { produced_timestamp_s: producedTimestampS };
    this.#tell({ Publish: { name: this.name, data, ...time } });
  }

  /** While it is not, nobody begins to listen; who does goes on. */
  ready(isReady: boolean): void {
    this.#tell({ SetReady: { name: this.name, ready: isReady } });
  }

  /** Process-lib only. */
  heard(listeners: number): void {
    this.#listeners = listeners;
  }

  #tell(action: StreamAction): void {
    this.#host.tell(this.#target, action, null);
  }
}

/** An input that a session of this process has open. Nothing of it waits for an answer. */
export class InputFeed {
  readonly name: string;
  readonly session: string | number;
  readonly streamId: string;
  readonly #host: Host;
  readonly #target: Address;

  /** Call `ctx.streams.openInput`. */
  constructor(host: Host, target: Address, name: string, session: string | number, streamId: string) {
    this.#host = host;
    this.#target = target;
    this.name = name;
    this.session = session;
    this.streamId = streamId;
  }

  /** To its owner, in this order; while that is not there they are dropped. */
  feed(samples: readonly unknown[]): void {
    this.#tell({ Feed: { ...this.#session, samples } });
  }

  close(): void {
    this.#tell({ CloseInput: this.#session });
  }

  get #session(): { readonly name: string; readonly session: string | number; readonly stream_id: string } {
    return { name: this.name, session: this.session, stream_id: this.streamId };
  }

  #tell(action: StreamAction): void {
    this.#host.tell(this.#target, action, null);
  }
}

export type { StreamEntry, StreamKind };

function newsOf(event: StreamEvent): StreamNews | undefined {
  if ("Sample" in event) {
    const { name, data, produced_timestamp_s: producedTimestampS } = event.Sample;
    return { to: "onSample", sample: { name, data, producedTimestampS } };
  }
  if ("Listeners" in event) return { to: "onListeners", listeners: event.Listeners };
  if ("InputOpened" in event) return inputNews("opened", { ...event.InputOpened, samples: [] });
  if ("InputSamples" in event) return inputNews("samples", event.InputSamples);
  return "InputClosed" in event ? inputNews("closed", { ...event.InputClosed, samples: [] }) : undefined;
}

type Told = Extract<StreamEvent, { InputSamples: unknown }>["InputSamples"];

function inputNews(type: InputEvent["type"], told: Told): StreamNews {
  const { stream_id: streamId, app_id: appId, ...rest } = told;
  return { to: "onInput", event: { type, streamId, appId, ...rest } };
}

function rightsOf(host: Host, { capabilities = [], onBehalfOf }: ListenOptions): readonly Capability[] {
  if (onBehalfOf === undefined) return capabilities;
  return [...capabilities, ...onBehalfOf.capabilities, { issuer: host.our.text, params: ON_BEHALF }];
}
