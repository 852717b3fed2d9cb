/**
 * `jackfield new NAME`: a folder with a package of one's own, its page and its test, from a folder of templates/.
 *
 * 1. What is there is never overwritten: the folder must not exist. What fails leaves nothing behind.
 * 2. A template is real files. `app-name` and `publisher.os` in them become the package's; a file that npm, git or Node
 *    would act on where it lies here is stored under another name (RENAMED).
 * 3. A jackfield that is no installed one, a checkout, is named by its path: npm would not find its version.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { fromPackageRoot } from "../http-server/index.ts";
import { KernelError, OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";

export const TEMPLATES: Readonly<Record<string, string>> = {
  minimal: "a process that counts, its page and its test",
  chat: "a room for everybody, with names and a history",
  xstate: "a timer for everybody, as a state machine",
  react: "the process of minimal, with a page in React, built by Vite",
};

export const NEW_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  template: { value: "NAME", help: `${Object.keys(TEMPLATES).join(", ")}; left out: minimal` },
  publisher: { value: "NAME", help: "who publishes it, the last part of its process ids; left out: me.os" },
  jackfield: { value: "SPEC", help: "what its package.json says of jackfield; left out: the version of this one" },
};

const RENAMED: Readonly<Record<string, string>> = { "package.template.json": "package.json", gitignore: ".gitignore" };
const NAME = /^[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?$/; // a process id and an npm package both may be called so
const PUBLISHER = /^[a-z0-9]([a-z0-9.-]{0,58}[a-z0-9])?$/;

/** @param args what stands behind `new` @param folder where it is made @returns what to tell @throws {OptionError} @throws {KernelError} it exists, or cannot be written */
export function newPackage(args: readonly string[], folder: string): string {
  const { name, template, publisher, jackfield } = readArgs(args);
  const target = join(folder, name);
  try {
    mkdirSync(target);
  } catch (cause) {
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const rule = exists ? "it is there already: choose another name, or remove it first" : textOf(cause);
    throw new KernelError("not_created", `Cannot create "${target}" as ${rule}`, { cause });
  }
  try {
    const filled = (text: string): string => text.replaceAll("app-name", name).replaceAll("publisher.os", publisher);
    for (const source of ["common", template]) copy(fromPackageRoot(`templates/${source}`), target, filled);
    const file = join(target, "package.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(
      file,
      text.replace('"jackfield": "*"', `"jackfield": ${JSON.stringify(jackfield ?? ownSpec(target))}`),
    );
  } catch (cause) {
    rmSync(target, { recursive: true, force: true });
    throw new KernelError("not_created", `Cannot create "${target}" as it cannot be written: ${textOf(cause)}`, {
      cause,
    });
  }
  return `Created ${name} from the template ${template}: the process ${name}:${name}:${publisher}

  cd ${name}
  npm install
  npm test          its test
  npm run dev       runs it, and again with each change
`;
}

type Wanted = {
  readonly name: string;
  readonly template: string;
  readonly publisher: string;
  readonly jackfield: string | undefined;
};

function readArgs(args: readonly string[]): Wanted {
  const { values, positionals } = parse(args);
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0)
    throw new OptionError(
      `Cannot create a package as it must be jackfield new NAME: got ${positionals.length} arguments`,
    );
  const { template = "minimal", publisher = "me.os", jackfield } = values;
  if (!NAME.test(name))
    throw new OptionError(
      `Cannot create package ${JSON.stringify(name)} as a name has 1 to 60 letters a-z, digits and inner -: for example my-app`,
    );
  if (!PUBLISHER.test(publisher) || !new ProcessId(name, name, publisher).isSafe())
    throw new OptionError(
      `Cannot use --publisher as it must have 1 to 60 letters a-z, digits and inner . -: got ${JSON.stringify(publisher)}, leave it out for me.os`,
    );
  if (name === "distro" && publisher === "sys")
    throw new OptionError('Cannot create package "distro" as distro:sys is the node\'s own: choose another name');
  if (!Object.hasOwn(TEMPLATES, template))
    throw new OptionError(
      `Cannot use --template as it must be one of ${Object.keys(TEMPLATES).join(", ")}: got ${JSON.stringify(template)}`,
    );
  return { name, template, publisher, jackfield };
}

type Given = { readonly [Name in "template" | "publisher" | "jackfield"]?: string };

function parse(args: readonly string[]): { readonly values: Given; readonly positionals: readonly string[] } {
  const options = Object.fromEntries(Object.keys(NEW_OPTIONS).map((name) => [name, { type: "string" } as const]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    const why = `the command line is not understood: ${textOf(cause)}. See jackfield --help`;
    throw new OptionError(`Cannot create a package as ${why}`, { cause });
  }
}

function copy(from: string, to: string, filled: (text: string) => string): void {
  for (const path of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    if (!statSync(join(from, path)).isFile()) continue;
    const name = basename(path);
    const target = join(to, dirname(path), RENAMED[name] ?? name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, filled(readFileSync(join(from, path), "utf8")));
  }
}

function ownSpec(target: string): string {
  const root = fromPackageRoot(".");
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
  const isInstalled = root.split(sep).includes("node_modules");
  return isInstalled ? `^${version}` : `file:${relative(target, resolve(root)).split(sep).join("/")}`;
}
