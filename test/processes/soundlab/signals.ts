/** Blocks whose measures are known, and a chain by a scripted clock. */
import { BLOCK, CHANNELS, SAMPLE_RATE, TURN } from "../../../processes/soundlab/chain/constants.ts";
import {
  Chain,
  type ChainOptions,
  type LatencyFrame,
  type MetricsFrame,
} from "../../../processes/soundlab/chain/index.ts";
import { Noise } from "../../../processes/soundlab/chain/noise.ts";

export const UNIX = 1_800_000_000_000; // ms: where the scripted wall clock starts

/** One block, sample by sample. */
export function blockOf(sample: (channel: number, n: number) => number): Float64Array[] {
  return Array.from({ length: CHANNELS }, (_, c) => Float64Array.from({ length: BLOCK }, (_, n) => sample(c, n)));
}

export function sine(hz: number, n: number, phase = 0): number {
  return Math.sin((TURN * hz * n) / SAMPLE_RATE + phase);
}

/** a·shared + (1−a)·own noise. */
export function noiseMix(a: number): Float64Array[] {
  const noise = new Noise(1);
  const shared = Float64Array.from({ length: BLOCK }, () => noise.next());
  const own = Array.from({ length: CHANNELS }, (_, c) => new Noise(1000 + c));
  return blockOf((c, n) => a * (shared[n] ?? 0) + (1 - a) * (own[c]?.next() ?? 0));
}

/** A chain, its clock, and all that it made. */
export class Scripted {
  readonly chain: Chain;
  readonly frames: MetricsFrame[] = [];
  readonly framesAt: number[] = []; // ms by the clock
  readonly latency: LatencyFrame[] = [];
  now = 0; // ms

  constructor(options: Partial<ChainOptions> = {}) {
    this.chain = new Chain({ startMs: 0, startUnixMs: UNIX, ...options });
  }

  /** Advances the chain once, at `now`, and fetches what it made. */
  step(now: number): void {
    this.now = now;
    for (let made = this.#advance(); made !== undefined; made = this.#advance()) {
      const frame = this.chain.metricsFrame();
      if (made === "latency") this.latency.push(this.chain.latencyFrame());
      else if (frame !== undefined) {
        this.frames.push(frame);
        this.framesAt.push(now);
        this.chain.handedOver(now);
      }
    }
  }

  /** As a process with an exact timer would: at each due time. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.chain.nextDueMs <= end) this.step(Math.max(this.now, this.chain.nextDueMs));
    this.now = end;
  }

  get last(): MetricsFrame {
    const frame = this.frames.at(-1);
    if (frame === undefined) throw new Error("there is no frame yet");
    return frame;
  }

  #advance(): "metrics" | "latency" | undefined {
    return this.chain.advance(this.now, UNIX + this.now);
  }
}
