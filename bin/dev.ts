/**
 * `jackfield dev [FOLDER…]`: runs packages while they are worked on. On each change: build → copy → load → the processes
 * begin anew with their state and their channels → their pages load anew.
 *
 * 1. What does not build, load or get through its init is shown in the terminal and on the page, and the version before
 *    goes on. Without one before, the node runs without the package until it is mended.
 * 2. One turn at a time for each package; what changes meanwhile gets one more.
 * 3. What the build makes is not watched: the folder in which the manifest has its files (`dist` of `dist/app.js`), and
 *    any `x.js` beside an `x.ts`.
 */
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CrashReport, KernelEvent, KernelListener, Node, Package } from "../kernel/index.ts";
import { KernelError, OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";
import { Build, buildScript } from "./dev-build.ts";
import { type Files, filesOf, Watcher } from "./dev-files.ts";
import { DEV, DevPages } from "./dev-page.ts";
import { Versions } from "./dev-versions.ts";
import { type StartOptions, startFlags } from "./options.ts";

const INIT_MAX = 5000; // ms: as long as a start waits for inits
const INIT_POLL = 5; // ms

export const DEV_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  build: {
    value: "COMMAND",
    help: 'run before each load; left out: the script "build" of its package.json; "": nothing',
  },
};

export type DevArgs = {
  readonly folders: readonly string[];
  /** undefined: each package's own. */
  readonly build: string | undefined;
  /** What is left: the options of start. */
  readonly rest: readonly string[];
};

/** Folders and --build, and what is not of dev alone. */
export function readDevArgs(args: readonly string[]): DevArgs {
  const options = { ...startFlags(), build: { type: "string" } as const };
  let tokens: readonly {
    readonly kind: string;
    readonly name?: string;
    readonly value?: unknown;
    readonly index: number;
  }[];
  try {
    ({ tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true, tokens: true }));
  } catch (cause) {
    throw new OptionError(
      `Cannot start as the command line is not understood: ${textOf(cause)}. See jackfield --help`,
      { cause },
    );
  }
  const folders: string[] = [];
  const taken = new Set<number>();
  let build: string | undefined;
  for (const { kind, name, value, index } of tokens) {
    if (kind === "positional") {
      folders.push(String(value));
      taken.add(index);
    } else if (kind === "option" && name === "build") {
      build = String(value);
      taken.add(index);
      if (args[index] === "--build") taken.add(index + 1); // not --build=…
    }
  }
  return { folders, build, rest: args.filter((_, index) => !taken.has(index)) };
}

export type DevOutput = { say(line: string): void; warn(line: string): void };

export class Dev {
  readonly pages: DevPages = new DevPages();
  readonly #packages: readonly DevPackage[];

  constructor(args: DevArgs, options: StartOptions, output: DevOutput) {
    const named = [...args.folders, ...options.package];
    const folders = [...new Set((named.length > 0 ? named : ["."]).map((folder) => resolve(folder)))];
    const data = options.memory ? null : resolve(options.data);
    this.#packages = folders.map(
      (folder) => new DevPackage({ folder, data, build: args.build ?? buildScript(folder), pages: this.pages, output }),
    );
  }

  /** What a person should read of an event; undefined: nothing. */
  heard(report: KernelListener): KernelListener {
    return (event) => {
      const shown = this.#packages.reduce<KernelEvent | undefined>((left, each) => left && each.heard(left), event);
      if (shown !== undefined) report(shown);
    };
  }

  /** Adds what runs, and watches. */
  async start(node: Node): Promise<void> {
    const http = ["http-server:distro:sys"];
    node.addProcess(ProcessId.parse(DEV), this.pages.program, {
      onExit: "Restart",
      requestCapabilities: http,
      grantCapabilities: http,
    });
    node.onStop(() => this.#stop());
    for (const each of this.#packages) await each.start(node);
  }

  /** A line for each package: what it is called, and where its first page may be. */
  lines(url: string): readonly string[] {
    return this.#packages.map((each) => each.line(url));
  }

  async #stop(): Promise<void> {
    for (const each of this.#packages) await each.stop();
  }
}

type Parts = {
  readonly folder: string;
  /** Where the node keeps its data; null: nowhere. */
  readonly data: string | null;
  readonly build: string;
  readonly pages: DevPages;
  readonly output: DevOutput;
};

class DevPackage {
  readonly #parts: Parts;
  readonly #build: Build;
  readonly #versions: Versions;
  #node: Node | null = null;
  #watcher: Watcher | null = null;
  #good: { readonly package: Package; readonly folder: string } | null = null;
  #outputs: ReadonlySet<string> = new Set();
  #turn: Promise<void> | null = null;
  #isAgain = false;
  #isStopped = false;
  #crashes: CrashReport[] = []; // of inits, in this turn
  #count = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#build = new Build(parts.folder, parts.build);
    this.#versions = new Versions(parts.folder);
  }

  async start(node: Node): Promise<void> {
    this.#node = node;
    this.#readOutputs();
    const { folder } = this.#parts;
    this.#watcher = new Watcher(
      folder,
      () => this.#sources(),
      () => this.#changed(),
    );
    this.#changed();
    await this.#turn;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#build.stop();
    await this.#turn;
    this.#versions.removeAll();
  }

  line(url: string): string {
    const name = this.#name().padEnd(13);
    const [first] = this.#good?.package.processes ?? [];
    return `  ${name} ${first === undefined ? "does not run yet: see above" : `${url}${first.id.text}/`}`;
  }

  heard(event: KernelEvent): KernelEvent | undefined {
    const isOurs = (process: string): boolean => process.endsWith(`:${this.#id()}`);
    if (event.type === "process-restarting") return this.#turn !== null && isOurs(event.process) ? undefined : event;
    if (event.type !== "process-crashed" || !isOurs(event.report.process)) return event;
    const { stack, error } = event.report;
    const report = {
      ...event.report,
      error: this.#versions.spelled(error),
      stack: stack === null ? null : this.#versions.spelled(stack),
    };
    const isInit = this.#node?.kernel.registry.get(ProcessId.parse(report.process))?.state === "starting";
    if (this.#turn !== null && isInit) {
      this.#crashes.push(report); // said once, as what is wrong with this version
      return undefined;
    }
    this.#tell(`${report.process} crashed: ${report.stack ?? report.error}`);
    return { ...event, report };
  }

  #changed(): void {
    this.#isAgain = true;
    this.#turn ??= this.#turns().finally(() => {
      this.#turn = null;
    });
  }

  async #turns(): Promise<void> {
    while (this.#isAgain && !this.#isStopped) {
      this.#isAgain = false;
      const began = performance.now();
      const wasGood = this.#good !== null;
      const problem = await this.#once();
      if (this.#isStopped) return;
      if (problem !== undefined) {
        const goesOn = this.#good === null ? "" : "\nThe version before goes on.";
        this.#parts.output.warn(`${this.#name()}: ${problem}${goesOn}`);
        this.#tell(problem);
      } else {
        this.#count++;
        this.#tell(null);
        if (wasGood) this.#parts.output.say(`${this.#name()} runs anew (${Math.round(performance.now() - began)} ms)`);
      }
    }
  }

  /** @returns why what there is now does not run */
  async #once(): Promise<string | undefined> {
    const failed = await this.#build.run();
    if (failed !== undefined || this.#isStopped) return failed;
    let folder: string | undefined;
    try {
      const { folder: root, data } = this.#parts;
      folder = this.#versions.add(filesOf(root, data));
      const crash = await this.#load(folder);
      if (crash !== undefined) return crash;
    } catch (error) {
      return this.#spelled(error);
    } finally {
      this.#versions.keep([folder, this.#good?.folder]);
    }
    return undefined;
  }

  /** Loads what is in `folder`; goes back to the version before when an init of it throws. @returns that throw */
  async #load(folder: string): Promise<string | undefined> {
    const node = this.#node;
    if (node === null) return undefined;
    this.#crashes = [];
    const loaded = await node.changePackage(folder);
    const [crash] = await this.#initsEnded(loaded);
    const before = this.#good;
    const isRenamed = before !== null && idOf(before.package) !== idOf(loaded);
    if (crash !== undefined && before !== null) {
      if (isRenamed) node.removePackage(idOf(loaded));
      else await node.changePackage(before.folder);
      return `${crash.process} crashed in its init: ${crash.stack ?? crash.error}`;
    }
    if (isRenamed) node.removePackage(idOf(before.package)); // its manifest calls it otherwise now
    this.#good = { package: loaded, folder };
    this.#readOutputs();
    return crash === undefined ? undefined : `${crash.process} crashed in its init: ${crash.stack ?? crash.error}`;
  }

  async #initsEnded({ processes }: Package): Promise<readonly CrashReport[]> {
    const registry = this.#node?.kernel.registry;
    const end = performance.now() + INIT_MAX;
    const isOnItsWay = (state: string | undefined): boolean => state === "starting" || state === "backoff";
    const isStarting = (): boolean => processes.some(({ id }) => isOnItsWay(registry?.get(id)?.state));
    while (this.#crashes.length === 0 && isStarting() && performance.now() < end)
      await new Promise((wake) => setTimeout(wake, INIT_POLL));
    return this.#crashes;
  }

  #tell(problem: string | null): void {
    this.#parts.pages.tell({ package: this.#id(), version: `${process.pid}.${this.#count}`, problem });
  }

  /** What a person works on, and what a change of counts. */
  #sources(): Files {
    const { folder, data } = this.#parts;
    const files = filesOf(folder, data);
    if (!this.#build.isNeeded) return files;
    const isMade = (path: string): boolean =>
      this.#outputs.has(path.split("/", 1)[0] ?? "") ||
      (/\.(js|js\.map|d\.ts)$/.test(path) && files.has(path.replace(/\.(js|js\.map|d\.ts)$/, ".ts")));
    return new Map([...files].filter(([path]) => !isMade(path)));
  }

  /** See rule 3. */
  #readOutputs(): void {
    const files = this.#manifest().processes;
    if (!Array.isArray(files)) return;
    const paths = files.map((entry: unknown) => String((entry as { file?: unknown } | null)?.file ?? ""));
    this.#outputs = new Set(
      paths.filter((path) => path !== "").map((path) => path.replace(/^\.\//, "").split("/", 1)[0] ?? ""),
    );
  }

  /** As far as it can be read. */
  #manifest(): Readonly<Record<string, unknown>> {
    try {
      return Object(JSON.parse(readFileSync(join(this.#parts.folder, "manifest.json"), "utf8")));
    } catch {
      return {};
    }
  }

  #id(): string {
    if (this.#good !== null) return idOf(this.#good.package);
    const { package: name, publisher } = this.#manifest();
    return `${String(name)}:${String(publisher)}`;
  }

  #name(): string {
    return this.#good?.package.name ?? basename(this.#parts.folder);
  }

  #spelled(error: unknown): string {
    const text = error instanceof KernelError ? error.message : String(error instanceof Error ? error.stack : error);
    return this.#versions.spelled(text);
  }
}

function idOf({ name, publisher }: Package): string {
  return `${name}:${publisher}`;
}
