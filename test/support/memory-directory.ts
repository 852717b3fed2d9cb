/**
 * A directory that nodes of one test share, without a server. Its clock is its own, as that of a real one.
 *
 *   const shared = new MemoryDirectory(clock);
 *   await alice.join(shared.of("alice.os"), about);
 *   shared.fails = true;                    // it cannot be reached
 */
import type { Directory, DirectoryRecord } from "../../kernel/index.ts";
import type { Clock } from "../../lib/protocol/index.ts";

export class MemoryDirectory {
  fails = false;
  readonly #cut = new Set<string>();
  /** How many were written, failed ones too. */
  writes = 0;
  readonly #clock: Clock;
  readonly #records = new Map<string, DirectoryRecord>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(node: string): Directory {
    const reach = (): void => {
      if (this.fails || this.#cut.has(node)) throw new Error("nobody there");
    };
    return {
      where: "memory",
      open: async () => undefined,
      put: async (text) => {
        if (this.#cut.has(node)) throw new Error("nobody there");
        return this.write(node, text);
      },
      remove: async () => {
        reach();
        this.#records.delete(node);
      },
      readOne: async (of) => {
        reach();
        return this.#records.get(of);
      },
      read: async (most) => {
        reach();
        return [...this.#records.values()].slice(0, most);
      },
      close: async () => undefined,
    };
  }

  /** It cannot be reached from that node. */
  cut(node: string): void {
    this.#cut.add(node);
  }

  mend(node: string): void {
    this.#cut.delete(node);
  }

  /** As if `node` had. */
  write(node: string, text: string): number {
    this.writes++;
    if (this.fails) throw new Error("nobody there");
    this.#records.set(node, { node, revision: this.writes, at: this.#clock.now(), text });
    return this.writes;
  }
}
