/**
 * Auto-Φ: steers depth towards a criticality of 1, and phase by how the coherence moves (contract soundlab §6).
 *
 * Depth is 0..1 here, and phase 0..1 turns. It is off by default.
 */
import { clamp } from "./frames.ts";

const STEP_MS = 100; // at least, between two steps
const STEP_MAX_MS = 200; // that one counts for: two, where frames were left out; a pause is none
const STEP_SLACK_MS = 1e-3; // three frames are 100 ms, but for the last digits
const SAMPLES = 30; // of which criticality and coherence are the means
const SET_POINT = 1; // criticality
const DEPTH_GAIN = 0.25; // of depth, per second and unit of criticality
const PHASE_GAIN = 0.1; // turns, per unit of coherence and second

export class AutoPhi {
  #depth: number;
  #phase: number;
  readonly #criticality: number[] = []; // oldest first, at most SAMPLES
  readonly #coherence: number[] = [];
  #steppedMs: number;

  /** Begins with what is in force. @param phase turns */
  constructor(depth: number, phase: number, nowMs: number) {
    this.#depth = clamp(depth, 0, 1);
    this.#phase = phase % 1;
    this.#steppedMs = nowMs;
  }

  get depth(): number {
    return this.#depth;
  }

  /** Turns. */
  get phase(): number {
    return this.#phase;
  }

  /** Takes one frame's values. A frame of zeros is none. */
  sample(criticality: number, coherence: number, nowMs: number): void {
    if (criticality === 0 && coherence === 0) return;
    push(this.#criticality, criticality);
    push(this.#coherence, coherence);
    const elapsedMs = nowMs - this.#steppedMs;
    if (elapsedMs < STEP_MS - STEP_SLACK_MS) return;
    this.#steppedMs = nowMs;
    const seconds = Math.min(elapsedMs, STEP_MAX_MS) / 1000;
    this.#depth = clamp(this.#depth + DEPTH_GAIN * (SET_POINT - mean(this.#criticality)) * seconds, 0, 1);
    const before = this.#coherence.at(-2);
    if (before === undefined) return;
    const turns = (PHASE_GAIN * (mean(this.#coherence) - before)) / seconds;
    this.#phase = (((this.#phase + turns) % 1) + 1) % 1;
  }
}

function push(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > SAMPLES) samples.shift();
}

function mean(samples: readonly number[]): number {
  return samples.reduce((sum, value) => sum + value, 0) / samples.length;
}
