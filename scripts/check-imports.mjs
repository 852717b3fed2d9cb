/**
 * Imports point one way (DESIGN §2), and each dependency has one door. Prints each breach; exit 1 when there is one.
 * Looks at what TypeScript sources import; tests and build scripts may import anything.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What a folder may import besides itself; the longest folder that fits a file counts. */
const MAY_IMPORT = {
  "lib/protocol": [],
  "lib/process": ["lib/protocol"],
  "lib/client": ["lib/protocol"],
  kernel: ["lib/protocol"],
  "http-server": ["lib/protocol", "kernel/index.ts"],
  processes: ["jackfield/process", "jackfield/protocol"],
  examples: ["jackfield/process", "jackfield/process/harness", "jackfield/client"],
  templates: ["jackfield/process", "jackfield/process/harness", "jackfield/client"],
  bin: ["lib", "kernel/index.ts", "http-server/index.ts", "processes"],
  bench: ["lib", "kernel/index.ts", "http-server/index.ts", "processes", "examples", "jackfield/client"], // by its name: its file in dist/ is the browsers'
  "bench/peers": ["bench/contenders", "lib", "kernel/index.ts", "http-server/index.ts"],
};

/** Packages and the only places that may import them. */
const DOORS = {
  "uWebSockets.js": ["http-server/transport/", "bench/contenders/", "bench/peers/"],
  ws: ["http-server/transport/", "processes/http-client/sockets.ts", "bench/"],
  undici: ["processes/http-client/http.ts"],
  msgpackr: ["lib/protocol/codec.ts"],
  "node-sqlite3-wasm": ["processes/sqlite/database.ts"],
  nanoid: ["kernel/id.ts"],
  "@nats-io/transport-node": [
    "kernel/link/nats-wire.ts",
    "kernel/link/nats-name.ts",
    "kernel/link/nats-store.ts",
    "kernel/link/nats-claims.ts",
    "bench/contenders/",
  ],
  "@nats-io/jetstream": [
    "kernel/link/nats-store.ts",
    "kernel/link/nats-buckets.ts",
    "kernel/link/nats-claims.ts",
    "kernel/link/nats-inboxes.ts",
    "kernel/link/nats-directory.ts",
    "kernel/link/nats-durable.ts",
    "kernel/link/nats-set-up.ts",
  ],
  "@nats-io/kv": ["kernel/link/nats-directory.ts"],
  "@nats-io/nkeys": ["bin/cluster-keys.ts"],
  lmdb: ["processes/lmdb.ts"],
  xstate: ["lib/process/from-machine.ts", "examples/", "templates/", "bench/contenders/", "bench/peers/"],
  "hash-wasm": ["http-server/argon2.ts"],
  uplot: ["processes/chart-files.ts"], // which serves its files to pages
  "fft.js": ["processes/soundlab/chain/fft.ts"],
  "@bufbuild/protobuf/wire": ["processes/hanami/protobuf/"],
  esbuild: ["bench/install-peers.ts"],
  react: ["templates/react/page/"], // of the package that it becomes, not of this one
  ...Object.fromEntries(dependenciesOf("bench/peers").map((name) => [name, ["bench/peers/"]])),
};

/** What a realm loads leads to these packages at most: no binary, which ends badly in threads (docs/adr/0016). */
const REALM = { entry: "kernel/placement/realm-main.ts", packages: ["msgpackr"] };

/** Folders that run in browsers, in workers and in unit tests alike: no Node built-in. */
const NO_BUILTINS = ["lib/client", "lib/protocol"];

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^"';]*?from\s*"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s*"([^"]+)"/g;

const breaches = [];
for (const folder of Object.keys(MAY_IMPORT)) {
  for (const path of readdirSync(join(root, folder), { recursive: true })) {
    const file = join(folder, path);
    if (!file.endsWith(".ts") || !statSync(join(root, file)).isFile()) continue;
    if (file.includes("/node_modules/")) continue;
    if (folderOf(file) !== folder) continue;
    for (const [, from, dynamic, bare] of readFileSync(join(root, file), "utf8").matchAll(IMPORT)) {
      const why = breach(file, folder, from ?? dynamic ?? bare);
      if (why !== undefined) breaches.push(`${file}: ${why}`);
    }
  }
}
for (const [file, specifier] of packagesFrom(REALM.entry)) {
  if (!REALM.packages.includes(specifier))
    breaches.push(`${file}: imports ${specifier}, and ${REALM.entry} leads here`);
}
if (breaches.length > 0) {
  process.stderr.write(
    `${breaches.join("\n")}\n${breaches.length} imports point the wrong way: see DESIGN "Layers", or ARCHITECTURE.md\n`,
  );
  process.exit(1);
}

/** Which packages `entry` leads to, by which file. Types are nothing to load. */
function packagesFrom(entry) {
  const found = [];
  const seen = new Set([entry]);
  for (const file of seen) {
    const text = readFileSync(join(root, file), "utf8").replaceAll(/^(?:im|ex)port type [^;]*;/gm, "");
    for (const [, from, dynamic, bare] of text.matchAll(IMPORT)) {
      const specifier = from ?? dynamic ?? bare;
      if (specifier.startsWith(".")) seen.add(relative(root, resolve(root, dirname(file), specifier)));
      else if (!specifier.startsWith("node:")) found.push([file, specifier]);
    }
  }
  return found;
}

function dependenciesOf(folder) {
  return Object.keys(JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).dependencies);
}

function folderOf(file) {
  return Object.keys(MAY_IMPORT)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function breach(file, folder, specifier) {
  if (specifier.startsWith("node:")) {
    return NO_BUILTINS.includes(folder) ? `imports ${specifier}, but ${folder} runs where there is no Node` : undefined;
  }
  const allowed = MAY_IMPORT[folder];
  if (specifier.startsWith(".")) {
    const target = relative(root, resolve(root, dirname(file), specifier));
    const isAllowed =
      target.startsWith(`${folder}/`) || allowed.some((place) => target === place || target.startsWith(`${place}/`));
    return isAllowed ? undefined : `imports ${target}; ${folder} may import ${allowed.join(", ") || "nothing else"}`;
  }
  if (specifier.startsWith("jackfield"))
    return allowed.includes(specifier) ? undefined : `imports ${specifier}; ${folder} may import ${allowed.join(", ")}`;
  const doors = DOORS[specifier] ?? DOORS[specifier.split("/")[0]]; // a scoped name is looked up whole
  if (doors === undefined) return `imports the package ${specifier}, which has no door in scripts/check-imports.mjs`;
  return doors.some((door) => file.startsWith(door))
    ? undefined
    : `imports ${specifier}, whose only door is ${doors.join(", ")}`;
}
