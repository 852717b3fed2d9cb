/** Collects a request body. */
export class BodyCollector {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  /** @param chunk owned from here on */
  add(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    this.#chunks.push(chunk);
  }

  take(): Uint8Array {
    const [first, ...more] = this.#chunks;
    if (first !== undefined && more.length === 0) return first; // most bodies are one chunk: no second copy
    return Buffer.concat(this.#chunks, this.#size);
  }
}
