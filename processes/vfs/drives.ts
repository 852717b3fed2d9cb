/**
 * Where drives are on the disk, and what is in each: `<folder>/<package>@<publisher>/<drive>/…`.
 *
 * 1. Whatever changes a drive waits for its turn there: what is counted is what is on the disk.
 * 2. Sizes are counted at the first change after a start, and kept up from then on.
 * 3. `.tmp` has what is not complete yet; no drive has that name, and a start empties it.
 * 4. The drive `pkg` is the package's own folder, to read; names with a dot in front are not shown there, as the node's
 *    data may lie beside. It cannot be changed.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, mkdtemp, opendir, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PackageId } from "jackfield/protocol";
import type { VfsLimits } from "./limits.ts";
import { DEPTH_MAX, folderName, type VfsPath } from "./path.ts";
import { limitReached } from "./refusal.ts";
import { codeOf, descend, FileError, Folder, fileType, HAS_PROC, within } from "./tree.ts";

const TMP = ".tmp";
const PKG = "pkg";

export type DrivesOptions = {
  /** Null: in the system's folder for temporary files, gone with the node. */
  readonly folder: string | null;
  readonly limits: VfsLimits;
  /** Where a package lies, if it was loaded from the disk. */
  readonly packageFolder: (packageId: PackageId) => Promise<string | null>;
  /** See tree.ts. */
  readonly byProc?: boolean;
};

/** The folder that has what a path names. */
export type Place = { readonly parent: Folder; readonly name: string };

export class Drives {
  readonly #options: DrivesOptions;
  readonly #states = new Map<string, DriveState>(); // one for each drive that was changed; see limits.driveEntries
  #base: Promise<Folder> | null = null;
  #path = "";
  #temporaries = 0;

  constructor(options: DrivesOptions) {
    this.#options = options;
  }

  isReadOnly({ driveName }: VfsPath): boolean {
    return driveName === PKG;
  }

  /** Does `work` in the folder above what `path` names; above the drive, where it names that. */
  async at<Result>(path: VfsPath, work: (place: Place) => Promise<Result>): Promise<Result> {
    const folders = path.parts.slice(0, -1);
    const name = path.parts.at(-1) ?? path.driveName;
    const above = path.parts.length === 0 ? await this.#package(path) : await this.#drive(path);
    return within(await descend(above, folders), (parent) => work({ parent, name }));
  }

  /** Does `work` in the folder that `path` names. */
  async in<Result>(path: VfsPath, work: (folder: Folder) => Promise<Result>): Promise<Result> {
    return within(await descend(await this.#drive(path), path.parts), work);
  }

  /** What names a listing leaves out. */
  isHidden(path: VfsPath, name: string): boolean {
    return path.driveName === PKG && name.startsWith(".");
  }

  /** One change of a drive at a time. @throws {FileError} EROFS @throws ENOENT there is no such drive */
  async change<Result>(path: VfsPath, work: (state: DriveState) => Promise<Result>): Promise<Result> {
    if (this.isReadOnly(path)) throw new FileError("EROFS", "the folder of a package can be read only");
    const state = await this.#state(path);
    return state.alone(() => work(state));
  }

  async usage(path: VfsPath): Promise<DriveState> {
    const state = await this.#state(path);
    await state.alone(async () => undefined);
    return state;
  }

  /** Nothing happens when it is there. */
  async create(path: VfsPath): Promise<void> {
    if (this.isReadOnly(path)) throw new FileError("EROFS", "the folder of a package is its drive pkg already");
    const base = await this.#root();
    const owner = folderName(path.packageId);
    const made = await makeFolder(base, owner);
    await within(await base.folder(owner), async (folder) => {
      const names = await readdir(await folder.at("."));
      const { drives } = this.#options.limits;
      if (!names.includes(path.driveName) && names.length >= drives) throw limitReached(this.#options.limits, "drives");
      if (await makeFolder(folder, path.driveName)) await folder.sync();
    });
    if (made) await base.sync();
  }

  /** Of the drive itself. */
  forget(path: VfsPath): void {
    this.#states.delete(path.drive);
  }

  /** `package:publisher` of all that have one. */
  async packages(): Promise<readonly string[]> {
    const names = await readdir(await (await this.#root()).at("."));
    return names.filter((name) => name !== TMP).map((name) => name.replace("@", ":"));
  }

  /** A new file that nobody sees. */
  async temporary(): Promise<Temporary> {
    const base = await this.#root();
    const folder = await base.folder(TMP);
    const name = String(this.#temporaries++);
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    try {
      return new Temporary(folder, name, await folder.file(name, O_CREAT | O_EXCL | O_RDWR));
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const base = await this.#base?.catch(() => null);
    this.#base = null;
    base?.close();
    if (base !== undefined && this.#options.folder === null) await rm(this.#path, { recursive: true, force: true });
  }

  #root(): Promise<Folder> {
    this.#base ??= this.#open().catch((error: unknown) => {
      this.#base = null; // the disk may be there next time
      throw error;
    });
    return this.#base;
  }

  async #open(): Promise<Folder> {
    const { folder } = this.#options;
    if (folder !== null) await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#path = folder ?? (await mkdtemp(join(tmpdir(), "jackfield-vfs-")));
    const base = await Folder.open(this.#path, this.#options.byProc ?? HAS_PROC);
    if (!(await makeFolder(base, TMP))) {
      await within(await base.folder(TMP), async (tmp) => {
        for (const name of await readdir(await tmp.at("."))) await unlink(await tmp.at(name));
      });
    }
    return base;
  }

  async #package(path: VfsPath): Promise<Folder> {
    if (path.driveName === PKG) throw new FileError("EROFS", "the folder of a package can be read only");
    return await (await this.#root()).folder(folderName(path.packageId));
  }

  async #drive(path: VfsPath): Promise<Folder> {
    if (path.driveName !== PKG) return await descend(await this.#package(path), [path.driveName]);
    const folder = await this.#options.packageFolder(path.packageId);
    if (folder === null || path.parts.some((part) => this.isHidden(path, part)))
      throw new FileError("ENOENT", "there is no such file or folder");
    return await Folder.open(folder, this.#options.byProc ?? HAS_PROC);
  }

  async #state(path: VfsPath): Promise<DriveState> {
    let state = this.#states.get(path.drive);
    if (state === undefined) {
      const root = { ...path, parts: [] };
      await this.in(root, async () => undefined); // it is there
      state = this.#states.get(path.drive) ?? new DriveState(this.#options.limits, () => this.in(root, measure));
      this.#states.set(path.drive, state);
    }
    return state;
  }
}

/** What is in one drive, and whose turn it is there. */
export class DriveState {
  readonly #limits: VfsLimits;
  readonly #measure: () => Promise<Counted>;
  #measured: Counted | null = null;
  #reserved = 0; // bytes of streams that are not committed
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: VfsLimits, measured: () => Promise<Counted>) {
    this.#limits = limits;
    this.#measure = measured;
  }

  get bytes(): number {
    return (this.#measured?.bytes ?? 0) + this.#reserved;
  }

  get entries(): number {
    return this.#measured?.entries ?? 0;
  }

  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(async () => {
      this.#measured ??= await this.#measure();
      return await work();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Counts what is about to come. @throws {Refusal} it is too much: nothing is counted */
  grow(bytes: number, entries: number): void {
    this.assertRoom(bytes, entries);
    this.add(bytes, entries);
  }

  /** @throws {Refusal} it is too much */
  assertRoom(bytes: number, entries: number): void {
    const { driveBytes, driveEntries } = this.#limits;
    if (bytes > 0 && this.bytes + bytes > driveBytes) throw limitReached(this.#limits, "driveBytes");
    if (entries > 0 && this.entries + entries > driveEntries) throw limitReached(this.#limits, "driveEntries");
  }

  /** Counts what has come, or gone. */
  add(bytes: number, entries: number): void {
    const { bytes: before = 0, entries: had = 0 } = this.#measured ?? {};
    this.#measured = { bytes: Math.max(0, before + bytes), entries: Math.max(0, had + entries) };
  }

  /** As `grow`, for bytes of a stream. @throws {Refusal} */
  reserve(bytes: number): void {
    if (this.bytes + bytes > this.#limits.driveBytes) throw limitReached(this.#limits, "driveBytes");
    this.#reserved += bytes;
  }

  release(bytes: number): void {
    this.#reserved = Math.max(0, this.#reserved - bytes);
  }

  /** Something ended half done: what is there is counted anew. */
  recount(): void {
    this.#measured = null;
  }
}

/** A file that has no name in a drive yet. */
export class Temporary {
  readonly handle: FileHandle;
  readonly #folder: Folder;
  readonly #name: string;

  constructor(folder: Folder, name: string, handle: FileHandle) {
    this.#folder = folder;
    this.#name = name;
    this.handle = handle;
  }

  /** Puts it where `place` is, over what is there. @param durable it is there after the power went, once this resolves */
  async moveTo({ parent, name }: Place, durable: boolean): Promise<void> {
    if (durable) await this.handle.sync();
    await rename(await this.#folder.at(this.#name), await parent.at(name));
    if (durable) await parent.sync();
    await this.#close();
  }

  async discard(): Promise<void> {
    await unlink(await this.#folder.at(this.#name)).catch(() => undefined); // a start empties what is left
    await this.#close().catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#folder.close();
    await this.handle.close();
  }
}

type Counted = { readonly bytes: number; readonly entries: number };
/** @property height folders in each other */
export type Measure = Counted & { readonly height: number };

/** What is below `folder`. @throws {FileError} it is deeper than any path may be */
export async function measure(folder: Folder, depth = 0): Promise<Measure> {
  if (depth > DEPTH_MAX) throw new FileError("ENAMETOOLONG", `folders are more than ${DEPTH_MAX} deep`);
  let bytes = 0;
  let entries = 0;
  let height = 0;
  for await (const entry of await opendir(await folder.at("."))) {
    entries++;
    if (entry.isDirectory()) {
      const below = await within(await folder.folder(entry.name), (inner) => measure(inner, depth + 1));
      bytes += below.bytes;
      entries += below.entries;
      height = Math.max(height, below.height + 1);
    } else if (entry.isFile()) bytes += (await lstat(await folder.at(entry.name))).size;
  }
  return { bytes, entries, height };
}

/** Removes what is below `folder`; links themselves, not where they lead. */
export async function removeBelow(folder: Folder, depth = 0): Promise<void> {
  if (depth > DEPTH_MAX) throw new FileError("ENAMETOOLONG", `folders are more than ${DEPTH_MAX} deep`);
  for (const entry of await readdir(await folder.at("."), { withFileTypes: true })) {
    if (fileType(entry) === "Directory") {
      await within(await folder.folder(entry.name), (inner) => removeBelow(inner, depth + 1));
      await rmdir(await folder.at(entry.name));
    } else await unlink(await folder.at(entry.name));
  }
}

/** @returns whether it was made; false: it is there */
export async function makeFolder(parent: Folder, name: string): Promise<boolean> {
  try {
    await mkdir(await parent.at(name), { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    return false;
  }
}
