/** What has to be run before a package can be loaded: its own build script, or what --build says. One at a time. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const OUTPUT_MAX = 64 * 1024; // characters kept of what it writes: the end, where compilers put their errors

export class Build {
  readonly #folder: string;
  readonly #command: string;
  #child: ChildProcess | null = null;

  /** @param command for the shell; empty: nothing has to be built */
  constructor(folder: string, command: string) {
    this.#folder = folder;
    this.#command = command;
  }

  get isNeeded(): boolean {
    return this.#command !== "";
  }

  /** @returns what it wrote when it failed; undefined: it is built */
  run(): Promise<string | undefined> {
    if (!this.isNeeded) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      let text = "";
      const child = spawn(this.#command, {
        cwd: this.#folder,
        shell: true,
        stdio: ["ignore", "pipe", "pipe"],
        detached: process.platform !== "win32", // a group of its own, to be ended whole
      });
      this.#child = child;
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (piece: string) => {
          text = (text + piece).slice(-OUTPUT_MAX);
        });
      const end = (why: string | undefined): void => {
        this.#child = null;
        resolve(why);
      };
      child.once("error", (error) => end(error.message));
      child.once("close", (code, signal) => {
        if (code === 0) return end(undefined);
        const how = code === null ? `was ended by ${signal}` : `ended with ${code}`;
        end(text.trim() === "" ? `${this.#command} ${how}` : text.trim());
      });
    });
  }

  /** Ends what runs. */
  stop(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child?.kill();
      else process.kill(-pid, "SIGTERM");
    } catch {
      // it has just ended
    }
  }
}

/** The command that builds the package in `folder`: the script "build" of its package.json; empty: it has none. */
export function buildScript(folder: string): string {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return "";
  try {
    const { scripts } = JSON.parse(readFileSync(file, "utf8")) as { scripts?: Readonly<Record<string, string>> };
    return typeof scripts?.build === "string" ? "npm run --silent build" : "";
  } catch {
    return ""; // whatever loads the package says what is wrong with it
  }
}
