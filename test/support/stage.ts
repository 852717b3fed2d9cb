/**
 * A node with puppets on it: processes that run in a given placement and do what a test tells them.
 *
 *   const on = await startStage(placement);
 *   const a = await on.add(A);
 *   await a.on("request", (me, message) => me.ctx.respond({ heard: message.body }));
 *   expect(await b.run((me, to) => me.ctx.request(to).body(1).sendAndAwaitResponse().then(me.seen), A)).toEqual(…);
 *
 * 1. A test's function travels as text, to wherever its puppet runs: it uses what it is given (`me`, the event, `args`)
 *    and nothing around it. `me.lib` is all of jackfield/process. Types may be named, as they are gone by then.
 * 2. What a puppet was not told to do with an event, it reports: `next()` is the oldest report not yet taken.
 * 3. Each puppet is of a package of its own, read from a folder with a manifest, as any program of a user.
 * 4. Silence is proved by order: something sent later on the same way has come.
 */
import { cpSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type HttpServer, type HttpServerOptions, startHttpServer } from "../../http-server/index.ts";
import { createNode, type KernelEvent, type Node, type NodeOptions } from "../../kernel/index.ts";
import {
  Envelope,
  type Host,
  type OnExit,
  type Placement,
  ProcessId,
  type Program,
  toAddress,
} from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { memoryStore } from "../../processes/state/store.ts";
import { type Me, Puppet, Reports } from "./puppet.ts";
import { destroyAll } from "./sockets.ts";

/** For describe.each: where the same cases must hold. */
export const PLACEMENTS = ["inline", "worker", "isolated"] as const satisfies readonly Placement[];

/** Each puppet in its own, by its name: a and d in threads, b in a process, c inline. */
export type Where = Placement | "mixed";

/** For what concerns several processes: each of the placements, and a mixture of all. */
export const MIXTURES = [...PLACEMENTS, "mixed"] as const satisfies readonly Where[];
/** Where a process is apart from the node's own thread. */
export const APART = ["worker", "isolated"] as const satisfies readonly Placement[];

const MIXED: Readonly<Record<string, Placement>> = { a: "worker", b: "isolated", c: "inline", d: "worker" };

export const A = "a:a-package:template.os";
export const B = "b:b-package:template.os";
export const C = "c:c-package:template.os";
export const D = "d:d-package:template.os";
export const HTTP_SERVER = "http-server:distro:sys";
const DRIVER = "driver:test:sys";
const NODE = "alice.os";

const PROGRAMS = join(import.meta.dirname, "programs");
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const REALM_ENTRY = new URL("../../dist/bin/realm.js", import.meta.url); // what is built: Node 20 reads no TypeScript there
const ANSWER_SECONDS = 50; // less than a test may take; a process of its own starts within it on two busy cores

const LIMITS = {
  restartDelay: 1, // ms: a crash that is meant costs a test no time
  drain: 500, // ms: nor does a handler that is to wait for ever
};

export type PuppetOptions<Args = never> = {
  readonly onExit?: OnExit;
  /** Default true. */
  readonly public?: boolean;
  readonly request?: readonly unknown[];
  readonly grant?: readonly unknown[];
  /** Default: the stage's. */
  readonly placement?: Placement;
  /** Default: it keeps nothing and does nothing. */
  readonly init?: (me: Me) => unknown;
  /** One of test/support/programs. */
  readonly file?: string;
  readonly dialect?: string;
  /** More files of its folder, by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: Args;
};

export type StageOptions = Pick<NodeOptions, "limits" | "freezeBodies" | "settings"> & {
  /** With sockets on loopback. */
  readonly http?: HttpServerOptions | true;
};

const stages = new Set<Stage>();

export async function startStage(placement: Where, options: StageOptions = {}): Promise<Stage> {
  const { http, ...nodeOptions } = options;
  const node = createNode({
    name: NODE,
    realmEntry: REALM_ENTRY,
    ...nodeOptions,
    limits: { ...LIMITS, ...nodeOptions.limits },
  });
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(memoryStore()),
    public: true,
    trusted: true,
  });
  const server = http === undefined ? null : await startHttpServer(node, http === true ? {} : http);
  const folder = realpathSync(await mkdtemp(join(tmpdir(), "jackfield-stage-")));
  mkdirSync(join(folder, "node_modules"));
  // As npm install would have it.
  symlinkSync(ROOT, join(folder, "node_modules/jackfield"));
  symlinkSync(join(ROOT, "node_modules/xstate"), join(folder, "node_modules/xstate"));
  const stage = new Stage(placement, node, server, folder);
  stages.add(stage);
  return stage;
}

/** For afterEach. @throws {unknown} a fault that a system process reported */
export async function stopStages(): Promise<void> {
  destroyAll();
  const stopping = [...stages];
  stages.clear();
  for (const stage of stopping) await stage.stop();
  for (const { events } of stopping) for (const event of events) if (event.type === "fault") throw event.error;
}

export class Stage {
  readonly placement: Where;
  readonly node: Node;
  /** What the kernel told about itself, oldest first. */
  readonly events: KernelEvent[] = [];
  readonly #server: HttpServer | null;
  readonly #folder: string;
  readonly #reports = new Map<string, Reports>();
  #driver: Host | undefined;

  constructor(placement: Where, node: Node, server: HttpServer | null, folder: string) {
    this.placement = placement;
    this.node = node;
    this.#server = server;
    this.#folder = folder;
    node.kernel.events.listen((event) => this.events.push(event));
    node.addSystemProcess({ id: ProcessId.parse(DRIVER), program: this.#driverProgram(), public: true, trusted: true });
  }

  /** @throws {Error} it was started without `http` */
  get server(): HttpServer {
    if (this.#server === null) throw new Error("this stage has no http-server: startStage(placement, { http: true })");
    return this.#server;
  }

  get port(): number {
    return this.server.port;
  }

  /** Logs a WebSocket in. */
  get cookie(): string {
    return `jackfield-auth_${NODE}=${this.server.issueToken("session")}`;
  }

  /** Loads a package with one process, and runs it. */
  async add(id: string, options: PuppetOptions = {}): Promise<Puppet> {
    const { process, package: name, publisher } = ProcessId.parse(id);
    const { file = "puppet.mjs", init, files = {} } = options;
    const folder = this.folderOf(id);
    mkdirSync(folder);
    cpSync(PROGRAMS, folder, { recursive: true });
    if (init !== undefined) writeFileSync(join(folder, `${process}.init.txt`), init.toString());
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const allowed = this.#server === null ? [] : [HTTP_SERVER];
    const entry = {
      process_name: process,
      file,
      placement: options.placement ?? this.#placementOf(process),
      public: options.public ?? true,
      on_exit: options.onExit ?? "None",
      request_capabilities: options.request ?? allowed,
      grant_capabilities: options.grant ?? allowed,
      ...(options.dialect === undefined ? {} : { dialect: options.dialect }),
    };
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ package: name, publisher, processes: [entry] }));
    await this.node.addPackage(folder);
    return this.puppet(id);
  }

  /** Where the package of `id` was made. */
  folderOf(id: string): string {
    return join(this.#folder, ProcessId.parse(id).package);
  }

  /** One that was spawned. */
  puppet(id: string): Puppet {
    return new Puppet(id, this, this.#reportsOf(id));
  }

  /** Of the process; null: there is none. */
  stateOf(id: string): string | null {
    return this.node.kernel.registry.get(ProcessId.parse(id))?.state ?? null;
  }

  /** Reasons and bodies, oldest first. */
  deadLetters(): readonly { readonly reason: string; readonly [fact: string]: unknown }[] {
    return this.node.kernel.deadLetters.last();
  }

  /** What processes wrote to the log. */
  logs(): readonly string[] {
    return this.events.flatMap((event) => (event.type === "log" ? [`${event.process} ${event.text}`] : []));
  }

  /** As the driver, who may message everybody. @throws {SendError} */
  async ask(to: string, body: unknown, seconds: number = ANSWER_SECONDS): Promise<Envelope> {
    const host = this.#driver;
    if (host === undefined) throw new Error("the driver has not started");
    const request = new Envelope("request", host.our, toAddress(to, NODE), body, null);
    request.expectsResponse = seconds;
    return await host.call(request);
  }

  /** Of all processes, with stacks: for whoever waits in vain. */
  crashReports(): string {
    return this.node.kernel.crashes
      .last()
      .map(({ process, error, stack }) => `\n${process} crashed: ${stack ?? error}`)
      .join("");
  }

  /** The same, without an answer. */
  tell(to: string, body: unknown): void {
    this.#driver?.send(new Envelope("request", this.#driver.our, toAddress(to, NODE), body, null));
  }

  /** Resolves when the kernel tells of `type`, or has, of this process. */
  async heard(type: KernelEvent["type"], id: string): Promise<KernelEvent> {
    const isIt = (event: KernelEvent): boolean =>
      event.type === type &&
      (("process" in event && event.process === id) || ("report" in event && event.report.process === id));
    const known = this.events.find(isIt);
    if (known !== undefined) return known;
    return await new Promise((resolve) => {
      const end = this.node.kernel.events.listen((event) => {
        if (!isIt(event)) return;
        end();
        resolve(event);
      });
    });
  }

  async stop(): Promise<void> {
    await this.node.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #placementOf(process: string): Placement {
    return this.placement === "mixed" ? (MIXED[process] ?? "inline") : this.placement;
  }

  #reportsOf(id: string): Reports {
    const known = this.#reports.get(id) ?? new Reports(id, () => this.crashReports());
    this.#reports.set(id, known);
    return known;
  }

  #driverProgram(): Program {
    return {
      start: (host) => {
        this.#driver = host;
        return {
          handle: (message) => {
            if (message.kind !== "request") return;
            const { report } = message.body as { readonly report: unknown }; // puppets send nothing else
            this.#reportsOf(message.source.id.text).add(report);
          },
        };
      },
    };
  }
}
