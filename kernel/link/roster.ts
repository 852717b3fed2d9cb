/**
 * Which nodes there are: this one says every `directoryBeat` that it is there, and reads of the others when asked.
 *
 * 1. A node that has not been heard of for `directoryGone` is there no more, whether or not its record is.
 * 2. Ages are told by the directory's clock, of which this node learns when it writes: clocks of nodes may differ.
 * 3. What a record says is another program's word: what is not of its shape is left out.
 * 4. Each start of a node is another *life*, and so is what follows when it could not write in time: a name of the cluster
 *    is held by one life of a node (docs/adr/0037).
 * 5. A directory that is not there, or cannot be reached, stops nobody. It is said once, and tried again at each beat.
 */
import { textOf } from "../../lib/protocol/index.ts";
import { isRecord } from "../fields.ts";
import { randomId } from "../id.ts";
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
  /** Which of its lives: see rule 4. */
  readonly life: string | null;
  /** It stops: it takes no names of the cluster any more. */
  readonly leaving: boolean;
  /** Which programs of the cluster it can run: `room:chat:template.os`. */
  readonly programs: readonly string[];
};

/** When it began to write its last record that was confirmed: by its own clocks, ms. */
export type Confirmed = { readonly monotonic: number; readonly now: number };

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
  #life = randomId();
  #confirmed: Confirmed | null = null;
  #isLeaving = false;

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

  /** Of this node, now. */
  get life(): string {
    return this.#life;
  }

  /** Of this life; null: none was confirmed yet. */
  get confirmed(): Confirmed | null {
    return this.#confirmed;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** What this life held is nobody's; the next record is of another. */
  beginLife(): void {
    this.#life = randomId();
    this.#confirmed = null;
  }

  /** Others give it no name of the cluster any more; it holds what it holds until `leave`. */
  async beginLeaving(): Promise<void> {
    this.#isLeaving = true;
    await this.refresh();
  }

  /** Its record is written now: what it says has changed. */
  async refresh(): Promise<void> {
    // Of two that waited for the same write, one begins the next: another beside it would set the beat twice.
    for (let writing: Promise<void> | null = null; writing !== this.#writing; await writing) writing = this.#writing;
    if (!this.#isClosed && this.#isOpen) this.#announce(); // else there is none to read it, and looking takes its time
    await this.#writing;
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

  /** As it is now. undefined: it is not there. @throws {DirectoryError} (rejects) it cannot be told */
  async node(name: string): Promise<NodeFacts | undefined> {
    const { name: self, limits } = this.#kernel;
    const [own, record] = await this.#asked(() =>
      Promise.all([this.#directory.readOne(self), this.#directory.readOne(name)]),
    );
    if (own !== undefined && own.revision === this.#written?.revision) this.#offset = own.at - this.#written.after;
    if (this.#offset === null)
      throw new DirectoryError(this.#directory.where, "its clock is not known: this node's record is not in it yet");
    const now = this.#kernel.clock.monotonic() + this.#offset;
    const facts = record === undefined ? undefined : factsOf(record, now, self);
    return facts === undefined || facts.heard_ms >= limits.directoryGone ? undefined : facts;
  }

  async #read(): Promise<readonly DirectoryRecord[]> {
    return await this.#asked(() => this.#directory.read(NODES_MAX));
  }

  async #asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    if (!this.#isOpen) throw this.#why;
    try {
      return await ask();
    } catch (cause) {
      const rule = "it does not answer now: are its servers there, and most of them together?";
      throw new DirectoryError(this.#directory.where, rule, { cause });
    }
  }

  /** The next follows when this one has ended, however long the directory takes. */
  #announce(): void {
    this.#kernel.wheel.cancel(this.#beat);
    this.#writing = this.#write().finally(() => {
      if (!this.#isClosed) this.#kernel.wheel.add(this.#beat, this.#kernel.limits.directoryBeat);
      this.#kernel.cluster?.beat();
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
    const life = this.#life;
    const before = { monotonic: clock.monotonic(), now: clock.now() };
    const record = {
      address: short(address),
      version: short(version),
      started: this.#started,
      at: before.now,
      life,
      ...(this.#isLeaving ? { leaving: true } : {}),
      programs: this.#kernel.cluster?.programNames ?? [],
    };
    try {
      const revision = await this.#directory.put(JSON.stringify(record));
      this.#written = { revision, after: clock.monotonic() };
      if (life === this.#life) this.#confirmed = before;
      this.#isFailing = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(cause: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { directoryBeat, directoryGone } = this.#kernel.limits;
    const rule =
      this.#isLeaving || this.#isClosed
        ? `it was not told that this node leaves: others list it for up to ${directoryGone} ms more`
        : `what this node wrote did not arrive; it goes on, every ${directoryBeat} ms`;
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
  const { address, version, started, at: byItself, life, leaving, programs } = said;
  return {
    node,
    here: node === self,
    address: short(address),
    version: short(version),
    started: numberOf(started),
    at: numberOf(byItself),
    heard_ms: Math.max(0, Math.round(now - at)), // another that wrote after this one read its clock
    life: short(life),
    leaving: leaving === true,
    programs: Array.isArray(programs) ? programs.filter((name): name is string => typeof name === "string") : [],
  };
}

function short(value: unknown): string | null {
  return typeof value === "string" && value.length <= TEXT_MAX ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
