/**
 * The files of a package while it is worked on: what there is, and when something of it changes.
 *
 * 1. Not looked at: node_modules, what begins with a dot, and the data folder where it stands in between. Of no matter
 *    when it changes: *.log, in which a person may keep what this prints.
 * 2. What counts is that a file is another than before (size, time, inode): how an editor writes it, in place or by
 *    renaming, makes no difference. fs.watch only says when to look; where it says nothing (some network and container
 *    volumes), a look each POLL_MS finds it.
 * 3. A burst of changes is one: it is over when nothing has happened for QUIET_MS.
 */
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { KernelError } from "../lib/protocol/index.ts";

const POLL_MS = 1000;
const QUIET_MS = 80; // ms: what writing a few files takes; a person does not notice it
const FILES_MAX = 5000; // files: a look at 4,900 took 27 ms, and there is one each second
const DEPTH_MAX = 32; // folders: a link that leads to a folder above ends here

/** What a file was when it was looked at, by its path from the folder, with "/". */
export type Files = ReadonlyMap<string, { readonly stamp: string; readonly size: number }>;

/** @param apart a folder that is none of the package's @throws {KernelError} too many files */
export function filesOf(folder: string, apart: string | null = null): Files {
  const files = new Map<string, { stamp: string; size: number }>();
  const walk = (path: string, depth: number): void => {
    for (const name of namesIn(join(folder, path))) {
      if (name === "node_modules" || name.startsWith(".")) continue;
      const relative = path === "" ? name : `${path}/${name}`;
      const full = join(folder, relative);
      if (full === apart) continue;
      const found = statSync(full, { throwIfNoEntry: false });
      if (found?.isDirectory() === true && depth < DEPTH_MAX) walk(relative, depth + 1);
      if (found?.isFile() !== true) continue;
      files.set(relative, { stamp: `${found.size} ${found.mtimeMs} ${found.ino}`, size: found.size });
      if (files.size > FILES_MAX)
        throw new KernelError(
          "too_many_files",
          `Cannot take "${folder}" for a package as it holds more than ${FILES_MAX} files besides node_modules: put the package in a folder of its own`,
        );
    }
  };
  walk("", 0);
  return files;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone since it was seen
  }
}

export class Watcher {
  readonly #look: () => Files;
  readonly #changed: () => void;
  readonly #folder: string;
  readonly #watched = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #before: Files;
  #soon: NodeJS.Timeout | null = null;

  /** @param look what counts of `folder` @param changed called after each burst */
  constructor(folder: string, look: () => Files, changed: () => void) {
    this.#folder = folder;
    this.#look = look;
    this.#changed = changed;
    this.#before = look();
    this.#watch();
    this.#poll = setInterval(() => this.#soon === null && this.#compare(), POLL_MS).unref();
  }

  close(): void {
    clearInterval(this.#poll);
    if (this.#soon !== null) clearTimeout(this.#soon);
    for (const watcher of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #compare(): void {
    let now: Files;
    try {
      now = this.#look();
    } catch {
      return; // too many meanwhile: said when it is copied
    }
    if (isSame(this.#before, now)) return;
    this.#before = now;
    this.#watch();
    this.#changed();
  }

  /** One watcher for each folder that holds something: watching recursively would include node_modules. */
  #watch(): void {
    const folders = new Set([this.#folder]);
    for (const file of this.#before.keys())
      for (let path = dirname(file); path !== "."; path = dirname(path)) folders.add(join(this.#folder, path));
    for (const [folder, watcher] of this.#watched) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watched.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watched.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#wait());
        watcher.on("error", () => this.#forget(folder)); // it was removed
        this.#watched.set(folder, watcher);
      } catch {
        // gone already, or the system has no watches left: see rule 2
      }
    }
  }

  #forget(folder: string): void {
    this.#watched.get(folder)?.close();
    this.#watched.delete(folder);
  }

  #wait(): void {
    if (this.#soon !== null) clearTimeout(this.#soon);
    this.#soon = setTimeout(() => {
      this.#soon = null;
      this.#compare();
    }, QUIET_MS);
  }
}

function isSame(a: Files, b: Files): boolean {
  if (a.size !== b.size) return false;
  for (const [path, { stamp }] of a) if (!path.endsWith(".log") && b.get(path)?.stamp !== stamp) return false;
  return true;
}
