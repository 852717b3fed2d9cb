/** Collects a request body up to a limit. */
export class BodyCollector {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param chunk owned from here on. @returns false when it is too much; what was collected is gone then */
  add(chunk: Uint8Array): boolean {
    this.#size += chunk.byteLength;
    if (this.#size > this.#maxBytes) {
      this.#chunks = [];
      return false;
    }
    if (chunk.byteLength > 0) this.#chunks.push(chunk);
    return true;
  }

  take(): Uint8Array {
    const [first, ...more] = this.#chunks;
    if (first !== undefined && more.length === 0) return first; // most bodies are one chunk: no second copy
    return Buffer.concat(this.#chunks, this.#size);
  }
}
