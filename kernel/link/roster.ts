/**
 * Which nodes there are: this one says every `directoryBeat` that it is there, and reads of the others when asked.
 *
 * 1. A node that has not been heard of for `directoryGone` is there no more, whether or not its record is.
 * 2. Ages are told by the directory's clock, of which this node learns when it writes: clocks of nodes may differ.
 * 3. What a record says is another program's word: what is not of its shape is left out.
 * 4. A directory that is not there, or cannot be reached, stops nobody. It is said once, and tried again at each beat.
 */
import { textOf } from "../../lib/protocol/index.ts";
import { isRecord } from "../fields.ts";
import type { Kernel } from "../kernel.ts";
import { Alarm } from "../timer-wheel.ts";
import type { Directory, DirectoryRecord } from "./directory.ts";
import { DirectoryError } from "./errors.ts";

export const RECORD_BYTES: number = 4 * 1024; // a name, an address and a version; 10,000 nodes are 40 MB at most
const NODES_MAX = 10_000; // contracts/cluster.md §10: up to which a directory with a beat of 10 s was found good
const TEXT_MAX = 256; // characters of an address or a version: a host name has 253

/** What a node tells of itself. */
export type NodeAbout = {
  /** Of its http-server, where others may reach it: `https://chat.example:443/`. */
  readonly address: string | null;
  readonly version: string | null;
};

/** A node that is there. */
export type NodeFacts = NodeAbout & {
  readonly node: string;
  /** The one that was asked. */
  readonly here: boolean;
  /** Milliseconds since the Unix epoch, by its own clock. */
  readonly started: number | null;
  /** When it last wrote, by its own clock. */
  readonly at: number | null;
  /** How long ago that was. */
  readonly heard_ms: number;
};

export class Roster {
  readonly #kernel: Kernel;
  readonly #directory: Directory;
  readonly #about: () => NodeAbout;
  readonly #started: number;
  readonly #beat: Alarm;
  /** Of this node's last record: which, and when it was written by this node's monotonic clock. */
  #written: { readonly revision: number; readonly after: number } | null = null;
  #offset: number | null = null; // the directory's clock less this node's monotonic one
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;
  #isClosed = false;
  /** Why it is not open, and has not been. */
  #why: unknown = null;
  #isOpen = false;

  /** @param about asked at each beat */
  constructor(kernel: Kernel, directory: Directory, about: () => NodeAbout) {
    this.#kernel = kernel;
    this.#directory = directory;
    this.#about = about;
    this.#started = kernel.clock.now();
    this.#beat = new Alarm(() => this.#announce());
  }

  /** @returns why there is none yet; undefined: this node is in it */
  async open(): Promise<string | undefined> {
    this.#announce();
    await this.#writing;
    return this.#isOpen ? undefined : textOf(this.#why);
  }

  /** Others find this node no more. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#kernel.wheel.cancel(this.#beat);
    await this.#writing;
    if (this.#isOpen) await this.#directory.remove().catch((error) => this.#failed(error));
  }

  async close(): Promise<void> {
    await this.#directory.close();
  }

  /** By name; `more`: how many it may have left out. @throws {DirectoryError} (rejects) it cannot be read now */
  async nodes(): Promise<{ readonly nodes: readonly NodeFacts[]; readonly more: boolean }> {
    const records = await this.#read();
    const { name, clock, limits } = this.#kernel;
    const own = records.find(({ node }) => node === name);
    if (own !== undefined && own.revision === this.#written?.revision) this.#offset = own.at - this.#written.after;
    const now = this.#offset === null ? clock.now() : clock.monotonic() + this.#offset;
    const nodes = records
      .map((record) => factsOf(record, now, name))
      .filter((facts): facts is NodeFacts => facts !== undefined && facts.heard_ms < limits.directoryGone)
      .sort((a, b) => (a.node < b.node ? -1 : 1));
    return { nodes, more: records.length >= NODES_MAX };
  }

  async #read(): Promise<readonly DirectoryRecord[]> {
    if (!this.#isOpen) throw this.#why;
    try {
      return await this.#directory.read(NODES_MAX);
    } catch (cause) {
      const rule = "it does not answer now: are its servers there, and most of them together?";
      throw new DirectoryError(this.#directory.where, rule, { cause });
    }
  }

  /** The next follows when this one has ended, however long the directory takes. */
  #announce(): void {
    this.#writing = this.#write().finally(() => {
      if (!this.#isClosed) this.#kernel.wheel.add(this.#beat, this.#kernel.limits.directoryBeat);
    });
  }

  async #write(): Promise<void> {
    if (!this.#isOpen) {
      try {
        await this.#directory.open();
        this.#isOpen = true;
      } catch (error) {
        this.#why = error; // who started this node was told of the first
        return;
      }
    }
    const { clock } = this.#kernel;
    const { address, version } = this.#about();
    const record = { address: short(address), version: short(version), started: this.#started, at: clock.now() };
    try {
      const revision = await this.#directory.put(JSON.stringify(record));
      this.#written = { revision, after: clock.monotonic() };
      this.#isFailing = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(cause: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const rule = `what this node wrote did not arrive; it goes on, every ${this.#kernel.limits.directoryBeat} ms`;
    const error = new DirectoryError(this.#directory.where, rule, { cause });
    this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
  }
}

/** @param now by the directory's clock @returns undefined: it is no record of a node */
function factsOf({ node, at, text }: DirectoryRecord, now: number, self: string): NodeFacts | undefined {
  if (text.length > RECORD_BYTES) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(said)) return undefined;
  const { address, version, started, at: byItself } = said;
  return {
    node,
    here: node === self,
    address: short(address),
    version: short(version),
    started: numberOf(started),
    at: numberOf(byItself),
    heard_ms: Math.max(0, Math.round(now - at)), // another that wrote after this one read its clock
  };
}

function short(value: unknown): string | null {
  return typeof value === "string" && value.length <= TEXT_MAX ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
