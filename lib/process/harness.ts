/**
 * Runs one process without a kernel, a socket or a clock: for its unit tests.
 *
 *   const chat = await startProcess(program);
 *   const channel = await chat.open();
 *   await chat.push(channel, { type: "say", text: "hello" });
 *   chat.pushes(channel); // what the client has got
 *
 * 1. Each call settles when the process is at rest: its handler is done, or awaits an answer that the test gives.
 *    A crash rejects the call that caused it; the process is then down until `restart`.
 * 2. Time stands still until `advance`.
 * 3. Blobs of frames are lent as by a socket: after a handler that returns no promise they expire, and their memory
 *    is overwritten.
 * 4. State is kept in memory and outlives `restart`. Requests to other processes are in `sent`, for the test to answer.
 * 5. Not here: capability checks on what is sent, limits, path patterns. Those take a node.
 */
import {
  type AddressLike,
  Blob,
  type BlobLike,
  type Capability,
  DEFAULT_DIALECT,
  type Dialect,
  Envelope,
  freezeBody,
  type HostCommand,
  type HttpServerErrorKind,
  KERNEL,
  type Message,
  type OnExit,
  OptionError,
  type Program,
  packMessage,
  SendError,
  type Settings,
  type SpawnOptions,
  STREAMS,
  toAddress,
  toBlob,
  unpackMessage,
  type WsMessageType,
} from "../protocol/index.ts";
import { noteBlob } from "./context.ts";
import type { Down } from "./down.ts";
import { HeldCapabilities } from "./harness/capabilities.ts";
import { errorAnswer, fileAnswer, type HttpAnswer, type HttpAsk, httpBody, processAnswer } from "./harness/http.ts";
import type { Channel, Closed, Frame, Opening, Published, Refused, Transferred } from "./harness/http-server.ts";
import { Runner, type Status } from "./harness/runner.ts";
import type { SentRequest } from "./harness/sent.ts";
import type { HarnessStreams, OpenedInput, PublishedSample, RefuseStream } from "./harness/streams.ts";
import { AWAIT_SECONDS } from "./request.ts";
import type { InputEvent } from "./streams.ts";

export type {
  Closed,
  Frame,
  HarnessStreams,
  HttpAnswer,
  HttpAsk,
  OpenedInput,
  Opening,
  Published,
  PublishedSample,
  Refused,
  SentRequest,
  Status,
  Transferred,
};

/** Of a client that says nothing, and is logged in as nobody. */
const USUAL_OPENING: Opening = {
  path: "/",
  peer: "127.0.0.1:50000",
  user: null,
  query: {},
  headers: {},
  protocol: null,
};

export type StartOptions = {
  /** Its address; a bare process id is on node `alice.os`. Default `test:test:template.os`. */
  readonly our?: AddressLike;
  /** The package's folder, for `serveUi`. Default: none, as of a process made in memory. */
  readonly folder?: string;
  /** `ctx.settings`. Default none. */
  readonly settings?: Settings;
  /** What it speaks: events come, and actions are answered, as on a node. Default `kinode`. */
  readonly dialect?: Dialect;
  /** What an earlier life has stored. */
  readonly state?: unknown;
  /** What it holds. */
  readonly capabilities?: readonly Capability[];
  /** Called with each request to another process as it leaves: the place to answer what `init` awaits. */
  readonly onSend?: (sent: SentRequest) => void;
  /** Called with each channel that it hands over: the place to say why not. Otherwise every target takes it. */
  readonly onTransfer?: (transferred: Transferred) => HttpServerErrorKind | undefined;
  /** Called with each action of `ctx.streams`: the place to refuse it, e.g. with `{ NameTaken: { name, owner } }`. */
  readonly onStream?: RefuseStream;
  /**
   * Called with each command to the kernel (`host.command`): returns its result, or throws. Otherwise, or for undefined:
   * there are no children, each that is stopped ends in peace, and all other results are undefined.
   */
  readonly onCommand?: (command: HostCommand) => unknown;
};

export type OpenOptions = Partial<Opening> & {
  /** Another process hands it over. @property from `lobby:game:template.os`, or an address @property note as with `transferChannel` */
  readonly handover?: { readonly from: AddressLike; readonly note?: unknown };
};

export type AskOptions = {
  /** Who asks. Default `tester:tester:sys`. */
  readonly from?: AddressLike;
  readonly blob?: BlobLike;
  readonly metadata?: string;
  /** They come with the message: the process may save them. */
  readonly capabilities?: readonly Capability[];
};

const HTTP_SECONDS = 15; // seconds: contract kinode §5.4

/** Settles when its `init` is done; rejects with what that throws. */
export async function startProcess(program: Program, options: StartOptions = {}): Promise<Harness> {
  const harness = new Harness(program, options);
  await harness.restart();
  return harness;
}

export class Harness {
  /** Requests to other processes, oldest first; not what `ctx.streams` asks. */
  readonly sent: SentRequest[] = [];
  /** Commands to the kernel, oldest first: `{ Monitor: { process } }`. */
  readonly commands: HostCommand[] = [];
  readonly #runner: Runner;
  readonly #wantsSent: ((sent: SentRequest) => void)[] = [];
  #sentTaken = 0;

  /** Call `startProcess`. */
  constructor(program: Program, options: StartOptions) {
    const our = toAddress(options.our ?? "test:test:template.os", "alice.os");
    this.#runner = new Runner(program, {
      our,
      folder: options.folder ?? null,
      settings: options.settings ?? {},
      dialect: options.dialect ?? DEFAULT_DIALECT,
      state: options.state === undefined ? undefined : packMessage(options.state),
      capabilities: new HeldCapabilities(our, options.capabilities ?? []),
      onSend: (sent) => {
        this.sent.push(sent);
        this.#wantsSent.shift()?.(sent);
        options.onSend?.(sent);
      },
      onTransfer: (transferred) => options.onTransfer?.(transferred),
      onStream: (action) => options.onStream?.(action),
      command: (command) => {
        this.commands.push(command);
        return options.onCommand?.(command) ?? usualResult(command);
      },
    });
  }

  get status(): Status {
    return this.#runner.status;
  }

  /** Lines that it logged. */
  get logs(): readonly string[] {
    return this.#runner.world.logs;
  }

  /** What it has stored; undefined: nothing. */
  get state(): unknown {
    const { state } = this.#runner.world;
    return state === undefined ? undefined : unpackMessage(state);
  }

  get published(): readonly Published[] {
    return this.#runner.world.httpServer.published;
  }

  /** Pushes and other actions that failed while nobody waited for their answer; on a node they are dead letters. */
  get refused(): readonly Refused[] {
    return this.#runner.world.httpServer.refused;
  }

  /** Channels that it handed over to others. */
  get transferred(): readonly Transferred[] {
    return this.#runner.world.httpServer.transferred;
  }

  /** What it declared, published, listens to and has open, by `ctx.streams`. */
  get streams(): HarnessStreams {
    return this.#runner.world.streams;
  }

  /** What it asked to spawn. None of it runs. */
  get spawned(): readonly SpawnOptions[] {
    return this.#runner.world.spawned;
  }

  /** What it bound as static content, by path. */
  get files(): ReadonlyMap<string, Blob> {
    return this.#runner.world.httpServer.files;
  }

  /** Paths that it serves itself. */
  get bound(): { readonly http: readonly string[]; readonly ws: readonly string[] } {
    const { httpPaths, wsPaths } = this.#runner.world.httpServer;
    return { http: [...httpPaths], ws: [...wsPaths] };
  }

  get onExit(): OnExit {
    return this.#runner.world.onExit;
  }

  /** By the clock of the test: milliseconds since the Unix epoch. */
  now(): number {
    return this.#runner.world.time.now();
  }

  /** Everything that was sent to a channel: JSON parsed, else text, else bytes; publishes too, where it subscribed. */
  pushes(channelId: number): readonly unknown[] {
    const isData = ({ messageType }: Frame): boolean => messageType === "Text" || messageType === "Binary";
    return this.#channel(channelId)
      .frames.filter(isData)
      .map(({ data }) => data);
  }

  /** The same with the kind of each frame, pings and pongs included. */
  frames(channelId: number): readonly Frame[] {
    return [...this.#channel(channelId).frames];
  }

  /** How a channel ended, whoever ended it; undefined: it is open. */
  closed(channelId: number): Closed | undefined {
    return this.#channel(channelId).closed;
  }

  /** A client connects. @returns the id of its channel */
  async open({ handover, ...options }: OpenOptions = {}): Promise<number> {
    this.#runner.assertRunning("open a channel to");
    const { httpServer, our } = this.#runner.world;
    const note = handover?.note === undefined ? null : noteBlob(handover.note);
    const given = handover && { from: toAddress(handover.from, our.node).text, note };
    const channel = httpServer.open({ ...USUAL_OPENING, ...options }, given);
    await this.#runner.post(this.#runner.openEvent(channel));
    return channel.id;
  }

  /** A client sends a frame: text as Text, bytes as Binary, any other value as JSON in Text, unless told otherwise. */
  async push(channelId: number, data: unknown, messageType?: WsMessageType): Promise<void> {
    this.#runner.assertRunning("push to");
    const channel = this.#openChannel(channelId);
    const message_type = messageType ?? (data instanceof Uint8Array ? "Binary" : "Text");
    const memory = new Uint8Array(bytesOf(data)); // our own, to be lent
    const blob = Blob.lend(memory, message_type === "Text");
    const body = { WebSocketPush: { channel_id: channelId, message_type } };
    const handled = this.#runner.post(this.#runner.event(body, channel, blob));
    blob.settle();
    memory.fill(0xdd); // shows in a view that somebody kept
    await handled;
  }

  /** A client leaves. @param code 1005: it gave none; 1006: the connection was lost */
  async close(channelId: number, code: number = 1000, reason: string = ""): Promise<void> {
    this.#runner.assertRunning("close a channel of");
    const channel = this.#openChannel(channelId);
    channel.closed = { code, reason };
    channel.topics.clear();
    await this.#runner.rest(this.#runner.closeEvent(channel, channel.closed));
  }

  /**
   * A client asks by HTTP; static content answers by itself. Unanswered, it gets 408 after `advance(15_000)`. An answer
   * that is streamed comes when it has ended; a body that is read in pieces is one piece.
   */
  async http(ask: HttpAsk = {}): Promise<HttpAnswer> {
    this.#runner.assertRunning("ask");
    const { world } = this.#runner;
    const file = world.httpServer.files.get(ask.path ?? "/");
    if (file !== undefined && (ask.method ?? "GET") === "GET") return fileAnswer(file);
    const { path = "/", boundPath = path } = ask;
    const sent = toBlob(ask.body ?? "");
    const exchange = world.httpServer.exchange(sent);
    const isStreamed = world.httpServer.streamedPaths.has(boundPath);
    const body = { Http: httpBody(world.our, ask, exchange.id, isStreamed) };
    const event = this.#runner.event(body, null, isStreamed ? Blob.of("") : sent);
    try {
      const answer = await this.#runner.ask(event, HTTP_SECONDS);
      if (!isStream(answer.body)) return processAnswer(answer);
      const isWhole = await this.#runner.rest(exchange.ended);
      const bytes = Buffer.concat([answer.blob?.bytes() ?? new Uint8Array(0), ...exchange.written]);
      return { ...processAnswer({ body: answer.body, blob: Blob.of(bytes) }), isWhole };
    } catch (thrown) {
      if (thrown instanceof SendError) return errorAnswer(thrown);
      throw thrown;
    }
  }

  /** Another process asks. @param options.expectsResponse seconds @throws {SendError} there was no answer */
  async request(body: unknown, options: AskOptions & { readonly expectsResponse?: number } = {}): Promise<Message> {
    this.#runner.assertRunning("ask");
    return await this.#runner.ask(this.#incoming(body, options), options.expectsResponse ?? AWAIT_SECONDS);
  }

  /** Another process sends a request that expects no answer. */
  async send(body: unknown, options: AskOptions = {}): Promise<void> {
    this.#runner.assertRunning("send to");
    await this.#runner.post(this.#incoming(body, options));
  }

  /** A process that it monitors has ended: `onDown`. Default: it crashed in its first incarnation, and is gone for good. */
  async down(process: AddressLike, down: Partial<Omit<Down, "process">> = {}): Promise<void> {
    this.#runner.assertRunning("tell of an end to");
    const { our } = this.#runner.world;
    const { gaveUp = false, ...given } = down;
    const ProcessDown = {
      process: toAddress(process, our.node).id.text,
      incarnation: 1,
      reason: "crash",
      restarts: false,
      ...given,
      gave_up: gaveUp,
    };
    await this.#runner.post(this.#incoming({ ProcessDown }, { from: KERNEL }));
  }

  /** A sample of an output that it listens to: `onSample`. @param producedTimestampS default now */
  async sample(name: string, data: unknown, producedTimestampS: number = this.now() / 1000): Promise<void> {
    this.#runner.assertRunning("send a sample to");
    const Sample = { name, data, produced_timestamp_s: producedTimestampS };
    await this.#runner.post(this.#incoming({ Sample }, { from: STREAMS }));
  }

  /** A session opens, feeds or closes an input of it: `onInput`. Default: session 1, stream id `X`, no app id. */
  async input({ type, name, ...given }: Pick<InputEvent, "type" | "name"> & Partial<InputEvent>): Promise<void> {
    this.#runner.assertRunning("feed");
    const { session = 1, streamId: stream_id = "X", appId: app_id = null, samples = [] } = given;
    const told = { name, session, stream_id, app_id };
    const body =
      type === "opened"
        ? { InputOpened: told }
        : type === "closed"
          ? { InputClosed: told }
          : { InputSamples: { ...told, samples } };
    await this.#runner.post(this.#incoming(body, { from: STREAMS }));
  }

  /** So many processes listen to an output of it now: `onListeners`. */
  async listeners(name: string, count: number): Promise<void> {
    this.#runner.assertRunning("tell of listeners to");
    await this.#runner.post(this.#incoming({ Listeners: { name, count } }, { from: STREAMS }));
  }

  /** The next request to another process that this has not returned yet; waits for it. */
  nextSent(): Promise<SentRequest> {
    const sent = this.sent[this.#sentTaken++];
    return sent === undefined ? new Promise((resolve) => this.#wantsSent.push(resolve)) : Promise.resolve(sent);
  }

  /** Lets time pass; what each timer does is done before the next comes due. */
  async advance(ms: number): Promise<void> {
    await this.#runner.advance(ms);
  }

  /** The next incarnation, after a crash or as if by one: `init`, an Open for each live channel, then what waited. */
  async restart(): Promise<void> {
    await this.#runner.restart();
  }

  /** Ends it as a node that stops: its `onExit` runs. */
  async stop(): Promise<void> {
    await this.#runner.stop();
  }

  #incoming(body: unknown, { from = "tester:tester:sys", blob, metadata, capabilities }: AskOptions): Envelope {
    const { our } = this.#runner.world;
    const source = toAddress(from, our.node);
    const request = new Envelope("request", source, our, freezeBody(body), blob === undefined ? null : toBlob(blob));
    request.metadata = metadata ?? null;
    if (capabilities !== undefined) request.capabilities = capabilities;
    return request;
  }

  #channel(id: number): Channel {
    const channel = this.#runner.world.httpServer.channels.get(id);
    if (channel !== undefined) return channel;
    throw new OptionError(`Cannot look at channel ${id} as there is none of that id: use what open() returned`);
  }

  #openChannel(id: number): Channel {
    const channel = this.#channel(id);
    if (channel.closed === undefined) return channel;
    throw new OptionError(`Cannot use channel ${id} as it has ended with ${channel.closed.code}: open() another`);
  }
}

function usualResult(command: HostCommand): unknown {
  if ("Children" in command) return [];
  return "StopChild" in command ? "stopped" : undefined;
}

function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && "stream" in body && body.stream === true;
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return (typeof data === "string" ? Blob.of(data) : Blob.json(data)).bytes();
}
