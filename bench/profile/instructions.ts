/**
 * How many instructions a message costs a server, and what it misses in the first-level caches, under callgrind.
 *
 * 1. Whatever else the machine does, the count is the same: the compiler works in the server's own thread
 *    (--single-threaded), the young generation keeps its size, seeds are fixed, and so are addresses where the system
 *    lets them be (setarch -R).
 * 2. The server warms up without being counted. Then the caches fill, and a number of messages is counted, from one
 *    collection of the young generation to another: a message pays for what it leaves behind.
 * 3. The system's own work is not in it: valgrind runs a process, not the system calls it makes.
 */
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Costs, costsOf } from "./costs.ts";
import { outFile, ROOT } from "./out.ts";
import { PROBED } from "./probed.ts";
import { messagesIn, withRig } from "./rig.ts";
import type { Subject } from "./settings.ts";

const VALGRIND = [
  "--quiet",
  "--tool=callgrind",
  "--smc-check=all-non-file", // V8 rewrites its code
  "--instr-atstart=no", // warming up without it takes a sixth of the time
  "--dump-instr=yes",
  "--cache-sim=yes",
  ...["--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"], // bytes, ways, bytes of a line: not this machine's own
  "--skip-plt=no", // else what was spent there before the counters were zeroed is counted
];
const NODE = [
  "--perf-basic-prof",
  "--single-threaded",
  ...["--random-seed=1", "--hash-seed=1"],
  ...["--min-semi-space-size=16", "--max-semi-space-size=16"], // MB: as much as V8 lets it grow to; it shrinks by the clock
  "--no-memory-reducer", // by the clock too: on a busy machine a whole collection fell into the count, 900 instructions a message
];
const SAME_ADDRESSES = ["setarch", "-R"] as const; // before a command

/** Per connection; see messagesIn. */
const WARMUP_BURSTS = 200; // 320,000 messages; after 96,000 a message still cost 0.6 % more
const FILLING_BURSTS = 10;
const COUNTED_BURSTS = 60; // 96,000 messages

export type Instructions = Costs & {
  /** For KCachegrind, which knows no names of what V8 compiled; beside it lies V8's map of those. */
  readonly file: string;
};

/** @throws {Error} there is no valgrind; or as withRig */
export async function countInstructions(subject: Subject): Promise<Instructions> {
  const lacks = ["valgrind", "callgrind_control"].find((tool) => !runs(tool, "--version"));
  if (lacks !== undefined) {
    throw new Error(
      `Cannot count instructions as ${lacks} must be there: install valgrind (Debian: apt install valgrind)`,
    );
  }
  const scratch = mkdtempSync(join(tmpdir(), "jackfield-profile-"));
  const inScratch = (name: string): string => join(scratch, name);
  const valgrind = [
    "valgrind",
    ...VALGRIND,
    `--log-file=${inScratch("log")}`,
    `--callgrind-out-file=${inScratch("out")}`,
  ];
  const node = [process.execPath, ...NODE, ...PROBED, `--logfile=${inScratch("v8.log")}`]; // with its map V8 writes a log
  const fixed = runs(...SAME_ADDRESSES, "true") ? SAME_ADDRESSES : [];
  let map = "";
  try {
    return await withRig(
      subject,
      (script) => [...fixed, ...valgrind, ...node, ...script],
      async ({ serverPid, askServer, bursts }) => {
        map = `/tmp/perf-${serverPid}.map`; // V8 gives no choice
        await bursts(WARMUP_BURSTS);
        await control(serverPid, "--instr=on");
        await bursts(FILLING_BURSTS);
        await askServer("collect");
        await control(serverPid, "--zero");
        await bursts(COUNTED_BURSTS);
        await askServer("collect");
        await control(serverPid, "--dump");
        return keep(subject, inScratch("out.1"), map); // its first dump
      },
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}; valgrind says: ${read(inScratch("log"))}`, {
      cause: error,
    });
  } finally {
    rmSync(scratch, { recursive: true });
    if (map !== "") rmSync(map, { force: true });
  }
}

/** Copies what was written and reads it. */
function keep({ work, contender }: Subject, dump: string, map: string): Instructions {
  const { path, shown } = outFile(`${work}-${contender}.callgrind`);
  copyFileSync(dump, path);
  copyFileSync(map, `${path}.map`);
  return { ...costsOf(read(path), read(map), messagesIn(COUNTED_BURSTS), ROOT), file: shown };
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "nothing";
}

function runs(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

async function control(pid: number, what: string): Promise<void> {
  await promisify(execFile)("callgrind_control", [what, String(pid)]);
}
