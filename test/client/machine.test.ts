/** The table of a connection's life, held against xstate, which reads the same object. */
import { describe, expect, test } from "@jest/globals";
import { createMachine, initialTransition, transition } from "xstate";
import { CHANNEL_MACHINE, type ChannelEvent, type ChannelState, nextState } from "../../lib/client/machine.ts";

const EVENTS: readonly ChannelEvent[] = ["CONNECT", "UPGRADED", "BOUND", "LOST", "ENDED", "CLOSE"];
const STATES = Object.keys(CHANNEL_MACHINE.states) as ChannelState[];

describe("CHANNEL_MACHINE", () => {
  test("walks idle, connecting, registering, open, waiting, connecting", () => {
    const path: ChannelState[] = [];
    let state: ChannelState | undefined = CHANNEL_MACHINE.initial;
    for (const event of ["CONNECT", "UPGRADED", "BOUND", "LOST", "CONNECT"] as const) {
      path.push(state);
      state = nextState(state, event) ?? "closed";
    }
    expect([...path, state]).toEqual(["idle", "connecting", "registering", "open", "waiting", "connecting"]);
  });

  test.each(STATES.filter((state) => state !== "closed"))("%s closes by ENDED and by CLOSE", (state) => {
    expect([nextState(state, "ENDED"), nextState(state, "CLOSE")]).toEqual(["closed", "closed"]);
  });

  test.each(EVENTS)("closed is final: %s changes nothing", (event) => {
    expect(nextState("closed", event)).toBeUndefined();
  });

  test("means to xstate what it means to nextState", () => {
    const machine = createMachine({ ...CHANNEL_MACHINE } as Parameters<typeof createMachine>[0]);
    const [initial] = initialTransition(machine);
    expect(initial.value).toBe("idle");
    for (const state of STATES) {
      for (const type of EVENTS) {
        const from = machine.resolveState({ value: state });
        const [to] = transition(machine, from, { type });
        expect({ state, type, to: to.value }).toEqual({ state, type, to: nextState(state, type) ?? state });
      }
    }
  });
});
