/**
 * `npm run --silent profile -- [part …] [flags]`: where the time of a message goes. A guide for work on the hot path;
 * how fast it is, the bench says.
 *
 * stdout has the report and nothing else; what is being done, and errors, go to stderr. Exit 1: something is missing.
 */
import { OptionError } from "../../lib/protocol/index.ts";
import { type Allocations, countAllocations } from "./allocations.ts";
import { type Cpu, profileCpu } from "./cpu.ts";
import { countInstructions, type Instructions } from "./instructions.ts";
import { CONNECTIONS, INFLIGHT } from "./rig.ts";
import { type Part, type ProfileSettings, readProfileSettings, type Subject } from "./settings.ts";
import { allocationTables, type By, cpuTables, instructionTables } from "./tables.ts";

/** Printed as it is by `--json`. A part that was not asked for is empty. */
type Report = {
  /** What the server did with each message. */
  readonly profile: ProfileSettings["work"];
  readonly cpu: By<Cpu>;
  readonly allocations: By<Allocations>;
  readonly instructions: By<Instructions>;
  /** What was asked for and failed: `instructions of jackfield`. */
  readonly missing: readonly string[];
  readonly connections: number;
  readonly inflight: number;
  readonly bytes: number;
  /** Version of Node.js. */
  readonly node: string;
};

const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function profile({ parts, contenders, work, bytes, seconds }: ProfileSettings): Promise<Report> {
  const missing: string[] = [];
  const each = async <Figures>(part: Part, look: (subject: Subject) => Promise<Figures>): Promise<By<Figures>> => {
    const found: Record<string, Figures> = {};
    for (const contender of parts.includes(part) ? contenders : []) {
      const what = `${part} of ${contender}`;
      note(what);
      try {
        found[contender] = await look({ contender, work, bytes });
      } catch (error) {
        note(error instanceof OptionError ? error.message : String(error));
        missing.push(what);
      }
    }
    return found;
  };
  return {
    profile: work,
    cpu: await each("cpu", (subject) => profileCpu(subject, seconds)),
    allocations: await each("allocations", countAllocations),
    instructions: await each("instructions", countInstructions),
    missing,
    connections: CONNECTIONS,
    inflight: INFLIGHT,
    bytes,
    node: process.versions.node,
  };
}

function text({ cpu, allocations, instructions, missing, ...report }: Report, top: number): string {
  const { profile, connections, inflight, bytes, node } = report;
  const tables = [
    `${profile}: connections ${connections}, inflight ${inflight}, bytes ${bytes}, node ${node}`,
    ...(Object.keys(cpu).length > 0 ? [cpuTables(cpu, top)] : []),
    ...(Object.keys(allocations).length > 0 ? [allocationTables(allocations, top)] : []),
    ...(Object.keys(instructions).length > 0 ? [instructionTables(instructions, top)] : []),
    ...(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : []),
  ];
  return tables.join("\n\n");
}

try {
  const settings = readProfileSettings(process.argv.slice(2));
  const report = await profile(settings);
  process.stdout.write(`${settings.json ? JSON.stringify(report) : text(report, settings.top)}\n`);
  if (report.missing.length > 0) process.exitCode = 1;
} catch (error) {
  note(error instanceof OptionError ? error.message : String(error));
  process.exitCode = 1;
}
