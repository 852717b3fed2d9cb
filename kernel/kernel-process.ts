/**
 * kernel:distro:sys: the kernel as a process, commanded by messages (contract kinode §3.5).
 *
 * Needs  its messaging capability: not public.
 * Bodies are the contract's. Answers go out only where one is expected. A command nobody knows is answered with
 * {"Err":"MalformedRequest"} instead of silence.
 */
import {
  Address,
  type Capability,
  capability,
  type Envelope,
  type Host,
  type Instance,
  type OnExit,
  ProcessId,
  type Program,
  textOf,
} from "../lib/protocol/index.ts";
import type { Kernel } from "./kernel.ts";
import { findProgram } from "./package.ts";
import type { Process } from "./process.ts";

type Fields = Readonly<Record<string, unknown>>;

/** @param folderOf the folder of a loaded package, by `package:publisher` */
export function kernelProgram(
  kernel: Kernel,
  folderOf: (packageId: string) => string | undefined,
  shutdown: () => void,
): Program {
  return {
    start(host: Host): Instance {
      return {
        handle(message) {
          if (message.kind !== "request") return undefined;
          return new Command(kernel, host, message, folderOf, shutdown).run();
        },
      };
    },
  };
}

class Command {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #message: Envelope;
  readonly #folderOf: (packageId: string) => string | undefined;
  readonly #shutdown: () => void;

  constructor(
    kernel: Kernel,
    host: Host,
    message: Envelope,
    folderOf: (packageId: string) => string | undefined,
    shutdown: () => void,
  ) {
    this.#kernel = kernel;
    this.#host = host;
    this.#message = message;
    this.#folderOf = folderOf;
    this.#shutdown = shutdown;
  }

  run(): void | Promise<void> {
    const { body } = this.#message;
    if (body === "Shutdown") return this.#shutdown();
    const [name, argument] = isRecord(body) ? (Object.entries(body)[0] ?? []) : [];
    try {
      switch (name) {
        case "InitializeProcess":
          return this.#initialize(fields(argument)).catch(() => this.#answer("InitializeProcessError"));
        case "RunProcess":
          return this.#runProcess(argument);
        case "KillProcess":
          return this.#killProcess(argument);
        case "GrantCapabilities":
          return this.#changeCapabilities(fields(argument), (target, cap) => target.capabilities.add(cap));
        case "DropCapabilities":
          return this.#changeCapabilities(fields(argument), (target, cap) => target.capabilities.drop(cap));
        case "SetOnExit":
          return this.#setOnExit(fields(argument));
        case "Debug":
          return this.#answer({ Debug: this.#debug(argument) });
        default:
          return this.#answer({ Err: "MalformedRequest" });
      }
    } catch (thrown) {
      return this.#answer({ Err: "MalformedRequest", message: textOf(thrown) });
    }
  }

  #answer(body: unknown): void {
    if (this.#message.rsvp !== null) this.#host.respond({ body }, this.#message);
  }

  /** `file`, or the contract's `wasm_bytes_handle` (`/package:publisher/pkg/file`), names a file of a loaded package. */
  async #initialize(argument: Fields): Promise<void> {
    const id = ProcessId.parse(text(argument.id));
    const packageId = id.packageId.text;
    const handle = text(argument.file ?? argument.wasm_bytes_handle);
    const file = handle.replace(`/${packageId}/pkg/`, "");
    const folder = this.#folderOf(packageId) ?? null;
    const program = await findProgram(folder, file, id.text, argument.placement ?? "inline");
    const made = this.#kernel.register({
      id,
      program,
      folder,
      file,
      onExit: onExit(argument.on_exit ?? "None"),
      public: argument.public === true,
      capabilities: capabilities(argument.initial_capabilities ?? []),
    });
    const creator = this.#kernel.registry.get(this.#message.source.id);
    creator?.capabilities.add(capability(made.address, '"messaging"'));
    this.#answer("InitializedProcess");
  }

  #runProcess(argument: unknown): void {
    const process = this.#find(argument);
    const runs = process?.state === "held";
    if (runs) process.run();
    this.#answer(runs ? "StartedProcess" : "RunProcessError");
  }

  #killProcess(argument: unknown): void {
    const process = this.#find(argument);
    if (process === undefined || process.address.id.packageId.text === "distro:sys") return; // unknown ids are not answered (contract §3.5)
    process.kill();
    this.#answer({ KilledProcess: process.address.id.text });
  }

  #changeCapabilities(argument: Fields, change: (target: Process, cap: Capability) => void): void {
    const target = this.#find(argument.target);
    if (target === undefined) throw new Error(`there is no process "${String(argument.target)}"`);
    for (const cap of capabilities(argument.capabilities)) change(target, cap);
  }

  #setOnExit(argument: Fields): void {
    const target = this.#find(argument.target);
    if (target === undefined) throw new Error(`there is no process "${String(argument.target)}"`);
    target.onExit = onExit(argument.on_exit);
  }

  /** ProcessMap, Process and HasCap are the contract's; Crashes and DeadLetters are ours. */
  #debug(query: unknown): unknown {
    if (query === "ProcessMap") {
      return {
        ProcessMap: Object.fromEntries(
          this.#kernel.registry.all().map((process) => [process.address.id.text, describe(process)]),
        ),
      };
    }
    if (query === "Crashes") return { Crashes: this.#kernel.crashes.last() };
    if (query === "DeadLetters") {
      return { DeadLetters: { counts: this.#kernel.deadLetters.counts(), last: this.#kernel.deadLetters.last() } };
    }
    const asked = fields(query);
    if ("Process" in asked) {
      const process = this.#find(asked.Process);
      return { Process: process === undefined ? null : describe(process) };
    }
    const has = fields(asked.HasCap);
    const process = this.#find(has.on);
    const [cap] = capabilities([has.cap]);
    return { HasCap: process === undefined || cap === undefined ? null : process.capabilities.has(cap) };
  }

  #find(id: unknown): Process | undefined {
    return this.#kernel.registry.get(ProcessId.parse(text(id)));
  }
}

function describe(process: Process): Fields {
  return {
    wasm_bytes_handle: process.file === "" ? "" : `/${process.address.id.packageId.text}/pkg/${process.file}`,
    wit_version: 1,
    on_exit:
      typeof process.onExit === "string"
        ? process.onExit
        : { Requests: process.onExit.Requests.map(({ target, body }) => ({ target, body })) },
    capabilities: process.capabilities.list(),
    public: process.public,
    state: process.state,
    incarnation: process.incarnation,
    waiting: process.mailbox.length,
    placement: process.placement,
    place: process.place,
  };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  if (!isRecord(value)) throw new Error("an object is missing");
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error("a text is missing");
  return value;
}

function capabilities(value: unknown): readonly Capability[] {
  if (!Array.isArray(value)) throw new Error("a list of capabilities is missing");
  return value.map((item) => {
    const { issuer, params } = fields(item);
    return capability(Address.parse(text(issuer)), text(params));
  });
}

/** `{"Requests":[["node@p:k:g", {"body":…}, null], …]}` as on the contract's wire, or ours with `target` and `body`. */
function onExit(value: unknown): OnExit {
  if (value === "None" || value === "Restart") return value;
  const { Requests } = fields(value);
  if (!Array.isArray(Requests)) throw new Error('on_exit must be "None", "Restart" or {"Requests":[…]}');
  return {
    Requests: Requests.map((item) => {
      if (!Array.isArray(item)) return { target: text(fields(item).target), body: fields(item).body };
      return { target: Address.parse(text(item[0])).text, body: fields(item[1]).body };
    }),
  };
}
