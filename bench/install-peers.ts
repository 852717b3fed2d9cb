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

let prepared: Promise<boolean> | undefined;

/** Once per command, however many benches ask. @returns whether their scripts can run; `note` has heard why not */
export function preparePeers(note: (line: string) => void): Promise<boolean> {
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
