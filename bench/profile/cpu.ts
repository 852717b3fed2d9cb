/** Where a server's time goes under load: V8's own profiler, by function. */
import { writeFileSync } from "node:fs";
import type { Profiler } from "node:inspector";
import { type SelfTime, selfTimes } from "./cpu-profile.ts";
import { outFile, ROOT } from "./out.ts";
import { PROBED } from "./probed.ts";
import { withRig } from "./rig.ts";
import type { Subject } from "./settings.ts";

const WARMUP_MS = 1500; // as in bench/echo
const INTERVAL_US = 250; // between samples; what came of it was one each 500

export type Cpu = {
  readonly messages: number;
  readonly samples: number;
  /** Share of the time in which the server had nothing to do, 0 to 1. */
  readonly waiting: number;
  /** The largest share first. */
  readonly functions: readonly SelfTime[];
  /** The profile, for DevTools. */
  readonly file: string;
};

export async function profileCpu(subject: Subject, seconds: number): Promise<Cpu> {
  const command = (script: readonly string[]): string[] => [process.execPath, ...PROBED, ...script];
  return await withRig(subject, command, async ({ askServer, run }) => {
    await run(WARMUP_MS);
    await askServer(`profile ${INTERVAL_US}`);
    const messages = await run(seconds * 1000);
    const { profile, waiting } = (await askServer("profiled")) as Profiled; // probe.ts answers
    const { path, shown } = outFile(`${subject.work}-${subject.contender}.cpuprofile`);
    writeFileSync(path, JSON.stringify(profile));
    const functions = selfTimes(profile, waiting, ROOT);
    return { messages, samples: profile.samples?.length ?? 0, waiting, functions, file: shown };
  });
}

type Profiled = { readonly profile: Profiler.Profile; readonly waiting: number };
