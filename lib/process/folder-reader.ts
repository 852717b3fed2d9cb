/**
 * Reads a folder of a few files at once, and a large one, or one on a slow disk, without holding up the node.
 *
 * 1. By Node's threads each file takes four turns, however small, and the threads 1.2 ms when nobody had them before: the
 *    packages of a start took half as long again for its 13 files (docs/adr/0041).
 * 2. So it is read on the spot, as the package's manifest was a moment ago, until that took AT_ONCE_MS together; what is
 *    left then goes by the threads.
 */
import {
  type Dirent,
  readdir as readdirOf,
  readdirSync,
  readFile as readFileOf,
  readFileSync,
  realpath as realpathOf,
  realpathSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../protocol/index.ts";

// Not node:fs/promises: nothing else of a start loads it, and it takes 1 ms. Nor all of node:fs: its names alone take 0.2.
const readdir = promisify(readdirOf);
const readFile = promisify(readFileOf);
const realpath = promisify(realpathOf.native);

const AT_ONCE_MS = 5; // some fifty files that the system has in memory

/** One for each folder. */
export class FolderReader {
  #left: number;

  /** @param atOnce how many milliseconds it may take on the spot */
  constructor(atOnce: number = AT_ONCE_MS) {
    this.#left = atOnce;
  }

  async realpath(path: string): Promise<string> {
    return await this.#read(
      () => realpathSync.native(path),
      () => realpath(path),
    );
  }

  async readFile(file: string): Promise<Buffer> {
    return await this.#read(
      () => readFileSync(file),
      () => readFile(file),
    );
  }

  /** In the folder, and in those inside it; links are left out. */
  async filesIn(folder: string): Promise<readonly string[]> {
    const files: string[] = [];
    for (const entry of await this.#entries(folder)) {
      const path = join(folder, entry.name);
      if (entry.isFile()) files.push(path);
      else if (entry.isDirectory()) files.push(...(await this.filesIn(path)));
    }
    return files;
  }

  async #entries(folder: string): Promise<readonly Dirent[]> {
    const options = { withFileTypes: true } as const;
    return await this.#read(
      () => readdirSync(folder, options),
      () => readdir(folder, options),
    );
  }

  async #read<Result>(atOnce: () => Result, later: () => Promise<Result>): Promise<Result> {
    if (this.#left <= 0) return await later();
    const started = systemClock.monotonic();
    try {
      return atOnce();
    } finally {
      this.#left -= systemClock.monotonic() - started;
    }
  }
}
