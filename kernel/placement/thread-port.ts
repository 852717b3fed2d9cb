/** Batches between two threads, in order: through a SharedRing where they fit, handed over where not. */
import type { MessagePort } from "node:worker_threads";
import type { Batch } from "./batch-writer.ts";
import type { SharedRing } from "./shared-ring.ts";

/** A batch that did not fit, or the length of one that waits in the ring. */
export type Posted = Batch | number;

export class ThreadPort {
  readonly #port: MessagePort;
  readonly #out: SharedRing;
  readonly #in: SharedRing;

  constructor(port: MessagePort, out: SharedRing, into: SharedRing) {
    this.#port = port;
    this.#out = out;
    this.#in = into;
  }

  post({ bytes, large }: Batch): void {
    if (large.length === 0 && this.#out.write(bytes)) {
      this.#port.postMessage(bytes.length);
      return;
    }
    const batch: Batch = { bytes: new Uint8Array(bytes), large };
    this.#port.postMessage(
      batch,
      [batch.bytes, ...large].map(({ buffer }) => buffer as ArrayBuffer), // the copy's, and what BatchWriter made
    );
  }

  /** Each, once. */
  batchOf(posted: Posted): Batch {
    return typeof posted === "number" ? { bytes: this.#in.read(posted), large: [] } : posted;
  }
}
