/** XState: actors that are started, and kept by their number; of the cheapest kind that has state, or of a machine of two. */
import { type AnyActor, createActor, createMachine, fromTransition } from "xstate";
import { answer, measure, way } from "./processes-meter.ts";

const transition = fromTransition((state: { readonly handled: number }) => ({ handled: state.handled + 1 }), {
  handled: 0,
});
const machine = createMachine({
  initial: "idle",
  states: { idle: { on: { go: "busy" } }, busy: { on: { rest: "idle" } } },
});
const actors = new Map<number, AnyActor>();

function make(index: number): void {
  const actor = way() === "machine" ? createActor(machine) : createActor(transition);
  actor.start();
  actors.set(index, actor);
}

function end(index: number): void {
  actors.get(index)?.stop();
  actors.delete(index);
}

answer(await measure(make, end));
