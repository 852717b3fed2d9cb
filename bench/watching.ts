/**
 * A process seen from outside, by /proc (Linux): what it holds and what it has used. Looking costs it nothing.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const TICK_MS = 10; // Linux tells processor time in hundredths of a second, on every architecture
const QUIET_MS = 1000;
const QUIET_CPU_MS = 20; // in QUIET_MS: two ticks; a wake-up for a timer is far below
const QUIET_TRIES = 15; // times QUIET_MS: one or two are the rule

/** Kilobytes of memory that `pid` has in use now (VmRSS). @throws {Error} it has ended, or there is no /proc */
export function rssKb(pid: number): number {
  return readRssKb(readProc(pid, "status"));
}

/** Milliseconds of processor time that `pid` has used so far, all its threads together. @throws {Error} as rssKb */
export function cpuMs(pid: number): number {
  return readCpuMs(readProc(pid, "stat"));
}

/** How many files, and so sockets, a process started by this one may have open; undefined: nobody says. */
export function openFilesMax(): number | undefined {
  try {
    return readOpenFilesMax(readProc(process.pid, "limits"));
  } catch {
    return undefined;
  }
}

/** Resolves once `pid` has done nothing for a second: what was left to do after the last request is done. */
export async function untilQuiet(pid: number): Promise<void> {
  let before = cpuMs(pid);
  for (let tries = 0; tries < QUIET_TRIES; tries += 1) {
    await sleep(QUIET_MS);
    const now = cpuMs(pid);
    if (now - before <= QUIET_CPU_MS) return;
    before = now;
  }
  throw new Error(`Cannot measure process ${pid} at rest as it has been busy for ${QUIET_TRIES} s with nothing to do`);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (error) {
    throw new Error(
      `Cannot watch process ${pid} as /proc/${pid}/${file} must be readable: it ended, or this is no Linux`,
      {
        cause: error,
      },
    );
  }
}

/** @param status of proc(5) */
export function readRssKb(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** @param stat of proc(5) */
export function readCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before it may hold spaces and brackets
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime
}

/** @param limits of proc(5) @returns the soft limit; Infinity where there is none */
export function readOpenFilesMax(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
