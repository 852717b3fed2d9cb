/**
 * The file of one part, in the drive `uploads`: its bytes, and behind them the journal of which are there.
 *
 * 1. Made under a name of its own and renamed when its journal has begun: a part that is there can be read.
 * 2. Bytes first, then the range: one request to the disk, which writes its pieces in order (journal.ts, rule 4).
 * 3. Sealed, the file is its bytes and nothing else, as others read it: all of them are there.
 * 4. When a write fails, what is known of the file is read from it again.
 */
import { type Context, type Drive, type HeldFile, VfsError } from "jackfield/process";
import { KernelError } from "jackfield/protocol";
import { fileLength, Journal, journalPlace } from "./journal.ts";
import type { Range, Ranges } from "./ranges.ts";

/** The drive of all parts; a part's file has its uuid as name. */
export const PARTS_DRIVE = "uploads";
const NEW = ".new"; // behind the name of a file whose journal has not begun

type Ctx = Pick<Context, "vfs">;

/** @returns the uuids of the parts that are there; what was left half made is removed @throws {VfsError} */
export async function listParts(ctx: Ctx): Promise<readonly string[]> {
  const drive = ctx.vfs.drive(PARTS_DRIVE);
  await drive.create();
  const uuids: string[] = [];
  for await (const { name } of drive.list()) {
    if (name.endsWith(NEW)) await drive.remove(name);
    else uuids.push(name);
  }
  return uuids;
}

/** @throws {VfsError} there is no room: nothing is left */
export async function createPartFile(ctx: Ctx, uuid: string, size: number, rangesMax: number): Promise<void> {
  const drive = ctx.vfs.drive(PARTS_DRIVE);
  const name = `${uuid}${NEW}`;
  const { first } = Journal.create(size, rangesMax);
  try {
    const file = await drive.open(name, { create: true });
    await file.truncate(fileLength(size));
    await file.writeAt(first.position, first.bytes);
    await file.sync();
    await drive.rename(name, uuid);
    await drive.sync("");
  } catch (error) {
    await drive.remove(name).catch(() => undefined); // listParts does, at the latest
    throw error;
  }
}

/** Nothing happens when it is gone. @throws {VfsError} */
export async function removePartFile(ctx: Ctx, uuid: string): Promise<void> {
  try {
    await ctx.vfs.drive(PARTS_DRIVE).remove(uuid);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** It was removed, or another is in its place. */
export function isGone(error: unknown): boolean {
  return error instanceof VfsError && (error.code === "ENOENT" || error.code === "ESTALE");
}

export class PartFile {
  readonly size: number;
  readonly #drive: Drive;
  readonly #name: string;
  readonly #rangesMax: number;
  #held: HeldFile | null;
  #journal: Journal;

  private constructor(drive: Drive, name: string, rangesMax: number, size: number, held: HeldFile, journal: Journal) {
    this.#drive = drive;
    this.#name = name;
    this.#rangesMax = rangesMax;
    this.size = size;
    this.#held = held;
    this.#journal = journal;
  }

  /** @throws {VfsError} ENOENT @throws {PartError} its journal cannot be read */
  static async open(ctx: Ctx, name: string, size: number, rangesMax: number): Promise<PartFile> {
    const drive = ctx.vfs.drive(PARTS_DRIVE);
    const held = await drive.hold(name);
    const { position, length } = journalPlace(size);
    const journal =
      held.length === size
        ? wholeJournal(size, rangesMax)
        : Journal.read(await held.readAt(position, length), size, rangesMax);
    if (journal === undefined) throw new PartError(name);
    return new PartFile(drive, name, rangesMax, size, held, journal);
  }

  /** What is there. Not to be changed. */
  get ranges(): Ranges {
    return this.#journal.ranges;
  }

  /**
   * Writes `bytes`, which `pieces` say where to put, and then what is new of it: `bytes` has room for that behind its first
   * `length`. They must not change until this resolves, nor ever after a rejection that is no VfsError. @throws {VfsError}
   */
  async write(bytes: Uint8Array, length: number, pieces: readonly Piece[], added: readonly Range[]): Promise<void> {
    const all = [...pieces];
    let end = length;
    if (added.length > 0) {
      const record = this.#journal.append(added);
      bytes.set(record.bytes, end);
      end += record.bytes.byteLength;
      all.push({ position: record.position, length: record.bytes.byteLength });
    }
    try {
      await this.#again((held) => held.write(all, bytes.subarray(0, end)));
    } catch (error) {
      if (!isGone(error)) await this.#reread();
      throw error;
    }
  }

  /** From now on the file is its bytes. All of them must be there. @throws {VfsError} */
  async seal(): Promise<void> {
    const file = await this.#drive.open(this.#name);
    await file.truncate(this.size);
  }

  /** @throws {VfsError} there is no room */
  async unseal(): Promise<void> {
    const { journal, first } = Journal.create(this.size, this.#rangesMax);
    const more = journal.append([{ start: 0, end: this.size }]);
    const file = await this.#drive.open(this.#name);
    await file.truncate(fileLength(this.size));
    await this.#again((held) => held.writeAt(first.position, first.bytes));
    await this.#again((held) => held.writeAt(more.position, more.bytes));
    this.#journal = journal;
  }

  async close(): Promise<void> {
    await this.#held?.close().catch(() => undefined); // the vfs closes it in a minute
    this.#held = null;
  }

  /** The vfs lets go of a file that nobody used for a minute: it is held again. */
  async #again<Result>(work: (held: HeldFile) => Promise<Result>): Promise<Result> {
    this.#held ??= await this.#drive.hold(this.#name);
    try {
      return await work(this.#held);
    } catch (error) {
      if (!(error instanceof VfsError) || error.kind !== "NoStream") throw error;
      this.#held = await this.#drive.hold(this.#name);
      return await work(this.#held);
    }
  }

  /** @throws {VfsError} @throws {PartError} */
  async #reread(): Promise<void> {
    const { position, length } = journalPlace(this.size);
    const bytes = await this.#again((held) => held.readAt(position, length));
    const journal = Journal.read(bytes, this.size, this.#rangesMax);
    if (journal === undefined) throw new PartError(this.#name);
    this.#journal = journal;
  }
}

/** The part has to be sent anew: nobody knows what of it is there. */
export class PartError extends KernelError {
  override readonly name = "PartError";

  constructor(uuid: string) {
    super(
      "PartUnreadable",
      `Cannot read what is there of part "${uuid}" as its file must end with a journal: send it anew`,
    );
  }
}

/** Of a sealed file: rule 3. */
function wholeJournal(size: number, rangesMax: number): Journal {
  const { journal } = Journal.create(size, rangesMax);
  journal.append([{ start: 0, end: size }]);
  return journal;
}

type Piece = { readonly position: number; readonly length: number };
