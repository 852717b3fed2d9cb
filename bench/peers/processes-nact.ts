/** nact: actors of one system, spawned and stopped by their names' numbers. */
import { type Ref, spawn, start, stop } from "nact";
import { answer, measure } from "../contenders/processes-meter.ts";

const system = start();
const actors = new Map<number, Ref<"go">>();

function make(index: number): void {
  actors.set(
    index,
    spawn(system, (_state: undefined, _go: "go"): undefined => undefined, `actor-${index}`),
  );
}

function end(index: number): void {
  const actor = actors.get(index);
  if (actor !== undefined) stop(actor);
  actors.delete(index);
}

answer(await measure(make, end));
