/**
 * A folder for each version of a package while it is worked on: Node keeps what it once read of a module, with all that
 * this imports, by its path. So each version is a copy, in `.jackfield-dev/` inside the package, where node_modules is
 * found as from the package itself.
 *
 * 1. The version before is kept: it may have to run again. Older ones are removed, and all of them in the end.
 * 2. Each run has a folder of its own, by its process id; what a run left behind that was cut down is removed by the next.
 */
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Files } from "./dev-files.ts";
import { isRunning } from "./pids.ts";

const NAME = ".jackfield-dev";
const LINK_FROM = 1024 * 1024; // bytes: what is larger is no code, and is linked instead of copied

export class Versions {
  readonly #folder: string;
  readonly #own: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#own = join(folder, NAME, String(process.pid));
    this.#removeLeftOvers();
  }

  /** @returns the folder of the copy */
  add(files: Files): string {
    const version = join(this.#own, String(++this.#count));
    mkdirSync(version, { recursive: true });
    writeFileSync(join(this.#folder, NAME, ".gitignore"), "*\n");
    for (const [path, { size }] of files) {
      const [from, to] = [join(this.#folder, path), join(version, path)];
      mkdirSync(dirname(to), { recursive: true });
      if (size > LINK_FROM && isLinked(from, to)) continue;
      copyFileSync(from, to);
    }
    return version;
  }

  /** Removes all but these. */
  keep(versions: readonly (string | undefined)[]): void {
    for (const name of readdirSync(this.#own)) {
      const version = join(this.#own, name);
      if (!versions.includes(version)) rmSync(version, { recursive: true, force: true });
    }
  }

  removeAll(): void {
    rmSync(this.#own, { recursive: true, force: true });
    this.#removeLeftOvers();
  }

  /** `text` with the package's own paths in place of those of a copy, and without the calls of a stack that are Jackfield's. */
  spelled(text: string): string {
    const own = new RegExp(`${escaped(this.#own)}[/\\\\]\\d+`, "g");
    return text.replaceAll(own, this.#folder).replaceAll(/\n {4}at [^\n]*[/\\]bin[/\\]core\.cjs:[^\n]*/g, "");
  }

  #removeLeftOvers(): void {
    const all = join(this.#folder, NAME);
    try {
      const names = readdirSync(all).filter((name) => /^\d+$/.test(name));
      for (const name of names) if (!isRunning(Number(name))) rmSync(join(all, name), { recursive: true, force: true });
      if (readdirSync(all).every((name) => name === ".gitignore")) rmSync(all, { recursive: true, force: true });
    } catch {
      // there are none
    }
  }
}

function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false; // on another disk, or a file system without links
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
