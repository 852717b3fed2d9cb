/**
 * A package on disk: a folder with `manifest.json` and the files of its processes.
 *
 *   { "package": "chat", "publisher": "template.os",
 *     "processes": [ { "process_name": "chat", "file": "chat.js", "on_exit": "Restart", "public": false, "dialect": "kinode",
 *                      "restart": { "max": 8, "seconds": 60 },
 *                      "placement": "inline", "settings": { "rate": 30 }, "cluster": "keyed",
 *                      "request_capabilities": ["http-server:distro:sys"],
 *                      "grant_capabilities": ["http-server:distro:sys"] } ] }
 *
 * 1. `file` stays inside the folder, links resolved. Where `chat.js` is missing and `chat.ts` is there, that is loaded
 *    (TypeScript's own rule), so a package runs from source where Node or a test runner can read it.
 * 2. A capability is a process id (its messaging capability) or `{ "process": …, "params": … }`.
 * 3. `dialect` says how the node's own processes are to spell what they tell this one (lib/protocol/dialect.ts).
 * 4. `placement` says where it runs (lib/protocol/program.ts); what does not run inline is loaded where it runs.
 * 5. `settings` is the process's to read (`ctx.settings`); what whoever runs the node sets goes over it.
 * 6. `cluster`: "singleton", one in the whole cluster, or "keyed", one per key, started when it is first asked (cluster/).
 *    It must ask for the network: it may run on a node other than the one that asks it.
 * 7. Nothing is started unless the whole manifest reads and every file that runs inline loads.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type CapabilityRequest,
  DEFAULT_DIALECT,
  DIALECTS,
  type Dialect,
  isDialect,
  isProgram,
  type OnExit,
  type Placement,
  ProcessId,
  type Program,
  type RestartIntensity,
  type Settings,
  textOf,
  toAddress,
} from "../lib/protocol/index.ts";
import { CLUSTER_RULE, type ClusterKind, isClusterKind } from "./cluster/kinds.ts";
import { PackageError, SpawnError } from "./errors.ts";
import { isNetwork } from "./network.ts";
import { readOnExit } from "./on-exit.ts";
import { PlacedProgram } from "./placement/placed-program.ts";
import { checkPlacement, isPlacement, PLACEMENT_RULE } from "./placement/placement.ts";
import { intensityFault } from "./restart-intensity.ts";

export type ProcessEntry = {
  readonly id: ProcessId;
  readonly file: string;
  readonly program: Program;
  readonly onExit: OnExit;
  readonly restart?: RestartIntensity;
  readonly public: boolean;
  readonly dialect: Dialect;
  readonly requestCapabilities: readonly CapabilityRequest[];
  readonly grantCapabilities: readonly CapabilityRequest[];
  readonly settings: Settings;
  /** Left out: it runs on each node that has the package. */
  readonly cluster?: ClusterKind;
};

export function isOfCluster(entry: ProcessEntry): entry is ProcessEntry & { readonly cluster: ClusterKind } {
  return entry.cluster !== undefined;
}

export type Package = {
  readonly folder: string;
  readonly name: string;
  readonly publisher: string;
  readonly processes: readonly ProcessEntry[];
};

/** What a manifest says, of a package none of whose code has run. */
export type PackageManifest = Omit<Package, "processes"> & { readonly processes: readonly ManifestEntry[] };
export type ManifestEntry = Omit<ProcessEntry, "program"> & {
  readonly placement: Placement;
};

/** @throws {PackageError} */
export async function loadPackage(folder: string): Promise<Package> {
  const manifest = parsePackage(folder);
  const processes: ProcessEntry[] = [];
  for (const entry of manifest.processes) {
    const { id, file } = entry;
    try {
      processes.push({ ...entry, program: await findProgram(manifest.folder, file, id.text, entry.placement) });
    } catch (cause) {
      const rule = `process "${id.text}" does not load: ${textOf(cause)}${whereToLook(cause, file)}`;
      throw new PackageError(folder, rule, { cause });
    }
  }
  return { ...manifest, processes };
}

/** Reads it without running any of its code: every file that it names is there. @throws {PackageError} */
export function readPackage(folder: string): PackageManifest {
  const manifest = parsePackage(folder);
  for (const { id, file } of manifest.processes)
    if (insideFolder(manifest.folder, file) === undefined)
      throw new PackageError(folder, `process "${id.text}" has no file "${file}" inside the package`);
  return manifest;
}

function parsePackage(folder: string): PackageManifest {
  const root = resolve(folder);
  const manifest = readManifest(root);
  const fail = (rule: string, options?: ErrorOptions): never => {
    throw new PackageError(folder, rule, options);
  };
  const name = textField(manifest, "package", fail);
  const publisher = textField(manifest, "publisher", fail);
  if (publisher === "sys" && name === "distro") fail("distro:sys is the node's own: choose another name");
  const { processes } = manifest;
  if (!Array.isArray(processes) || processes.length === 0)
    return fail('manifest.json "processes" must list at least one process');
  const entries: ManifestEntry[] = [];
  for (const [index, entry] of processes.entries()) {
    if (!isRecord(entry)) return fail(`manifest.json processes[${index}] must be an object`);
    const read = readEntry(name, publisher, entry, fail);
    if (entries.some(({ id }) => id.text === read.id.text))
      fail(`process "${read.id.text}" is there twice in manifest.json: each has a name of its own`);
    entries.push(read);
  }
  return { folder: root, name, publisher, processes: entries };
}

type Fail = (rule: string, options?: ErrorOptions) => never;
type Fields = Readonly<Record<string, unknown>>;

function readManifest(root: string): Fields {
  let text: string;
  try {
    text = readFileSync(join(root, "manifest.json"), "utf8");
  } catch (cause) {
    throw new PackageError(root, "it has no readable manifest.json", { cause });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new PackageError(root, `manifest.json is no JSON: ${textOf(cause)}`, { cause });
  }
  throw new PackageError(root, "manifest.json must be one object");
}

function readEntry(name: string, publisher: string, entry: Fields, fail: Fail): ManifestEntry {
  const process = textField(entry, "process_name", fail);
  const id = new ProcessId(process, name, publisher);
  if (!id.isSafe()) fail(`process "${id.text}" has other letters than a-z 0-9 - _`);
  const file = textField(entry, "file", fail);
  const requestCapabilities = capabilityField(entry, "request_capabilities", fail);
  return {
    id,
    file,
    onExit: onExitField(entry.on_exit, id.text, fail),
    ...restartField(entry.restart, id.text, fail),
    public: publicField(entry.public, id.text, fail),
    placement: placementField(entry.placement, id.text, fail),
    dialect: dialectField(entry.dialect, id.text, fail),
    requestCapabilities,
    ...clusterField(entry.cluster, requestCapabilities, id.text, fail),
    grantCapabilities: capabilityField(entry, "grant_capabilities", fail),
    settings: settingsField(entry.settings, id.text, fail),
  };
}

/** What the message of a failed import leaves out. */
function whereToLook(cause: unknown, file: string): string {
  if (!(cause instanceof Error) || cause instanceof SpawnError) return "";
  // Node looks for packages from the importing file upwards, wherever the node itself is installed.
  if (cause.message.startsWith("Cannot find package 'jackfield'"))
    return ": npm install jackfield in its folder or in one above it";
  if ("code" in cause && cause.code === "ERR_UNKNOWN_FILE_EXTENSION" && cause.message.includes(".ts"))
    return `: Node ${process.versions.node} runs no TypeScript; compile it to ${file}, or use Node 22.18 or newer`;
  const [place] = /file:\/\/\S+:\d+:\d+/.exec(cause.stack ?? "") ?? [];
  if (place !== undefined) return ` (${place})`;
  return cause instanceof SyntaxError ? `: node --check ${file} shows the line` : "";
}

/**
 * What is placed elsewhere is loaded there, and only there: what its file does then may block or need much memory.
 * @param file its path inside `folder` @throws {SpawnError} NoFileAtPath, InvalidProgram @throws {OptionError} a placement that is none
 */
export async function findProgram(
  folder: string | null,
  file: string | undefined,
  who: string,
  placement: unknown,
): Promise<Program> {
  const checked = checkPlacement(placement, who);
  return checked === "inline"
    ? importProgram(folder, file, who)
    : new PlacedProgram(checked, pathOf(folder, file, who));
}

/** @param file its path inside `folder` @throws {SpawnError} NoFileAtPath, InvalidProgram */
export async function importProgram(folder: string | null, file: string | undefined, who: string): Promise<Program> {
  const module: unknown = await import(pathToFileURL(pathOf(folder, file, who)).href);
  const program = isRecord(module) ? module.default : undefined;
  if (!isProgram(program))
    throw new SpawnError(
      "InvalidProgram",
      who,
      `"${file}" has no process as its default export: export default defineProcess({ … })`,
    );
  return program;
}

/** @throws {SpawnError} NoFileAtPath */
function pathOf(folder: string | null, file: string | undefined, who: string): string {
  const path = folder === null || file === undefined ? undefined : insideFolder(folder, file);
  if (path === undefined) {
    throw new SpawnError(
      "NoFileAtPath",
      who,
      `there is no file "${file ?? ""}" in its package: name one by its path inside the package's folder`,
    );
  }
  return path;
}

function insideFolder(folder: string, file: string): string | undefined {
  const asked = resolve(folder, file);
  const path = existsSync(asked) ? asked : asked.replace(/\.js$/, ".ts");
  if (!existsSync(path)) return undefined;
  const real = realpathSync.native(path);
  return real.startsWith(realpathSync.native(folder) + sep) ? real : undefined;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** With or without its node. */
function isAddress(value: unknown): value is string {
  if (typeof value !== "string") return false;
  try {
    toAddress(value, "our");
    return true;
  } catch {
    return false;
  }
}

function textField(fields: Fields, key: string, fail: Fail): string {
  const value = fields[key];
  return typeof value === "string" && value !== ""
    ? value
    : fail(`manifest.json "${key}" must be a text: got ${JSON.stringify(value)}`);
}

function onExitField(value: unknown, who: string, fail: Fail): OnExit {
  if (value === undefined) return "None";
  try {
    return readOnExit(value);
  } catch {
    // said below, with what it is
  }
  return fail(
    `"${who}" on_exit must be "None", "Restart" or {"Requests":[{"target","body"}]}: got ${JSON.stringify(value)}`,
  );
}

function restartField(value: unknown, who: string, fail: Fail): { readonly restart?: RestartIntensity } {
  if (value === undefined) return {};
  const fault = intensityFault(value);
  return fault === undefined ? { restart: value as RestartIntensity } : fail(`"${who}" ${fault}`);
}

function publicField(value: unknown = false, who: string, fail: Fail): boolean {
  return typeof value === "boolean"
    ? value
    : fail(`"${who}" public must be true or false: got ${JSON.stringify(value)}`);
}

function settingsField(value: unknown = {}, who: string, fail: Fail): Settings {
  return isRecord(value) ? value : fail(`"${who}" settings must be an object: got ${JSON.stringify(value)}`);
}

function clusterField(
  value: unknown,
  asked: readonly CapabilityRequest[],
  who: string,
  fail: Fail,
): { readonly cluster?: ClusterKind } {
  if (value === undefined) return {};
  if (!isClusterKind(value)) return fail(`"${who}" cluster must be ${CLUSTER_RULE}: got ${JSON.stringify(value)}`);
  if (!asked.some(isNetwork))
    return fail(
      `"${who}" is one of the cluster, and others may ask it from another node: add {"process":"kernel:distro:sys","params":"network"} to its request_capabilities`,
    );
  return { cluster: value };
}

function placementField(value: unknown = "inline", who: string, fail: Fail): Placement {
  return isPlacement(value)
    ? value
    : fail(`"${who}" placement must be ${PLACEMENT_RULE}: got ${JSON.stringify(value)}, leave it out for inline`);
}

function dialectField(value: unknown = DEFAULT_DIALECT, who: string, fail: Fail): Dialect {
  return isDialect(value)
    ? value
    : fail(
        `"${who}" dialect must be one of ${DIALECTS.join(", ")}: got ${JSON.stringify(value)}, leave it out for ${DEFAULT_DIALECT}`,
      );
}

function capabilityField(fields: Fields, key: string, fail: Fail): readonly CapabilityRequest[] {
  const value = fields[key] ?? [];
  const isRequest = (item: unknown): item is CapabilityRequest =>
    isAddress(item) || (isRecord(item) && isAddress(item.process) && item.params !== undefined);
  if (Array.isArray(value) && value.every(isRequest)) return value;
  return fail(`manifest.json "${key}" must list process ids or {"process","params"}: got ${JSON.stringify(value)}`);
}
