/**
 * bench/upload: one file over one socket in chunks of 128 KiB, until each is written and answered. MiB/s, more is better.
 *
 * 1. One chunk at a time, as Hanami's SDK does, and 16 in flight; each beside the limit, which writes the same bytes by
 *    the same positions to a file on the same disk (contenders/upload-uwebsockets.ts). `ratio` is the lower of the two.
 * 2. Nobody asks for the bytes to be on the disk itself (fsync): what is measured ends in the system's memory, as a reply
 *    promises no more than that they outlive the process.
 * 3. The timed file is the last part of a larger one whose beginning both servers have taken before: their code is compiled
 *    then, and its bytes are new to them.
 * 4. `rssGrowthMb` is the most that the server's memory (VmHWM) was above what it was before the first socket.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Report, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import { spawnScript } from "./cores.ts";
import { ratioOf } from "./figures.ts";
import { type Round, takeTurns } from "./turns.ts";
import type { UploadJob, UploadOutcome } from "./upload/client.ts";

const START_MS = 15_000;
const UPLOAD_MS = 300_000; // a slow disk
const MIB = 1024 * 1024;
const UUID = "0a1b2c3d-0000-4000-8000-00000000000a";
const CLIENT = new URL("./upload/client.js", import.meta.url); // .js: the bench runs from dist/

const DRIVE = 900; // MiB of a part at most: a drive of a node has 1 GiB
const WARM_UPS = 2; // files before the timed one, where a drive has room

type Each = { readonly name: string; readonly server: "uwebsockets" | "jackfield"; readonly inflight: number };

const INFLIGHT = [1, 16];
const CONTENDERS: readonly Each[] = INFLIGHT.flatMap((inflight) => [
  { name: `uwebsockets-${inflight}`, server: "uwebsockets", inflight },
  { name: `jackfield-${inflight}`, server: "jackfield", inflight },
]);

export const upload: Bench = {
  name: "upload",
  about: "a file in chunks of 128 KiB over one socket, each answered when it is written",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { megabytes } = settings;
  const contenders = await takeTurns(CONTENDERS, settings, note, (each) => playRound(each, megabytes * MIB));
  const ratios = ratiosOf(contenders);
  const values = Object.values(ratios);
  return {
    bench: "upload",
    unit: "MiB/s",
    contenders,
    ratio: values.length === 0 ? null : Math.min(...values),
    ratios,
    node: process.versions.node,
    megabytes,
    chunkBytes: 128 * 1024,
  };
}

/** Of the medians, by `ours/limit`; of those that ran. */
export function ratiosOf(contenders: Report["contenders"]): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const inflight of INFLIGHT) {
    const [ours, limit] = [`jackfield-${inflight}`, `uwebsockets-${inflight}`];
    const ratio = ratioOf(contenders, ours, limit);
    if (ratio !== null) ratios[`${ours}/${limit}`] = ratio;
  }
  return ratios;
}

async function playRound({ name, server, inflight }: Each, bytes: number): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-bench-upload-"));
  // what Jackfield does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const warm = Math.min(WARM_UPS, Math.floor((DRIVE * MIB) / bytes) - 1) * bytes;
  const told = { folder, uuid: UUID, bytes: warm + bytes, file: join(folder, "file") };
  const script = new URL(`./contenders/upload-${server}.js`, import.meta.url);
  const child = spawnScript("server", script, [JSON.stringify(told)], env);
  try {
    const { port, path } = (await firstLine(child, name, START_MS)) as Pick<UploadJob, "port" | "path">; // our own script
    const memory = memoryOf(child.pid ?? 0);
    const before = memory("VmRSS");
    const { seconds } = await uploaded({ port, path, uuid: UUID, warm, bytes, inflight }, name);
    const rate = bytes / MIB / seconds;
    const rssGrowthMb = (memory("VmHWM") - before) / 1024;
    const text = `${rate.toFixed(0)} MiB/s`.padStart(16);
    return { main: rate, also: { rssGrowthMb }, note: `${text}  memory +${rssGrowthMb.toFixed(0)} MiB` };
  } finally {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function uploaded(job: UploadJob, against: string): Promise<UploadOutcome> {
  const client = spawnScript("load", CLIENT, [JSON.stringify(job)], process.env);
  try {
    return (await firstLine(client, `the upload to ${against}`, UPLOAD_MS)) as UploadOutcome; // likewise
  } finally {
    await stop(client);
  }
}

/** Reads /proc; what was most until now is forgotten. @returns KiB; NaN where there is no /proc */
function memoryOf(pid: number): (what: "VmRSS" | "VmHWM") => number {
  const read = (what: string): number => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
    } catch {
      return Number.NaN;
    }
  };
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5"); // proc(5): VmHWM begins anew
  } catch {
    // Where that is not allowed, what the start took most counts too.
  }
  return read;
}
