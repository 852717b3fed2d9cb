/**
 * The `Host` of a process in a realm: what it does becomes records, which the node replays and judges.
 *
 * 1. What the kernel refuses at the call is refused at the call here too, with the same error.
 * 2. Only the node knows capabilities and on_exit: they are asked for, and the realm waits for the answer.
 * 3. Records say in whose hand they belong by standing behind BEGIN.
 */
import {
  type Address,
  type Answer,
  type Blob,
  BlobExpiredError,
  type CapabilityCalls,
  type Dialect,
  type Envelope,
  freezeBody,
  type Host,
  type HostCommand,
  HTTP_SERVER,
  NoRequestToAnswerError,
  type OnExit,
  ProcessId,
  type Settings,
  type SpawnOptions,
  type Timer,
  toAddress,
  type WsMessageType,
} from "../../lib/protocol/index.ts";
import { LimitError, ProcessExitedError, SpawnError } from "../errors.ts";
import { checkDelay, checkSeconds, faultOfCall } from "../host-checks.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { packBody, writeAnswer, writeRequest } from "./message-codec.ts";
import { packOnExit, packSpawn, unpackOnExit } from "./on-exit-codec.ts";
import { Orders } from "./orders.ts";
import type { Question } from "./questions.ts";
import { RealmHand } from "./realm-hand.ts";
import { RealmRequests } from "./realm-requests.ts";
import type { RealmTimers } from "./realm-timers.ts";
import { CALL, codeOf, EXIT, LOG, PASS_ON, PUSH, RESPOND, type RealmLimits, SEND, TELL } from "./records.ts";

/** What a process in a realm is given by it. */
export type RealmSide = {
  readonly our: Address;
  readonly dialect: Dialect;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly freezes: boolean;
  readonly limits: RealmLimits;
  /** Where records of this process go. */
  out(): BatchWriter;
  /** Asks the node and waits. */
  ask(question: Question): unknown;
  readonly timers: RealmTimers;
  /** It begins nothing but goes on with what is in hand, until `release`. */
  hold(): void;
  release(): void;
  /** It handles nothing more. @returns whether a message is in hand: EXIT is said when that is done */
  exiting(): boolean;
};

export class RealmHost implements Host {
  readonly our: Address;
  readonly dialect: Dialect;
  readonly folder: string | null;
  readonly settings: Settings;
  readonly capabilities: CapabilityCalls;
  /** Bodies are made unchangeable, as in the node. */
  readonly freezes: boolean;
  readonly hand: RealmHand;
  readonly requests: RealmRequests = new RealmRequests();
  readonly orders: Orders;
  readonly #realm: RealmSide;
  #ended = false; // final

  constructor(realm: RealmSide) {
    this.#realm = realm;
    this.our = realm.our;
    this.dialect = realm.dialect;
    this.folder = realm.folder;
    this.settings = realm.settings;
    this.freezes = realm.freezes;
    this.hand = new RealmHand(realm.our, realm.dialect, realm.freezes);
    this.orders = new Orders(() => realm.out());
    this.capabilities = this.#capabilityCalls();
  }

  end(): void {
    this.#ended = true;
    this.#realm.timers.end();
  }

  now(): number {
    return Date.now();
  }

  send(request: Envelope): void {
    this.#assertAlive("send");
    this.#send(SEND, request, null);
  }

  tell(target: Address, body: unknown, blob: Blob | null): void {
    this.#assertAlive("send");
    if (blob?.expired === true) throw new BlobExpiredError();
    if (this.freezes) freezeBody(body);
    const packed = packBody(body, "send to", target.text);
    this.#realm.out().u8(TELL).text(toAddress(target, this.our.node).text).bytes(packed).blob(blob);
  }

  /** Hot path: frames need neither body nor address, and one that is passed on unseen crosses once. Whether this one may go out the node decides. */
  push(channelId: number, messageType: WsMessageType, blob: Blob): boolean {
    if (this.#ended || blob.expired || channelId >>> 0 !== channelId) return false; // `tell` says what is wrong
    const passesOn = blob.isUnseen && blob === this.hand.blob;
    const out = this.#realm.out();
    out.push(passesOn ? PASS_ON : PUSH, channelId, codeOf(messageType));
    if (!passesOn) out.blob(blob);
    return true;
  }

  call(request: Envelope): Promise<Envelope> {
    request.target = toAddress(request.target, this.our.node);
    const fault = faultOfCall(request, this.our);
    if (fault !== null) return Promise.reject(fault);
    return new Promise((resolve, reject) => {
      this.#assertAlive("send");
      this.#send(CALL, request, { resolve, reject });
    });
  }

  respond(answer: Answer, to?: Envelope): void {
    this.#assertAlive("respond");
    const request = to ?? this.hand.prompting();
    if (request === null || request.rsvp === null) throw new NoRequestToAnswerError(this.our.text);
    const inherited = to === undefined ? (this.hand.blob ?? request.blob) : to.blob;
    const blob = answer.blob ?? (answer.inherit === true ? inherited : null);
    if (blob?.expired === true) throw new BlobExpiredError();
    if (this.freezes) freezeBody(answer.body);
    const packed = packBody(answer.body, "answer", request.rsvp.text);
    const seq = to === undefined ? 0 : seqOf(to);
    this.#realm.out().whole((out) => writeAnswer(out.u8(RESPOND).u32(seq), answer, packed));
  }

  after(ms: number, due: unknown): Timer {
    this.#assertAlive("set a timer");
    checkDelay(ms);
    const { timers } = this.#realm.limits;
    if (this.#realm.timers.size >= timers)
      throw new LimitError("set a timer of", this.our.text, "timers", timers, "timers");
    return this.#realm.timers.add(ms, due);
  }

  async spawn(options: SpawnOptions): Promise<ProcessId> {
    this.#assertAlive("spawn");
    if (options.program !== undefined) {
      throw new SpawnError(
        "InvalidProgram",
        `${options.name ?? "?"}:${this.our.id.package}:${this.our.id.publisher}`,
        "its parent runs in another thread or process, which a program in memory cannot leave: give the file it is in",
      );
    }
    return ProcessId.parse(String(await this.orders.give(["spawn", packSpawn(options)])));
  }

  exit(): void {
    this.#assertAlive("exit");
    if (!this.#realm.exiting()) this.#realm.out().u8(EXIT);
  }

  async command(command: HostCommand): Promise<unknown> {
    this.#assertAlive("command the kernel");
    return this.orders.give(["command", command]);
  }

  getOnExit(): OnExit {
    return unpackOnExit(this.#realm.ask({ name: "getOnExit" }));
  }

  setOnExit(onExit: OnExit): void {
    this.#assertAlive("set on_exit");
    this.#realm.ask({ name: "setOnExit", onExit: packOnExit(onExit) });
  }

  inHand(): Envelope | null {
    return this.hand.message();
  }

  lastBlob(): Blob | null {
    return this.hand.lastBlob();
  }

  log(text: string): void {
    this.#realm.out().u8(LOG).text(text);
  }

  #send(type: typeof SEND | typeof CALL, request: Envelope, awaiting: Parameters<RealmRequests["add"]>[2]): void {
    const { requestSeconds, pendingRequests } = this.#realm.limits;
    request.target = toAddress(request.target, this.our.node);
    request.source = this.our;
    const own = request.blob;
    const prompting = request.inherit || request.expectsResponse !== null ? this.hand.prompting() : null;
    if (request.inherit) request.blob ??= this.hand.blob ?? prompting?.blob ?? null;
    if (request.blob?.expired === true) throw new BlobExpiredError();
    if (this.freezes) freezeBody(request.body);
    const packed = packBody(request.body, "send to", request.target.text);
    let call = 0;
    if (request.expectsResponse !== null) {
      checkSeconds(request.target, request.expectsResponse, requestSeconds);
      if (this.requests.size >= pendingRequests) {
        throw new LimitError("await one more answer in", this.our.text, "pendingRequests", pendingRequests, "requests");
      }
      const isTransfer = handsOver(request);
      if (isTransfer) this.#realm.hold();
      call = this.requests.add(request, prompting, awaiting, isTransfer ? () => this.#realm.release() : null);
      request.id = call;
      request.rsvp = this.our;
    }
    this.#realm.out().whole((out) => writeRequest(out.u8(type).u32(call), request, packed, own));
  }

  #assertAlive(act: string): void {
    if (this.#ended) throw new ProcessExitedError(this.our.text, act);
  }

  #capabilityCalls(): CapabilityCalls {
    const ask = <Result>(question: Question): Result => this.#realm.ask(question) as Result; // the node's word
    return {
      list: () => ask({ name: "list" }),
      save: (capabilities) => {
        this.#assertAlive("save capabilities");
        return ask({ name: "save", capabilities });
      },
      drop: (capabilities) => {
        this.#assertAlive("drop capabilities");
        ask({ name: "drop", capabilities });
      },
      has: (capability) => ask({ name: "has", capability }),
      canMessage: (target) => ask({ name: "canMessage", target: target.text }),
    };
  }
}

/** A channel: inline, that is done before the next message is begun, so that its frames go to one owner or the other. */
function handsOver({ target, body }: Envelope): boolean {
  return (
    target.id.text === HTTP_SERVER.text && typeof body === "object" && body !== null && "WebSocketTransfer" in body
  );
}

/** By which number the node knows a request it has sent here: it stands where the node keeps who waits for the answer. */
function seqOf(request: Envelope): number {
  return typeof request.pending === "number" ? request.pending : 0;
}
