/**
 * Builds dist/: types by tsc, JavaScript by esbuild (bundle-node.mjs), the files that lie beside, and what browsers load.
 * Nothing is done when dist is newer than every source, so that `npm start` is quick. `--quiet` prints nothing.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleClient } from "./bundle-client.mjs";
import { bundleNode } from "./bundle-node.mjs";

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
  "scripts/bundle-node.mjs",
  "scripts/lmdb-binary.mjs",
  "scripts/lmdb-os.mjs",
];
const PACKAGES = /^(processes|examples)\//; // their manifests and front ends are read where their programs are
const STAMP = join(root, "dist/.built");
const quiet = process.argv.includes("--quiet");

function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((path) => join(root, folder, path))
    .filter((file) => !APART.some((folder) => file.startsWith(folder)) && !file.includes("/node_modules/"))
    .filter((file) => statSync(file).isFile());
}

function isFresh(files) {
  if (!existsSync(STAMP)) return false;
  const built = statSync(STAMP).mtimeMs;
  return files.every((file) => statSync(file).mtimeMs <= built);
}

const sources = SOURCES.flatMap(filesBelow).sort(); // in one order wherever it is built
if (!isFresh([...sources, ...CONFIG.map((file) => join(root, file))])) {
  const started = Date.now();
  rmSync(join(root, "dist"), { recursive: true, force: true }); // the names of chunks change with what is in them
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
  const paths = sources.map((file) => file.slice(root.length + 1));
  for (const file of paths) {
    if (!PACKAGES.test(file) || /\.(ts|md)$/.test(file)) continue;
    const target = join(root, "dist", file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, file), target);
  }
  await bundleNode(paths);
  await bundleClient({ outfile: join(root, "dist/client.js") });
  cpSync(join(root, "node_modules/hash-wasm/dist/argon2.umd.min.js"), join(root, "dist/argon2.js")); // for the login page
  writeFileSync(STAMP, "");
  if (!quiet) process.stderr.write(`built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}
