/**
 * `jackfield install FOLDER|TGZ`, `remove PACKAGE`, `list`: packages that a node has for good.
 *
 * 1. Put together beside the store, checked, shown, asked about; then one rename. Until that, nothing has changed.
 * 2. None of its code runs before the yes, nor any script of npm's, before or after.
 * 3. A node that runs on that store changes to it at once, when it can be asked (RPC); else its next start does.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { type PackageManifest, readPackage } from "../kernel/index.ts";
import { canonicalId, KernelError, OptionError, PackageId, textOf } from "../lib/protocol/index.ts";
import { filesOf } from "./dev-files.ts";
import { readOptions } from "./options.ts";
import { type Described, describePackage } from "./package-shown.ts";
import { type Installed, PackageStore } from "./package-store.ts";
import { PACKAGES } from "./packages-process.ts";
import { type Env, NODE_OPTIONS, NoAnswerError, type NodeAt, nodeAt, question, SendRefusedError } from "./rpc.ts";
import { clock, inOneLine, type Output, table } from "./terminal.ts";
import { PACKAGE_LIMITS, type PackedFile, readTgz } from "./tgz.ts";

const NPM_OUTPUT = 4096; // characters of what npm says when it fails: its end
const OWN_PACKAGES: readonly string[] = ["homepage:sys", "dev:sys"]; // distro:sys is refused in any manifest
const ID_MAX = 200; // characters: its folder has a number behind it, and file systems take 255
const SECONDS = 15; // until a running node has changed: it waits for the message in hand and the farewell

export const INSTALL_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  yes: { value: "", help: "install: does not ask; needed where nobody can answer" },
};

export type InstallCommand = "install" | "remove" | "list";

/** Who is asked before anything changes; null: nobody is there. */
export type Ask = ((question: string) => Promise<boolean>) | null;

/** The package is not as it must be, or was not wanted. */
export class InstallError extends KernelError {
  override readonly name = "InstallError";
}

/** @param args what stands behind `command` @throws {OptionError} @throws {InstallError} @throws {PackageError} @throws {TgzError} */
export async function packages(
  command: InstallCommand,
  args: readonly string[],
  env: Env,
  output: Output,
  ask: Ask,
): Promise<void> {
  const { subject, store, node, isYes, isJson } = readArgs(command, args, env);
  try {
    if (command === "list") list(store, isJson, output);
    else await change(command, subject, store, node, isYes, output, ask);
  } catch (error) {
    if (error instanceof KernelError || typeof Object(error).syscall !== "string") throw error;
    const what = subject === "" ? store.folder : subject;
    throw new InstallError("disk", `Cannot ${command} "${what}" as the system refuses it: ${textOf(error)}`, {
      cause: error,
    });
  }
}

async function change(
  command: "install" | "remove",
  subject: string,
  store: PackageStore,
  node: NodeAt,
  isYes: boolean,
  output: Output,
  ask: Ask,
): Promise<void> {
  const say = (line: string): void => output.print(`${line}\n`);
  if (command === "remove") return await remove(subject, store, node, say);
  const staged = store.stage();
  try {
    const described = await putTogether(subject, staged, store);
    say(described.text);
    await consent(described, isYes, ask);
    if (described.dependencies.length > 0) await npmInstall(staged, described.dependencies);
    const installed = store.commit(staged, described.id);
    store.link();
    say(`Installed ${described.id}. ${await tellNode("Changed", installed.id, store, node)}`);
  } finally {
    store.discard(staged);
  }
}

type Wanted = {
  readonly subject: string;
  readonly store: PackageStore;
  readonly node: NodeAt;
  readonly isYes: boolean;
  readonly isJson: boolean;
};

type Given = { readonly [Name in "node-url" | "token" | "data" | "node" | "config"]?: string } & {
  readonly yes?: boolean;
  readonly json?: boolean;
};

const USAGE = { install: "install FOLDER|TGZ", remove: "remove PACKAGE:PUBLISHER", list: "list" } as const;

function readArgs(command: InstallCommand, args: readonly string[], env: Env): Wanted {
  const { values, positionals } = parse(command, args);
  if (positionals.length !== (command === "list" ? 0 : 1))
    throw new OptionError(
      `Cannot ${command} as it must be jackfield ${USAGE[command]}: got ${positionals.length} arguments`,
    );
  const own = ["data", "node", "config"] as const;
  const options = readOptions(
    own.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]])),
    env,
  );
  return {
    subject: positionals[0] ?? "",
    store: new PackageStore(join(options.data, options.node, "packages")), // as data-folder.ts has it
    node: nodeAt(values, env),
    isYes: values.yes === true,
    isJson: values.json === true,
  };
}

function parse(command: InstallCommand, args: readonly string[]): { values: Given; positionals: string[] } {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const name of [...Object.keys(NODE_OPTIONS), "data", "node", "config"]) options[name] = { type: "string" };
  if (command === "install") options.yes = { type: "boolean", short: "y" };
  if (command === "list") options.json = { type: "boolean" };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values: values as Given, positionals }; // each is of its option's type
  } catch (cause) {
    const why = `the command line is not understood: ${textOf(cause)}. See jackfield --help`;
    throw new OptionError(`Cannot ${command} as ${why}`, { cause });
  }
}

/** Writes what is to be installed into `staged`. @returns what a person is to say yes to */
async function putTogether(subject: string, staged: string, store: PackageStore): Promise<Described> {
  const stat = statSync(subject, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new InstallError("not_there", `Cannot install "${subject}" as there is no such folder or .tgz`);
  if (!stat.isDirectory() && (!stat.isFile() || stat.size > PACKAGE_LIMITS.bytes)) {
    const most = `${PACKAGE_LIMITS.bytes / 1024 / 1024} MiB`;
    throw new InstallError(
      "not_there",
      `Cannot install "${subject}" as it is no folder, nor a file of at most ${most}`,
    );
  }
  const files = stat.isDirectory() ? readFolder(resolve(subject)) : readTgz(readFileSync(subject), subject);
  for (const { path, bytes } of files) {
    if (path.toLowerCase() === ".npmrc") continue; // npm would obey it, and it may name programs to run
    const target = join(staged, ...path.split("/"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes, { flag: "wx", mode: 0o644 }); // wx: never over another, whatever the system takes for equal
  }
  try {
    const manifest = readPackage(staged);
    assertFree(manifest);
    const before = store.get(new PackageId(manifest.name, manifest.publisher).text);
    return describePackage(manifest, staged, subject, before);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // The folder it names is gone by the time this is read.
    const text = error.message.replaceAll(resolve(staged), subject).replace("Cannot load package", "Cannot install");
    const hint = /has no file/.test(text) && stat.isDirectory() ? ": build it first, e.g. npm run build" : "";
    throw new InstallError(error.code, `${text}${hint}`, { cause: error });
  }
}

/** What a start would refuse. */
function assertFree({ name, publisher, processes }: PackageManifest): void {
  const id = new PackageId(name, publisher).text;
  const taken = OWN_PACKAGES.includes(id)
    ? id
    : processes.find((each) => canonicalId(each.id.text) !== each.id.text)?.id.text;
  if (taken !== undefined)
    throw new InstallError("name_taken", `Cannot install "${id}" as "${taken}" is the node's own: choose another name`);
  if (id.length > ID_MAX)
    throw new InstallError(
      "bad_name",
      `Cannot install "${id}" as its name and publisher have more than ${ID_MAX} letters`,
    );
}

/** Without node_modules, and what begins with a dot. */
function readFolder(folder: string): readonly PackedFile[] {
  const root = realpathSync.native(folder) + sep;
  let bytesLeft: number = PACKAGE_LIMITS.bytes;
  return [...filesOf(folder)].map(([path, { size }]) => {
    const real = realpathSync.native(join(folder, path));
    if (!real.startsWith(root))
      throw new InstallError("bad_folder", `Cannot install "${folder}" as "${path}" leads out of it: replace the link`);
    bytesLeft -= size;
    if (bytesLeft < 0) {
      const most = `${PACKAGE_LIMITS.bytes / 1024 / 1024} MiB`;
      throw new InstallError(
        "bad_folder",
        `Cannot install "${folder}" as it holds more than ${most}: leave something out`,
      );
    }
    return { path, bytes: readFileSync(real) };
  });
}

async function consent(described: Described, isYes: boolean, ask: Ask): Promise<void> {
  if (isYes) return;
  if (ask === null)
    throw new OptionError(
      `Cannot install "${described.id}" as nobody is here to say yes: read what it asks for above, and say --yes`,
    );
  if (!(await ask(`Install ${described.id}? [y/N] `)))
    throw new InstallError("declined", `Not installed: "${described.id}". Nothing was changed`);
}

/** What it needs besides Jackfield, from npm; none of their scripts, which could do anything, runs. */
async function npmInstall(staged: string, dependencies: readonly (readonly [string, string])[]): Promise<void> {
  const file = join(staged, "package.json");
  const original = readFileSync(file);
  const { name, version, type } = JSON.parse(original.toString()) as Readonly<Record<string, unknown>>;
  // Of dependencies alone: `jackfield` is the node's own, and what is for development is for development.
  writeFileSync(file, JSON.stringify({ name, version, type, dependencies: Object.fromEntries(dependencies) }));
  const args = ["--omit=dev", "--omit=peer", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  const failed = await run(["npm", "install", ...args].join(" "), staged);
  if (failed !== undefined)
    throw new InstallError("no_dependencies", `Cannot install what the package needs as npm failed: ${failed}`);
  writeFileSync(file, original);
}

/** @param command nothing of a package's is in it @returns why it failed */
function run(command: string, cwd: string): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(command, { cwd, shell: true, stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      text = (text + piece).slice(-NPM_OUTPUT);
    });
    child.once("error", (error) => done(error.message));
    child.once("close", (code) => done(code === 0 ? undefined : text.trim() || `it ended with ${code}`));
  });
}

async function remove(subject: string, store: PackageStore, node: NodeAt, say: (line: string) => void): Promise<void> {
  const id = PackageId.parse(subject).text;
  if (store.get(id) === undefined) {
    const known = store.list().map((each) => each.id);
    const way = known.length === 0 ? "nothing is installed" : `installed are ${known.join(", ")}`;
    throw new InstallError("not_installed", `Cannot remove "${id}" as it is not installed: ${way}`);
  }
  store.remove(id);
  say(`Removed ${id}. ${await tellNode("Removed", id, store, node)}`);
}

/** @returns what came of it, in a sentence */
async function tellNode(what: "Changed" | "Removed", id: string, store: PackageStore, node: NodeAt): Promise<string> {
  const later =
    what === "Changed" ? "The next start of the node runs it" : "A node that runs it goes on until it is stopped";
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = Object(
      await question(node, PACKAGES, { [what]: { id, folder: store.folder } }, `tell ${PACKAGES}`, SECONDS),
    );
  } catch (error) {
    if (error instanceof SendRefusedError && error.code === "unreachable") return `${later}.`;
    if (error instanceof NoAnswerError && error.code === "Offline")
      return `${later}: the one at ${node.url.origin} has none that are installed (--memory, or jackfield dev).`;
    return `${later}: the one that answers at ${node.url.origin} was not told (${textOf(error)}).`;
  }
  if ("Runs" in answer) return "The running node has changed to it.";
  if ("Removed" in answer) return "The running node has ended it.";
  switch (answer.Err) {
    case "NotThere":
      return "The running node did not run it.";
    case "OtherFolder":
      return `${later}: the one at ${node.url.origin} keeps its packages in ${String(answer.message)}.`;
    case "GivenByHand":
      return `The running node goes on with ${String(answer.message)}, which it was started with (--package).`;
    default:
      return `The running node could NOT change to it, and goes on as before: ${String(answer.message)}`;
  }
}

function list(store: PackageStore, isJson: boolean, output: Output): void {
  const all = store.list().map((each) => ({ ...each, ...stateOf(each) }));
  if (isJson) return void output.print(`${JSON.stringify(all)}\n`);
  if (all.length === 0) return void output.print(`none, in ${store.folder}\n`);
  const columns = [{ head: "PACKAGE" }, { head: "VERSION" }, { head: "INSTALLED" }, { head: "PROCESSES" }];
  const rows = all.map(({ id, version, at, processes, problem }) => [
    id,
    inOneLine(version ?? "-"),
    clock(at),
    problem === null ? processes.join(", ") : { text: `DAMAGED: ${inOneLine(problem)}`, colour: "red" as const },
  ]);
  output.print(table(columns, rows, output));
}

function stateOf({ folder }: Installed): { readonly processes: readonly string[]; readonly problem: string | null } {
  try {
    return { processes: readPackage(folder).processes.map(({ id }) => id.text), problem: null };
  } catch (error) {
    return { processes: [], problem: textOf(error) };
  }
}
