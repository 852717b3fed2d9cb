/**
 * The limit of bench/placements: a MessagePort between two threads, and nothing else. What arrives is a structured
 * clone; nobody is named, nothing is checked, and an answer that does not come is waited for for ever.
 */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { MORE_EVERY } from "../programs/spent.ts";
import { type Add, askInTurns, Meter, meterJob, way } from "./request-meter.ts";

const TURNS = 2; // on their way, as bench/programs/sender.ts has them

type Answer = { readonly handled: number };

if (isMainThread) measure(new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }));
else answer();

function answer(): void {
  const port = parentPort;
  let handled = 0;
  port?.on("message", ({ n }: Add) => {
    handled += n;
    if (way() === "ask" || handled % MORE_EVERY === 0) port.postMessage({ handled });
  });
}

function measure(worker: Worker): void {
  const add: () => Add = () => ({ type: "add", n: 1 });
  let handled = 0;
  const waiting: (() => void)[] = [];
  let next = 0; // index, as shift() would move up to 64 entries each time
  worker.on("message", (answer: Answer) => {
    handled = answer.handled;
    waiting[next++]?.();
    if (next === waiting.length) next = waiting.length = 0;
  });
  if (way() === "ask") {
    const ask = (): Promise<void> =>
      new Promise((resolve) => {
        waiting.push(resolve);
        worker.postMessage(add());
      });
    void askInTurns(ask, () => handled);
    return;
  }
  const meter = new Meter(meterJob());
  const send = (): void => {
    waiting.push(sendMore);
    for (let i = 0; i < MORE_EVERY; i += 1) worker.postMessage(add());
  };
  const sendMore = (): void => {
    if (meter.goesOn(handled)) send();
  };
  for (let turns = 0; turns < TURNS; turns += 1) send();
}
