/**
 * Files that are read or written piece by piece; each piece is a request and its answer, so nobody is faster than the
 * other (docs/adr/0010).
 *
 * 1. Reading holds the file as it was when it was opened: who replaces it meanwhile changes nothing of it.
 * 2. Writing goes to a file that nobody sees; committed, it takes the place of the old one at once.
 * 3. Updating is of the file itself: it is written where it stands, at positions. Once it was removed or replaced nothing
 *    is written to it any more: nobody would see that.
 * 4. Only the process that opened a stream may use it; to others it is not there.
 * 5. One that is not used for limits.streamIdle is closed; what was written to a new content is gone then.
 */
import type { FileHandle } from "node:fs/promises";
import type { DriveState, Temporary } from "./drives.ts";
import type { VfsLimits } from "./limits.ts";
import { limitReached, Refusal } from "./refusal.ts";

type Common = { readonly owner: string; readonly path: string; usedAt: number };
export type ReadStream = Common & { readonly kind: "read"; readonly handle: FileHandle; position: number };
export type WriteStream = Common & {
  readonly kind: "write";
  readonly file: Temporary;
  readonly drive: DriveState;
  written: number; // bytes
};
export type UpdateStream = Common & {
  readonly kind: "update";
  readonly handle: FileHandle;
  readonly drive: DriveState;
};
export type Stream = ReadStream | WriteStream | UpdateStream;

export class Streams {
  readonly #limits: VfsLimits;
  readonly #open = new Map<number, Stream>();
  #lastId = 0;

  constructor(limits: VfsLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws {Refusal} there is no room for one more */
  assertRoom(owner: string): void {
    if (this.#open.size >= this.#limits.streamsTotal) throw limitReached(this.#limits, "streamsTotal");
    let own = 0;
    for (const stream of this.#open.values()) if (stream.owner === owner) own++;
    if (own >= this.#limits.streams) throw limitReached(this.#limits, "streams");
  }

  /** @returns its id */
  add(stream: Stream): number {
    this.#open.set(++this.#lastId, stream);
    return this.#lastId;
  }

  /** @throws {Refusal} NoStream */
  find<Kind extends Stream["kind"]>(
    id: number,
    kind: Kind,
    owner: string,
    path: string,
    now: number,
  ): Extract<Stream, { kind: Kind }> {
    const stream = this.#open.get(id);
    if (stream === undefined || stream.owner !== owner || stream.path !== path || stream.kind !== kind)
      throw new Refusal({ NoStream: { stream_id: id } });
    stream.usedAt = now;
    return stream as Extract<Stream, { kind: Kind }>;
  }

  /** It has been committed, and closed with that. */
  delete(id: number): void {
    this.#open.delete(id);
  }

  /** Nothing happens when it is not there, or another's. */
  async close(id: number, owner: string): Promise<void> {
    const stream = this.#open.get(id);
    if (stream === undefined || stream.owner !== owner) return;
    this.#open.delete(id);
    await end(stream);
  }

  /** Rule 5. */
  async closeIdle(now: number): Promise<void> {
    for (const [id, stream] of this.#open) {
      if (now - stream.usedAt >= this.#limits.streamIdle) await this.close(id, stream.owner);
    }
  }

  async closeAll(): Promise<void> {
    for (const [id, stream] of this.#open) await this.close(id, stream.owner);
  }
}

async function end(stream: Stream): Promise<void> {
  // One that was read has nothing to lose; each write of an update was answered by itself.
  if (stream.kind !== "write") return await stream.handle.close().catch(() => undefined);
  stream.drive.release(stream.written);
  await stream.file.discard();
}
