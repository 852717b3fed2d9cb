/** A kernel with a system process under test, processes that ask it, and capabilities for them. */
import type { AddProcessOptions, Process } from "../../kernel/index.ts";
import {
  Blob,
  type Capability,
  Envelope,
  type Host,
  ProcessId,
  type Program,
  toAddress,
} from "../../lib/protocol/index.ts";
import { started, startKernel, type TestKernel, type TestKernelOptions } from "./kernel.ts";
import { Recorder } from "./recorder.ts";

/** Of the package that owns the databases, and of another. */
export const OWNER = "chess:chess:me.os";
export const OTHER = "other:other:me.os";
export const CHESS = { package_name: "chess", publisher_node: "me.os" };

export type Answered = { readonly body: unknown; readonly blob: Blob | null };
export type AskOptions = { readonly blob?: Uint8Array | string; readonly capabilities?: readonly Capability[] };

export class DatabaseNode {
  readonly kernel: TestKernel;
  readonly id: string;
  readonly process: Process;
  readonly #hosts = new Map<string, Host>();

  constructor(id: string, program: Program, options: TestKernelOptions = {}) {
    this.kernel = startKernel(options);
    this.id = id;
    this.process = this.kernel.node.addSystemProcess({ id: ProcessId.parse(id), program });
  }

  /** A process that may message the one under test. */
  add(id: string, program: Program, options: AddProcessOptions = {}): Process {
    const { requestCapabilities = [], ...more } = options;
    return this.kernel.add(id, program, { requestCapabilities: [this.id, ...requestCapabilities], ...more });
  }

  /** The calls of a process of that name, which is made when it is not there. */
  host(id: string, options: AddProcessOptions = {}): Host {
    const known = this.#hosts.get(id);
    if (known !== undefined) return known;
    const recorder = new Recorder();
    this.add(id, recorder.program, { public: true, ...options });
    const host = started(recorder.host);
    this.#hosts.set(id, host);
    return host;
  }

  /** The capability that the process under test issues. */
  capability(params: unknown): Capability {
    return { issuer: `alice.os@${this.id}`, params: JSON.stringify(params) };
  }

  /** As its issuer, in a message. */
  grant(id: string, params: unknown): Capability {
    const given = this.capability(params);
    const { registry } = this.kernel.node.kernel;
    if (registry.get(ProcessId.parse(id)) === undefined) this.host(id);
    registry.get(ProcessId.parse(id))?.capabilities.add(given);
    return given;
  }

  async ask(id: string, body: unknown, { blob, capabilities }: AskOptions = {}): Promise<Answered> {
    const host = this.host(id);
    const target = toAddress(this.id, host.our.node);
    const request = new Envelope("request", host.our, target, body, blob === undefined ? null : Blob.of(blob));
    request.expectsResponse = 5;
    if (capabilities !== undefined) request.capabilities = capabilities;
    return await host.call(request);
  }

  /** About the database `d` of the owner's package. */
  act(action: unknown, options: AskOptions & { readonly as?: string; readonly db?: string } = {}): Promise<Answered> {
    const { as = OWNER, db = "d", ...rest } = options;
    return this.ask(as, { package_id: CHESS, db, action }, rest);
  }

  async body(action: unknown, options: Parameters<DatabaseNode["act"]>[1] = {}): Promise<unknown> {
    return (await this.act(action, options)).body;
  }

  async stop(): Promise<void> {
    const stopping = this.kernel.node.stop();
    let isStopped = false;
    const stopped = stopping.finally(() => {
      isStopped = true;
    });
    while (!isStopped) {
      await new Promise((resolve) => setImmediate(resolve));
      this.kernel.clock.advance(1);
    }
    await stopped;
  }
}
