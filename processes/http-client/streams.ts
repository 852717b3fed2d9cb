/** Answers that are read piece by piece: each piece is a request and its answer, and the peer is held back (docs/adr/0010). */
import { Blob } from "jackfield/protocol";
import { type Fetched, refusalOf } from "./http.ts";
import { Refusal } from "./refusal.ts";

type Stream = {
  readonly owner: string;
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly body: Fetched["body"];
  readonly done: () => void;
  last: Promise<unknown>;
  usedAt: number; // ms
};

export class Streams {
  readonly #open = new Map<number, Stream>();
  #lastId = 0;

  get size(): number {
    return this.#open.size;
  }

  /** @param done called once, when it has ended @returns its id */
  add(owner: string, { body }: Fetched, now: number, done: () => void): number {
    body.on("error", () => undefined); // it says so where it is read, too
    const pieces = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    this.#open.set(++this.#lastId, { owner, pieces, body, done, last: Promise.resolve(), usedAt: now });
    return this.#lastId;
  }

  /** The next piece; null: it has ended. @throws {Refusal} NoStream, ExecuteRequestFailed */
  read(id: number, owner: string, now: number): Promise<Blob | null> {
    const stream = this.#find(id, owner);
    stream.usedAt = now;
    const piece = stream.last.then(async () => {
      try {
        const { value, done } = await stream.pieces.next();
        if (done !== true) return Blob.of(Uint8Array.from(value));
        this.#end(id, stream);
        return null;
      } catch (error) {
        this.#end(id, stream);
        throw refusalOf(error);
      }
    });
    stream.last = piece.catch(() => undefined);
    return piece;
  }

  /** @throws {Refusal} NoStream */
  cancel(id: number, owner: string): void {
    this.#end(id, this.#find(id, owner));
  }

  closeIdle(now: number, idle: number): void {
    for (const [id, stream] of this.#open) if (now - stream.usedAt >= idle) this.#end(id, stream);
  }

  closeAll(): void {
    for (const [id, stream] of this.#open) this.#end(id, stream);
  }

  #find(id: number, owner: string): Stream {
    const stream = this.#open.get(id);
    if (stream === undefined || stream.owner !== owner) throw new Refusal({ NoStream: { stream_id: id } });
    return stream;
  }

  #end(id: number, stream: Stream): void {
    if (!this.#open.delete(id)) return;
    stream.body.destroy();
    stream.done();
  }
}
