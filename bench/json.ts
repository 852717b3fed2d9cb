/**
 * bench/json: the handler parses a message, changes a field and writes it again, as most applications do.
 *
 * The limit does the same JSON in its callback. Colyseus does it in MessagePack, which is what it speaks.
 */
import type { Bench } from "./bench.ts";
import { CONTENDER_NAMES } from "./contenders.ts";
import { exchangeBench } from "./exchange-bench.ts";

export const json: Bench = exchangeBench({
  name: "json",
  about: "a JSON message is parsed, changed and sent back, 100 connections with 16 in flight",
  work: "json",
  contenders: CONTENDER_NAMES,
  connections: 100,
  inflight: 16,
});
