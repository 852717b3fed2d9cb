/**
 * Wires between nodes of one test, without a server: what is sent arrives in a later microtask, in order.
 *
 *   const net = new MemoryNet();
 *   await alice.link(net.wire("alice.os"));
 *   net.lose("alice.os", "bob.os", 1);      // the next frame does not arrive
 *   net.cut("alice.os");                    // its wire is down, until net.mend("alice.os")
 */
import type { Lane, Wire, WireEvents } from "../../kernel/link/wire.ts";

type End = { readonly events: WireEvents; isUp: boolean; isAway: boolean };

export type Carried = { readonly from: string; readonly to: string; readonly lane: Lane; readonly bytes: Uint8Array };

export class MemoryNet {
  /** Everything that was sent, lost or not. */
  readonly carried: Carried[] = [];
  readonly #ends = new Map<string, End>();
  readonly #paused = new Map<string, (() => void)[]>();
  readonly #toLose = new Map<string, number>();
  #last: Promise<void> = Promise.resolve();
  #isHeld = false;
  #held: (() => void)[] = [];

  wire(name: string): Wire {
    return {
      where: "memory",
      open: async (events) => {
        this.#ends.set(name, { events, isUp: true, isAway: false });
        events.up();
      },
      send: (to, lane, seq, bytes) => this.#send(name, to, lane, seq, bytes),
      close: async () => {
        await this.settled();
        this.#ends.delete(name);
      },
    };
  }

  /** The next `count` frames from one to the other do not arrive. */
  lose(from: string, to: string, count: number): void {
    this.#toLose.set(`${from} ${to}`, count);
  }

  cut(name: string): void {
    const end = this.#ends.get(name);
    if (end === undefined) return;
    end.isUp = false;
    end.events.down();
  }

  /** As `cut`, and others hear that it is not there: it is between two servers. */
  away(name: string): void {
    this.cut(name);
    const end = this.#ends.get(name);
    if (end !== undefined) end.isAway = true;
  }

  mend(name: string): void {
    const end = this.#ends.get(name);
    if (end === undefined) return;
    end.isUp = true;
    end.isAway = false;
    end.events.up();
  }

  /** It takes nothing until `resume`; then all that came meanwhile. */
  pause(name: string): void {
    this.#paused.set(name, []);
  }

  resume(name: string): void {
    const came = this.#paused.get(name) ?? [];
    this.#paused.delete(name);
    for (const arrive of came) arrive();
  }

  /** It is there no more, and nobody was told. */
  vanish(name: string): void {
    this.#ends.delete(name);
  }

  /** Nothing arrives until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const arrive of this.#held.splice(0)) arrive();
  }

  /** All that was sent, and all that this led to, has arrived. */
  async settled(): Promise<void> {
    for (let last: Promise<void> | null = null; last !== this.#last; ) {
      last = this.#last;
      await last;
    }
  }

  /** As if `from` had sent it. */
  forge(from: string, to: string, lane: Lane, bytes: Uint8Array): void {
    this.#ends.get(to)?.events.frame(from, lane, bytes);
  }

  #send(from: string, to: string, lane: Lane, seq: number, bytes: Uint8Array): void {
    this.carried.push({ from, to, lane, bytes });
    const sender = this.#ends.get(from);
    if (sender?.isUp !== true) return;
    const key = `${from} ${to}`;
    const toLose = this.#toLose.get(key) ?? 0;
    if (toLose > 0) {
      this.#toLose.set(key, toLose - 1);
      return;
    }
    const arrive = (): void => {
      const paused = this.#paused.get(to);
      if (paused !== undefined) {
        paused.push(arrive);
        return;
      }
      const end = this.#ends.get(to);
      if (end === undefined || end.isAway) {
        if (seq > 0) sender.events.absent(to, seq);
      } else if (end.isUp) end.events.frame(from, lane, bytes);
    };
    this.#later(arrive);
  }

  #later(arrive: () => void): void {
    if (this.#isHeld) this.#held.push(arrive);
    else this.#last = this.#last.then(arrive);
  }
}
