/**
 * The packages that were installed on a node: `<data>/<node>/packages/`, a folder for each.
 *
 *   chess@template.os~3/           the third that was installed under that name; the highest counts
 *   node_modules/jackfield         leads to the Jackfield that runs: what packages import
 *   .new-<pid>-…                   one that is being installed
 *   .removed-chess@template.os     it was removed, and the node has not forgotten yet what it was given while it ran
 *
 * 1. A version comes by one rename, and goes by one: whoever looks sees all of it or nothing.
 * 2. Each version has a folder of its own, as Node keeps what it once read of a file. Older ones are removed by the node
 *    that no longer runs them: when it starts, or has changed to the newer one.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fromPackageRoot } from "../http-server/index.ts";
import { randomId } from "../kernel/index.ts";
import { isRunning } from "./pids.ts";

export type Installed = {
  /** `package:publisher` */
  readonly id: string;
  readonly folder: string;
  readonly number: number;
  /** Of its package.json; null: it says none. */
  readonly version: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
};

const NAME = /^([a-z0-9_-]+)@([a-z0-9._-]+)~(\d+)$/;
const REMOVED = /^\.removed-([a-z0-9_-]+)@([a-z0-9._-]+)$/;

export class PackageStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  /** The newest of each, by name. */
  list(): readonly Installed[] {
    return newestOf(this.#all());
  }

  get(id: string): Installed | undefined {
    return this.list().find((each) => each.id === id);
  }

  /** A new folder to put a package together in. */
  stage(): string {
    const folder = join(this.folder, `.new-${process.pid}-${randomId()}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** What stands in `staged` is from now on the newest of its name. */
  commit(staged: string, id: string): Installed {
    const [name = "", publisher = ""] = id.split(":");
    const numbers = this.#all()
      .filter((each) => each.id === id)
      .map(({ number }) => number);
    for (let number = Math.max(0, ...numbers) + 1; ; number++) {
      const folder = join(this.folder, `${name}@${publisher}~${number}`);
      try {
        renameSync(staged, folder);
      } catch (error) {
        if (existsSync(staged) && existsSync(folder)) continue; // another install was faster: this one is the newer
        throw error;
      }
      return { id, folder, number, version: versionOf(folder), at: Date.now() };
    }
  }

  discard(staged: string): void {
    rmSync(staged, { recursive: true, force: true });
  }

  /** @returns false: there is none */
  remove(id: string): boolean {
    const all = this.#all().filter((each) => each.id === id);
    if (all.length > 0) writeFileSync(this.#mark(id), ""); // first: nothing must be gone that is remembered for ever
    // The oldest first: one that cannot be removed must not bring an older one back.
    for (const { folder } of [...all].sort((a, b) => a.number - b.number)) {
      const gone = join(this.folder, `.new-0-${randomId()}`); // as something left over: nobody runs under 0
      renameSync(folder, gone);
      rmSync(gone, { recursive: true, force: true });
    }
    return all.length > 0;
  }

  /** Which were removed, and are yet to be forgotten by the node. */
  removed(): readonly string[] {
    return namesIn(this.folder).flatMap((entry) => {
      const [, name, publisher] = REMOVED.exec(entry) ?? [];
      return name === undefined ? [] : [`${name}:${publisher}`];
    });
  }

  /** The node has, for good. */
  forgotten(id: string): void {
    rmSync(this.#mark(id), { force: true });
  }

  #mark(id: string): string {
    return join(this.folder, `.removed-${id.replace(":", "@")}`);
  }

  /** Removes what was left over, and versions before the newest. Only for the node that runs them. */
  tidy(id?: string): void {
    const all = this.#all(); // once: of two looks, the second may see a version that the first did not
    const newest = new Set(newestOf(all).map(({ folder }) => folder));
    for (const each of all)
      if (!newest.has(each.folder) && (id === undefined || each.id === id)) this.discard(each.folder);
    for (const name of namesIn(this.folder)) {
      const [, pid] = /^\.new-(\d+)-/.exec(name) ?? [];
      if (pid !== undefined && (pid === "0" || !isRunning(Number(pid)))) this.discard(join(this.folder, name));
    }
  }

  /** Makes `jackfield` stand where packages find it: this one, wherever it is installed. */
  link(): void {
    const wanted = resolve(fromPackageRoot("."));
    const link = join(this.folder, "node_modules/jackfield");
    try {
      if (lstatSync(link).isSymbolicLink() && resolve(readlinkSync(link)) === wanted) return;
      unlinkSync(link);
    } catch {
      // there is none
    }
    mkdirSync(join(this.folder, "node_modules"), { recursive: true });
    symlinkSync(wanted, link, "junction"); // Windows: needs no right of its own
  }

  #all(): readonly Installed[] {
    return namesIn(this.folder).flatMap((entry) => {
      const [, name, publisher, number] = NAME.exec(entry) ?? [];
      if (name === undefined || publisher === undefined) return [];
      const folder = join(this.folder, entry);
      const at = statSync(folder, { throwIfNoEntry: false })?.ctimeMs ?? 0;
      return [{ id: `${name}:${publisher}`, folder, number: Number(number), version: versionOf(folder), at }];
    });
  }
}

function newestOf(all: readonly Installed[]): readonly Installed[] {
  const newest = new Map<string, Installed>();
  for (const each of all) {
    const known = newest.get(each.id);
    if (known === undefined || known.number < each.number) newest.set(each.id, each);
  }
  return [...newest.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (Object(error).code === "ENOENT") return []; // nothing was ever installed
    throw error;
  }
}

function versionOf(folder: string): string | null {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version?: unknown };
    return typeof version === "string" ? version : null;
  } catch {
    return null;
  }
}
