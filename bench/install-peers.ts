/**
 * bench/peers/: servers and libraries that only the bench needs, a package of its own so that `npm ci` at the root
 * stays small.
 *
 * 1. Installed by npm when first needed, and again when its lock is newer than what is installed.
 * 2. Its TypeScript is built anew for each run (esbuild, well under a second) into bench/peers/dist/, where Node.js
 *    finds bench/peers/node_modules and, above it, the root's.
 * 3. What fails is said and is no error: the caller leaves these contenders out.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../bench/peers/", import.meta.url); // seen from dist/bench/

/** Where `preparePeers` puts the script `bench/peers/<name>.ts`. */
export function peerScript(name: string): URL {
  return new URL(`dist/${name}.js`, FOLDER);
}

type Candidate = { readonly name: string; readonly isPeer: boolean };

/**
 * Who of `contenders` takes part: those that `only` names and whose scripts can run; and who is missing.
 * @throws {Error} nobody is left
 */
export async function gather<Each extends Candidate>(
  bench: string,
  contenders: readonly Each[],
  only: readonly string[] | undefined,
  note: (line: string) => void,
): Promise<{ readonly playing: readonly Each[]; readonly missing: readonly string[] }> {
  const chosen = contenders.filter(({ name }) => only === undefined || only.includes(name));
  const hasPeers = chosen.some(({ isPeer }) => isPeer) && (await preparePeers(note));
  const playing = chosen.filter(({ isPeer }) => hasPeers || !isPeer);
  const missing = chosen.filter((contender) => !playing.includes(contender)).map(({ name }) => name);
  if (missing.length > 0) note(`${bench} runs without ${missing.join(", ")}`);
  if (playing.length === 0) throw new Error(`Cannot run ${bench} as at least one contender must be there`);
  return { playing, missing };
}

let prepared: Promise<boolean> | undefined;

/** Once per command, however many benches ask. @returns whether their scripts can run; `note` has heard why not */
function preparePeers(note: (line: string) => void): Promise<boolean> {
  prepared ??= prepare(note);
  return prepared;
}

async function prepare(note: (line: string) => void): Promise<boolean> {
  try {
    if (!isInstalled()) install(note);
    await build();
    return true;
  } catch (error) {
    note(`bench/peers is left out: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function isInstalled(): boolean {
  const changedMs = (file: string): number => statSync(new URL(file, FOLDER), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return changedMs("node_modules/.package-lock.json") > changedMs("package-lock.json"); // npm's own note of what it installed
}

function install(note: (line: string) => void): void {
  note("installing bench/peers (npm ci), once");
  // their install scripts only look for a compiler where a ready-made binary is missing; npm's words go to stderr
  const { status, error } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: FOLDER, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Error(
    `Cannot install bench/peers as npm ci must succeed there: ${error?.message ?? `exit code ${status}`}`,
  );
}

async function build(): Promise<void> {
  const esbuild = await import("esbuild"); // here: whoever runs no peer need not have it
  const folder = fileURLToPath(FOLDER);
  await esbuild.build({
    absWorkingDir: folder,
    entryPoints: readdirSync(folder).filter((file) => file.endsWith(".ts")),
    outdir: "dist",
    bundle: true, // what they import from ../contenders comes along
    packages: "external",
    platform: "node",
    format: "esm",
    target: `node${process.versions.node}`,
    logLevel: "silent", // a failure says it all
  });
}
