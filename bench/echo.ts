/**
 * bench/echo: text frames there and back, through everything a frame passes on its way to a process.
 *
 * The limit is bare uWebSockets.js. Jackfield does the same by way of http-server, bus and an inline process
 * (budget: DESIGN §9); the peers by way of what they put between a socket and a handler.
 */
import type { Bench } from "./bench.ts";
import { CONTENDER_NAMES } from "./contenders.ts";
import { exchangeBench } from "./exchange-bench.ts";

export const echo: Bench = exchangeBench({
  name: "echo",
  about: "text frames there and back, 100 connections with 16 in flight",
  work: "echo",
  contenders: CONTENDER_NAMES,
  connections: 100,
  inflight: 16,
});

/** For its p99: what a busy moment of many clients costs each of them. */
export const echo50x1: Bench = exchangeBench({
  name: "echo-50x1",
  about: "text frames there and back, 50 connections with 1 in flight: latency when clients take turns",
  work: "echo",
  contenders: CONTENDER_NAMES,
  connections: 50,
  inflight: 1,
});

/** For its p50: one frame alone, mostly two wake-ups. */
export const echo1x1: Bench = exchangeBench({
  name: "echo-1x1",
  about: "one text frame there and back at a time: latency of an idle server",
  work: "echo",
  contenders: CONTENDER_NAMES,
  connections: 1,
  inflight: 1,
});
