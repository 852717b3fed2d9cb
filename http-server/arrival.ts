/** A socket until it is a channel: what its upgrade found out, and how long it may take. Nothing of it stays. */
import type { Process, WheelEntry } from "../kernel/index.ts";
import type { Channel } from "./channel.ts";

const FRAMES_MAX = 100; // before its channel id; who waits for that, as the protocol says, sends none

/** What an upgrade found out. */
export type Comer = {
  /** Who gets it at once, without a registration; null on the main route. */
  readonly boundTo: Process | null;
  /** For a registration without a token. */
  readonly cookies: string;
  /** The label of the secure subdomain it came to; null: the node itself. */
  readonly label: string | null;
};

export class Arrival implements WheelEntry {
  /** Wheel only: see WheelEntry. */
  tick = 0;
  before: WheelEntry | null = null;
  after: WheelEntry | null = null;
  slot = -1;
  readonly boundTo: Process | null;
  readonly cookies: string;
  readonly label: string | null;
  /** Set when its socket has opened. */
  channel: Channel | null = null;
  /** What came while the process that it named is looked for (far-names.ts); null: none is. */
  early: EarlyFrames | null = null;
  readonly #tooLate: (channel: Channel) => void;

  /** @param tooLate is told when the deadline has passed; one function for all, not a closure each */
  constructor({ boundTo, cookies, label }: Comer, tooLate: (channel: Channel) => void) {
    this.boundTo = boundTo;
    this.cookies = cookies;
    this.label = label;
    this.#tooLate = tooLate;
  }

  expire(): void {
    if (this.channel !== null) this.#tooLate(this.channel);
  }
}

/** Frames behind a registration that is not answered yet: in order, bounded. */
export class EarlyFrames {
  readonly #frames: { readonly bytes: Uint8Array; readonly isBinary: boolean }[] = [];
  readonly #most: number;
  #bytes = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param bytes lent @returns false when there is no room */
  add(bytes: Uint8Array, isBinary: boolean): boolean {
    if (this.#frames.length >= FRAMES_MAX || this.#bytes + bytes.byteLength > this.#most) return false;
    this.#bytes += bytes.byteLength;
    this.#frames.push({ bytes: bytes.slice(), isBinary });
    return true;
  }

  all(): readonly { readonly bytes: Uint8Array; readonly isBinary: boolean }[] {
    return this.#frames;
  }
}
