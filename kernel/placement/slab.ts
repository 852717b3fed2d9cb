/** Memory that batches are written to (batch-writer.ts), and where frames of them stay for who keeps them. */
import { Buffer } from "node:buffer"; // not the global Buffer: that is an accessor
import { Blob } from "../../lib/protocol/index.ts";

export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #memory: ArrayBuffer; // of `bytes`, all of it
  /** Frames that somebody still keeps here. */
  held = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#memory = this.bytes.buffer as ArrayBuffer;
    this.view = new DataView(this.#memory);
  }

  /** Hot path. Lends what stands there, until it is released and the turn has ended: transports copy what they send. */
  lend(at: number, length: number, isText: boolean): Blob {
    return Blob.lend(new Uint8Array(this.#memory, at, length), isText);
  }
}
