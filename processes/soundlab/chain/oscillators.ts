/**
 * The signal: per channel a tone and noise, x = tone + r·(g·n0 + sqrt(1−g²)·n), n0 being shared by all channels.
 *
 * 1. g follows the depth of Φ: none shared at 0.3 and below, nothing else at 0.9 and above.
 * 2. A tone's phase is 2π·f·t + offset by the chain's own time: whatever was set before, equal settings are in phase.
 * 3. No clicks: what changes glides to its new value within one block. Nothing is allocated per block.
 */
import { BLOCK, CHANNELS, NYQUIST, SAMPLE_RATE, TURN } from "./constants.ts";
import { clamp, wrapped } from "./frames.ts";
import type { Inputs } from "./inputs.ts";
import { Noise } from "./noise.ts";

const SHARED_SEED = 1;
const OWN_SEED = 1000; // + the channel

export class Oscillators {
  /** The newest block: BLOCK samples of each channel. */
  readonly blocks: readonly Float64Array[] = Array.from({ length: CHANNELS }, () => new Float64Array(BLOCK));
  /** Radians, 0..2π: of each tone, where the block ends. */
  readonly phases: Float64Array = new Float64Array(CHANNELS);

  readonly #amplitudes = new Float64Array(CHANNELS);
  readonly #shared = new Float64Array(BLOCK);
  readonly #sharedNoise: LowPassed;
  readonly #ownNoise: readonly LowPassed[];
  #sharedGain = 0;
  #ownGain = 0;
  #samples = 0; // since the start

  constructor(seed = 0) {
    this.#sharedNoise = new LowPassed(SHARED_SEED + seed);
    this.#ownNoise = Array.from({ length: CHANNELS }, (_, c) => new LowPassed(OWN_SEED + seed + c));
  }

  /** Hot path. Renders the next block. @param depth of Φ */
  render(inputs: Inputs, depth: number): void {
    const { amount, cutoff } = inputs.noise;
    const g = sharedShare(depth);
    const sharedGain = amount * g;
    const ownGain = amount * Math.sqrt(1 - g * g);
    this.#sharedNoise.fill(this.#shared, cutoff, this.#sharedGain, sharedGain);
    const end = this.#samples + BLOCK;
    for (let c = 0; c < CHANNELS; c++) {
      const block = this.blocks[c] as Float64Array;
      (this.#ownNoise[c] as LowPassed).fill(block, cutoff, this.#ownGain, ownGain);
      for (let n = 0; n < BLOCK; n++) block[n] = (block[n] as number) + (this.#shared[n] as number);
      const { frequency, amplitude, phase } = inputs.channels[c] as Inputs["channels"][number];
      this.#addTone(block, c, frequency, amplitude, phaseAt(end, frequency, phase));
    }
    this.#sharedGain = sharedGain;
    this.#ownGain = ownGain;
    this.#samples = end;
  }

  /** Turns from where it is to `target`, by the number of whole turns that is nearest to its frequency. */
  #addTone(block: Float64Array, c: number, frequency: number, amplitude: number, target: number): void {
    const from = this.phases[c] as number;
    const natural = (TURN * frequency * BLOCK) / SAMPLE_RATE;
    const step = (natural + nearest(target - from - natural)) / BLOCK;
    const stepCos = Math.cos(step);
    const stepSin = Math.sin(step);
    const a0 = this.#amplitudes[c] as number;
    let cos = Math.cos(from);
    let sin = Math.sin(from);
    for (let n = 0; n < BLOCK; n++) {
      const turned = cos * stepCos - sin * stepSin; // a turned pair of numbers: no sine per sample
      sin = sin * stepCos + cos * stepSin;
      cos = turned;
      block[n] = (block[n] as number) + (a0 + ((amplitude - a0) * (n + 1)) / BLOCK) * sin;
    }
    this.phases[c] = target;
    this.#amplitudes[c] = amplitude;
  }
}

/** g: which share of the noise all channels have in common, by its amplitude. */
export function sharedShare(depth: number): number {
  return clamp((depth - 0.3) / 0.6, 0, 1);
}

/** Noise behind a low-pass of first order. Its power does not depend on the cutoff. */
class LowPassed {
  readonly #noise: Noise;
  #state = 0;

  constructor(seed: number) {
    this.#noise = new Noise(seed);
  }

  /** Writes a block that glides from one gain to another. */
  fill(out: Float64Array, cutoff: number, fromGain: number, toGain: number): void {
    const alpha = cutoff >= NYQUIST ? 1 : 1 - Math.exp((-TURN * cutoff) / SAMPLE_RATE);
    const level = Math.sqrt((2 - alpha) / alpha); // what such a filter takes from white noise
    let state = this.#state;
    for (let n = 0; n < BLOCK; n++) {
      state += alpha * (level * this.#noise.next() - state);
      out[n] = (fromGain + ((toGain - fromGain) * (n + 1)) / BLOCK) * state;
    }
    this.#state = state;
  }
}

/** Radians, 0..2π. The whole turns are taken off first: after a day there are too many for the digits of a sine. */
function phaseAt(sample: number, frequency: number, offset: number): number {
  return wrapped((((frequency * sample) / SAMPLE_RATE) % 1) * TURN + offset);
}

/** Into -π..π. */
function nearest(radians: number): number {
  return radians - TURN * Math.round(radians / TURN);
}
