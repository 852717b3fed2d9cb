/**
 * Builds dist/: the TypeScript sources, the files that lie beside them, and the browser client.
 * Nothing is done when dist is newer than every source, so that `npm start` is quick. `--quiet` prints nothing.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleClient } from "./bundle-client.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ["kernel", "http-server", "processes", "lib", "examples", "bin", "bench"];
/** Not for dist: a package of its own that the bench builds itself, and what a profile leaves behind. */
const APART = ["bench/peers/", "bench/profile/out/"].map((folder) => join(root, folder));
const CONFIG = [
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/build.mjs",
  "scripts/bundle-client.mjs",
];
const STAMP = join(root, "dist/.built");
const quiet = process.argv.includes("--quiet");

function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !APART.some((folder) => file.startsWith(folder)));
}

function isFresh(files) {
  if (!existsSync(STAMP)) return false;
  const built = statSync(STAMP).mtimeMs;
  return files.every((file) => statSync(file).mtimeMs <= built);
}

const sources = SOURCES.flatMap(filesBelow);
if (!isFresh([...sources, ...CONFIG.map((file) => join(root, file))])) {
  const started = Date.now();
  rmSync(STAMP, { force: true });
  mkdirSync(join(root, "dist"), { recursive: true });
  try {
    execFileSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
  } catch (error) {
    process.stderr.write(error.stdout ?? `${error}\n`);
    process.exit(1);
  }
  for (const file of sources) {
    if (file.endsWith(".ts") || file.endsWith(".py")) continue;
    const target = join(root, "dist", file.slice(root.length + 1));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(file, target);
  }
  chmodSync(join(root, "dist/bin/jackfield.js"), 0o755); // npx runs it as it is; tsc writes a new file without the bit
  await bundleClient({ outfile: join(root, "dist/client.js") });
  writeFileSync(STAMP, "");
  if (!quiet) process.stderr.write(`built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}
