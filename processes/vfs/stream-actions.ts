/** What is done with streams (streams.ts): opening them, their pieces, committing. Permission was checked before. */
import { constants, fstatSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { VfsAction, VfsPiece } from "jackfield/protocol";
import { type Answer, assertBelow, bytesOf, type Caller, carrying, counted, OK, PIECE, read, whole } from "./answer.ts";
import type { Drives } from "./drives.ts";
import { readBytes, sizeOf, writeAll } from "./files.ts";
import type { VfsLimits } from "./limits.ts";
import type { VfsPath } from "./path.ts";
import { limitReached, Refusal } from "./refusal.ts";
import type { Stream, Streams, UpdateStream } from "./streams.ts";
import { FileError } from "./tree.ts";

const { O_RDONLY, O_RDWR } = constants;

export class StreamActions {
  readonly #drives: Drives;
  readonly #streams: Streams;
  readonly #limits: VfsLimits;
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(drives: Drives, streams: Streams, limits: VfsLimits, now: () => number) {
    this.#drives = drives;
    this.#limits = limits;
    this.#now = now;
    this.#streams = streams;
  }

  async openRead(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.#streams.assertRoom(process);
    return await this.#drives.at(path, async ({ parent, name }) => {
      const handle = await parent.file(name, O_RDONLY, { linked: this.#drives.isReadOnly(path) });
      const { size: len } = await handle.stat();
      return this.#added({ kind: "read", ...this.#of(path, process), handle, position: 0 }, len);
    });
  }

  async openWrite(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.#streams.assertRoom(process);
    return await this.#drives.change(path, async (drive) => {
      await this.#drives.at(path, sizeOf); // now, rather than when all has been written
      const file = await this.#drives.temporary();
      return this.#added({ kind: "write", ...this.#of(path, process), drive, file, written: 0 }, 0);
    });
  }

  /** The file is made by `OpenFile`; here it must be there. */
  async openUpdate(path: VfsPath, { process }: Caller): Promise<Answer> {
    assertBelow(path);
    this.#streams.assertRoom(process);
    return await this.#drives.change(path, async (drive) =>
      this.#drives.at(path, async ({ parent, name }) => {
        const handle = await parent.file(name, O_RDWR);
        const { size: len } = await handle.stat();
        return this.#added({ kind: "update", ...this.#of(path, process), handle, drive }, len);
      }),
    );
  }

  #of(path: VfsPath, process: string): Pick<Stream, "owner" | "path" | "usedAt"> {
    return { owner: process, path: path.text, usedAt: this.#now() };
  }

  #added(stream: Stream, len: number): Answer {
    return { body: { Stream: { stream_id: this.#streams.add(stream), len } } };
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

  async stream(path: VfsPath, action: Exclude<VfsAction, string>, caller: Caller): Promise<Answer> {
    const { process } = caller;
    if ("StreamRead" in action) {
      const { stream_id: id, length = PIECE } = action.StreamRead;
      const stream = this.#streams.find(id, "read", process, path.text, this.#now());
      const wanted = Math.max(1, Math.min(length, this.#limits.wholeBytes));
      const bytes = await readBytes(stream.handle, stream.position, wanted);
      stream.position += bytes.byteLength;
      const done = bytes.byteLength < wanted;
      if (done) await this.#streams.close(id, process);
      return carrying({ StreamRead: { done } }, bytes);
    }
    if ("StreamWrite" in action) {
      const bytes = bytesOf(caller);
      const stream = this.#streams.find(action.StreamWrite.stream_id, "write", process, path.text, this.#now());
      if (bytes.byteLength > this.#limits.wholeBytes) throw limitReached(this.#limits, "wholeBytes");
      await stream.drive.alone(async () => {
        // It may have been closed while others had their turn: what is reserved now would be for good.
        this.#streams.find(action.StreamWrite.stream_id, "write", process, path.text, this.#now());
        stream.drive.reserve(bytes.byteLength);
        stream.written += bytes.byteLength;
        await writeAll(stream.file.handle, bytes, stream.written - bytes.byteLength);
      });
      return OK;
    }
    if ("StreamCommit" in action) {
      const { stream_id: id, durable } = action.StreamCommit;
      const stream = this.#streams.find(id, "write", process, path.text, this.#now());
      await this.#drives.change(path, (drive) =>
        this.#drives.at(path, async (place) => {
          const before = await sizeOf(place);
          await counted(drive, 0, before === undefined ? 1 : 0, () => stream.file.moveTo(place, durable));
          this.#streams.delete(id);
          stream.drive.release(stream.written);
          drive.add(stream.written - (before ?? 0), 0);
        }),
      );
      return OK;
    }
    if ("StreamReadAt" in action) {
      const { stream_id: id, position, length } = action.StreamReadAt;
      const { handle } = this.#streams.find(id, "update", process, path.text, this.#now());
      return read(await whole(handle, this.#limits, position, length));
    }
    if ("StreamWriteAt" in action) {
      const { stream_id: id, pieces } = action.StreamWriteAt;
      const stream = this.#streams.find(id, "update", process, path.text, this.#now());
      await this.#update(stream, pieces, bytesOf(caller));
      return OK;
    }
    if ("StreamSync" in action) {
      const { handle } = this.#streams.find(action.StreamSync.stream_id, "update", process, path.text, this.#now());
      await handle.datasync();
      return OK;
    }
    if ("StreamClose" in action) await this.#streams.close(action.StreamClose.stream_id, process);
    return OK;
  }
}

/** Of an open file that still has its name in the drive, and no other. @throws {FileError} ESTALE */
function sizeInPlace(handle: FileHandle): number {
  const { size, nlink } = fstatSync(handle.fd);
  if (nlink !== 1)
    throw new FileError("ESTALE", "the file was removed or replaced, or has a second name: open it again");
  return size;
}
