/** Bytes of a stream, so many at a time. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #left: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes of its own, `count` of them; fewer at the end. */
  async take(count: number): Promise<Uint8Array> {
    const taken = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      if (this.#left.byteLength === 0) {
        const next = await this.#source.next();
        if (next.done === true) break;
        this.#left = next.value;
      }
      const piece = this.#left.subarray(0, count - filled);
      taken.set(piece, filled);
      filled += piece.byteLength;
      this.#left = this.#left.subarray(piece.byteLength);
    }
    return taken.subarray(0, filled);
  }

  /** Its source is let go. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
