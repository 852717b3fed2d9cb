/**
 * The border between a process and the kernel: what a kernel runs (`Program`) and what it offers (`Host`).
 *
 * lib/process writes programs against a Host; the kernel, and the test harness, provide one. Neither knows the other.
 */
import type { Address, ProcessId } from "./address.ts";
import type { Blob } from "./blob.ts";
import type { Capability } from "./capability.ts";
import type { Dialect } from "./dialect.ts";
import type { Envelope } from "./envelope.ts";
import type { Lifetime, RestartIntensity } from "./family.ts";
import type { HostCommand } from "./host-command.ts";
import type { WsMessageType } from "./http.ts";

/** What a package's file exports by default. */
export interface Program {
  /** One call per incarnation; keeps nothing from the one before. */
  start(host: Host): Instance;
}

/** One incarnation of a process. The kernel calls one method at a time and waits for it. */
export interface Instance {
  /** Before the first message. A throw counts as a crash. */
  init?(): void | Promise<void>;
  /** Returns a promise only when it must: a plain return costs neither promise nor microtask. */
  handle(message: Envelope): void | Promise<void>;
  /**
   * Hot path: a frame of a channel that can be handled at once, as `handle` would handle the WebSocketPush that it is.
   * The message is made when somebody asks for it (`Host.inHand`). Without this, frames come to `handle`.
   */
  push?(channelId: number, messageType: WsMessageType, blob: Blob): void | Promise<void>;
  /**
   * A leaf only (docs/adr/0001): handles what `Host.tell` sent, on the sender's stack, without an envelope.
   * Synchronous; must not throw, nor reach a process but by sending.
   */
  take?(source: Address, body: unknown, blob: Blob | null): void;
  /**
   * Asked for once, after `start`, by who waits for the promises of `handle` and `push` anyway: they may then bring a
   * value, and what this returns is given it before the next message. So a handler that awaits costs one promise, not two.
   * A throw of it is one of the handler.
   */
  results?(): (value: unknown) => void;
  /** After the last message of a process that exits or is stopped in peace; not after a crash. */
  exit?(): void | Promise<void>;
}

/** What the kernel does for one incarnation. After its end every call that changes anything throws {@link ProcessExitedError}. */
export interface Host {
  readonly our: Address;
  /** How system processes spell what they tell this one. */
  readonly dialect: Dialect;
  /** Milliseconds since the Unix epoch, by the node's clock. */
  now(): number;
  /** Sends a request. Its outcome, when it expects one, arrives as a message. */
  send(request: Envelope): void;
  /** Sends a request that is nothing but a body and a blob and wants no answer: most actions are. */
  tell(target: Address, body: unknown, blob: Blob | null): void;
  /** Hot path: pushes to the channel whose frame is in hand. @returns false: not possible now, `tell` the http-server */
  push(channelId: number, messageType: WsMessageType, blob: Blob): boolean;
  /** Sends a request and waits. @throws {SendError} no answer @throws {SelfCallError} it is for this process itself */
  call(request: Envelope): Promise<Envelope>;
  /** Answers `to`, or the prompting message. @throws {NoRequestToAnswerError} */
  respond(answer: Answer, to?: Envelope): void;
  /** Runs `due` through the mailbox, as a message of kind `timer` with `due` as its context. */
  after(ms: number, due: unknown): Timer;
  /** @throws {SpawnError} NoFileAtPath, NameTaken, InvalidName */
  spawn(options: SpawnOptions): Promise<ProcessId>;
  /** Ends this process in peace once the message in hand is done; its `on_exit` applies. */
  exit(): void;
  getOnExit(): OnExit;
  setOnExit(onExit: OnExit): void;
  readonly capabilities: CapabilityCalls;
  /** What the kernel does about this process itself, and is seldom asked for. @throws {KernelError} (rejects) refused, by its code */
  command(command: HostCommand): Promise<unknown>;
  /** The message in hand; after its handler, still that one; null before the first. */
  inHand(): Envelope | null;
  /** The newest blob ever received, or null. Lent memory counts only while its handler runs. */
  lastBlob(): Blob | null;
  /** A line for the node's log. */
  log(text: string): void;
  /** Where the package's folder is, or null for a process that was made in memory. */
  readonly folder: string | null;
  /** What its manifest, its parent and whoever runs the node set for it. */
  readonly settings: Settings;
}

/** Of one process, by name: JSON values, not to be changed. What each means, and whether it is right, is the process's to say. */
export type Settings = Readonly<Record<string, unknown>>;

export type Answer = {
  readonly body: unknown;
  readonly blob?: Blob | null;
  readonly metadata?: string | null;
  readonly inherit?: boolean;
  readonly capabilities?: readonly Capability[];
};

export interface Timer {
  /** Nothing happens when it already ran. */
  cancel(): void;
}

export interface CapabilityCalls {
  list(): readonly Capability[];
  /** Keeps capabilities that came with a message, or that this process issues. @returns those refused */
  save(capabilities: readonly Capability[]): readonly Capability[];
  drop(capabilities: readonly Capability[]): void;
  has(capability: Capability): boolean;
  canMessage(target: Address): boolean;
}

/** What happens when a process ends by itself: by a throw, or by `exit()` (contract kinode §3.2). */
export type OnExit = "None" | "Restart" | { readonly Requests: readonly OnExitRequest[] };

/** @property target text of an address @property body sent as it is */
export type OnExitRequest = {
  readonly target: string;
  readonly body: unknown;
  readonly blob?: Blob | null;
  readonly metadata?: string | null;
};

/** A capability to ask for or give: a process id means its messaging capability. */
export type CapabilityRequest = string | { readonly process: string; readonly params: unknown };

/**
 * Where a process runs (DESIGN §3.7).
 * - `inline`: in the node's own thread. The fastest; it can stop the node.
 * - `worker`: in a thread of its own; one that blocks is ended alone, one that runs out of memory takes the node with it.
 * - `{ worker: name }`: in a thread that all of its package share who say that name, and end with.
 * - `isolated`: in an operating-system process of its own: memory and crashes too.
 */
export type Placement = "inline" | "worker" | "isolated" | { readonly worker: string };

export type SpawnOptions = {
  /** Default `inline`. Any other needs `file`. */
  readonly placement?: Placement;
  /** Left out: a random u64 in decimal. */
  readonly name?: string;
  /** The program itself, or `file`: its path inside the parent's package folder. */
  readonly program?: Program;
  readonly file?: string;
  /** Values that travel between threads. What whoever runs the node sets for that name goes over these. Default none. */
  readonly settings?: Settings;
  /** Default `None`. */
  readonly onExit?: OnExit;
  /** Default limits.restarts and limits.restartWindow. */
  readonly restart?: RestartIntensity;
  /**
   * How long it lives at most (docs/adr/0018).
   * - `incarnation`, the default: until the parent's present incarnation ends; the next one begins without it.
   * - `parent`: until the parent is gone for good; the parent's next incarnation finds it with `children()`.
   * - `node`: it is nobody's child.
   */
  readonly lifetime?: Lifetime;
  readonly public?: boolean;
  /** Default: the parent's. */
  readonly dialect?: Dialect;
  readonly requestCapabilities?: readonly CapabilityRequest[];
  readonly grantCapabilities?: readonly CapabilityRequest[];
};

/** Whether a module's default export can be run as a process. */
export function isProgram(value: unknown): value is Program {
  return typeof value === "object" && value !== null && typeof (value as Partial<Program>).start === "function";
}
