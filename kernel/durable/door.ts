/**
 * What a kernel has of durable messages before it has any: nothing else of this folder is loaded until one is sent, some
 * are found in the store, or another node may send some.
 *
 * What a sender may not is refused here, in the turn that it asks in: later it may have other rights.
 */
import {
  type Address,
  Blob,
  type DurableCommand,
  type DurableResult,
  Envelope,
  OptionError,
  type ProcessId,
  toAddress,
} from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { mayLeave } from "../network.ts";
import type { Process } from "../process.ts";
import type { Durable, DurableFacts } from "./durable.ts";
import type { DurableLane } from "./lane.ts";
import type { Change, DurableStore } from "./store.ts";

export class DurableDoor {
  readonly #kernel: Kernel;
  readonly #store: DurableStore | null;
  #loading: Promise<Durable> | null = null;
  #loaded: Durable | null = null;
  #isStopped = false;

  /** @param store null: in memory */
  constructor(kernel: Kernel, store: DurableStore | null) {
    this.#kernel = kernel;
    this.#store = store;
  }

  /** Of a process. @throws {IdError} @throws {UnpackableError} (rejects) @throws {OptionError} (rejects) @throws {DurableError} (rejects) the disk */
  async keep(from: Process, command: DurableCommand): Promise<DurableResult> {
    const target = toAddress(command.target, this.#kernel.name);
    if (isOfCluster(this.#kernel, target.id)) {
      const rule = "it is a process of the cluster, which may be on another node by then: name one of one node";
      throw new OptionError(`Cannot send "${target.text}" a durable message as ${rule}`);
    }
    const refused = this.#refused(from, target, command);
    if (refused !== null) return refused;
    const durable = await this.#load(); // of all who wait for this, the first goes on first
    return await durable.keep(from.address, target, command);
  }

  /** What was kept when the node ended goes on. Cheap where there is nothing. */
  async resume(): Promise<void> {
    if (this.#store === null) return;
    for (const _ of this.#store.entries("durable ")) {
      await this.#load();
      return;
    }
  }

  /** Other nodes can be reached by `lane`, and reach this one. */
  async join(lane: DurableLane): Promise<void> {
    const durable = await this.#load();
    if (!this.#isStopped) durable.join(lane);
  }

  /** What strikes out the message in hand of `process` that `metadata` names; undefined: none, or another. */
  along(process: string, metadata: string | null): { readonly changes: readonly Change[]; done(): void } | undefined {
    return this.#loaded?.along(process, metadata);
  }

  /** null: there was nothing yet. */
  facts(): DurableFacts | null {
    return this.#loaded?.facts() ?? null;
  }

  /** Nothing more is sent, taken or handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await (await this.#loading)?.stop();
  }

  #refused(from: Process, target: Address, { body, blob, mime }: DurableCommand): DurableResult {
    const { name, bus, registry, joins } = this.#kernel;
    if (target.node !== name) {
      const request = new Envelope("request", from.address, target, body, blob === null ? null : Blob.of(blob, mime));
      if (!mayLeave(name, request, from)) return "Denied";
      return joins || this.#loaded?.hasLane === true ? null : "Offline"; // a link alone takes none
    }
    const process = registry.get(target.id);
    if (process !== undefined) return bus.mayMessage(from, process) ? null : "Denied";
    return bus.mayAwait(from, target) ? null : "Offline"; // nobody is there to say that all may
  }

  #load(): Promise<Durable> {
    this.#loading ??= import("./durable.ts").then(({ Durable }) => {
      this.#loaded = new Durable(this.#kernel, this.#store);
      return this.#loaded;
    });
    return this.#loading;
  }
}

/** What such a process keeps is in the cluster, and cannot be written with the mark on this node's disk. */
export function isOfCluster({ cluster }: Kernel, id: ProcessId): boolean {
  return id.key !== undefined || cluster?.declares(id) === true;
}
