/**
 * A kernel whose time the test holds, and processes of one handler.
 *
 * Silence is proved by `settle` (everything that can run without the clock has run) and `advance`, never by sleeping.
 */
import {
  type AddProcessOptions,
  type CapabilityStore,
  createNode,
  type KernelEvent,
  type Node,
  type Process,
} from "../../kernel/index.ts";
import {
  Blob,
  type Capability,
  Envelope,
  type Host,
  type Instance,
  ProcessId,
  type Program,
  toAddress,
  VirtualClock,
} from "../../lib/protocol/index.ts";

const STEP = 10; // ms: one tick of the kernel's timer wheel
const ANSWER_SECONDS = 30; // a thread or a process may have to start first, on a busy machine

export type TestKernelOptions = {
  readonly limits?: Readonly<Record<string, number>>;
  readonly freezeBodies?: boolean;
  /** For jitter; default 0.5: none. */
  readonly random?: () => number;
  readonly capabilityStore?: CapabilityStore;
};

export type TestKernel = {
  readonly node: Node;
  readonly clock: VirtualClock;
  /** What the kernel told about itself, oldest first. */
  readonly events: KernelEvent[];
  add(id: string, program: Program, options?: AddProcessOptions): Process;
  /** Lets `ms` pass, a tick at a time, each followed by all that it set going. */
  advance(ms: number): Promise<void>;
  /** Stops the node, letting as much time pass as that takes. @returns how much, in milliseconds */
  stop(): Promise<number>;
};

/** Named alice.os, as in the contract's cases. */
export function startKernel(options: TestKernelOptions = {}): TestKernel {
  const clock = new VirtualClock();
  const node = createNode({ name: "alice.os", clock, random: () => 0.5, ...options });
  const events: KernelEvent[] = [];
  node.kernel.events.listen((event) => events.push(event));
  const advance = async (ms: number): Promise<void> => {
    await settle();
    for (let left = ms; left > 0; left -= STEP) {
      clock.advance(Math.min(STEP, left));
      await settle();
    }
  };
  const stop = async (): Promise<number> => {
    const before = clock.monotonic();
    let stopped = false;
    const stopping = node.stop().finally(() => {
      stopped = true;
    });
    await settle();
    while (!stopped) {
      clock.advance(1);
      await settle();
    }
    await stopping;
    return clock.monotonic() - before;
  };
  return {
    node,
    clock,
    events,
    advance,
    stop,
    add: (id, program, given) => node.addProcess(ProcessId.parse(id), program, given),
  };
}

/** Waits until every turn and promise that needs no clock is through. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve)); // all microtasks come before it, and turns begin in one
  await new Promise((resolve) => setImmediate(resolve)); // and a turn that went on in an immediate
}

export type Handle = (message: Envelope, host: Host) => void | Promise<void>;

/** A program of one handler, and perhaps an init or an exit. */
export function program(handle: Handle, more: Omit<Instance, "handle"> = {}): Program {
  return { start: (host) => ({ ...more, handle: (message) => handle(message, host) }) };
}

/** As `program`, and takes frames at once, each as the message that it is. */
export function frameProgram(handle: Handle): Program {
  return {
    start: (host) => ({
      handle: (message) => handle(message, host),
      push: () => handle(host.inHand() as Envelope, host), // a frame is in hand
    }),
  };
}

/** Takes everything and does nothing. */
export const silent: Program = program(() => undefined);

/** Answers every request with its body and blob. */
export const echo: Program = program((message, host) => {
  if (message.kind === "request") host.respond({ body: message.body, blob: message.blob });
});

export type RequestOptions = {
  readonly expects?: number; // seconds
  readonly blob?: Blob | string;
  readonly context?: unknown;
  readonly inherit?: boolean;
  readonly metadata?: string;
  readonly capabilities?: readonly Capability[];
};

export function request(host: Host, target: string, body: unknown, options: RequestOptions = {}): Envelope {
  const { blob } = options;
  const envelope = new Envelope(
    "request",
    host.our,
    toAddress(target, host.our.node),
    body,
    typeof blob === "string" ? Blob.of(blob) : (blob ?? null),
  );
  envelope.expectsResponse = options.expects ?? null;
  envelope.context = options.context;
  envelope.inherit = options.inherit ?? false;
  envelope.metadata = options.metadata ?? null;
  if (options.capabilities !== undefined) envelope.capabilities = options.capabilities;
  return envelope;
}

/** Sends and does not wait. */
export function tell(host: Host | undefined, target: string, body: unknown, options?: RequestOptions): void {
  const from = started(host);
  from.send(request(from, target, body, options));
}

/** Sends and waits. */
export function ask(
  host: Host | undefined,
  target: string,
  body: unknown,
  options?: RequestOptions,
): Promise<Envelope> {
  const from = started(host);
  return from.call(request(from, target, body, { expects: ANSWER_SECONDS, ...options }));
}

/** Undefined: there is no such process. */
export function stateOf({ node }: { readonly node: Node }, id: string): Process["state"] | undefined {
  return node.kernel.registry.get(ProcessId.parse(id))?.state;
}

export function started(host: Host | undefined): Host {
  if (host === undefined) throw new Error("the process has not started");
  return host;
}

/** What `work` throws or rejects with, as an object whose fields can be asserted. */
export async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}

/** A promise and the means to settle it: what a handler waits for until the test says so. */
export class Gate {
  open: () => void = () => undefined;
  fail: (reason: unknown) => void = () => undefined;
  readonly passed: Promise<void> = new Promise((resolve, reject) => {
    this.open = resolve;
    this.fail = reject;
  });
}
