/**
 * The life of a process. Rare events only: no message passes through here (DESIGN §9: a transition costs 20 to 35 deliveries).
 *
 *            START            READY
 *   held ──────────▶ starting ──────▶ running
 *    │                ▲    │             │
 *    │        RESTART │    └── ENDED ────┤ ENDED, with or without restart
 *    │                │                  │
 *    │             backoff ◀── restart ──┤
 *    │                │                  │ else
 *    └── KILL ────────┴──── KILL ────────┴──────▶ gone      (final; KILL also from starting and running)
 *
 * held     has its name and mailbox; messages wait until it is run
 * starting its init runs; messages wait
 * running  handles messages
 * backoff  crashed; messages wait for the next incarnation
 * gone     its name is free
 *
 * `LIFECYCLE` is a machine of xstate's, whose editor draws it. Run here and not by xstate's actor, which costs each process
 * 3.8 kB and 70 µs (docs/adr/0042); test/kernel/lifecycle.test.ts runs both and compares.
 */

/** What the machine does to the process it belongs to. */
export interface LifecyclePort {
  incarnate(): void;
  scheduleRestart(): void;
  cancelRestart(): void;
  dispose(): void;
}

export type LifecycleEvent =
  | { readonly type: "START" }
  | { readonly type: "READY" }
  /** Crashed or exited; `restart`: by its on_exit and the restart limits. */
  | { readonly type: "ENDED"; readonly restart: boolean }
  | { readonly type: "RESTART" }
  | { readonly type: "KILL" };

export type LifecycleState = "held" | "starting" | "running" | "backoff" | "gone";

export const LIFECYCLE = {
  id: "process",
  initial: "held",
  states: {
    held: { on: { START: "starting", KILL: "gone" } },
    starting: {
      entry: "incarnate",
      on: { READY: "running", ENDED: [{ guard: "restarts", target: "backoff" }, { target: "gone" }], KILL: "gone" },
    },
    running: {
      on: { ENDED: [{ guard: "restarts", target: "backoff" }, { target: "gone" }], KILL: "gone" },
    },
    backoff: { entry: "scheduleRestart", exit: "cancelRestart", on: { RESTART: "starting", KILL: "gone" } },
    gone: { type: "final", entry: "dispose" },
  },
} as const;

/** What one state of it may say. */
type StateNode = {
  readonly on?: { readonly [Event in LifecycleEvent["type"]]?: LifecycleState | readonly Arrow[] };
  readonly entry?: keyof LifecyclePort;
  readonly exit?: keyof LifecyclePort;
};
type Arrow = { readonly target: LifecycleState; readonly guard?: "restarts" };

const STATES: Readonly<Record<LifecycleState, StateNode>> = LIFECYCLE.states;

export class Lifecycle {
  readonly #port: LifecyclePort;
  #waiting: LifecycleEvent[] | null = null; // sent by an action
  #state: LifecycleState = LIFECYCLE.initial;
  #moving = false;

  constructor(port: LifecyclePort) {
    this.#port = port;
  }

  /** Inside an action, the one that is being left. */
  get state(): LifecycleState {
    return this.#state;
  }

  /** What has no arrow in this state is ignored. An event that an action sends is taken after the transition. */
  send(event: LifecycleEvent): void {
    if (this.#moving) {
      this.#waiting ??= [];
      this.#waiting.push(event);
      return;
    }
    this.#moving = true;
    try {
      for (let next: LifecycleEvent | undefined = event; next !== undefined; next = this.#waiting?.shift())
        this.#take(next);
    } finally {
      this.#moving = false;
      this.#waiting = null;
    }
  }

  #take(event: LifecycleEvent): void {
    const target = targetOf(STATES[this.#state], event);
    if (target === undefined) return;
    const { exit } = STATES[this.#state];
    const { entry } = STATES[target];
    if (exit !== undefined) this.#port[exit]();
    if (entry !== undefined) this.#port[entry]();
    this.#state = target;
  }
}

function targetOf({ on }: StateNode, event: LifecycleEvent): LifecycleState | undefined {
  const arrows = on?.[event.type];
  if (arrows === undefined || typeof arrows === "string") return arrows;
  return arrows.find(({ guard }) => guard === undefined || restarts(event))?.target;
}

function restarts(event: LifecycleEvent): boolean {
  return event.type === "ENDED" && event.restart;
}
