/**
 * The command line as a person runs it: dist/bin/jackfield.js in a process of its own (`npm test` builds it first).
 *
 *   afterEach(endJackfields);
 *   const { code, stderr } = await run("strat").ended;
 *   const node = await startNode({ args: ["--memory", "--password", "correct horse"] });
 *   await node.stop();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { askHttp } from "./http-client.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COMMAND = join(ROOT, "dist/bin/jackfield.js");

export type RunOptions = {
  /** Left out: the one that was built here. */
  readonly command?: string;
  readonly args?: readonly string[];
  /** Left out: an empty folder, where it finds no config file and leaves nothing behind. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What `ulimit -f` takes: no file of it may grow beyond, as on a disk that is full. Left out: any may. */
  readonly fileBlocks?: number;
};

export type Ended = {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export class Jackfield {
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  #over = false;
  #wake: () => void = () => undefined;

  constructor({ command = COMMAND, args = [], cwd = temporaryFolder(), env = {}, fileBlocks }: RunOptions) {
    const { PATH = "", HOME = "" } = process.env; // nothing else: a JACKFIELD_… of whoever runs the tests is no part of them
    const node = [process.execPath, command, ...args];
    const [file = "", ...rest] =
      fileBlocks === undefined ? node : ["sh", "-c", 'ulimit -f "$0"; exec "$@"', String(fileBlocks), ...node];
    const child = spawn(file, rest, { cwd, env: { PATH, HOME, ...env } });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        this.#over = true;
        running.delete(this);
        this.#wake();
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    running.add(this);
  }

  /** Waits for `pattern` in what it prints. @throws {Error} it ended before */
  async printed(pattern: RegExp): Promise<readonly string[]> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found !== null) return found;
      if (this.#over) throw new Error(`it ended before it printed ${pattern}:\n${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

const running = new Set<Jackfield>();
const folders = new Set<string>();

/** One command with its arguments. */
export function run(...args: readonly string[]): Jackfield {
  return new Jackfield({ args });
}

/** Ends every command of the test, however it stands, and removes its folders: for afterEach. */
export async function endJackfields(): Promise<void> {
  const ending = [...running];
  for (const command of ending) command.kill("SIGKILL");
  for (const { ended } of ending) await ended;
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  folders.clear();
}

/** Removed by `endJackfields`. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "jackfield-test-")));
  folders.add(folder);
  return folder;
}

/**
 * A user's package outside of this repository, made of `files`. @returns its folder, removed by `endJackfields`
 *
 * Its files import "jackfield/process". Node looks for that from the file upwards, so the package's folder, or one above
 * it, needs jackfield in its node_modules: `npm install jackfield`, or `npm install <checkout>`, which makes the link made here.
 */
export function writePackage(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/jackfield"), "dir");
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A manifest of one process, `hello:my-app:me.os` in `hello.js`, which may use the http-server. */
export function manifest(fields: Readonly<Record<string, unknown>> = {}): string {
  const http = ["http-server:distro:sys"];
  const hello = { process_name: "hello", file: "hello.js", on_exit: "Restart" };
  const processes = [{ ...hello, request_capabilities: http, grant_capabilities: http }];
  return JSON.stringify({ package: "my-app", publisher: "me.os", processes, ...fields });
}

/**
 * A port nobody listens on now. For a node that restarts: a port it got for 0 cannot be had again for a minute where
 * clients were on it, as uWebSockets.js sets SO_REUSEADDR only on a port it was given.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export type RunningNode = {
  readonly command: Jackfield;
  /** As printed: `http://localhost:8080/`. */
  readonly url: string;
  readonly port: number;
  /** Ends it as Ctrl-C does. */
  stop(): Promise<Ended>;
};

/** `jackfield start` on any free port, unless `args` name one; returns when it runs. @throws {Error} it did not start */
export async function startNode({ args = [], ...options }: RunOptions = {}): Promise<RunningNode> {
  const port = args.includes("--port") ? [] : ["--port", "0"];
  const command = new Jackfield({ ...options, args: ["start", ...port, ...args] });
  const [, url = ""] = await command.printed(/runs on (https?:\S+\/)\n[\s\S]*Ctrl-C\n/);
  const stop = (): Promise<Ended> => {
    command.kill("SIGINT");
    return command.ended;
  };
  return { command, url, port: Number(new URL(url).port), stop };
}

/** @returns a Cookie header for who knows the password @throws {Error} it is not the password */
export async function logIn(port: number, password: string): Promise<string> {
  const body = JSON.stringify({ password });
  const { status, setCookies } = await askHttp(port, { method: "POST", path: "/login", body });
  if (status !== 200) throw new Error(`the login was refused: ${status}`);
  return setCookies.map((cookie) => cookie.slice(0, cookie.indexOf(";"))).join("; ");
}
