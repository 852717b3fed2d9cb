/**
 * Measures the way from a sample's time to when the chain has it ready, over the chain's own loopback.
 *
 * 1. A tone goes in by sample time; each block of it comes out when the clock says that block was made, or when the
 *    one before has been played, and later by what the device declares. So it measures the buffer and every delay.
 * 2. The lag is where the cross-correlation of what went in and what came out is the largest, by its amount.
 */
import { BLOCK, BLOCK_MS, SAMPLE_RATE, TURN } from "./constants.ts";
import { Transform } from "./fft.ts";
import { toMicro, toRatio } from "./frames.ts";

const LEAD = 0.05 * SAMPLE_RATE; // samples of silence before the tone
const TONE = 0.1 * SAMPLE_RATE;
const TONE_HZ = 1000;
const TONE_AMPLITUDE = 0.5;
const TAIL = 0.1 * SAMPLE_RATE;
const LENGTH = Math.ceil((LEAD + TONE + TAIL) / BLOCK) * BLOCK;
const LAG_MAX_MS = 500; // a longer lag is a mistake
const LAG_MAX: number = (LAG_MAX_MS * SAMPLE_RATE) / 1000;
const QUALITY_PEAK = 10; // times the mean: a peak so high is of quality 1
export const QUALITY_LOW = 0.3; // below, a result should be doubted

export type CalibrationResult = {
  readonly measured_ms: number;
  readonly os_ms: number; // what neither the device nor the block explains
  readonly quality: number; // 0..1
};

/** Why there is no result. */
export type CalibrationFailure = { readonly failed: string };

export class Calibration {
  readonly #probe = probe();
  readonly #recorded = new Float64Array(LENGTH + LAG_MAX);
  readonly #hardwareMs: number;
  readonly #startMs: number;
  #block = 0;
  #played = 0; // where the last block ended

  /** @param startMs when the first sample goes in: one block before the first block is due */
  constructor(hardwareMs: number, startMs: number) {
    this.#hardwareMs = hardwareMs;
    this.#startMs = startMs;
  }

  /** The next block has been made. @returns a result when it was the last */
  block(nowMs: number): CalibrationResult | CalibrationFailure | undefined {
    const at = Math.round(((nowMs + this.#hardwareMs - this.#startMs) * SAMPLE_RATE) / 1000);
    const from = this.#block++ * BLOCK;
    const to = Math.max(at, this.#played);
    this.#played = to + BLOCK;
    if (this.#played <= this.#recorded.length) this.#recorded.set(this.#probe.subarray(from, from + BLOCK), to);
    return from + BLOCK < LENGTH ? undefined : lagOf(this.#probe, this.#recorded, this.#hardwareMs);
  }
}

export function probe(): Float64Array {
  return Float64Array.from({ length: LENGTH }, (_, n) => {
    const t = n - LEAD;
    return t < 0 || t >= TONE ? 0 : TONE_AMPLITUDE * Math.sin((TURN * TONE_HZ * t) / SAMPLE_RATE);
  });
}

/** @param sent what went in @param recorded what came out, from the same moment on */
export function lagOf(
  sent: Float64Array,
  recorded: Float64Array,
  hardwareMs: number,
): CalibrationResult | CalibrationFailure {
  const correlation = correlate(sent, recorded);
  let [peak, lag, sum] = [0, 0, 0];
  for (let at = 0; at < correlation.length; at++) {
    const amount = Math.abs(correlation[at] as number);
    sum += amount;
    if (amount > peak) [peak, lag] = [amount, at - (sent.length - 1)];
  }
  const ms = (1000 * lag) / SAMPLE_RATE;
  if (peak === 0) return { failed: "nothing came back" };
  if (ms < 0 || ms > LAG_MAX_MS) return { failed: `a lag of ${toMicro(ms)} ms is outside 0 to ${LAG_MAX_MS} ms` };
  return {
    measured_ms: toMicro(ms),
    os_ms: toMicro(Math.max(0, ms - hardwareMs - BLOCK_MS)),
    quality: toRatio(Math.min(1, (peak * correlation.length) / (QUALITY_PEAK * sum))),
  };
}

/** Of every lag from -(sent.length - 1) to recorded.length - 1. */
function correlate(sent: Float64Array, recorded: Float64Array): Float64Array {
  const length = sent.length + recorded.length - 1;
  const fft = new Transform(2 ** Math.ceil(Math.log2(length)));
  const [a, b, product] = [spectrum(fft, sent), spectrum(fft, recorded), fft.room()];
  for (let at = 0; at < product.length; at += 2) {
    const [aRe, aIm] = [a[at] as number, a[at + 1] as number];
    const [bRe, bIm] = [b[at] as number, b[at + 1] as number];
    product[at] = aRe * bRe + aIm * bIm; // conj(a)·b
    product[at + 1] = aRe * bIm - aIm * bRe;
  }
  fft.inverse(a, product);
  const first = sent.length - 1;
  return Float64Array.from({ length }, (_, at) => a[2 * ((at - first + fft.size) % fft.size)] as number);
}

function spectrum(fft: Transform, samples: Float64Array): Float64Array {
  const input = fft.room();
  for (let n = 0; n < samples.length; n++) input[2 * n] = samples[n] as number;
  const out = fft.room();
  fft.complex(out, input);
  return out;
}
