/** What each action does. Permission was checked before; every folder on the way is open (tree.ts). */
import { constants, fstatSync } from "node:fs";
import { type FileHandle, mkdir, readdir, rename, rmdir, unlink } from "node:fs/promises";
import {
  Blob,
  type Capability,
  type VfsAction,
  type VfsEntry,
  type VfsPiece,
  type VfsResponse,
  type VfsSeek,
} from "jackfield/protocol";
import { unzip } from "./archive.ts";
import { Cursors } from "./cursors.ts";
import { type DriveState, type Drives, makeFolder, measure, removeBelow } from "./drives.ts";
import { kindOf, metadataOf, readBytes, sizeOf, sumOf, writeAll } from "./files.ts";
import type { VfsLimits } from "./limits.ts";
import { DEPTH_MAX, type VfsPath } from "./path.ts";
import type { Asked } from "./read-request.ts";
import { limitReached, Refusal } from "./refusal.ts";
import { Streams, type UpdateStream } from "./streams.ts";
import { codeOf, FileError, type Folder, fileType, type Kind, within } from "./tree.ts";

const { O_RDONLY, O_RDWR, O_CREAT } = constants;
const PIECE = 64 * 1024; // bytes of a stream in one message, unless asked for otherwise
const MIME = "application/octet-stream"; // contract kinode §6

/** Who asks, and with what bytes. */
export type Caller = { readonly process: string; readonly bytes: Uint8Array | null };
export type Answer = {
  readonly body: VfsResponse;
  readonly blob?: Blob;
  readonly capabilities?: readonly Capability[];
};

const OK: Answer = { body: "Ok" };

export class Actions {
  readonly streams: Streams;
  readonly #drives: Drives;
  readonly #limits: VfsLimits;
  readonly #cursors: Cursors;
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(drives: Drives, limits: VfsLimits, now: () => number) {
    this.#drives = drives;
    this.#limits = limits;
    this.#now = now;
    this.#cursors = new Cursors(limits);
    this.streams = new Streams(limits);
  }

  /** @throws {Refusal} @throws {FileError} @throws what the system says */
  run({ path, newPath, action }: Asked, caller: Caller): Promise<Answer> {
    if (typeof action === "string") return this.#word(path, action, caller);
    if ("OpenFile" in action) return this.#openFile(path, action.OpenFile.create, caller);
    if ("ReadExact" in action) return this.#readOn(path, caller, action.ReadExact.length);
    if ("Seek" in action) return this.#seek(path, action.Seek, caller);
    if ("SetLen" in action) return this.#setLen(path, action.SetLen);
    if ("ReadAt" in action) return this.#readAt(path, action.ReadAt);
    if ("WriteAt" in action) return this.#write(path, caller, () => action.WriteAt.position);
    if ("List" in action) return this.#list(path, action.List);
    if ("Rename" in action) return this.#rename(path, newPath ?? path);
    if ("CopyFile" in action) return this.#copy(path, newPath ?? path);
    return this.#stream(path, action, caller);
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
        return this.#createDir(path);
      case "CreateDirAll":
        return this.#createDirAll(path);
      case "CreateFile":
        return this.#createFile(path, caller);
      case "CloseFile":
        this.#cursors.delete(caller.process, path.text);
        return Promise.resolve(OK);
      case "Write":
        return this.#replace(path, bytesOf(caller), false);
      case "Replace":
        return this.#replace(path, bytesOf(caller), true);
      case "WriteAll":
        return this.#write(path, caller, () => this.#cursors.get(caller.process, path.text), true);
      case "Append":
        return this.#write(path, caller, (size) => size, this.#cursors.has(caller.process, path.text));
      case "SyncAll":
        return this.#sync(path);
      case "Read":
        return this.#reading(path, async (file) => read(await this.#whole(file, 0)));
      case "ReadToEnd":
        return this.#readOn(path, caller);
      case "ReadToString":
        return this.#readText(path, caller);
      case "ReadDir":
        return this.#readDir(path);
      case "RemoveFile":
        return this.#removeFile(path, caller);
      case "RemoveDir":
        return this.#removeDir(path, false);
      case "RemoveDirAll":
        return this.#removeDir(path, true);
      case "Metadata":
        return this.#metadata(path);
      case "Len":
        return this.#reading(path, async (file) => ({ body: { Len: (await file.stat()).size } }));
      case "Hash":
        return this.#reading(path, async (file) => ({ body: { Hash: [...(await sumOf(file))] } }));
      case "AddZip":
        return this.#addZip(path, bytesOf(caller));
      case "Usage":
        return this.#usage(path);
      case "OpenRead":
        return this.#openRead(path, caller);
      case "OpenWrite":
        return this.#openWrite(path, caller);
      case "OpenUpdate":
        return this.#openUpdate(path, caller);
    }
  }

  /** Does `work` with the file, open to read. */
  #reading<Result>(path: VfsPath, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
    return this.#open(path, O_RDONLY, work);
  }

  #open<Result>(path: VfsPath, flags: number, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
    assertBelow(path);
    return this.#drives.at(path, async ({ parent, name }) => {
      // Package managers link files: in a package's own folder, which is only read, a second name is no fault.
      const file = await parent.file(name, flags, { linked: this.#drives.isReadOnly(path) });
      try {
        return await work(file);
      } finally {
        await file.close();
      }
    });
  }

  // Folders

  async #createDir(path: VfsPath): Promise<Answer> {
    assertBelow(path);
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, ({ parent, name }) =>
        counted(drive, 0, 1, async () => {
          await mkdir(await parent.at(name), { mode: 0o700 });
          await parent.sync(); // or a file in it that is kept would be in a folder that is not
        }),
      ),
    );
    return OK;
  }

  async #createDirAll(path: VfsPath): Promise<Answer> {
    await this.#drives.change(path, (drive) => this.#makeAll(path, drive));
    return OK;
  }

  async #makeAll(path: VfsPath, drive: DriveState): Promise<void> {
    for (let depth = 1; depth <= path.parts.length; depth++) {
      await this.#drives.at({ ...path, parts: path.parts.slice(0, depth) }, async ({ parent, name }) => {
        if ((await kindOf(parent, name)) !== undefined) return (await parent.folder(name)).close();
        return counted(drive, 0, 1, async () => {
          await makeFolder(parent, name);
          await parent.sync();
        });
      });
    }
  }

  #readDir(path: VfsPath): Promise<Answer> {
    return this.#drives.in(path, async (folder) => {
      const prefix = path.text.slice(1); // without the first slash: contract kinode §6, as the original has it
      const names = await this.#names(path, folder);
      const entries = names.map(({ name, kind }) => ({ path: `${prefix}/${name}`, file_type: kind }));
      return { body: { ReadDir: entries } };
    });
  }

  #list(
    path: VfsPath,
    { after = "", limit = 0 }: { readonly after?: string; readonly limit?: number },
  ): Promise<Answer> {
    const most = Math.max(1, Math.min(limit, this.#limits.listEntries));
    return this.#drives.in(path, async (folder) => {
      const names = (await this.#names(path, folder)).filter(({ name }) => name > after);
      const entries: VfsEntry[] = [];
      for (const { name } of names.slice(0, most)) {
        const metadata = await metadataOf(folder, name);
        if (metadata !== undefined) entries.push({ name, ...metadata }); // undefined: removed since
      }
      return { body: { List: { entries, more: names.length > most } } };
    });
  }

  /** By name. */
  async #names(path: VfsPath, folder: Folder): Promise<readonly { readonly name: string; readonly kind: Kind }[]> {
    const entries = await readdir(await folder.at("."), { withFileTypes: true });
    if (entries.length > this.#limits.folderEntries) throw limitReached(this.#limits, "folderEntries");
    return entries
      .filter(({ name }) => !this.#drives.isHidden(path, name))
      .map((entry) => ({ name: entry.name, kind: fileType(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #removeDir(path: VfsPath, all: boolean): Promise<Answer> {
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, async ({ parent, name }) => {
        try {
          if (all) await within(await parent.folder(name), (folder) => removeBelow(folder));
          await rmdir(await parent.at(name));
        } catch (error) {
          if (all) drive.recount();
          throw error;
        }
        if (all) drive.recount();
        else drive.add(0, -1);
        if (path.parts.length === 0) this.#drives.forget(path);
      }),
    );
    return OK;
  }

  // Files

  async #openFile(path: VfsPath, create: boolean, caller: Caller): Promise<Answer> {
    if (create) await this.#make(path);
    else await this.#reading(path, async () => undefined);
    this.#cursors.set(caller.process, path.text, 0);
    return OK;
  }

  async #createFile(path: VfsPath, caller: Caller): Promise<Answer> {
    await this.#make(path);
    await this.#setLen(path, 0);
    this.#cursors.set(caller.process, path.text, 0);
    return OK;
  }

  /** Nothing happens when it is there. */
  #make(path: VfsPath): Promise<void> {
    assertBelow(path);
    return this.#drives.change(path, (drive) =>
      this.#drives.at(path, async ({ parent, name }) => {
        const isThere = (await kindOf(parent, name)) !== undefined;
        await counted(drive, 0, isThere ? 0 : 1, async () => (await parent.file(name, O_RDWR | O_CREAT)).close());
      }),
    );
  }

  async #setLen(path: VfsPath, length: number): Promise<Answer> {
    await this.#changing(path, async (file, drive, size) => {
      await counted(drive, length - size, 0, () => file.truncate(length));
    });
    return OK;
  }

  /** @param at where to write, by the size of the file @param moves the cursor goes behind it */
  async #write(path: VfsPath, caller: Caller, at: (size: number) => number, moves = false): Promise<Answer> {
    const bytes = bytesOf(caller);
    if (bytes.byteLength > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
    await this.#changing(path, async (file, drive, size) => {
      const position = at(size);
      const end = position + bytes.byteLength;
      await counted(drive, Math.max(0, end - size), 0, () => writeAll(file, bytes, position));
      if (moves) this.#cursors.set(caller.process, path.text, end);
    });
    return OK;
  }

  #changing(path: VfsPath, work: (file: FileHandle, drive: DriveState, size: number) => Promise<void>): Promise<void> {
    return this.#drives.change(path, (drive) =>
      this.#open(path, O_RDWR, async (file) => work(file, drive, (await file.stat()).size)),
    );
  }

  /** The whole content at once: who reads sees the old one or the new one. */
  async #replace(path: VfsPath, bytes: Uint8Array, durable: boolean): Promise<Answer> {
    assertBelow(path);
    if (bytes.byteLength > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, async (place) => {
        const before = await sizeOf(place);
        await counted(drive, bytes.byteLength - (before ?? 0), before === undefined ? 1 : 0, async () => {
          const file = await this.#drives.temporary();
          try {
            await writeAll(file.handle, bytes, 0);
            await file.moveTo(place, durable);
          } catch (error) {
            await file.discard();
            throw error;
          }
        });
      }),
    );
    return OK;
  }

  /** A file, or a folder: what it has, not what they have. */
  async #sync(path: VfsPath): Promise<Answer> {
    if (path.parts.length === 0) {
      await this.#drives.in(path, (folder) => folder.sync());
      return OK;
    }
    await this.#drives.at(path, async ({ parent, name }) => {
      const isFolder = (await kindOf(parent, name)) === "Directory";
      const handle = isFolder ? await parent.folder(name) : await parent.file(name, O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      await parent.sync(); // its name
    });
    return OK;
  }

  /** From the cursor to the end, or `length`. */
  #readOn(path: VfsPath, { process }: Caller, length?: number): Promise<Answer> {
    return this.#reading(path, async (file) => {
      const bytes = await this.#fromCursor(file, path, process, length);
      return read(bytes);
    });
  }

  #readText(path: VfsPath, { process }: Caller): Promise<Answer> {
    return this.#reading(path, async (file) => {
      const bytes = await this.#fromCursor(file, path, process);
      try {
        return { body: { ReadToString: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) } };
      } catch {
        this.#cursors.set(process, path.text, this.#cursors.get(process, path.text) - bytes.byteLength);
        throw new FileError("EILSEQ", "it is no UTF-8: read its bytes");
      }
    });
  }

  async #fromCursor(file: FileHandle, path: VfsPath, process: string, length?: number): Promise<Uint8Array> {
    const position = this.#cursors.get(process, path.text);
    const bytes = await this.#whole(file, position, length);
    if (length !== undefined && bytes.byteLength < length)
      throw new FileError("EOF", `the file ends ${bytes.byteLength} bytes from here`);
    this.#cursors.set(process, path.text, position + bytes.byteLength);
    return bytes;
  }

  /** What is there from `position` on. @throws {Refusal} it is more than one message may carry */
  async #whole(file: FileHandle, position: number, length?: number): Promise<Uint8Array> {
    const { size } = await file.stat();
    const wanted = Math.min(length ?? Number.MAX_SAFE_INTEGER, Math.max(0, size - position));
    if (wanted > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
    return await readBytes(file, position, wanted);
  }

  #readAt(
    path: VfsPath,
    { position, length }: { readonly position: number; readonly length: number },
  ): Promise<Answer> {
    return this.#reading(path, async (file) => read(await this.#whole(file, position, length)));
  }

  #seek(path: VfsPath, seek: VfsSeek, { process }: Caller): Promise<Answer> {
    return this.#reading(path, async (file) => {
      let offset: number;
      if ("Start" in seek) offset = seek.Start;
      else if ("End" in seek) offset = (await file.stat()).size + seek.End;
      else offset = this.#cursors.get(process, path.text) + seek.Current;
      if (offset < 0 || !Number.isSafeInteger(offset)) throw new FileError("EINVAL", "that is before the beginning");
      this.#cursors.set(process, path.text, offset);
      return { body: { SeekFrom: { new_offset: offset } } };
    });
  }

  async #removeFile(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, async (place) => {
        // A link that somebody planted may go: it is removed, not where it leads.
        const kind = await kindOf(place.parent, place.name);
        if (kind === "Directory") throw new FileError("EISDIR", "a folder");
        const size = kind === "File" ? await sizeOf(place) : 0;
        await unlink(await place.parent.at(place.name));
        drive.add(-(size ?? 0), -1);
      }),
    );
    this.#cursors.delete(process, path.text);
    return OK;
  }

  async #rename(path: VfsPath, to: VfsPath): Promise<Answer> {
    assertBelow(path);
    assertBelow(to);
    if (path.drive !== to.drive) throw new FileError("EXDEV", "another drive: copy the file, then remove it");
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, (from) =>
        this.#drives.at(to, async (place) => {
          const kind = await kindOf(from.parent, from.name);
          if (kind === "Directory" && to.parts.length > path.parts.length) {
            const { height } = await within(await from.parent.folder(from.name), (folder) => measure(folder));
            if (to.parts.length + height > DEPTH_MAX)
              throw new FileError("ENAMETOOLONG", `its folders would be more than ${DEPTH_MAX} deep`);
          } else if (kind !== "File" && kind !== "Directory" && kind !== undefined) {
            throw new FileError("ELOOP", "neither a file nor a folder");
          }
          const before = (await kindOf(place.parent, place.name)) === "File" ? await sizeOf(place) : undefined;
          await rename(await from.parent.at(from.name), await place.parent.at(place.name));
          if (before !== undefined && path.text !== to.text) drive.add(-before, -1);
          else if (kind === "Directory") drive.recount(); // it may have taken the place of an empty one
        }),
      ),
    );
    return OK;
  }

  /** Its content, not its times. */
  async #copy(path: VfsPath, to: VfsPath): Promise<Answer> {
    assertBelow(to);
    await this.#reading(path, async (source) => {
      const { size } = await source.stat();
      await this.#drives.change(to, (drive) =>
        this.#drives.at(to, async (place) => {
          const before = await sizeOf(place);
          await counted(drive, size - (before ?? 0), before === undefined ? 1 : 0, async () => {
            const file = await this.#drives.temporary();
            try {
              for (let at = 0; at < size; ) {
                const bytes = await readBytes(source, at, Math.min(PIECE * 16, size - at));
                if (bytes.byteLength === 0) break; // cut short meanwhile
                await writeAll(file.handle, bytes, at);
                at += bytes.byteLength;
              }
              await file.moveTo(place, false);
            } catch (error) {
              await file.discard();
              throw error;
            }
          });
        }),
      );
    });
    return OK;
  }

  async #metadata(path: VfsPath): Promise<Answer> {
    if (path.parts.length === 0)
      return await this.#drives.in(path, async (folder) => {
        const { mtimeMs } = folder.stat();
        return { body: { Metadata: { file_type: "Directory", len: 0, modified: Math.floor(mtimeMs) } } };
      });
    return await this.#drives.at(path, async ({ parent, name }) => {
      const metadata = await metadataOf(parent, name);
      if (metadata === undefined) throw new FileError("ENOENT", "there is no such file or folder");
      return { body: { Metadata: metadata } };
    });
  }

  async #usage(path: VfsPath): Promise<Answer> {
    if (this.#drives.isReadOnly(path)) throw new FileError("EROFS", "it is not counted what only can be read");
    const { bytes, entries } = await this.#drives.usage(path);
    const { driveBytes, driveEntries } = this.#limits;
    return { body: { Usage: { bytes, max_bytes: driveBytes, entries, max_entries: driveEntries } } };
  }

  /** Nothing of what is no good (archive.ts), or has no room. A disk that fails in the middle leaves what it took. */
  async #addZip(path: VfsPath, bytes: Uint8Array): Promise<Answer> {
    const { folders, files } = await unzip(bytes, path, this.#limits);
    await this.#drives.change(path, async (drive) => {
      let [more, entries] = [0, 0];
      const above = path.parts.map((_, at) => ({ ...path, parts: path.parts.slice(0, at + 1) }));
      for (const folder of [...above, ...folders]) if ((await this.#found(folder, kindOf)) === undefined) entries++;
      for (const [file, content] of files) {
        const before = await this.#found(file, (parent, name) => sizeOf({ parent, name }));
        more += content.byteLength - (before ?? 0);
        if (before === undefined) entries++;
      }
      drive.assertRoom(more, entries);
      await this.#makeAll(path, drive);
      for (const folder of folders) await this.#makeAll(folder, drive);
    });
    for (const [file, content] of files) await this.#replace(file, content, false);
    return OK;
  }

  /** @returns undefined: it is not there, or a folder on the way is not */
  async #found<Result>(
    path: VfsPath,
    look: (parent: Folder, name: string) => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await this.#drives.at(path, ({ parent, name }) => look(parent, name));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  // Streams

  async #openRead(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.streams.assertRoom(process);
    return await this.#drives.at(path, async ({ parent, name }) => {
      const handle = await parent.file(name, O_RDONLY, { linked: this.#drives.isReadOnly(path) });
      const { size: len } = await handle.stat();
      const stream = {
        kind: "read",
        owner: process,
        path: path.text,
        usedAt: this.#now(),
        handle,
        position: 0,
      } as const;
      return { body: { Stream: { stream_id: this.streams.add({ ...stream }), len } } };
    });
  }

  async #openWrite(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.streams.assertRoom(process);
    return await this.#drives.change(path, async (drive) => {
      await this.#drives.at(path, sizeOf); // now, rather than when all has been written
      const file = await this.#drives.temporary();
      const stream = {
        kind: "write",
        owner: process,
        path: path.text,
        usedAt: this.#now(),
        drive,
        file,
        written: 0,
      } as const;
      return { body: { Stream: { stream_id: this.streams.add({ ...stream }), len: 0 } } };
    });
  }

  /** The file is made by `OpenFile`; here it must be there. */
  async #openUpdate(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.streams.assertRoom(process);
    return await this.#drives.change(path, async (drive) =>
      this.#drives.at(path, async ({ parent, name }) => {
        const handle = await parent.file(name, O_RDWR);
        const { size: len } = await handle.stat();
        const stream = { kind: "update", owner: process, path: path.text, usedAt: this.#now(), handle, drive } as const;
        return { body: { Stream: { stream_id: this.streams.add({ ...stream }), len } } };
      }),
    );
  }

  /**
   * Where the file does not grow nobody else's turn in the drive is waited for: what is counted stays the same. What is
   * asked of the open file is in memory, so it is asked in this thread.
   */
  async #update({ handle, drive }: UpdateStream, pieces: readonly VfsPiece[], bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
    let [length, end] = [0, 0];
    for (const piece of pieces) {
      length += piece.length;
      end = Math.max(end, piece.position + piece.length);
    }
    if (length !== bytes.byteLength) throw new Refusal("MalformedRequest");
    const write = async (): Promise<void> => {
      let at = 0;
      for (const piece of pieces) {
        await writeAll(handle, bytes.subarray(at, at + piece.length), piece.position);
        at += piece.length;
      }
    };
    const size = sizeInPlace(handle);
    if (end > size) return await drive.alone(() => counted(drive, Math.max(0, end - sizeInPlace(handle)), 0, write));
    await write();
    if (fstatSync(handle.fd).size > size) drive.recount(); // somebody had cut it short meanwhile
  }

  async #stream(path: VfsPath, action: Exclude<VfsAction, string>, caller: Caller): Promise<Answer> {
    const { process } = caller;
    if ("StreamRead" in action) {
      const { stream_id: id, length = PIECE } = action.StreamRead;
      const stream = this.streams.find(id, "read", process, path.text, this.#now());
      const wanted = Math.max(1, Math.min(length, this.#limits.wholeBytes));
      const bytes = await readBytes(stream.handle, stream.position, wanted);
      stream.position += bytes.byteLength;
      const done = bytes.byteLength < wanted;
      if (done) await this.streams.close(id, process);
      return { body: { StreamRead: { done } }, blob: Blob.of(bytes, MIME) };
    }
    if ("StreamWrite" in action) {
      const bytes = bytesOf(caller);
      const stream = this.streams.find(action.StreamWrite.stream_id, "write", process, path.text, this.#now());
      if (bytes.byteLength > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
      await stream.drive.alone(async () => {
        // It may have been closed while others had their turn: what is reserved now would be for good.
        this.streams.find(action.StreamWrite.stream_id, "write", process, path.text, this.#now());
        stream.drive.reserve(bytes.byteLength);
        stream.written += bytes.byteLength;
        await writeAll(stream.file.handle, bytes, stream.written - bytes.byteLength);
      });
      return OK;
    }
    if ("StreamCommit" in action) {
      const { stream_id: id, durable } = action.StreamCommit;
      const stream = this.streams.find(id, "write", process, path.text, this.#now());
      await this.#drives.change(path, (drive) =>
        this.#drives.at(path, async (place) => {
          const before = await sizeOf(place);
          await counted(drive, 0, before === undefined ? 1 : 0, () => stream.file.moveTo(place, durable));
          this.streams.delete(id);
          stream.drive.release(stream.written);
          drive.add(stream.written - (before ?? 0), 0);
        }),
      );
      return OK;
    }
    if ("StreamReadAt" in action) {
      const { stream_id: id, position, length } = action.StreamReadAt;
      const { handle } = this.streams.find(id, "update", process, path.text, this.#now());
      return read(await this.#whole(handle, position, length));
    }
    if ("StreamWriteAt" in action) {
      const { stream_id: id, pieces } = action.StreamWriteAt;
      const stream = this.streams.find(id, "update", process, path.text, this.#now());
      await this.#update(stream, pieces, bytesOf(caller));
      return OK;
    }
    if ("StreamSync" in action) {
      const { handle } = this.streams.find(action.StreamSync.stream_id, "update", process, path.text, this.#now());
      await handle.datasync();
      return OK;
    }
    if ("StreamClose" in action) await this.streams.close(action.StreamClose.stream_id, process);
    return OK;
  }
}

function bytesOf({ bytes }: Caller): Uint8Array {
  if (bytes === null) throw new Refusal("NoBlob");
  return bytes;
}

function read(bytes: Uint8Array): Answer {
  return { body: "Read", blob: Blob.of(bytes, MIME) };
}

/** Of an open file that still has its name in the drive, and no other. @throws {FileError} ESTALE */
function sizeInPlace(handle: FileHandle): number {
  const { size, nlink } = fstatSync(handle.fd);
  if (nlink !== 1)
    throw new FileError("ESTALE", "the file was removed or replaced, or has a second name: open it again");
  return size;
}

/** Where a file is wanted: a drive is none. */
function assertBelow(path: VfsPath): void {
  if (path.parts.length === 0) throw new FileError("EISDIR", "a drive");
}

/** Counts first, so that nothing is done that there is no room for; takes it back when it is not done. */
async function counted(drive: DriveState, bytes: number, entries: number, work: () => Promise<void>): Promise<void> {
  drive.grow(bytes, entries);
  try {
    await work();
  } catch (error) {
    if (bytes > 0 && codeOf(error) === "ENOSPC")
      drive.recount(); // some of it was written
    else drive.add(-bytes, -entries);
    throw error;
  }
}
