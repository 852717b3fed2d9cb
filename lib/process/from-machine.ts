/**
 * A state machine as a process: messages go in as events, what it emits goes out, its snapshot is the state.
 *
 * 1. A message is one event. What the machine emits while it takes that event goes out when it has come to rest, in
 *    the order emitted.
 * 2. `after` delays are timers of the process: they come through the mailbox, between messages.
 * 3. Actors that it invokes act on it between messages too, at any moment; what it then emits comes through the mailbox.
 * 4. With `persist`, its snapshot is durable before anything it emitted goes out. Delays of the machine itself go on
 *    where they stood; those inside machines that it invokes are lost, as xstate does not restore them.
 * 5. An error in the machine is a throw of the handler. A final state exits the process, and leaves nothing persisted.
 */
import {
  type Actor,
  type AnyActorRef,
  type AnyStateMachine,
  createActor,
  type EmittedFrom,
  type EventObject,
  type InputFrom,
  type Snapshot,
} from "xstate";
import { OptionError, type Program, packMessage, type Timer, textOf } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { decode } from "./decode.ts";
import { defineProcess } from "./define-process.ts";
import { arrived, type MachineEffect, type MachineEvent, perform } from "./machine-events.ts";
import { isPromise } from "./promise.ts";
import { StateError } from "./state.ts";

export type MachineOptions<Input> = {
  /** Before the machine starts, in each incarnation: bind paths here. What it returns is the machine's input. */
  readonly init?: (ctx: Context) => Input | Promise<Input>;
  /**
   * Keep the snapshot beyond the end of the process. Default false. What the machine's context holds must then be plain
   * data (a Map comes back as an object), and the actors that it spawns must be named in its `setup`.
   */
  readonly persist?: boolean;
};

/** A machine that needs input must get it. */
type OptionsOf<Machine extends AnyStateMachine> =
  undefined extends InputFrom<Machine>
    ? [options?: MachineOptions<InputFrom<Machine> | void>]
    : [options: MachineOptions<InputFrom<Machine>> & { readonly init: unknown }];

/** The machine itself, or what is wrong with it. One that does not type what it emits is checked when it emits. */
type Emitting<Machine extends AnyStateMachine> =
  EmittedFrom<Machine> extends MachineEffect
    ? Machine
    : EventObject extends EmittedFrom<Machine>
      ? Machine
      : { readonly "a process acts on a MachineEffect only; the machine emits": EmittedFrom<Machine> };

/** @param machine takes MachineEvents, those it does not know are ignored; emits MachineEffects */
export function fromMachine<Machine extends AnyStateMachine>(
  machine: Machine & Emitting<Machine>,
  ...[options = {}]: OptionsOf<Machine>
): Program {
  const { init, persist = false } = options as MachineOptions<unknown>;
  const start = (ctx: Context<Running>, input: unknown): Running | Promise<Running> => {
    const running = new Running(machine, ctx as Context, persist);
    return running.start(input);
  };
  return defineProcess<Running>({
    init(ctx) {
      const input = init?.(ctx as Context);
      return isPromise(input) ? input.then((settled) => start(ctx, settled)) : start(ctx, input);
    },
    onOpen: (running, open, ctx) => running.take({ type: "open", ...open, at: ctx.now() }),
    onPush: (running, { channelId, messageType }, blob, ctx) =>
      running.take({ type: "push", channelId, messageType, data: decode(blob), at: ctx.now() }),
    onClose: (running, close, ctx) => running.take({ type: "close", ...close, at: ctx.now() }),
    onHttp: (running, request, ctx) =>
      running.take({ type: "http", request, data: decode(request.blob), at: ctx.now() }),
    onRequest: (running, message, ctx) => running.take(arrived("request", message, ctx.now())),
    onResponse: (running, message, ctx) => running.take(arrived("response", message, ctx.now())),
    onSendError: (running, error, ctx) =>
      running.take({ type: "error", kind: error.kind, context: error.context, error, at: ctx.now() }),
    onDown: (running, down, ctx) => running.take({ type: "down", ...down, at: ctx.now() }),
    onExit: (running) => running.stop(),
  });
}

/** A delay of the machine. @property due milliseconds since the Unix epoch */
type Delay = { readonly id: string; readonly event: EventObject; readonly due: number };

/** As xstate has it. */
type Scheduled = ReturnType<Actor<AnyStateMachine>["system"]["getSnapshot"]>["_scheduledEvents"][string];

/** What `persist` keeps. */
type Kept = { readonly snapshot: Snapshot<unknown>; readonly delays: readonly Delay[] };

/** The machine of one incarnation. */
class Running {
  readonly #machine: AnyStateMachine;
  readonly #ctx: Context;
  readonly #persist: boolean;
  #actor: Actor<AnyStateMachine> | undefined;
  #emitted: MachineEffect[] = [];
  #failure: { readonly error: unknown } | undefined; // boxed: anything may be thrown
  #inEvent = false; // the machine acts within a handler
  #armed = false; // `#settle` will come through the mailbox
  #kept: Uint8Array | undefined; // what the store has
  readonly #dues = new WeakMap<object, number>(); // of what xstate has scheduled: ms since the Unix epoch

  constructor(machine: AnyStateMachine, ctx: Context, persist: boolean) {
    this.#machine = machine;
    this.#ctx = ctx;
    this.#persist = persist;
  }

  start(input: unknown): this | Promise<this> {
    if (!this.#persist) {
      this.#enter(() => this.#begin(input, undefined).start());
      const settled = this.#settle(); // a promise only when it begins with a transfer
      return settled === undefined ? this : settled.then(() => this);
    }
    return this.#restore(input);
  }

  /** Hot as machines go: no promise unless it persists. */
  take(event: MachineEvent): void | Promise<void> {
    this.#enter(() => this.#actor?.send(event));
    return this.#settle();
  }

  stop(): void {
    this.#enter(() => this.#actor?.stop());
  }

  async #restore(input: unknown): Promise<this> {
    const kept = await this.#ctx.getState();
    if (kept === undefined) this.#enter(() => this.#begin(input, undefined).start());
    else if (isKept(kept)) this.#continue(kept);
    else throw this.#misfit("it has no snapshot");
    await this.#settle();
    return this;
  }

  #begin(input: unknown, snapshot: Snapshot<unknown> | undefined): Actor<AnyStateMachine> {
    const actor = createActor(this.#machine, {
      input,
      ...(snapshot === undefined ? {} : { snapshot }),
      clock: {
        setTimeout: (due: () => void, ms: number): Timer => this.#ctx.after(ms, () => this.#due(due)),
        clearTimeout: (timer: Timer): void => timer.cancel(),
      },
      logger: (...values: unknown[]): void => this.#ctx.log(values.map(String).join(" ")),
    });
    actor.on("*", (effect) => {
      this.#emitted.push(effect as unknown as MachineEffect); // the type of fromMachine says so; perform looks
      this.#later();
    });
    const { status, error } = actor.getSnapshot();
    if (status === "error") this.#failure = { error }; // its first step threw, or the snapshot does not fit
    actor.subscribe({
      next: () => this.#later(),
      error: (thrown: unknown) => {
        this.#failure = { error: thrown };
        this.#later();
      },
    });
    this.#actor = actor;
    return actor;
  }

  #continue(kept: Kept): void {
    this.#kept = packMessage(kept); // before the machine has it, which may change what is inside
    this.#enter(() => {
      const actor = this.#begin(undefined, kept.snapshot);
      if (this.#failure !== undefined) throw this.#misfit(this.#failure.error);
      actor.start();
      const at = this.#ctx.now();
      const dues = new Map(kept.delays.map(({ id, due }) => [id, due]));
      for (const { id, event, due } of kept.delays)
        actor.system.scheduler.schedule(actor, actor, event, Math.max(0, due - at), id);
      for (const delay of scheduledBy(actor)) this.#dues.set(delay, dues.get(delay.id) ?? at); // as kept: nothing to write
      actor.send({ type: "restored", at });
    });
  }

  #misfit(cause: unknown): StateError {
    const rule = `it is none of this machine's: ${textOf(cause)}; clear it, or keep the states it may be in`;
    return new StateError("restore", this.#ctx.our.text, rule, { cause });
  }

  #due(due: () => void): void | Promise<void> {
    this.#enter(due);
    return this.#settle();
  }

  #enter(work: () => void): void {
    this.#inEvent = true;
    try {
      work();
    } finally {
      this.#inEvent = false;
    }
  }

  /** The machine was moved by an actor of its own, between messages: what follows from it comes through the mailbox. */
  #later(): void {
    if (this.#inEvent || this.#armed) return;
    this.#armed = true;
    try {
      this.#ctx.after(0, () => {
        this.#armed = false;
        return this.#settle();
      });
    } catch (error) {
      // Not thrown on: xstate would throw it at the whole node. The process has ended, or ends with its next message.
      this.#failure ??= { error };
      this.#actor?.stop();
    }
  }

  /** Keeps what is to be kept, then lets out what was emitted. @returns a promise only when something is kept */
  #settle(): void | Promise<void> {
    try {
      this.#throwIfFailed();
      const effects = this.#emitted;
      this.#emitted = [];
      const isDone = this.#actor?.getSnapshot().status === "done";
      const kept = this.#persist ? this.#keep(isDone) : undefined;
      if (kept === undefined) return this.#letOut(effects, isDone);
      return kept.then(() => this.#letOut(effects, isDone)).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** @returns a promise only when an effect has to be waited for */
  #letOut(effects: readonly MachineEffect[], isDone: boolean): void | Promise<void> {
    for (const [index, effect] of effects.entries()) {
      const done = perform(this.#ctx, effect);
      if (done !== undefined) return this.#letOutAfter(done, effects.slice(index + 1), isDone);
    }
    if (isDone) this.#ctx.exit();
  }

  async #letOutAfter(
    done: Promise<MachineEvent | undefined>,
    rest: readonly MachineEffect[],
    isDone: boolean,
  ): Promise<void> {
    let outcome: MachineEvent | undefined;
    try {
      outcome = await done;
      await this.#letOut(rest, isDone);
    } catch (error) {
      this.#fail(error);
    }
    if (outcome !== undefined && !isDone) await this.take(outcome);
  }

  /** @returns undefined when the store has it already */
  #keep(isDone: boolean): Promise<void> | undefined {
    if (isDone) {
      this.#kept = undefined;
      return this.#ctx.clearState(); // else a restart would find the end of the story
    }
    const kept = this.#toKeep();
    const bytes = packMessage(kept);
    if (this.#kept !== undefined && isEqual(bytes, this.#kept)) return undefined;
    this.#kept = bytes;
    return this.#ctx.setState(kept);
  }

  #toKeep(): Kept | undefined {
    const actor = this.#actor;
    if (actor === undefined) return undefined;
    for (const [name, child] of childrenOf(actor)) {
      if (typeof child.src === "string") continue;
      throw new OptionError(
        `Cannot persist the machine of "${this.#ctx.our.text}" as its actor "${name}" is written in place: name it in setup({ actors })`,
      );
    }
    return { snapshot: actor.getPersistedSnapshot(), delays: this.#delays(actor) };
  }

  #delays(actor: Actor<AnyStateMachine>): readonly Delay[] {
    return scheduledBy(actor).map((delay) => {
      const due = this.#dues.get(delay) ?? this.#ctx.now() + delay.delay; // new since the last event: it began now
      this.#dues.set(delay, due);
      return { id: delay.id, event: delay.event, due };
    });
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Stops what the machine started, which would go on behind the next incarnation. */
  #fail(error: unknown): never {
    const actor = this.#actor;
    this.#enter(() => {
      if (actor === undefined) return;
      for (const [, child] of childrenOf(actor)) child.send({ type: "xstate.stop" }); // a failed machine leaves them running
      actor.stop();
    });
    throw error;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { snapshot, delays } = value as Partial<Kept>;
  return typeof snapshot === "object" && snapshot !== null && Array.isArray(delays);
}

/** The delays of the machine itself. */
function scheduledBy(actor: Actor<AnyStateMachine>): readonly Scheduled[] {
  const scheduled = Object.values(actor.system.getSnapshot()._scheduledEvents);
  return scheduled.filter(({ source, target }) => source === actor && target === actor);
}

/** What it invoked or spawned, by name. */
function childrenOf(actor: Actor<AnyStateMachine>): readonly (readonly [string, AnyActorRef])[] {
  const children: Record<string, AnyActorRef> | undefined = actor.getSnapshot().children; // none when its first step threw
  return Object.entries(children ?? {});
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
