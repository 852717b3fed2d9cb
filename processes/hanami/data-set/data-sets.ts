/**
 * The table of data sets: whose they are, which parts they wait for, and what came of them.
 *
 * 1. A data set is `uploading` with its parts, or `ready` with a file of its own in the drive `data`, under its uuid.
 * 2. Rows are in a database of the package and, all of them, in memory. What was awaited is durable.
 * 3. Made in this order: parts, then the row; finished: the file, then the row, then the parts go. So after a crash at
 *    any point no row names what is not there, and `sweep` removes what no row names.
 */
import { randomUUID } from "node:crypto";
import { type KvDatabase, VfsError } from "jackfield/process";
import { textOf } from "jackfield/protocol";
import { ApiError, type Caller, type Ctx } from "../endpoint.ts";
import type { HanamiLimits } from "../limits.ts";
import type { Owned } from "../owned.ts";
import { PartsError } from "../uploads/parts.ts";
import { DATA_DRIVE, dataPath } from "./format.ts";
import { isComplete, type Parts } from "./parts.ts";

/** `result`: what a request task of a cluster left. */
export type DataSetType = "mnist" | "csv" | "result";

/** @property size bytes, as announced */
export type Part = { readonly uuid: string; readonly size: number };

/** @property createdAt ms since the Unix epoch @property bytes announced, or of its file: what counts for its owner */
export type DataSet = Owned & {
  readonly uuid: string;
  readonly name: string;
  readonly type: DataSetType;
  readonly createdAt: number;
  readonly bytes: number;
  /** While it waits for its parts. */
  readonly upload: { readonly input: Part; readonly label: Part | null } | null;
  /** When it is ready. */
  readonly content: DataSetContent | null;
};

/** @property inputs and `outputs`: how many of the columns a network is given and asked for; CSV does not say: 0 */
export type DataSetContent = {
  readonly rows: number;
  readonly columns: number;
  readonly inputs: number;
  readonly outputs: number;
};

/** @property labelSize bytes; null: it has one part only */
export type NewDataSet = {
  readonly name: string;
  readonly type: "mnist" | "csv";
  readonly inputSize: number;
  readonly labelSize: number | null;
};

const DATABASE = "data-sets";

export class DataSets {
  readonly #ctx: Ctx;
  readonly #database: KvDatabase<string, DataSet>;
  readonly #limits: HanamiLimits;
  readonly #parts: Parts;
  readonly #sets = new Map<string, DataSet>();
  readonly #ofPart = new Map<string, string>(); // part → data set

  static async open(ctx: Ctx, limits: HanamiLimits, parts: Parts): Promise<DataSets> {
    const database = await ctx.kv.open<string, DataSet>(DATABASE);
    const sets = new DataSets(ctx, database, limits, parts);
    for await (const [, set] of database.entries()) sets.#put(set);
    return sets;
  }

  private constructor(ctx: Ctx, database: KvDatabase<string, DataSet>, limits: HanamiLimits, parts: Parts) {
    this.#ctx = ctx;
    this.#database = database;
    this.#limits = limits;
    this.#parts = parts;
  }

  get(uuid: string): DataSet | undefined {
    return this.#sets.get(uuid.toLowerCase());
  }

  /** The data set that waits for this part. @param part as a client writes it */
  ofPart(part: string): DataSet | undefined {
    const uuid = this.#ofPart.get(part.toLowerCase());
    return uuid === undefined ? undefined : this.#sets.get(uuid);
  }

  /** As announced; undefined: no data set waits for it. */
  partSize(part: string): number | undefined {
    const set = this.ofPart(part);
    return set === undefined ? undefined : partsOf(set).find(({ uuid }) => uuid === part.toLowerCase())?.size;
  }

  /** All, oldest first. */
  get all(): readonly DataSet[] {
    return [...this.#sets.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @throws {ApiError} 400 a quota of its owner */
  async create(caller: Caller, { name, type, inputSize, labelSize }: NewDataSet): Promise<DataSet> {
    const bytes = inputSize + (labelSize ?? 0);
    const part = (size: number): Part => ({ uuid: randomUUID(), size });
    const upload = { input: part(inputSize), label: labelSize === null ? null : part(labelSize) };
    const set = this.#reserve(caller, { name, type, bytes, uuid: randomUUID(), upload, content: null });
    try {
      for (const { uuid, size } of partsOf(set)) await this.#parts.createPart(uuid, size);
      await this.#database.set(set.uuid, set);
      return set;
    } catch (thrown) {
      this.#take(set);
      await this.#removeParts(set).catch(() => undefined); // the first error is the one to tell
      if (thrown instanceof PartsError || (thrown instanceof VfsError && thrown.kind === "LimitReached"))
        throw new ApiError(400, `There is no room for this upload: ${thrown.message}.`);
      throw thrown;
    }
  }

  /** A data set that is ready at once: its file was written under `uuid`. @throws {ApiError} 400 a quota: there is none */
  async adopt(
    owner: Owned,
    made: { readonly uuid: string; readonly name: string; readonly bytes: number; readonly content: DataSetContent },
  ): Promise<DataSet> {
    const set = this.#reserve(
      { id: owner.ownerId, projectId: owner.projectId },
      { ...made, type: "result", upload: null },
    );
    try {
      await this.#database.set(set.uuid, set);
      return set;
    } catch (thrown) {
      this.#take(set);
      throw thrown;
    }
  }

  /** Bytes that its file may have. */
  roomFor(set: DataSet): number {
    return this.roomOf(set.ownerId) + set.bytes;
  }

  /** Bytes that a user may still have. */
  roomOf(ownerId: string): number {
    return this.#limits.userBytes - this.#held(ownerId);
  }

  /** Its file of `bytes` is there: may its owner keep it? Others of theirs may have come meanwhile. @throws {ApiError} 400 */
  assertRoom(set: DataSet, bytes: number): void {
    const room = this.roomFor(set);
    if (bytes > room) throw tooMuch(this.#limits.userBytes - room, bytes, this.#limits.userBytes);
  }

  /** Its file is there: its parts go. @throws then it waits for its parts as before, and its file is to be removed */
  async finish(set: DataSet, content: DataSetContent, bytes: number): Promise<DataSet> {
    const ready: DataSet = { ...set, bytes, content, upload: null };
    this.#take(set);
    this.#put(ready); // before it waits: who deletes it meanwhile finds the file too
    try {
      await this.#database.set(set.uuid, ready);
    } catch (thrown) {
      if (this.#sets.get(set.uuid) === ready) this.#put(set);
      throw thrown;
    }
    // A disk that is busy or broken must not undo what is there. The next start removes what is left of them.
    await this.#removeParts(set).catch((error: unknown) =>
      this.#ctx.log(`a part of ${set.uuid} is left: ${textOf(error)}`),
    );
    return ready;
  }

  /** With all that belongs to it; nothing happens when it is gone. */
  async remove(set: DataSet): Promise<void> {
    const now = this.#sets.get(set.uuid);
    if (now === undefined) return;
    this.#take(now);
    await this.#database.delete(now.uuid);
    await this.#removeParts(now);
    if (now.content !== null) await this.removeFile(now.uuid);
  }

  /** All its parts have come; true too when it waits for none. */
  isComplete(set: DataSet): boolean {
    return partsOf(set).every(({ uuid }) => isComplete(this.#parts.progress(uuid)));
  }

  /** Removes files that no data set names: what a crash left. */
  async sweep(): Promise<void> {
    const drive = this.#ctx.vfs.drive(DATA_DRIVE);
    const left: string[] = [];
    for await (const { name } of drive.list()) {
      if (this.#sets.get(name)?.content == null) left.push(name);
    }
    for (const name of left) await drive.remove(name);
  }

  #reserve(
    { id, projectId }: Pick<Caller, "id" | "projectId">,
    given: Omit<DataSet, keyof Owned | "createdAt">,
  ): DataSet {
    const { dataSets, dataSetsTotal, userBytes } = this.#limits;
    const own = [...this.#sets.values()].filter(({ ownerId }) => ownerId === id);
    const held = this.#held(id);
    if (own.length >= dataSets)
      throw new ApiError(
        400,
        `You have ${own.length} data sets, and may have ${dataSets} (limit dataSets): delete some.`,
      );
    if (this.#sets.size >= dataSetsTotal)
      throw new ApiError(400, `This node has ${dataSetsTotal} data sets, the most it keeps (limit dataSetsTotal).`);
    if (held + given.bytes > userBytes) throw tooMuch(held, given.bytes, userBytes);
    const set: DataSet = { ...given, ownerId: id, projectId, createdAt: this.#ctx.now() };
    this.#put(set);
    return set;
  }

  /** Bytes that count for a user. */
  #held(ownerId: string): number {
    return [...this.#sets.values()].reduce((sum, set) => (set.ownerId === ownerId ? sum + set.bytes : sum), 0);
  }

  /** One that cannot be removed holds up no other. @throws the first reason */
  async #removeParts(set: DataSet): Promise<void> {
    const ends = await Promise.allSettled(partsOf(set).map(({ uuid }) => this.#parts.removePart(uuid)));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Its file, where there is one. */
  async removeFile(uuid: string): Promise<void> {
    const drive = this.#ctx.vfs.drive(DATA_DRIVE);
    if (await drive.exists(dataPath(uuid))) await drive.remove(dataPath(uuid));
  }

  #put(set: DataSet): void {
    this.#sets.set(set.uuid, set);
    for (const { uuid } of partsOf(set)) this.#ofPart.set(uuid, set.uuid);
  }

  #take(set: DataSet): void {
    this.#sets.delete(set.uuid);
    for (const { uuid } of partsOf(set)) this.#ofPart.delete(uuid);
  }
}

function tooMuch(held: number, more: number, max: number): ApiError {
  return new ApiError(
    400,
    `Your data sets have ${held} bytes, with these ${more} more than you may have: ${max} (limit userBytes).`,
  );
}

/** The parts that it waits for. */
export function partsOf({ upload }: Pick<DataSet, "upload">): readonly Part[] {
  if (upload === null) return [];
  return upload.label === null ? [upload.input] : [upload.input, upload.label];
}
