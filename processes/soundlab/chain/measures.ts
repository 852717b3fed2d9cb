/**
 * What is measured on one block of all channels (contract soundlab §4.3 to §4.6; README.md has the formulas).
 *
 * 1. A block with NaN, with what is beyond SIGNAL_MAX, or of another shape changes nothing: older values stand, and `valid` says so.
 * 2. Two channels share one complex transform: as both are real, their spectra can be told apart again.
 * 3. Nothing is allocated per block; hence no `[a, b] = [x, y]`, which made 7 kB a block.
 */
import { BIN_HZ, BINS, BLOCK, CHANNELS, NYQUIST, SILENT_RMS, TURN } from "./constants.ts";
import { Transform } from "./fft.ts";
import { clamp } from "./frames.ts";

const { abs, sqrt } = Math; // bound here: where globals are looked up each time, as in tests, a block takes 10 times as long

const ICI_NEW = 0.2; // share of the newest block in ici
const MEAN_SQUARE_MIN = 1e-10; // of the mean magnitude: below, no channel says anything about another
const MAGNITUDES_MIN = 1e-10; // of their sum: below, there is no centroid
const SIGNAL_MAX = 1e6; // a sample beyond is a mistake; its square's sums would lose all others
const TARGET = 0.6; // of ici and coherence, where the criticality index is 1

export class Measures {
  /** 0..1, of this block alone. */
  iciRaw = 0;
  /** 0..1, smoothed. */
  ici = 0;
  /** 0..1: the Kuramoto order parameter, our definition. 0 in silence. */
  coherence = 0;
  /** Hz. */
  centroid = 0;
  /** The last block was measured. */
  valid = true;
  readonly rms: Float64Array = new Float64Array(CHANNELS);
  /** Hz, of each channel. */
  readonly centroids: Float64Array = new Float64Array(CHANNELS);

  readonly #fft = new Transform(BLOCK);
  readonly #window = Float64Array.from({ length: BLOCK }, (_, n) => 0.5 - 0.5 * Math.cos((TURN * n) / (BLOCK - 1)));
  readonly #in = this.#fft.room();
  readonly #out = this.#fft.room();
  readonly #mix = new Float64Array(BLOCK);
  readonly #magnitudes = new Float64Array(CHANNELS * BINS);
  readonly #cos = new Float64Array(CHANNELS * BINS); // of each bin's phase
  readonly #sin = new Float64Array(CHANNELS * BINS);
  readonly #sumCos = new Float64Array(BLOCK); // of all channels' analytic phases
  readonly #sumSin = new Float64Array(BLOCK);

  /** Mean of the channels' rms. */
  get activity(): number {
    let sum = 0;
    for (let c = 0; c < CHANNELS; c++) sum += this.rms[c] as number;
    return sum / CHANNELS;
  }

  /** 0..1. */
  get consciousness(): number {
    return consciousnessOf(this.ici, this.coherence, this.centroid);
  }

  /** 0..1. */
  get criticalityIndex(): number {
    return criticalityIndexOf(this.ici, this.coherence);
  }

  /** Hot path. @returns false: the block is no signal, and older values stand */
  measure(blocks: readonly Float64Array[]): boolean {
    this.valid = isSignal(blocks);
    if (!this.valid) return false;
    for (let c = 0; c < CHANNELS; c++) this.rms[c] = rmsOf(blocks[c] as Float64Array);
    for (let c = 0; c < CHANNELS; c += 2) this.#spectra(c, blocks[c] as Float64Array, blocks[c + 1] as Float64Array);
    this.iciRaw = this.#integration();
    this.ici = ICI_NEW * this.iciRaw + (1 - ICI_NEW) * this.ici;
    this.coherence = this.#kuramoto(blocks);
    this.centroid = this.#centroidOfMix(blocks);
    return true;
  }

  /** Magnitude and phase of every bin of channels `c` and `c + 1`, windowed; the centroid of each. */
  #spectra(c: number, p: Float64Array, q: Float64Array): void {
    for (let n = 0; n < BLOCK; n++) {
      const h = this.#window[n] as number;
      this.#in[2 * n] = h * (p[n] as number);
      this.#in[2 * n + 1] = h * (q[n] as number);
    }
    this.#fft.complex(this.#out, this.#in);
    const out = this.#out;
    for (let k = 0; k < BINS; k++) {
      const mirror = 2 * ((BLOCK - k) % BLOCK);
      const re = out[2 * k] as number;
      const im = out[2 * k + 1] as number;
      const mirrorRe = out[mirror] as number;
      const mirrorIm = out[mirror + 1] as number;
      this.#keep(c * BINS + k, (re + mirrorRe) / 2, (im - mirrorIm) / 2);
      this.#keep((c + 1) * BINS + k, (im + mirrorIm) / 2, (mirrorRe - re) / 2);
    }
    this.centroids[c] = this.#centroidOf(c);
    this.centroids[c + 1] = this.#centroidOf(c + 1);
  }

  #keep(at: number, re: number, im: number): void {
    const magnitude = sqrt(re * re + im * im);
    this.#magnitudes[at] = magnitude;
    this.#cos[at] = magnitude === 0 ? 1 : re / magnitude; // the phase of nothing is 0
    this.#sin[at] = magnitude === 0 ? 0 : im / magnitude;
  }

  #centroidOf(c: number): number {
    let weighted = 0;
    let sum = 0;
    for (let k = 0; k < BINS; k++) {
      const magnitude = this.#magnitudes[c * BINS + k] as number;
      weighted += k * BIN_HZ * magnitude;
      sum += magnitude;
    }
    return sum < MAGNITUDES_MIN ? 0 : weighted / sum;
  }

  /** The raw ici: how much the spectra of each two channels have in common, in magnitude and in phase. */
  #integration(): number {
    const magnitudes = this.#magnitudes;
    let mean = 0;
    for (let at = 0; at < CHANNELS * BINS; at++) mean += magnitudes[at] as number;
    mean /= CHANNELS * BINS;
    const square = mean * mean;
    if (square < MEAN_SQUARE_MIN) return 0.5;
    let sum = 0;
    for (let i = 0; i < CHANNELS; i++) {
      for (let j = i + 1; j < CHANNELS; j++) sum += this.#pair(i * BINS, j * BINS);
    }
    // Each pair counts in both orders, and BINS² stands for the two means.
    const q = (2 * sum) / (square * BINS * BINS * CHANNELS * (CHANNELS - 1));
    return clamp((q + 1) / 2, 0, 1);
  }

  /** Sum of A·A' times sum of cos(θ − θ'), over the bins. The two are summed apart, as the contract has it. */
  #pair(i: number, j: number): number {
    const magnitudes = this.#magnitudes;
    const cos = this.#cos;
    const sin = this.#sin;
    let products = 0;
    let cosines = 0;
    for (let k = 0; k < BINS; k++) {
      products += (magnitudes[i + k] as number) * (magnitudes[j + k] as number);
      cosines += (cos[i + k] as number) * (cos[j + k] as number) + (sin[i + k] as number) * (sin[j + k] as number);
    }
    return products * cosines;
  }

  /** Mean over time of |mean over channels of exp(jφ)|, φ being the phase of the analytic signal. */
  #kuramoto(blocks: readonly Float64Array[]): number {
    this.#sumCos.fill(0);
    this.#sumSin.fill(0);
    let sounding = 0;
    for (let c = 0; c < CHANNELS; c += 2) {
      const p = blocks[c] as Float64Array;
      const q = blocks[c + 1] as Float64Array;
      const hasP = (this.rms[c] as number) >= SILENT_RMS;
      const hasQ = (this.rms[c + 1] as number) >= SILENT_RMS;
      if (!hasP && !hasQ) continue;
      this.#hilbert(p, q);
      if (hasP) this.#addPhases(p, 0);
      if (hasQ) this.#addPhases(q, 1);
      sounding += Number(hasP) + Number(hasQ);
    }
    if (sounding === 0) return 0;
    let sum = 0;
    for (let n = 0; n < BLOCK; n++) {
      const cos = this.#sumCos[n] as number;
      const sin = this.#sumSin[n] as number;
      sum += sqrt(cos * cos + sin * sin);
    }
    return clamp(sum / (BLOCK * sounding), 0, 1);
  }

  /** Leaves the Hilbert transforms of `p` and `q` in #in, as real and imaginary parts. */
  #hilbert(p: Float64Array, q: Float64Array): void {
    for (let n = 0; n < BLOCK; n++) {
      this.#in[2 * n] = p[n] as number;
      this.#in[2 * n + 1] = q[n] as number;
    }
    this.#fft.complex(this.#out, this.#in);
    const out = this.#out;
    for (let k = 0; k < BLOCK; k++) {
      const sign = k === 0 || k === BLOCK / 2 ? 0 : k < BLOCK / 2 ? 1 : -1;
      const re = out[2 * k] as number;
      out[2 * k] = sign * (out[2 * k + 1] as number); // times −j·sign
      out[2 * k + 1] = -sign * re;
    }
    this.#fft.inverse(this.#in, out);
  }

  /** @param part 0: the real parts of #in are its Hilbert transform, 1: the imaginary ones */
  #addPhases(x: Float64Array, part: number): void {
    for (let n = 0; n < BLOCK; n++) {
      const re = x[n] as number;
      const im = this.#in[2 * n + part] as number;
      const magnitude = sqrt(re * re + im * im);
      this.#sumCos[n] = (this.#sumCos[n] as number) + (magnitude === 0 ? 1 : re / magnitude);
      this.#sumSin[n] = (this.#sumSin[n] as number) + (magnitude === 0 ? 0 : im / magnitude);
    }
  }

  /** Of the channels' average, sample by sample, and without a window. */
  #centroidOfMix(blocks: readonly Float64Array[]): number {
    this.#mix.fill(0);
    for (const block of blocks) {
      for (let n = 0; n < BLOCK; n++) this.#mix[n] = (this.#mix[n] as number) + (block[n] as number) / CHANNELS;
    }
    this.#fft.real(this.#out, this.#mix);
    let weighted = 0;
    let sum = 0;
    for (let k = 0; k < BINS; k++) {
      const re = this.#out[2 * k] as number;
      const im = this.#out[2 * k + 1] as number;
      const magnitude = sqrt(re * re + im * im);
      weighted += k * BIN_HZ * magnitude;
      sum += magnitude;
    }
    return sum < MAGNITUDES_MIN ? 0 : weighted / sum;
  }
}

/** @param centroid Hz */
export function consciousnessOf(ici: number, coherence: number, centroid: number): number {
  return clamp(0.4 * coherence + 0.3 * (1 - ici) + 0.3 * Math.min(1, centroid / NYQUIST), 0, 1);
}

/** 1 where both are 0.6, less with the distance from there. */
export function criticalityIndexOf(ici: number, coherence: number): number {
  return clamp(1 - Math.hypot(ici - TARGET, coherence - TARGET) / Math.SQRT2, 0, 1);
}

function rmsOf(block: Float64Array): number {
  let sum = 0;
  for (let n = 0; n < BLOCK; n++) sum += (block[n] as number) ** 2;
  return sqrt(sum / BLOCK);
}

function isSignal(blocks: readonly Float64Array[]): boolean {
  if (blocks.length !== CHANNELS) return false;
  for (const block of blocks) {
    if (block.length !== BLOCK) return false;
    for (let n = 0; n < BLOCK; n++) if (!(abs(block[n] as number) <= SIGNAL_MAX)) return false;
  }
  return true;
}
