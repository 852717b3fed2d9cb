/**
 * Lanes of durable messages between nodes of one test, without a server: a stream per node that keeps what it was given.
 *
 *   const streams = new MemoryStreams();
 *   alice.kernel.durable.join(streams.lane("alice.os"));
 *   streams.forgetAcks = 2;                  // the next two publishes are kept, and fail all the same
 *   streams.isDown = true;                   // nothing is taken, nor comes
 */
import type { DurableLane } from "../../kernel/index.ts";

type Delivery = { readonly from: string; readonly bytes: Uint8Array };

export class MemoryStreams {
  isDown = false;
  /** So many publishes are kept and then fail. */
  forgetAcks = 0;
  /** So many deliveries come again, though they were acknowledged. */
  repeats = 0;
  /** Messages that one stream holds at most. */
  most: number = Number.POSITIVE_INFINITY;
  /** Of each opening: the node, and whether it says that it had its lane before. */
  readonly opened: (readonly [node: string, had: boolean])[] = [];
  /** What was ever published, failed ones too. */
  readonly published: (Delivery & { readonly to: string })[] = [];
  readonly #streams = new Map<string, Delivery[]>();
  readonly #wake = new Map<string, () => void>();

  /** A node's end of it. */
  lane(node: string): DurableLane {
    let isClosed = false;
    const loop = async (take: (from: string, bytes: Uint8Array) => Promise<boolean>): Promise<void> => {
      const stream = this.#stream(node);
      while (!isClosed) {
        const [first] = stream;
        if (first === undefined || this.isDown) {
          await new Promise<void>((resolve) => this.#wake.set(node, resolve));
          continue;
        }
        const isTaken = await take(first.from, first.bytes);
        if (isClosed || !isTaken) continue;
        if (this.repeats > 0) this.repeats--;
        else stream.splice(stream.indexOf(first), 1);
      }
    };
    return {
      where: "memory",
      dropped: 0,
      open: async (take, had) => {
        this.opened.push([node, had]);
        if (this.isDown) throw new Error("nobody there");
        void loop(take);
      },
      publish: async (to, bytes) => {
        const delivery = { from: node, bytes: bytes.slice() };
        this.published.push({ ...delivery, to });
        await null;
        if (this.isDown || isClosed) throw new Error("nobody there");
        const stream = this.#stream(to);
        if (stream.length >= this.most) throw new Error("the stream is full");
        stream.push(delivery);
        this.wake(to);
        if (this.forgetAcks > 0) {
          this.forgetAcks--;
          throw new Error("nobody said so");
        }
      },
      close: async () => {
        isClosed = true;
        this.wake(node);
      },
    };
  }

  /** As if `from` had published it. */
  forge(from: string, to: string, bytes: Uint8Array): void {
    this.#stream(to).push({ from, bytes });
    this.wake(to);
  }

  waiting(node: string): number {
    return this.#stream(node).length;
  }

  wake(node?: string): void {
    for (const [name, wake] of [...this.#wake]) {
      if (node !== undefined && name !== node) continue;
      this.#wake.delete(name);
      wake();
    }
  }

  #stream(node: string): Delivery[] {
    const stream = this.#streams.get(node) ?? [];
    this.#streams.set(node, stream);
    return stream;
  }
}
