/**
 * bench/app: a message through an application, not through an echo: 20 processes, JSON bodies, a capability checked,
 * a message to another process by its name, a topic, the account of slow readers on.
 *
 * The limit does the JSON and nothing else. What the application does besides is its own; the ratio is no target, but
 * what to look at when the hot path changes for the sake of the echo.
 */
import type { Bench } from "./bench.ts";
import { exchangeBench } from "./exchange-bench.ts";

export const app: Bench = exchangeBench({
  name: "app",
  about: "a JSON message through one of 20 processes, which also tells another and publishes now and then",
  work: "app",
  contenders: ["uwebsockets", "jackfield"],
  connections: 100,
  inflight: 16,
});
