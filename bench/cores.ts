/**
 * Which core each process of a bench runs on: server and load never share one, so neither slows the other.
 *
 * A whole process is pinned, with its garbage collector and compiler threads: one core is what a contender gets.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const CORE = { server: 0, load: 1 } as const;
export type Role = keyof typeof CORE;

/** Why processes can't be pinned here; undefined when they are. */
export const unpinnedBecause: string | undefined = findObstacle();

function findObstacle(): string | undefined {
  if (cpus().length < 2) return "this machine has one core";
  for (const core of Object.values(CORE)) {
    const { error, status } = spawnSync("taskset", ["-c", String(core), "true"], { stdio: "ignore" });
    if (error !== undefined) return "there is no taskset";
    if (status !== 0) return `core ${core} is not ours to use`;
  }
  return undefined;
}

/** Runs `script` by this very Node.js on the core of `role`. stdin and stdout are pipes, stderr is ours. */
export function spawnScript(role: Role, script: URL, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawnCommand(role, [process.execPath, fileURLToPath(script), ...args], env);
}

/** As `spawnScript`, whatever it is that runs. */
export function spawnCommand(role: Role, command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  // taskset replaces itself by the command, so the child's pid is the command's
  const [file = "", ...rest] =
    unpinnedBecause === undefined ? ["taskset", "-c", String(CORE[role]), ...command] : command;
  return spawn(file, rest, { stdio: ["pipe", "pipe", "inherit"], env });
}
