/**
 * bench/echo: text frames there and back, through everything a frame passes on its way to a process.
 *
 * The limit is bare uWebSockets.js. Jackfield does the same by way of http-server, bus and an inline process
 * (budget: DESIGN §9).
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { Contender } from "./contender.ts";
import { playRounds } from "./rounds.ts";

const WARMUP_MS = 1500; // bare uWebSockets.js was steady after 500; a contender with more JavaScript to compile needs longer

const CONTENDERS: readonly Contender[] = [
  {
    name: "uwebsockets",
    script: new URL("./contenders/uwebsockets.js", import.meta.url),
    path: "/",
    greeting: () => undefined,
  },
  {
    name: "jackfield",
    script: new URL("./contenders/jackfield.js", import.meta.url),
    path: "/",
    greeting: ({ token }) => ({
      send: JSON.stringify({ auth_token: token, target_process: "echo:echo:sys", encrypted: false }),
      answerKey: "channel_id",
    }),
  },
];

export const echo: Bench = {
  name: "echo",
  about: "text frames there and back, 100 connections with 16 in flight",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only, connections = 100, inflight = 16, bytes, seconds, rounds } = settings;
  const chosen = CONTENDERS.filter(({ name }) => only === undefined || only.includes(name));
  const load = { connections, inflight, bytes, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const contenders = await playRounds(chosen, load, rounds, note);
  const { uwebsockets: limit, jackfield: ours } = contenders;
  const ratio = limit === undefined || ours === undefined ? null : ours.median / limit.median;
  return {
    bench: "echo",
    unit: "messages/s",
    contenders,
    ratio,
    connections,
    inflight,
    bytes,
    node: process.versions.node,
    seconds,
  };
}
