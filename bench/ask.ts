/**
 * bench/ask: for each frame the process awaits the answer of a second inline process and pushes it.
 *
 * The limit is the plain echo of bare uWebSockets.js, which has nobody to ask (budget: DESIGN §9).
 */
import type { Bench } from "./bench.ts";
import { exchangeBench } from "./exchange-bench.ts";

export const ask: Bench = exchangeBench({
  name: "ask",
  about: "each frame asks a second process before it goes back, against a plain echo",
  work: "ask",
  contenders: ["uwebsockets", "jackfield"],
  connections: 100,
  inflight: 16,
});
