/**
 * What a request asks for leads to what is done: with folders, files, streams. Permission was checked before; every
 * folder on the way is open (tree.ts).
 */
import type { VfsAction } from "jackfield/protocol";
import { type Answer, bytesOf, type Caller, OK } from "./answer.ts";
import type { Drives } from "./drives.ts";
import { FileActions } from "./file-actions.ts";
import { FolderActions } from "./folder-actions.ts";
import type { VfsLimits } from "./limits.ts";
import type { VfsPath } from "./path.ts";
import type { Asked } from "./read-request.ts";
import { StreamActions } from "./stream-actions.ts";
import { Streams } from "./streams.ts";
import { unpack } from "./unpack.ts";

export type { Answer, Caller } from "./answer.ts";

export class Actions {
  readonly streams: Streams;
  readonly #drives: Drives;
  readonly #limits: VfsLimits;
  readonly #folders: FolderActions;
  readonly #files: FileActions;
  readonly #pieces: StreamActions;

  /** @param now milliseconds */
  constructor(drives: Drives, limits: VfsLimits, now: () => number) {
    this.#drives = drives;
    this.#limits = limits;
    this.#folders = new FolderActions(drives, limits);
    this.#files = new FileActions(drives, limits);
    this.streams = new Streams(limits);
    this.#pieces = new StreamActions(drives, this.streams, limits, now);
  }

  /** @throws {Refusal} @throws {FileError} @throws what the system says */
  run({ path, newPath, action }: Asked, caller: Caller): Promise<Answer> {
    if (typeof action === "string") return this.#word(path, action, caller);
    if ("OpenFile" in action) return this.#files.openFile(path, action.OpenFile.create, caller);
    if ("ReadExact" in action) return this.#files.readOn(path, caller, action.ReadExact.length);
    if ("Seek" in action) return this.#files.seek(path, action.Seek, caller);
    if ("SetLen" in action) return this.#files.setLen(path, action.SetLen);
    if ("ReadAt" in action) return this.#files.readAt(path, action.ReadAt);
    if ("WriteAt" in action) return this.#files.writeAt(path, action.WriteAt.position, caller);
    if ("List" in action) return this.#folders.list(path, action.List);
    if ("Rename" in action) return this.#folders.rename(path, newPath ?? path);
    if ("CopyFile" in action) return this.#files.copy(path, newPath ?? path);
    return this.#pieces.stream(path, action, caller);
  }

  async packages(): Promise<Answer> {
    const names = await this.#drives.packages();
    return { body: { ReadDir: names.map((path) => ({ path, file_type: "Directory" })) } };
  }

  #word(path: VfsPath, action: Extract<VfsAction, string>, caller: Caller): Promise<Answer> {
    switch (action) {
      case "CreateDrive":
        return this.#drives.create(path).then(() => OK);
      case "CreateDir":
        return this.#folders.createDir(path);
      case "CreateDirAll":
        return this.#folders.createDirAll(path);
      case "CreateFile":
        return this.#files.createFile(path, caller);
      case "CloseFile":
        return this.#files.closeFile(path, caller);
      case "Write":
        return this.#files.replace(path, bytesOf(caller), false);
      case "Replace":
        return this.#files.replace(path, bytesOf(caller), true);
      case "WriteAll":
        return this.#files.writeOn(path, caller);
      case "Append":
        return this.#files.append(path, caller);
      case "SyncAll":
        return this.#folders.sync(path);
      case "Read":
        return this.#files.read(path);
      case "ReadToEnd":
        return this.#files.readOn(path, caller);
      case "ReadToString":
        return this.#files.readText(path, caller);
      case "ReadDir":
        return this.#folders.readDir(path);
      case "RemoveFile":
        return this.#files.removeFile(path, caller);
      case "RemoveDir":
        return this.#folders.removeDir(path, false);
      case "RemoveDirAll":
        return this.#folders.removeDir(path, true);
      case "Metadata":
        return this.#folders.metadata(path);
      case "Len":
        return this.#files.length(path);
      case "Hash":
        return this.#files.hash(path);
      case "AddZip":
        return unpack(
          { drives: this.#drives, limits: this.#limits, folders: this.#folders, files: this.#files },
          path,
          bytesOf(caller),
        );
      case "Usage":
        return this.#folders.usage(path);
      case "OpenRead":
        return this.#pieces.openRead(path, caller);
      case "OpenWrite":
        return this.#pieces.openWrite(path, caller);
      case "OpenUpdate":
        return this.#pieces.openUpdate(path, caller);
    }
  }
}
