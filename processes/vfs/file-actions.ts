/** What is done with files, whole or at a position. Permission was checked before. */
import { constants } from "node:fs";
import { type FileHandle, unlink } from "node:fs/promises";
import type { VfsSeek } from "jackfield/protocol";
import {
  type Answer,
  assertBelow,
  bytesOf,
  type Caller,
  counted,
  OK,
  opened,
  PIECE,
  read,
  reading,
  whole,
} from "./answer.ts";
import { Cursors } from "./cursors.ts";
import type { DriveState, Drives } from "./drives.ts";
import { kindOf, readBytes, sizeOf, sumOf, writeAll } from "./files.ts";
import type { VfsLimits } from "./limits.ts";
import type { VfsPath } from "./path.ts";
import { limitReached } from "./refusal.ts";
import { FileError } from "./tree.ts";

const { O_RDWR, O_CREAT } = constants;

export class FileActions {
  readonly #drives: Drives;
  readonly #limits: VfsLimits;
  readonly #cursors: Cursors;

  constructor(drives: Drives, limits: VfsLimits) {
    this.#drives = drives;
    this.#limits = limits;
    this.#cursors = new Cursors(limits);
  }

  async openFile(path: VfsPath, create: boolean, caller: Caller): Promise<Answer> {
    if (create) await this.#make(path);
    else await reading(this.#drives, path, async () => undefined);
    this.#cursors.set(caller.process, path.text, 0);
    return OK;
  }

  async createFile(path: VfsPath, caller: Caller): Promise<Answer> {
    await this.#make(path);
    await this.setLen(path, 0);
    this.#cursors.set(caller.process, path.text, 0);
    return OK;
  }

  async closeFile(path: VfsPath, { process }: Caller): Promise<Answer> {
    this.#cursors.delete(process, path.text);
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

  async setLen(path: VfsPath, length: number): Promise<Answer> {
    await this.#changing(path, async (file, drive, size) => {
      await counted(drive, length - size, 0, () => file.truncate(length));
    });
    return OK;
  }

  /** At the cursor, which goes behind it. */
  writeOn(path: VfsPath, caller: Caller): Promise<Answer> {
    return this.#write(path, caller, () => this.#cursors.get(caller.process, path.text), true);
  }

  append(path: VfsPath, caller: Caller): Promise<Answer> {
    return this.#write(path, caller, (size) => size, this.#cursors.has(caller.process, path.text));
  }

  writeAt(path: VfsPath, position: number, caller: Caller): Promise<Answer> {
    return this.#write(path, caller, () => position);
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
      opened(this.#drives, path, O_RDWR, async (file) => work(file, drive, (await file.stat()).size)),
    );
  }

  /** The whole content at once: who reads sees the old one or the new one. */
  async replace(path: VfsPath, bytes: Uint8Array, durable: boolean): Promise<Answer> {
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

  read(path: VfsPath): Promise<Answer> {
    return reading(this.#drives, path, async (file) => read(await whole(file, this.#limits, 0)));
  }

  length(path: VfsPath): Promise<Answer> {
    return reading(this.#drives, path, async (file) => ({ body: { Len: (await file.stat()).size } }));
  }

  /** SHA-256. */
  hash(path: VfsPath): Promise<Answer> {
    return reading(this.#drives, path, async (file) => ({ body: { Hash: [...(await sumOf(file))] } }));
  }

  /** From the cursor to the end, or `length`. */
  readOn(path: VfsPath, { process }: Caller, length?: number): Promise<Answer> {
    return reading(this.#drives, path, async (file) => {
      const bytes = await this.#fromCursor(file, path, process, length);
      return read(bytes);
    });
  }

  readText(path: VfsPath, { process }: Caller): Promise<Answer> {
    return reading(this.#drives, path, async (file) => {
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
    const bytes = await whole(file, this.#limits, position, length);
    if (length !== undefined && bytes.byteLength < length)
      throw new FileError("EOF", `the file ends ${bytes.byteLength} bytes from here`);
    this.#cursors.set(process, path.text, position + bytes.byteLength);
    return bytes;
  }

  readAt(path: VfsPath, { position, length }: { readonly position: number; readonly length: number }): Promise<Answer> {
    return reading(this.#drives, path, async (file) => read(await whole(file, this.#limits, position, length)));
  }

  seek(path: VfsPath, seek: VfsSeek, { process }: Caller): Promise<Answer> {
    return reading(this.#drives, path, async (file) => {
      let offset: number;
      if ("Start" in seek) offset = seek.Start;
      else if ("End" in seek) offset = (await file.stat()).size + seek.End;
      else offset = this.#cursors.get(process, path.text) + seek.Current;
      if (offset < 0 || !Number.isSafeInteger(offset)) throw new FileError("EINVAL", "that is before the beginning");
      this.#cursors.set(process, path.text, offset);
      return { body: { SeekFrom: { new_offset: offset } } };
    });
  }

  async removeFile(path: VfsPath, { process }: Caller): Promise<Answer> {
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

  /** Its content, not its times. */
  async copy(path: VfsPath, to: VfsPath): Promise<Answer> {
    assertBelow(to);
    await reading(this.#drives, path, async (source) => {
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
}
