/**
 * Makes the JavaScript of dist/ that Node runs: nearly all in two files, as each file and each package costs every start.
 *
 * 1. bin/core.cjs has what each start runs, and bin/later.cjs what it runs when somebody asks for it; both in parts that
 *    run when they are first asked for. What is in which follows from who imports what: see `neededBy`. bin/command.cjs says
 *    why they are scripts.
 * 2. What package.json exports, and every program that a manifest names, is a door: an ES module at its own path that
 *    hands out its part. So a class is the same class for the kernel and for a user's process.
 * 3. What runs in browsers too is whole in a file of its own.
 * 4. Packages that are JavaScript alone come along (their licenses in THIRD-PARTY.txt). Those with binaries of their own,
 *    and those that few nodes load, stay outside.
 * 5. What most starts do not load is apart, at its own path, as a user's package would be: it imports jackfield/….
 * 6. bench/ is built file by file, as it runs its scripts by their paths; whatever it imports has a door.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const COMMAND = "bin/jackfield";
const REALM = "kernel/placement/realm-main"; // what bin/realm.cjs runs
const CLIENT = "lib/client/index";
const OUTSIDE = ["uWebSockets.js", "ws", "hash-wasm", "node-sqlite3-wasm", "undici", "@nats-io/*"];

/** Programs that a start has only when it is asked for them. */
const APART = [
  "processes/labgraph/",
  "processes/soundlab/",
  "processes/hanami/",
  "examples/lobby/",
  "examples/cluster/",
];
/** What a start runs: the command, what `start` loads where no --package is given; and what a realm starts with. */
const AT_START = [
  COMMAND,
  REALM,
  "processes/homepage/homepage",
  "examples/chat/chat",
  "examples/chat/chat-machine",
  "examples/echo/echo",
];
/** Programs that no manifest names, as a process spawns them. */
const SPAWNED = ["processes/hanami/importer", "processes/hanami/clusters/cluster"];

/** Built-ins that a start does not need and that take 1 to 3 ms to load: loaded when something of theirs is used. */
const LAZY = /(?<=import_\w+ = )require\("(node:(?:child_process|crypto|net|os|tls|worker_threads|zlib))"\)/g;

/** Not one in a text that a thread is to run. */
const BUILTIN = /(?<=import_\w+ = (?:__toESM\()?)require\("node:/g;

/** Which file stands in for what a module asks for. */
const INSTEAD = {
  msgpackr: join(root, "node_modules/msgpackr/index.js"), // its entry for Node loads a binary as well: see bench/README.md
  "node-gyp-build-optional-packages": join(root, "scripts/lmdb-binary.mjs"), // only lmdb asks for it
};

/** Stands in for node:os where lmdb asks for it. */
const LMDB_OS = join(root, "scripts/lmdb-os.mjs");

/** The package by which lmdb orders its keys makes a function as a text and has it compiled at each start: 1 to 2 ms. */
const madeAtBuild = {
  name: "made-at-build",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/ordered-binary\/index\.js$/ }, ({ path }) => ({ contents: withMade(path) }));
  },
};

/**
 * A script is one function: called when it is required, handed out when bin/command.cjs runs it, where there is no `module`.
 * Wrapped there, all of it would be copied once more. In brackets of its own V8 compiles it at once.
 *
 * `__node`: Node.js takes 8 µs to find a built-in that it has, and most files ask for some.
 */
const SCRIPT_HEAD = `(typeof module === "undefined" ? (core) => core : (core) => core(exports, require, module, __filename))((function (exports, require, module, __filename) {
const __builtins = Object.create(null);
const __node = (name) => __builtins[name] ??= require(name);
const __url = __node("node:url").pathToFileURL(__filename).href;
const __lazy = (name) => new Proxy({}, { get: (_, key) => __node(name)[key] });
`;
const CORE_HEAD = `const __later = (name) => require("./later.cjs")[name]();
const __import = require("./import.cjs")(() => module.exports);
`;
const LATER_HEAD = `const __parts = require("./core.cjs");
const __core = (name) => __parts[name]();
const __import = require("./import.cjs")(() => __parts);
`;

const OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "warning",
};

/** Bundles `sources`, paths from the repository's root. Rejects with esbuild's errors, which it has printed. */
export async function bundleNode(sources) {
  const own = ownNames();
  const programs = sources.filter((file) => file.endsWith("/manifest.json")).flatMap(programsOf);
  const benched = await buildBench(sources.filter((file) => file.startsWith("bench/") && file.endsWith(".ts")));
  const doors = new Set([
    "processes/sqlite/sqlite", // a program by itself: so that it can be placed in a worker
    ...Object.values(own).filter((name) => name !== CLIENT),
    ...[...programs, ...benched].filter((name) => !isApart(name)),
  ]);
  const browsers = { [CLIENT]: `./${CLIENT}.ts`, "lib/protocol/browser": "./lib/protocol/index.ts" };
  await build({ ...OPTIONS, entryPoints: browsers, outdir: "dist", platform: "browser", alias: INSTEAD });
  const programsApart = await buildApart([...new Set([...programs, ...benched, ...SPAWNED])].filter(isApart));
  const inputs = [...programsApart, ...(await buildScripts([COMMAND, REALM, ...doors], own))];
  for (const file of ["import.cjs", "v8-flags.cjs"]) cpSync(join(root, "bin", file), join(dist, "bin", file));
  cpSync(join(root, "bin/command.cjs"), join(dist, `${COMMAND}.js`));
  cpSync(join(root, "bin/realm.cjs"), join(dist, "bin/realm.js"));
  writeFileSync(join(dist, "bin/package.json"), '{ "type": "commonjs" }\n'); // all that is there
  chmodSync(join(dist, `${COMMAND}.js`), 0o755); // npx runs it as it is
  const core = createRequire(import.meta.url)(join(dist, "bin/core.cjs"));
  for (const name of doors) writeDoor(name, Object.keys(core[name]()));
  writeFileSync(join(dist, "THIRD-PARTY.txt"), licensesOf(inputs));
}

/** What package.json exports: `{ "jackfield/process": "lib/process/index", … }`. */
function ownNames() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const files = Object.entries(exports).map(([name, file]) => [name, file.default ?? file]);
  const code = files.filter(([, file]) => file.endsWith(".js"));
  return Object.fromEntries(
    code.map(([name, file]) => [`jackfield${name.slice(1)}`, file.slice("./dist/".length, -3)]),
  );
}

function programsOf(manifest) {
  const { processes } = JSON.parse(readFileSync(join(root, manifest), "utf8"));
  return processes.map(({ file }) => join(dirname(manifest), file.replace(/\.js$/, "")));
}

function isApart(program) {
  return APART.some((folder) => program.startsWith(folder));
}

/** @returns every file that is in them */
async function buildApart(names) {
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: Object.fromEntries(names.map((name) => [name, `./${name}.ts`])),
    outdir: "dist",
    splitting: true, // what several of them share is there once
    chunkNames: "processes/shared/[name]-[hash]",
    external: [...OUTSIDE, "jackfield/*", "xstate"],
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

/**
 * Makes both scripts. Each asks the other for what it imports of it: core.cjs by `import()`, as the sources do, which is
 * what makes it part of later.cjs; later.cjs by `core:<name>`.
 * @returns every file that is in them
 */
async function buildScripts(parts, own) {
  const options = {
    ...OPTIONS,
    format: "cjs",
    external: OUTSIDE,
    alias: {
      ...INSTEAD,
      ...Object.fromEntries(Object.entries(own).map(([name, file]) => [name, join(root, `${file}.ts`)])),
    },
    define: { "import.meta.url": "__url" },
    write: false,
    metafile: true,
  };
  const { files, asked } = await neededBy(AT_START, options);
  const isCore = (file) => files.has(file);
  // Sorted: in which order esbuild asks for them differs from build to build, and the same sources make the same scripts.
  const after = [...new Set([...parts, ...asked])].filter((name) => !isCore(`${name}.ts`)).sort();
  const shared = new Set();
  const later = await build({
    ...options,
    stdin: partsOf(after.map((name) => `${name}.ts`)),
    plugins: [
      apart(({ file }) => {
        if (!isCore(file)) return undefined;
        shared.add(file);
        return `core:${nameOf(file)}`;
      }),
    ],
  });
  const inCore = [...parts.map((name) => `${name}.ts`).filter(isCore), ...[...shared].sort()];
  const core = await build({
    ...options,
    stdin: partsOf([...new Set(inCore)], after),
    plugins: [madeAtBuild, apart(({ file }) => (isCore(file) ? undefined : `later:${nameOf(file)}`))],
  });
  mkdirSync(join(dist, "bin"), { recursive: true });
  writeScript("core.cjs", CORE_HEAD, core);
  writeScript("later.cjs", LATER_HEAD, later);
  return [core, later].flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** Every file that `names` import, and those that they import; and whom they import only when they want to. */
async function neededBy(names, options) {
  const asked = new Set();
  const onlyWanted = apart(({ file, kind }) => {
    if (kind !== "dynamic-import") return undefined;
    asked.add(nameOf(file));
    return `later:${file}`;
  });
  const { metafile } = await build({
    ...options,
    stdin: partsOf(names.map((name) => `${name}.ts`)),
    plugins: [onlyWanted],
  });
  return { files: new Set(Object.keys(metafile.inputs)), asked };
}

/** A script's exports, by name: functions that run the part and hand it out. @param others parts of the other script */
function partsOf(files, others = []) {
  const own = files.map((file) => `"${nameOf(file)}": () => require("./${file}")`);
  const all = [...own, ...others.map((name) => `"${name}": () => __later("${name}")`)];
  return { contents: `module.exports = { ${all.join(", ")} };`, resolveDir: root };
}

/** @param file a path from the repository's root */
function nameOf(file) {
  return file.replace(/\.ts$/, "");
}

/** @param placeOf says under which name the script asks the other one for a file; undefined: it has it itself */
function apart(placeOf) {
  return {
    name: "apart",
    setup({ onResolve, resolve }) {
      onResolve({ filter: /./ }, async ({ path, kind, pluginData, ...where }) => {
        if (pluginData === "apart" || kind === "entry-point") return undefined;
        if (path === "node:os" && /node_modules\/lmdb\//.test(where.importer)) return { path: LMDB_OS };
        const { importer, namespace, resolveDir } = where;
        const found = await resolve(path, { importer, namespace, resolveDir, kind, pluginData: "apart" });
        // Not `found`: to a path that a plugin gives, esbuild does not apply tsconfig.json, and each field of a class would be
        // written twice, undefined first. V8 takes no such field for a constant (bench/profile: 40 instructions of an echo).
        if (found.external || found.errors.length > 0) return undefined;
        const place = placeOf({ file: relative(root, found.path), kind });
        return place === undefined ? undefined : { path: place, external: true };
      });
    },
  };
}

function writeScript(file, head, { outputFiles }) {
  const body = outputFiles[0].text
    .replaceAll(/\bimport\("later:([^"]+)"\)/g, 'Promise.resolve("$1").then(__later)')
    .replaceAll(/\bimport\("core:([^"]+)"\)/g, 'Promise.resolve("$1").then(__core)')
    .replaceAll(/\brequire\("core:/g, '__core("')
    .replaceAll(/\bimport\(/g, "__import(")
    .replaceAll(LAZY, '__lazy("$1")')
    .replaceAll(BUILTIN, '__node("node:');
  writeFileSync(join(dist, "bin", file), `${SCRIPT_HEAD}${head}${body}}));\n`);
}

/** @throws {Error} it makes it otherwise by now */
function withMade(path) {
  const source = readFileSync(path, "utf8");
  const [maker] = /^function makeStringBuilder\(\) \{\n(?:.*\n)*?\}/m.exec(source) ?? [];
  const asks = /\beval\(makeStringBuilder\(\)\)/;
  if (maker === undefined || !asks.test(source))
    throw new Error(`Cannot build as ${path} must make its readString by makeStringBuilder: look what it does now`);
  const made = runInNewContext(`const { fromCharCode } = String; ${maker} makeStringBuilder()`);
  return source.replace(asks, () => `(${made})`);
}

function writeDoor(name, exported) {
  const file = join(dist, `${name}.js`);
  const core = relative(dirname(file), join(dist, "bin/core.cjs"));
  const names = exported.map((each) =>
    each === "default" ? "export default it.default;" : `export const ${each} = it.${each};`,
  );
  const load = `const it = createRequire(import.meta.url)(${JSON.stringify(core)})[${JSON.stringify(name)}]();`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, ['import { createRequire } from "node:module";', load, ...names, ""].join("\n"));
}

/** @returns which files outside of bench/ they import */
async function buildBench(entryPoints) {
  const outside = new Set();
  const fileByFile = {
    name: "file-by-file",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        if (kind === "entry-point") return undefined;
        const file = relative(root, resolve(resolveDir, path)).replace(/\.ts$/, "");
        if (!file.startsWith("bench/")) outside.add(file);
        return { path: path.replace(/\.ts$/, ".js"), external: true };
      });
    },
  };
  await build({ ...OPTIONS, entryPoints, outdir: "dist", outbase: ".", packages: "external", plugins: [fileByFile] });
  return outside;
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
