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
 */
import { type Actor, createActor, setup } from "xstate";

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

const machine = setup({
  types: { context: {} as { port: LifecyclePort }, input: {} as { port: LifecyclePort }, events: {} as LifecycleEvent },
  actions: {
    incarnate: ({ context }) => context.port.incarnate(),
    scheduleRestart: ({ context }) => context.port.scheduleRestart(),
    cancelRestart: ({ context }) => context.port.cancelRestart(),
    dispose: ({ context }) => context.port.dispose(),
  },
  guards: { restarts: ({ event }) => event.type === "ENDED" && event.restart },
}).createMachine({
  id: "process",
  context: ({ input }) => ({ port: input.port }),
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
});

export type LifecycleState = "held" | "starting" | "running" | "backoff" | "gone";

export class Lifecycle {
  readonly #actor: Actor<typeof machine>;

  constructor(port: LifecyclePort) {
    this.#actor = createActor(machine, { input: { port } });
    this.#actor.start();
  }

  get state(): LifecycleState {
    return this.#actor.getSnapshot().value;
  }

  send(event: LifecycleEvent): void {
    this.#actor.send(event);
  }
}
