/**
 * What the chain's own latency is: measured, or declared, never made up (contract soundlab §5, row OURS).
 *
 * 1. Software latency is told by whoever hands a frame over; blocks tell when they were due and when they were made.
 * 2. On the wire total = hardware + software, to the digit: both are whole microseconds.
 */
import { BLOCK_MS } from "./constants.ts";
import { clamp, type LatencyFrame, type LatencyStats, toMicro, toSeconds } from "./frames.ts";

const SAMPLES = 100; // of which software latency, jitter and the rate of drift are made
const RATE_SAMPLES_MIN = 10; // with fewer, or within less than RATE_SPAN_MS, drift has no rate
const RATE_SPAN_MS = 1000;
const ALIGNED_MS = 5; // an effective latency within is aligned
const CORRECTION_MS = 60_000; // at least, between two corrections of drift
const DRIFT_MAX_MS_PER_MINUTE = 0.2; // 2 ms in 10 minutes: more is corrected
const COMPENSATION_MAX_MS = 200;

export class LatencyMeter {
  readonly #hardwareMs: number;
  readonly #startMs: number;
  readonly #software = new Newest(SAMPLES);
  readonly #intervals = new Newest(SAMPLES);
  readonly #drifts = new Newest(SAMPLES);
  readonly #madeMs = new Newest(SAMPLES);
  #lastMs: number | undefined; // when the last block was made
  #drift = 0; // ms, of the last block
  #cumulative = 0; // ms, since the last correction
  #correctedMs: number;
  #calibrated = false;
  #compensation = 0;

  /** @param hardwareMs what the device declares */
  constructor(hardwareMs: number, startMs: number) {
    this.#hardwareMs = Math.max(0, toMicro(hardwareMs));
    this.#startMs = startMs;
    this.#correctedMs = startMs;
  }

  /** A block has been made. Drift is how much later than one block after the one before. */
  block(nowMs: number): void {
    if (this.#lastMs !== undefined) {
      const interval = nowMs - this.#lastMs;
      this.#drift = interval - BLOCK_MS;
      this.#cumulative += this.#drift;
      this.#intervals.add(interval);
      this.#drifts.add(this.#drift);
      this.#madeMs.add(nowMs);
      this.#correct(nowMs);
    }
    this.#lastMs = nowMs;
  }

  /** Blocks were left out, or none were made for a while: the next interval says nothing. */
  gap(): void {
    this.#lastMs = undefined;
  }

  /** A frame was handed over `ms` after its block was due. */
  handedOver(ms: number): void {
    this.#software.add(Math.max(0, ms));
  }

  calibrated(measuredMs: number): void {
    this.#calibrated = true;
    this.#compensation = clamp(measuredMs, 0, COMPENSATION_MAX_MS);
  }

  frame(unixMs: number): LatencyFrame {
    const software = toMicro(this.#software.mean);
    return {
      timestamp: toSeconds(unixMs),
      total_latency_ms: toMicro(this.#hardwareMs + software),
      hardware_latency_ms: this.#hardwareMs,
      software_latency_ms: software,
      buffer_latency_ms: toMicro(BLOCK_MS),
      jitter_ms: toMicro(this.#intervals.deviation),
      calibrated: this.#calibrated,
      compensation_ms: toMicro(this.#compensation),
      drift_ms: toMicro(this.#drift),
    };
  }

  /** @param manualMs the offset that was set by hand */
  stats(nowMs: number, unixMs: number, manualMs: number): LatencyStats {
    const latency = this.frame(unixMs);
    const effective = toMicro(latency.total_latency_ms - latency.compensation_ms - manualMs);
    return {
      calibrated: this.#calibrated,
      latency,
      drift: {
        current_drift_ms: toMicro(this.#drift),
        drift_rate_ms_per_sec: toMicro(this.#driftRate()),
        cumulative_drift_ms: toMicro(this.#cumulative),
        sample_count: this.#drifts.count,
        elapsed_minutes: toMicro((nowMs - this.#startMs) / 60_000),
      },
      aligned: Math.abs(effective) <= ALIGNED_MS,
      effective_latency_ms: effective,
    };
  }

  #driftRate(): number {
    const spanMs = this.#madeMs.newest - this.#madeMs.oldest;
    if (this.#drifts.count < RATE_SAMPLES_MIN || spanMs < RATE_SPAN_MS) return 0;
    return (this.#drifts.newest - this.#drifts.oldest) / (spanMs / 1000);
  }

  /** Deadlines are absolute, so that all there is to correct is what was summed up. */
  #correct(nowMs: number): void {
    const elapsedMs = nowMs - this.#correctedMs;
    if (elapsedMs < CORRECTION_MS) return;
    if (Math.abs(this.#cumulative) <= (DRIFT_MAX_MS_PER_MINUTE * elapsedMs) / 60_000) return;
    this.#cumulative = 0;
    this.#correctedMs = nowMs;
  }
}

/** The newest values of something, at most `max`. */
class Newest {
  readonly #values: Float64Array;
  #next = 0;
  count = 0;

  constructor(max: number) {
    this.#values = new Float64Array(max);
  }

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    this.count = Math.min(this.#values.length, this.count + 1);
  }

  get newest(): number {
    return this.#values[(this.#next + this.#values.length - 1) % this.#values.length] ?? 0;
  }

  get oldest(): number {
    return this.#values[this.count < this.#values.length ? 0 : this.#next] ?? 0;
  }

  get mean(): number {
    let sum = 0;
    for (let at = 0; at < this.count; at++) sum += this.#values[at] as number;
    return this.count === 0 ? 0 : sum / this.count;
  }

  /** Of all of them, the population's. */
  get deviation(): number {
    const mean = this.mean;
    let sum = 0;
    for (let at = 0; at < this.count; at++) sum += ((this.#values[at] as number) - mean) ** 2;
    return this.count === 0 ? 0 : Math.sqrt(sum / this.count);
  }
}
