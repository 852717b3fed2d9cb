/** Each arrow of the diagram in lifecycle.machine.ts, and no other; and the same by xstate, whose machine it is. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createActor, setup } from "xstate";
import {
  LIFECYCLE,
  Lifecycle,
  type LifecycleEvent,
  type LifecyclePort,
  type LifecycleState,
} from "../../kernel/lifecycle.machine.ts";

const START: LifecycleEvent = { type: "START" };
const READY: LifecycleEvent = { type: "READY" };
const CRASH: LifecycleEvent = { type: "ENDED", restart: true };
const END: LifecycleEvent = { type: "ENDED", restart: false };
const RESTART: LifecycleEvent = { type: "RESTART" };
const KILL: LifecycleEvent = { type: "KILL" };

const WAY: Record<LifecycleState, readonly LifecycleEvent[]> = {
  held: [],
  starting: [START],
  running: [START, READY],
  backoff: [START, READY, CRASH],
  gone: [KILL],
};

/** A machine in `state`, and what it told its process to do since. */
function machineIn(state: LifecycleState): { readonly machine: Lifecycle; readonly done: string[] } {
  const done: string[] = [];
  const machine = new Lifecycle({
    incarnate: () => done.push("incarnate"),
    scheduleRestart: () => done.push("scheduleRestart"),
    cancelRestart: () => done.push("cancelRestart"),
    dispose: () => done.push("dispose"),
  });
  for (const event of WAY[state]) machine.send(event);
  expect(machine.state).toBe(state);
  done.length = 0;
  return { machine, done };
}

type Arrow = readonly [from: LifecycleState, event: LifecycleEvent, to: LifecycleState, does: readonly string[]];

const ARROWS: readonly Arrow[] = [
  ["held", START, "starting", ["incarnate"]],
  ["held", KILL, "gone", ["dispose"]],
  ["starting", READY, "running", []],
  ["starting", CRASH, "backoff", ["scheduleRestart"]],
  ["starting", END, "gone", ["dispose"]],
  ["starting", KILL, "gone", ["dispose"]],
  ["running", CRASH, "backoff", ["scheduleRestart"]],
  ["running", END, "gone", ["dispose"]],
  ["running", KILL, "gone", ["dispose"]],
  ["backoff", RESTART, "starting", ["cancelRestart", "incarnate"]],
  ["backoff", KILL, "gone", ["cancelRestart", "dispose"]],
];

const name = (event: LifecycleEvent): string =>
  event.type === "ENDED" ? `ENDED ${event.restart ? "with" : "without"} restart` : event.type;

describe("Lifecycle", () => {
  test.each(ARROWS.map((arrow) => [arrow[0], name(arrow[1]), arrow[2], arrow] as const))(
    "%s, %s: %s",
    (from, _, to, [, event, , does]) => {
      const { machine, done } = machineIn(from);
      machine.send(event);
      expect([machine.state, done]).toEqual([to, does]);
    },
  );

  const states = Object.keys(WAY) as LifecycleState[];
  const others = states.flatMap((state) =>
    [START, READY, CRASH, END, RESTART, KILL]
      .filter((event) => !ARROWS.some(([from, on]) => from === state && on === event))
      .map((event) => [state, name(event), event] as const),
  );
  test.each(others)("%s, %s: stays", (state, _, event) => {
    const { machine, done } = machineIn(state);
    machine.send(event);
    expect([machine.state, done]).toEqual([state, []]);
  });

  test("takes an event that its own action sends after that action", () => {
    const done: string[] = [];
    const machine: Lifecycle = new Lifecycle({
      incarnate: () => {
        machine.send(READY); // an init that needs no promise
        done.push(machine.state);
      },
      scheduleRestart: () => undefined,
      cancelRestart: () => undefined,
      dispose: () => undefined,
    });
    machine.send(START);
    expect(machine.state).toBe("running");
    expect(done).toHaveLength(1);
  });

  test("does what xstate does with the same machine", () => {
    const events = fc.array(fc.constantFrom(START, READY, CRASH, END, RESTART, KILL), { maxLength: 20 });
    const answers = fc.array(fc.option(fc.constantFrom(READY, CRASH, END, RESTART, KILL)), { maxLength: 8 });
    fc.assert(
      fc.property(events, answers, (sent, byActions) => {
        expect(seen((port) => new Lifecycle(port), sent, byActions)).toEqual(seen(xstates, sent, byActions));
      }),
    );
  });

  test("goes on where an action throws", () => {
    let isBroken = true;
    const machine: Lifecycle = new Lifecycle({
      incarnate: () => {
        machine.send(KILL);
        if (isBroken) throw new Error("no room for it");
      },
      scheduleRestart: () => undefined,
      cancelRestart: () => undefined,
      dispose: () => undefined,
    });
    expect(() => machine.send(START)).toThrow("no room for it");
    expect(machine.state).toBe("held");
    isBroken = false;
    machine.send(START);
    expect(machine.state).toBe("gone");
  });
});

type Machine = { readonly state: LifecycleState; send(event: LifecycleEvent): void };

/** xstate's own actor of LIFECYCLE. */
function xstates(port: LifecyclePort): Machine {
  const { incarnate, scheduleRestart, cancelRestart, dispose } = port;
  const machine = setup({
    types: { events: {} as LifecycleEvent },
    actions: { incarnate, scheduleRestart, cancelRestart, dispose },
    guards: { restarts: ({ event }) => event.type === "ENDED" && event.restart },
  }).createMachine(LIFECYCLE);
  const actor = createActor(machine).start();
  return {
    get state() {
      return actor.getSnapshot().value;
    },
    send: (event) => actor.send(event),
  };
}

/** @param byActions what each action sends in its turn; null: nothing @returns each action with the state it saw, and each state */
function seen(
  create: (port: LifecyclePort) => Machine,
  events: readonly LifecycleEvent[],
  byActions: readonly (LifecycleEvent | null)[],
): string[] {
  const log: string[] = [];
  const answers = byActions.values();
  const act = (action: keyof LifecyclePort) => (): void => {
    log.push(`${action} in ${machine.state}`);
    const answer = answers.next().value ?? null;
    if (answer !== null) machine.send(answer);
  };
  const machine = create({
    incarnate: act("incarnate"),
    scheduleRestart: act("scheduleRestart"),
    cancelRestart: act("cancelRestart"),
    dispose: act("dispose"),
  });
  for (const event of events) {
    machine.send(event);
    log.push(machine.state);
  }
  return log;
}
