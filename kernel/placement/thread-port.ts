/**
 * Batches between two threads, in order: through a SharedRing where they fit, handed over where not.
 *
 * A realm waits where the node does not keep up, so that what it says is bounded. The node never waits: what it says is
 * bounded by the window.
 */
import type { MessagePort } from "node:worker_threads";
import type { Batch } from "./batch-writer.ts";
import type { SharedRing } from "./shared-ring.ts";

/** A batch that did not fit, or the length of one that waits in the ring. */
export type Posted = Batch | number;

const HANDED_MAX = 4; // batches on their way besides the ring: bodies above a megabyte, large blobs

export class ThreadPort {
  readonly #port: MessagePort;
  readonly #out: SharedRing;
  readonly #in: SharedRing;
  readonly #waits: boolean;
  #handed = 0; // batches

  /** @param waits for a reader that does not keep up */
  constructor(port: MessagePort, out: SharedRing, into: SharedRing, waits: boolean) {
    this.#port = port;
    this.#out = out;
    this.#in = into;
    this.#waits = waits;
  }

  post({ bytes, large }: Batch): void {
    if (large.length === 0 && this.#write(bytes)) {
      this.#port.postMessage(bytes.length);
      return;
    }
    this.#handed = (this.#handed + 1) | 0;
    if (this.#waits) this.#out.waitUntilTaken(this.#handed, HANDED_MAX);
    const batch: Batch = { bytes: new Uint8Array(bytes), large };
    this.#port.postMessage(
      batch,
      [batch.bytes, ...large].map(({ buffer }) => buffer as ArrayBuffer), // the copy's, and what BatchWriter made
    );
  }

  /** Each, once. */
  batchOf(posted: Posted): Batch {
    if (typeof posted === "number") return { bytes: this.#in.read(posted), large: [] };
    this.#in.took();
    return posted;
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#out.write(bytes)) return true;
    if (!this.#waits) return false;
    this.#out.waitUntilRead();
    return this.#out.write(bytes); // false: it is bigger than the ring
  }
}
