/**
 * kernel:distro:sys: the kernel as a process, commanded by messages (contract kinode §3.5).
 *
 * Needs  its messaging capability: not public.
 * Bodies are the contract's. Answers go out only where one is expected. A command nobody knows is answered with
 * {"Err":"MalformedRequest"} instead of silence.
 */
import {
  type Capability,
  capability,
  type Envelope,
  type Host,
  type Instance,
  isOnBehalf,
  isWholly,
  MESSAGING,
  ProcessId,
  type Program,
  type RestartIntensity,
  textOf,
} from "../lib/protocol/index.ts";
import { debug } from "./debug.ts";
import { capabilities, type Fields, fields, isRecord, text } from "./fields.ts";
import type { Kernel } from "./kernel.ts";
import { readOnExit } from "./on-exit.ts";
import { findProgram } from "./package.ts";
import type { Process } from "./process.ts";
import { restartByHand } from "./restart-by-hand.ts";

const ALONE = "it has joined no others: jackfield start --link does";

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
    if (!this.#isAllowed()) return this.#answer({ Err: "Denied" });
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
        case "RestartProcess":
          return this.#restartProcess(argument);
        case "GrantCapabilities":
          return this.#changeCapabilities(fields(argument), (target, cap) => target.capabilities.gain(cap));
        case "DropCapabilities":
          return this.#changeCapabilities(fields(argument), (target, cap) => this.#kernel.takeFrom(target, cap));
        case "SetOnExit":
          return this.#setOnExit(fields(argument));
        case "Debug":
          if (argument === "Nodes") return this.#nodes();
          return this.#answer({ Debug: debug(this.#kernel, argument) });
        default:
          return this.#answer({ Err: "MalformedRequest" });
      }
    } catch (thrown) {
      return this.#answer({ Err: "MalformedRequest", message: textOf(thrown) });
    }
  }

  /** Who may message the kernel commands it; who asks for another, by that one's right alone. */
  #isAllowed(): boolean {
    const { capabilities } = this.#message;
    const { text } = this.#host.our;
    return !isOnBehalf(this.#message) || capabilities.some((cap) => cap.issuer === text && isWholly(cap, MESSAGING));
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
      onExit: readOnExit(argument.on_exit ?? "None"),
      ...(argument.restart === undefined ? {} : { restart: fields(argument.restart) as RestartIntensity }), // register reads it
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

  /** Not awaited: the kernel goes on with other commands meanwhile. */
  #restartProcess(argument: unknown): void {
    const process = this.#find(argument);
    const id = text(argument);
    if (process === undefined) return this.#refuseRestart(`there is no process "${id}"`);
    const name = process.address.id.text;
    if (process.address.id.packageId.text === "distro:sys")
      return this.#refuseRestart(`"${name}" is the node's own: restart the node`);
    void restartByHand(this.#kernel, process).then((hasBegun) => {
      if (hasBegun) this.#answer({ RestartedProcess: name });
      else this.#refuseRestart(`"${name}" was never run, or has ended for good meanwhile`);
    });
  }

  /** Not awaited either: the directory is elsewhere. */
  #nodes(): void {
    const { roster } = this.#kernel;
    if (roster === null) return this.#answer({ Err: "NoDirectory", message: ALONE });
    void roster.nodes().then(
      ({ nodes, more }) => this.#answer({ Debug: { Nodes: nodes, ...(more ? { more } : {}) } }),
      (error) => this.#answer({ Err: "NoDirectory", message: textOf(error) }),
    );
  }

  #refuseRestart(message: string): void {
    this.#answer({ Err: "NotRestarted", message });
  }

  #changeCapabilities(argument: Fields, change: (target: Process, cap: Capability) => void): void {
    const target = this.#find(argument.target);
    if (target === undefined) throw new Error(`there is no process "${String(argument.target)}"`);
    for (const cap of capabilities(argument.capabilities)) change(target, cap);
  }

  #setOnExit(argument: Fields): void {
    const target = this.#find(argument.target);
    if (target === undefined) throw new Error(`there is no process "${String(argument.target)}"`);
    target.onExit = readOnExit(argument.on_exit);
  }

  #find(id: unknown): Process | undefined {
    return this.#kernel.registry.get(ProcessId.parse(text(id)));
  }
}
