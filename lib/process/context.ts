/**
 * What a handler can do: everything reaches the kernel or another process as a message.
 *
 * 1. `push`, `publish`, `subscribe` and `close` do not wait and return nothing; what cannot be delivered is a dead letter.
 *    `sendWsPush` is a push whose result comes back.
 * 2. A value goes out as: text → Text frame; bytes → Binary; a blob → as it came; anything else → JSON in a Text frame.
 */
import {
  type Address,
  Address as AddressClass,
  type AddressLike,
  type Answer,
  Blob,
  type BlobLike,
  type Child,
  Envelope,
  type Host,
  HTTP_SERVER,
  type HttpServerAction,
  type HttpServerResult,
  type Message,
  type OnExit,
  type ProcessId,
  readResult,
  type Settings,
  type SpawnOptions,
  type Stopped,
  type Timer,
  toAddress,
  toBlob,
  type WsMessageType,
} from "../protocol/index.ts";
import { AddressBook } from "./address-book.ts";
import {
  bindHttpAction,
  bindStaticAction,
  bindWsAction,
  type ProcessBinding,
  type StaticBinding,
  type WsBinding,
} from "./bindings.ts";
import { Capabilities } from "./capabilities.ts";
import { ClientRequest } from "./client-request.ts";
import { askExtension } from "./extension.ts";
import { HttpClientCalls } from "./http-client.ts";
import { HttpWriters } from "./http-stream.ts";
import { KvCalls } from "./kv.ts";
import { isPromise } from "./promise.ts";
import { AWAIT_SECONDS, Request } from "./request.ts";
import { serveUi, type UiBinding } from "./serve-ui.ts";
import { SqliteCalls } from "./sqlite.ts";
import { StateCalls } from "./state.ts";
import { StreamCalls, type StreamNews } from "./streams.ts";
import { TimerCalls } from "./timers.ts";
import { VfsCalls } from "./vfs.ts";

/** What a timer of `after` runs: like a handler, it may return the next state. */
export type TimerHandler<State> = (state: State, ctx: Context<State>) => State | void | Promise<State | void>;

export type TransferOptions = {
  /**
   * What the new owner should know, e.g. the player's name: it comes with each `onOpen` of this channel. Bytes and blobs
   * as they are, anything else as JSON; at most `limits.noteBytes`.
   */
  readonly note?: unknown;
};

/**
 * A channel: its number, or what names it wherever its socket is. `onOpen`, `onPush` and `onClose` are given such:
 * `ctx.push(open, "hello")`. Numbers of two nodes may be equal; without `node` it is this one's.
 */
export type ChannelLike = number | { readonly channelId: number; readonly node?: string };

export class Context<State = unknown> {
  readonly host: Host;
  readonly our: Address;
  /** For Request only. */
  readonly addresses: AddressBook;
  readonly #httpServer: Address;
  // Made when first used: there may be a hundred thousand processes, and most use few of these.
  #httpWriters: HttpWriters | undefined;
  #state: StateCalls | undefined;
  #capabilities: Capabilities | undefined;
  #kv: KvCalls | undefined;
  #sqlite: SqliteCalls | undefined;
  #timers: TimerCalls | undefined;
  #vfs: VfsCalls | undefined;
  #http: HttpClientCalls | undefined;
  #streams: StreamCalls | undefined;

  constructor(host: Host) {
    this.host = host;
    this.our = host.our;
    this.addresses = new AddressBook(host.our.node);
    this.#httpServer = httpServerOf(host.our.node);
  }

  /** What is being handled, or was last; null in `init`. */
  get message(): Message | null {
    return this.host.inHand();
  }

  /** Whether what is being handled waits for an answer: `respond` throws where it does not. */
  get asked(): boolean {
    const { message } = this;
    return message !== null && message.kind === "request" && message.rsvp !== null;
  }

  /** What the manifest, the parent and whoever runs the node (`--settings`) set for this process. */
  get settings(): Settings {
    return this.host.settings;
  }

  get node(): string {
    return this.our.node;
  }

  /** Of an instance of a keyed family, which: "42" in `room/42:chat:template.os`. undefined: it is none. */
  get key(): string | undefined {
    return this.our.id.key;
  }

  /** Process-lib only. */
  get httpWriters(): HttpWriters {
    this.#httpWriters ??= new HttpWriters();
    return this.#httpWriters;
  }

  get capabilities(): Capabilities {
    this.#capabilities ??= new Capabilities(this.host);
    return this.#capabilities;
  }

  /** Databases of keys and values. */
  get kv(): KvCalls {
    this.#kv ??= new KvCalls(this.host);
    return this.#kv;
  }

  /** SQL databases. */
  get sqlite(): SqliteCalls {
    this.#sqlite ??= new SqliteCalls(this.host);
    return this.#sqlite;
  }

  /** Timers that the node keeps; `after` and `every` are this process's own. */
  get timers(): TimerCalls {
    this.#timers ??= new TimerCalls(this.host);
    return this.#timers;
  }

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return this.host.now();
  }

  /** Hot path. Sends one frame to a channel bound to this process. */
  push(channel: ChannelLike, value: unknown, messageType?: WsMessageType): void {
    const blob = frame(value);
    const type = messageType ?? (blob.isText ? "Text" : "Binary");
    if (typeof channel === "number") {
      if (this.host.push(channel, type, blob)) return; // it answers the frame in hand
      this.#act({ WebSocketPush: { channel_id: channel, message_type: type } }, blob);
    } else this.#pushNamed(channel, type, blob);
  }

  /** Apart from `push`, so that it stays small enough to be inlined. */
  #pushNamed({ channelId, node }: Exclude<ChannelLike, number>, type: WsMessageType, blob: Blob): void {
    if (this.#isOwn(node) && this.host.push(channelId, type, blob)) return;
    this.#act({ WebSocketPush: { channel_id: channelId, message_type: type } }, blob, node);
  }

  /**
   * A push that a newer one of the same `key` replaces while the client does not keep up; where the channel's
   * `slowReader` is not `latest`, a push like any other.
   */
  pushLatest(channel: ChannelLike, key: string, value: unknown, messageType?: "Text" | "Binary"): void {
    const blob = frame(value);
    const message_type = messageType ?? (blob.isText ? "Text" : "Binary");
    const { channelId, node } = nameOf(channel);
    this.#act({ WebSocketPush: { channel_id: channelId, message_type, key } }, blob, node);
  }

  /** A push that tells how it went. `node` may be another one, where the channel's owner allows it. */
  async sendWsPush(
    channel: ChannelLike,
    value: unknown,
    messageType?: WsMessageType,
    node: string = nameOf(channel).node ?? this.node,
  ): Promise<HttpServerResult> {
    const { channelId } = nameOf(channel);
    const blob = frame(value);
    const type = messageType ?? (blob.isText ? "Text" : "Binary");
    return await this.#ask({ WebSocketPush: { channel_id: channelId, message_type: type } }, blob, node);
  }

  /**
   * Asks the program that has `channelId`, on a path bound with `extension`. `value` is sent as with `push`.
   * What it asks by itself comes to `onPush`, where `asked` tells it from other frames, and `respond` answers it.
   * @throws {ExtensionError} not sent @throws {SendError} Timeout after `seconds`; Offline: it has left
   */
  askExtension(
    channelId: number,
    value: unknown,
    { seconds = AWAIT_SECONDS }: { readonly seconds?: number } = {},
  ): Promise<Blob> {
    return askExtension(this.host, this.#httpServer, { channelId, blob: frame(value), seconds });
  }

  /** One frame to every channel that subscribed to `topic`, encoded once. Topics belong to this process. */
  publish(topic: string, value: unknown, messageType?: "Text" | "Binary"): void {
    const blob = frame(value);
    this.#act({ WebSocketPublish: { topic, message_type: messageType ?? (blob.isText ? "Text" : "Binary") } }, blob);
  }

  /** A topic reaches the channels of this process on every node. */
  subscribe(channel: ChannelLike, topic: string): void {
    this.#act({ WebSocketSubscribe: { ...topicOf(channel), topic } });
  }

  unsubscribe(channel: ChannelLike, topic: string): void {
    this.#act({ WebSocketUnsubscribe: { ...topicOf(channel), topic } });
  }

  /** Ends a channel behind what was pushed to it. @param code 1000 unless given */
  close(channel: ChannelLike, code?: number, reason?: string): void {
    const { channelId, node } = nameOf(channel);
    if (code === undefined) this.#act({ WebSocketClose: channelId }, null, node);
    else this.#act({ WebSocketClose: { channel_id: channelId, code, reason: reason ?? "" } }, null, node);
  }

  /**
   * From now on `to` may push to this channel and close it, with `sendWsPush(channelId, value, type, node)`: a process
   * of this node or another, by its full address. Ends with the channel, and when it is handed over. @throws {IdError} (rejects)
   */
  async grantChannel(channelId: number, to: AddressLike): Promise<HttpServerResult> {
    return await this.#ask({ WebSocketGrant: { channel_id: channelId, to: this.#local(to) } });
  }

  async ungrantChannel(channelId: number, to: AddressLike): Promise<HttpServerResult> {
    return await this.#ask({ WebSocketUngrant: { channel_id: channelId, to: this.#local(to) } });
  }

  /**
   * Hands a channel over to another process, which this one may message; one of another node says there whether it takes
   * it, and the channel ends if not. What was pushed so far goes out
   * first; frames that wait here are handled there. Then `onClose` with `transferredTo` here, and `onOpen` with `handover`
   * there. On `Err` nothing has changed: `WsTargetNotFound`, `WsTargetDenied`, `WsTargetOverloaded`.
   * Await it, or return it: a frame handled before it is done can no longer be answered. @throws {IdError} `to` is no address
   */
  async transferChannel(channelId: number, to: AddressLike, { note }: TransferOptions = {}): Promise<HttpServerResult> {
    const target = toAddress(to, this.node);
    return this.#ask(
      {
        WebSocketTransfer: { channel_id: channelId, to: target.node === this.node ? target.id.text : target.text },
      },
      note === undefined ? null : noteBlob(note),
    );
  }

  /** A question that the browser client's `request()` sent. @param value the frame's `blob.json()` @returns undefined when it is none */
  clientRequest(channelId: number, value: unknown): ClientRequest | undefined {
    return ClientRequest.read(this, channelId, value);
  }

  /**
   * Serves `path` under `/<process id>/` by `onHttp`. `:name` is a segment, `*rest` the rest; `/` also serves what else
   * is not bound. With `streamBody`, `onHttp` is called before the body has come, and reads it with `request.body()`.
   * @throws {OptionError} (rejects) a secure path that wants no login, or local clients
   */
  async bindHttp(path: string, binding: ProcessBinding = {}): Promise<HttpServerResult> {
    return await this.#ask(bindHttpAction(path, binding));
  }

  /** Serves `content` at `path` without asking this process. */
  async bindStatic(path: string, content: BlobLike, binding: StaticBinding = {}): Promise<HttpServerResult> {
    const blob = toBlob(content);
    const { mime } = binding;
    return await this.#ask(bindStaticAction(path, binding), mime === undefined ? blob : Blob.of(blob.bytes(), mime));
  }

  unbindHttp(path: string): Promise<HttpServerResult> {
    return this.#ask({ Unbind: { path } });
  }

  /**
   * Every file of `folder` (inside the package's folder) as a static path, its index.html at `/`. With `spa`, that page
   * also answers every other path that a browser navigates to. @returns how many files
   */
  serveUi(folder: string, binding: UiBinding = {}): Promise<number> {
    return serveUi(this, folder, binding);
  }

  /** Takes WebSockets on `/<process id><path>`; no registration message is needed there. */
  async bindWs(path: string, binding: WsBinding = {}): Promise<HttpServerResult> {
    return await this.#ask(bindWsAction(path, binding));
  }

  unbindWs(path: string): Promise<HttpServerResult> {
    return this.#ask({ WebSocketUnbind: { path } });
  }

  request(target: AddressLike): Request {
    return new Request(this.host, this.addresses).target(target);
  }

  /** Answers the request in hand; `to`, one kept from earlier. @throws {NoRequestToAnswerError} */
  respond(
    body: unknown,
    options?: Omit<Answer, "body" | "blob"> & { readonly blob?: BlobLike; readonly to?: Message },
  ): void {
    if (options === undefined) {
      this.host.respond({ body });
      return;
    }
    const { blob, to, ...rest } = options;
    this.host.respond({ ...rest, body, blob: blob === undefined ? null : toBlob(blob) }, to as Envelope | undefined);
  }

  /** Runs `handler` once, at the earliest `ms` from now, as a message of its own. */
  after(ms: number, handler: TimerHandler<State>): Timer {
    return this.host.after(ms, handler);
  }

  /** Runs `handler` every `ms`, counted from the end of the run before. */
  every(ms: number, handler: TimerHandler<State>): Timer {
    let timer: Timer | undefined;
    let cancelled = false;
    const arm = (): void => {
      if (!cancelled) timer = this.after(ms, run);
    };
    const run: TimerHandler<State> = (state, ctx) => {
      const next = handler(state, ctx);
      if (!isPromise(next)) {
        arm();
        return next;
      }
      return next.then((settled) => {
        arm();
        return settled;
      });
    };
    arm();
    return {
      cancel: () => {
        cancelled = true;
        timer?.cancel();
      },
    };
  }

  /** @throws {SpawnError} NameTaken, NoFileAtPath, InvalidName, InvalidProgram, TooManyProcesses */
  spawn(options: SpawnOptions): Promise<ProcessId> {
    return this.host.spawn(options);
  }

  /**
   * Each end of `target` calls `onDown`, until it is gone for good; one that is not there is down at once. Ends with this
   * incarnation: set it in `init`. @throws {FamilyError} (rejects) it may not be messaged, or is this process itself
   */
  async monitor(target: AddressLike): Promise<void> {
    await this.host.command({ Monitor: { process: this.#local(target) } });
  }

  /** `onDown` is not called for it any more. */
  async demonitor(target: AddressLike): Promise<void> {
    await this.host.command({ Demonitor: { process: this.#local(target) } });
  }

  /**
   * From now on, when one of both crashes for good, the other ends too, for good. A crash that is followed by a restart
   * ends nobody else. @param child one of `children()`, or one of theirs @throws {FamilyError} (rejects) it is none
   */
  async link(child: AddressLike): Promise<void> {
    await this.host.command({ Link: { process: this.#local(child) } });
  }

  async unlink(child: AddressLike): Promise<void> {
    await this.host.command({ Unlink: { process: this.#local(child) } });
  }

  /**
   * Ends a child for good, its own children first: each when its message in hand is done and its onExit has run; at once
   * when `seconds` are over. @returns how it ended @throws {FamilyError} (rejects) it is no child, nor one of theirs
   */
  async stopChild(
    child: AddressLike,
    { seconds }: { /** Default `limits.farewell`. */ readonly seconds?: number } = {},
  ): Promise<Stopped> {
    const process = this.#local(child);
    return (await this.host.command({
      StopChild: { process, ...(seconds === undefined ? {} : { seconds }) },
    })) as Stopped;
  }

  /** Those that this process spawned and that still live, in the order of their start. */
  async children(): Promise<readonly Child[]> {
    return (await this.host.command({ Children: null })) as readonly Child[];
  }

  /** Ends this process once the message in hand is done; its `on_exit` applies. */
  exit(): void {
    this.host.exit();
  }

  get onExit(): OnExit {
    return this.host.getOnExit();
  }

  set onExit(onExit: OnExit) {
    this.host.setOnExit(onExit);
  }

  /** The value last set, by this or an earlier incarnation; undefined: none. @throws {SendError} */
  getState<Value>(): Promise<Value | undefined> {
    return this.#stateCalls().get<Value>();
  }

  /** Kept when it resolves. @param value what MessagePack can carry @throws {SendError} @throws {StateError} */
  setState(value: unknown): Promise<void> {
    return this.#stateCalls().set(value);
  }

  clearState(): Promise<void> {
    return this.#stateCalls().clear();
  }

  #stateCalls(): StateCalls {
    this.#state ??= new StateCalls(this.host);
    return this.#state;
  }

  /** Files, in drives: `ctx.vfs.drive("notes").writeFile("a.txt", "…")`. */
  get vfs(): VfsCalls {
    this.#vfs ??= new VfsCalls(this.host);
    return this.#vfs;
  }

  /** HTTP and WebSockets to elsewhere: `await ctx.http.fetch("https://…")`. */
  get http(): HttpClientCalls {
    this.#http ??= new HttpClientCalls(this.host);
    return this.#http;
  }

  /** Named outputs and inputs: `await ctx.streams.output("device.stream1")`. */
  get streams(): StreamCalls {
    this.#streams ??= new StreamCalls(this.host);
    return this.#streams;
  }

  /** Process-lib only. @returns undefined: this one has no streams, or it is a message like any other */
  streamNews(message: Message): StreamNews | undefined {
    return this.#streams?.read(message);
  }

  /** A line in the node's log. */
  log(text: string): void {
    this.host.log(text);
  }

  #local(target: AddressLike): string {
    return toAddress(target, this.node).text;
  }

  #act(action: HttpServerAction, blob: Blob | null = null, node?: string): void {
    const isNear = node === undefined || this.#isOwn(node);
    this.host.tell(isNear ? this.#httpServer : new AddressClass(node, HTTP_SERVER), action, blob);
  }

  #isOwn(node: string | undefined): boolean {
    return node === undefined || node === this.node;
  }

  async #ask(action: HttpServerAction, blob: Blob | null = null, node: string = this.node): Promise<HttpServerResult> {
    const target = node === this.node ? this.#httpServer : new AddressClass(node, HTTP_SERVER);
    const request = new Envelope("request", this.our, target, action, blob);
    request.expectsResponse = ACTION_SECONDS;
    const answer = await this.host.call(request);
    return readResult(answer.body); // the http-server's word: its source is checked by the kernel
  }
}

let httpServer: Address | null = null;

/** Processes of one node have one address of its http-server together. */
function httpServerOf(node: string): Address {
  if (httpServer?.node !== node) httpServer = new AddressClass(node, HTTP_SERVER);
  return httpServer;
}

const ACTION_SECONDS = 5; // seconds: the http-server answers in its turn; only another node takes time

function nameOf(channel: ChannelLike): { readonly channelId: number; readonly node?: string } {
  return typeof channel === "number" ? { channelId: channel } : channel;
}

function topicOf(channel: ChannelLike): { readonly channel_id: number; readonly node?: string } {
  const { channelId, node } = nameOf(channel);
  return { channel_id: channelId, ...(node === undefined ? {} : { node }) };
}

/** Text goes as JSON too, not as `frame` has it: a player called 42 must not become a number. */
export function noteBlob(note: unknown): Blob {
  return note instanceof Blob || note instanceof Uint8Array || note instanceof ArrayBuffer
    ? toBlob(note)
    : Blob.json(note);
}

/** What `value` is on the wire; see rule 2. */
function frame(value: unknown): Blob {
  if (value instanceof Blob) return value;
  if (typeof value === "string" || value instanceof Uint8Array || value instanceof ArrayBuffer) return Blob.of(value);
  return Blob.json(value);
}
