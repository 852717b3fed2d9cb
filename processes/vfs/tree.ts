/**
 * Folders on the disk, walked so that no link is ever followed: whatever is done is done inside an open folder.
 *
 * 1. On Linux an open folder is reached as `/proc/self/fd/N`, so that `/proc/self/fd/N/name` is what openat(2) gives
 *    others, which Node has not: nobody can put a link in between, however fast. Each step is opened with O_NOFOLLOW.
 * 2. Elsewhere, and where /proc is missing, each step is looked at, opened with O_NOFOLLOW, and its real path compared. Who
 *    swaps a folder for a link between the two wins there: docs/adr/0023.
 * 3. Folders are opened and closed at once, on the node's thread: the system has them at hand (its dentry cache), and each
 *    way through libuv's threads cost ten times as much. What files have is read and written there.
 * 4. Only files and folders are touched. A link, a FIFO, a socket, a device is refused; opening never waits for one
 *    (O_NONBLOCK). So is a file with a second name (a hard link): the other name may be outside.
 */
import { closeSync, constants, existsSync, fstatSync, fsync, openSync, type Stats } from "node:fs";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const { O_NOFOLLOW = 0, O_DIRECTORY = 0, O_NONBLOCK = 0, O_NOCTTY = 0, O_RDONLY } = constants; // not all on Windows
const PROC = "/proc/self/fd";
const CLOSED = -1; // no descriptor: a number that was given back may be another folder's by now
const syncOf = promisify(fsync);

/** Whether rule 1 holds on this machine. */
export const HAS_PROC: boolean = process.platform === "linux" && existsSync(PROC);

/** What a system call says, in words that name no path of the machine. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly code: string;
  constructor(code: string, rule: string) {
    super(`${code}: ${rule}`);
    this.code = code;
  }
}

export class Folder {
  #fd: number;
  readonly #path: string; // rule 2
  readonly #byProc: boolean;

  private constructor(fd: number, path: string, byProc: boolean) {
    this.#fd = fd;
    this.#path = path;
    this.#byProc = byProc;
  }

  /** @param path where links are trusted: the administrator's own @param byProc see rules 1 and 2 */
  static async open(path: string, byProc: boolean = HAS_PROC): Promise<Folder> {
    const real = await realpath(path);
    return new Folder(openSync(real, O_RDONLY | O_DIRECTORY), real, byProc);
  }

  /** What a system call takes, now, for `name` in this folder. `name` is one part; "." the folder itself. */
  async at(name: string): Promise<string> {
    if (this.#byProc) return `${PROC}/${this.#fd}/${name}`;
    await this.#assertSteady();
    return join(this.#path, name);
  }

  /** @throws {FileError} ELOOP it is a link, ENOTDIR it is no folder @throws ENOENT */
  async folder(name: string): Promise<Folder> {
    const path = await this.at(name);
    let fd: number;
    try {
      fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW); // what is none is not opened, and nothing waits
    } catch (error) {
      await assertType(path, "Directory"); // the clear word
      throw error;
    }
    const folder = new Folder(fd, join(this.#path, name), this.#byProc);
    try {
      if (!this.#byProc) await folder.#assertSteady();
    } catch (error) {
      folder.close();
      throw error;
    }
    return folder;
  }

  /**
   * @param flags beside those that keep from following and waiting
   * @param options.linked a second name of the file is no fault
   * @throws {FileError} it is no file
   */
  async file(name: string, flags: number, options: { readonly linked?: boolean } = {}): Promise<FileHandle> {
    const path = await this.at(name);
    await assertType(path, "File", (flags & constants.O_CREAT) !== 0);
    const handle = await open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600);
    try {
      const { nlink, ...stats } = await handle.stat();
      if (fileType(stats) !== "File") throw notOne("File", "another kind");
      if (nlink > 1 && options.linked !== true)
        throw new FileError(
          "EMLINK",
          "the file has a second name, which may be outside of its drive: copy it in place",
        );
      if (!this.#byProc) await this.#assertSteady();
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  /** The names in it are there after the power went. */
  sync(): Promise<void> {
    return syncOf(this.#fd);
  }

  stat(): Stats {
    return fstatSync(this.#fd);
  }

  /** Nothing happens when it is closed. */
  close(): void {
    if (this.#fd === CLOSED) return;
    closeSync(this.#fd);
    this.#fd = CLOSED;
  }

  /** Rule 2: its path still leads to what is open. */
  async #assertSteady(): Promise<void> {
    const here = this.stat();
    const there = await lstat(this.#path);
    const isSame = there.ino === here.ino && there.dev === here.dev && (await realpath(this.#path)) === this.#path;
    if (!isSame) throw new FileError("ELOOP", "a folder of the path is a link, or was moved meanwhile");
  }
}

export type Kind = "File" | "Directory" | "Symlink" | "Other";

type Typed = { readonly mode: number } | { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean };

export function fileType(stats: Typed): Kind {
  if ("mode" in stats) {
    const type = stats.mode & constants.S_IFMT;
    if (type === constants.S_IFREG) return "File";
    if (type === constants.S_IFDIR) return "Directory";
    return type === constants.S_IFLNK ? "Symlink" : "Other";
  }
  if (stats.isFile()) return "File";
  if (stats.isDirectory()) return "Directory";
  return stats.isSymbolicLink() ? "Symlink" : "Other";
}

/** Looked at before it is opened, for a clear word, and because opening a device can do something. */
async function assertType(path: string, wanted: Kind, mayMiss = false): Promise<void> {
  let kind: Kind;
  try {
    kind = fileType(await lstat(path));
  } catch (error) {
    if (mayMiss && codeOf(error) === "ENOENT") return;
    throw error;
  }
  if (kind !== wanted) throw notOne(wanted, kind);
}

function notOne(wanted: Kind, kind: Kind | "another kind"): FileError {
  if (kind === "Symlink") return new FileError("ELOOP", "a link: drives have none");
  if (kind === "Directory") return new FileError("EISDIR", "a folder");
  if (wanted === "Directory") return new FileError("ENOTDIR", "no folder");
  return new FileError("EINVAL", "neither a file nor a folder");
}

export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "EIO";
}

/** Walks down `parts`, an open folder at a time. Closes `from`, and what it passes. @returns the last, for the caller to close */
export async function descend(from: Folder, parts: readonly string[]): Promise<Folder> {
  let folder = from;
  for (const part of parts) {
    const above = folder;
    try {
      folder = await above.folder(part);
    } finally {
      above.close();
    }
  }
  return folder;
}

/** Does `work` in an open folder, and closes it. */
export async function within<Result>(folder: Folder, work: (folder: Folder) => Promise<Result>): Promise<Result> {
  try {
    return await work(folder);
  } finally {
    folder.close();
  }
}
