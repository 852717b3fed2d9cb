/**
 * Makes the JavaScript of dist/ that Node runs: a few files, as each file and each package costs every start.
 *
 * 1. What package.json exports, the command, and every program that a manifest names keep their paths; what they share
 *    is in chunks/. Each module is in one file only, so a class is the same class for the kernel and for a user's process.
 *    lib/client is whole in its own file: browsers take it from there.
 * 2. Packages that are JavaScript alone come along (their licenses in THIRD-PARTY.txt). Those with binaries of their own,
 *    and those that few nodes load, stay outside.
 * 3. bench/ is built file by file, as it runs its scripts by their paths; whatever it imports keeps its path too.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const CLIENT = "lib/client/index.ts";
const OUTSIDE = ["uWebSockets.js", "ws", "hash-wasm"];

/** Which file stands in for what a module asks for. */
const INSTEAD = {
  msgpackr: join(root, "node_modules/msgpackr/index.js"), // its entry for Node loads a binary as well: see bench/README.md
  "node-gyp-build-optional-packages": join(root, "scripts/lmdb-binary.mjs"), // only lmdb asks for it
};

const OPTIONS = {
  absWorkingDir: root,
  outdir: "dist",
  outbase: ".",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "warning",
};

/** Bundles `sources`, paths from the repository's root. Rejects with esbuild's errors, which it has printed. */
export async function bundleNode(sources) {
  const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const sourceOf = (file) => file.replace("./dist/", "").replace(/\.js$/, ".ts");
  const doors = Object.entries(exports)
    .filter(([, file]) => file.endsWith(".js"))
    .map(([name, file]) => [`jackfield${name.slice(1)}`, sourceOf(file)]);
  const alsoByBench = await buildBench(sources.filter((file) => file.startsWith("bench/") && file.endsWith(".ts")));
  await build({ ...OPTIONS, entryPoints: [CLIENT] });
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: [
      ...doors.map(([, source]) => source).filter((source) => source !== CLIENT),
      ...Object.values(bin).map(sourceOf),
      ...sources.filter((file) => file.endsWith("/manifest.json")).flatMap(programsOf),
      ...alsoByBench,
    ],
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    external: OUTSIDE,
    alias: { ...INSTEAD, ...Object.fromEntries(doors.map(([name, source]) => [name, join(root, source)])) },
    metafile: true,
  });
  writeFileSync(join(root, "dist/THIRD-PARTY.txt"), licensesOf(Object.keys(metafile.inputs)));
}

/** @returns which files outside of bench/ they import */
async function buildBench(entryPoints) {
  const outside = new Set();
  const fileByFile = {
    name: "file-by-file",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        if (kind === "entry-point") return undefined;
        const file = relative(root, resolve(resolveDir, path));
        if (!file.startsWith("bench/")) outside.add(file);
        return { path: path.replace(/\.ts$/, ".js"), external: true };
      });
    },
  };
  await build({ ...OPTIONS, entryPoints, packages: "external", plugins: [fileByFile] });
  return outside;
}

function programsOf(manifest) {
  const { processes } = JSON.parse(readFileSync(join(root, manifest), "utf8"));
  return processes.map(({ file }) => join(dirname(manifest), file.replace(/\.js$/, ".ts")));
}

/** Other people's work that comes along, each with its terms. */
function licensesOf(inputs) {
  const folders = new Set(inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...folders].sort().map(licenseOf).join("\n");
}

function licenseOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const terms = file === undefined ? `${license}, by ${author}\n` : readFileSync(join(root, folder, file), "utf8");
  return `${name} ${version}\n\n${terms}`;
}
