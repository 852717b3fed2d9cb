/**
 * The chain: oscillators → blocks → measures → frames, events and latency, by a clock that its user reads.
 *
 * 1. It has no timer. `advance` makes what is due, in the order in which it was; what it makes does not depend on when
 *    it is called, unless that is more than BEHIND_MAX_MS late: then it leaves out what is older, and counts it.
 * 2. A frame is made of the newest block that was due by the frame's own time.
 * 3. Its time begins with the first `advance`, and after `stop` with the first after `start`: what came before is not late.
 * 4. Two clocks: `nowMs` only goes forward and paces, `unixMs` is what timestamps say and may be set.
 */
import { Activity } from "./activity.ts";
import { Calibration, type CalibrationFailure, type CalibrationResult } from "./calibration.ts";
import { ACTIVE_AMPLITUDE, BEHIND_MAX_MS, BLOCK_MS, CHANNELS, IDLE_MS, LATENCY_MS, METRICS_MS } from "./constants.ts";
import { Events } from "./events.ts";
import {
  type ChannelMetrics,
  type LatencyFrame,
  type LatencyStats,
  type MetricsFrame,
  type SoundlabEvent,
  toHz,
  toPhase,
  toRatio,
  toSeconds,
  toUnit,
} from "./frames.ts";
import { idleFrame } from "./idle-frame.ts";
import { changedInputs, DEFAULT_INPUTS, type Inputs } from "./inputs.ts";
import { LatencyMeter } from "./latency.ts";
import { Measures } from "./measures.ts";
import { Oscillators } from "./oscillators.ts";
import { Pacer } from "./pacer.ts";
import { Phi } from "./phi.ts";
import { stateOf } from "./states.ts";

export type ChainOptions = {
  readonly startMs: number; // now, by the clock that only goes forward
  readonly startUnixMs: number; // milliseconds since the Unix epoch, at the same moment
  readonly hardwareMs?: number; // what the device declares; 0 is a machine without one
  readonly spectralAnalysis?: boolean; // frames get `spectral_analysis`, and pass 30 KB/s
  readonly seed?: number; // of the noise
};

export type ChainCounts = {
  readonly blocks: number; // made
  readonly frames: number;
  readonly skippedBlocks: number; // left out, as they were too late
  readonly skippedFrames: number;
  readonly lostEvents: number; // nobody fetched them in time
};

const CALIBRATIONS = 5; // tries: a machine that always leaves blocks out is told so

export type CalibrationState = "none" | "running" | CalibrationResult | CalibrationFailure;

export class Chain {
  readonly #options: ChainOptions;
  readonly #oscillators: Oscillators;
  readonly #measures = new Measures();
  readonly #activity = new Activity();
  readonly #events = new Events();
  readonly #latency: LatencyMeter;
  readonly #phi: Phi;
  #inputs = DEFAULT_INPUTS;
  #blocks: Pacer;
  #metrics: Pacer;
  #latencies: Pacer;
  #isRunning = true;
  #hasBegun = false; // since the start: the pacers stand
  #skippedBefore = { blocks: 0, frames: 0 }; // by pacers that are no more
  #madeBlocks = 0;
  #madeFrames = 0;
  #nowMs: number; // of the last advance
  #unixMs: number; // at #nowMs
  #blockDueMs: number; // of the newest block
  #frame: MetricsFrame | undefined;
  #frameBlockMs: number | undefined; // when the block of #frame was due; undefined: it has been handed over, or has none
  #calibration: Calibration | undefined;
  #calibrated: CalibrationState = "none";
  #calibrationsLeft = 0;

  constructor(options: ChainOptions) {
    this.#options = options;
    const { startMs, startUnixMs, hardwareMs = 0, seed } = options;
    this.#oscillators = new Oscillators(seed);
    this.#latency = new LatencyMeter(hardwareMs, startMs);
    this.#phi = new Phi(this.#inputs);
    this.#nowMs = startMs;
    this.#unixMs = startUnixMs;
    this.#blockDueMs = startMs;
    this.#blocks = new Pacer(BLOCK_MS, startMs);
    this.#metrics = new Pacer(METRICS_MS, startMs);
    this.#latencies = new Pacer(LATENCY_MS, startMs);
  }

  /** When `advance` should be called next. Later is allowed, and shows in the latency. */
  get nextDueMs(): number {
    if (!this.#hasBegun) return this.#nowMs;
    const frameMs = Math.min(this.#metrics.nextMs, this.#latencies.nextMs);
    return this.#isRunning ? Math.min(this.#blocks.nextMs, frameMs) : frameMs;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get inputs(): Inputs {
    return this.#inputs;
  }

  get counts(): ChainCounts {
    return {
      blocks: this.#madeBlocks,
      frames: this.#madeFrames,
      skippedBlocks: this.#skippedBefore.blocks + this.#blocks.skipped,
      skippedFrames: this.#skippedBefore.frames + this.#metrics.skipped,
      lostEvents: this.#events.lost,
    };
  }

  /** Of the last calibration; none before the first. */
  get calibration(): CalibrationState {
    return this.#calibrated;
  }

  /**
   * Makes what is due by now, up to the next message.
   * @returns which message there is: fetch it, and call again; undefined: that was all
   */
  advance(nowMs: number, unixMs: number): "metrics" | "latency" | undefined {
    this.#nowMs = nowMs;
    this.#unixMs = unixMs;
    if (!this.#hasBegun) this.#begin();
    this.#catchUp(nowMs);
    for (let dueMs = this.nextDueMs; dueMs <= nowMs; dueMs = this.nextDueMs) {
      if (this.#isRunning && this.#blocks.nextMs === dueMs) {
        this.#makeBlock(this.#blocks.take(), nowMs);
      } else if (this.#metrics.nextMs === dueMs) {
        this.#makeFrame(this.#metrics.take());
        return "metrics";
      } else {
        this.#latencies.take();
        return "latency";
      }
    }
    return undefined;
  }

  /** The newest message of /ws/metrics; undefined before the first. */
  metricsFrame(): MetricsFrame | undefined {
    return this.#frame;
  }

  /** The message of /ws/latency, as of the last advance. */
  latencyFrame(): LatencyFrame {
    return this.#latency.frame(this.#unixMs);
  }

  latencyStats(): LatencyStats {
    return this.#latency.stats(this.#nowMs, this.#unixMs, this.#inputs.manual_offset_ms);
  }

  /** The messages of /ws/events since the last call, oldest first. */
  events(): readonly SoundlabEvent[] {
    return this.#events.drain();
  }

  /** The newest metrics frame has been handed to whoever sends it. A second time says nothing. */
  handedOver(nowMs: number): void {
    if (this.#frameBlockMs === undefined) return;
    this.#latency.handedOver(nowMs - this.#frameBlockMs);
    this.#frameBlockMs = undefined;
  }

  /** Sets what `change` names (InputChange), from the next block on. @throws {OptionError} nothing was changed */
  set(change: unknown): Inputs {
    this.#inputs = changedInputs(this.#inputs, change);
    return this.#inputs;
  }

  /** Measures the chain's own latency with the next blocks, about 0.26 s of them, unless it does so already. */
  calibrate(): void {
    if (this.#calibrated === "running") return;
    this.#calibrated = "running";
    this.#calibrationsLeft = CALIBRATIONS;
    if (this.#hasBegun) this.#beginCalibration();
  }

  /** No more blocks: an idle frame now and then, until `start`. */
  stop(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#hasBegun = false;
    this.#events.stopped();
    if (this.#calibrated === "running") this.#endCalibration({ failed: "the chain was stopped" });
  }

  /** Goes on where `stop` left it. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#hasBegun = false;
  }

  /** New pacers, from now on. */
  #begin(): void {
    this.#hasBegun = true;
    const { skippedBlocks, skippedFrames } = this.counts;
    this.#skippedBefore = { blocks: skippedBlocks, frames: skippedFrames };
    this.#blocks = new Pacer(BLOCK_MS, this.#nowMs);
    this.#metrics = new Pacer(this.#isRunning ? METRICS_MS : IDLE_MS, this.#nowMs);
    this.#latencies = new Pacer(LATENCY_MS, this.#nowMs);
    this.#latency.gap();
    if (this.#calibrated === "running") this.#beginCalibration();
  }

  #beginCalibration(): void {
    if (this.#calibrationsLeft-- === 0) return this.#endCalibration({ failed: "too many blocks were left out" });
    this.#calibration = new Calibration(this.#options.hardwareMs ?? 0, this.#blocks.nextMs - BLOCK_MS);
  }

  #endCalibration(result: CalibrationResult | CalibrationFailure): void {
    this.#calibration = undefined;
    this.#calibrated = result;
    if ("measured_ms" in result) this.#latency.calibrated(result.measured_ms);
  }

  #catchUp(nowMs: number): void {
    this.#metrics.catchUp(nowMs, BEHIND_MAX_MS);
    this.#latencies.catchUp(nowMs, BEHIND_MAX_MS);
    if (!this.#isRunning || this.#blocks.catchUp(nowMs, BEHIND_MAX_MS) === 0) return;
    this.#latency.gap();
    if (this.#calibration !== undefined) this.#beginCalibration(); // anew: its signal has a hole
  }

  #makeBlock(dueMs: number, nowMs: number): void {
    this.#oscillators.render(this.#inputs, this.#phi.depth);
    if (this.#measures.measure(this.#oscillators.blocks)) this.#activity.add(this.#measures.activity);
    this.#phi.step(this.#inputs, this.#measures.activity, BLOCK_MS, dueMs);
    this.#blockDueMs = dueMs;
    this.#madeBlocks++;
    this.#latency.block(nowMs);
    const result = this.#calibration?.block(nowMs);
    if (result !== undefined) this.#endCalibration(result);
  }

  #makeFrame(dueMs: number): void {
    const number = this.#madeFrames++;
    const timestamp = toSeconds(this.#unixMs - this.#nowMs + dueMs);
    if (!this.#isRunning) {
      this.#frame = idleFrame(number, timestamp, this.#inputs);
      this.#frameBlockMs = undefined;
      return;
    }
    const frame = this.#measured(number, timestamp);
    this.#phi.sample(frame.criticality, frame.phase_coherence, dueMs);
    const change = this.#events.frame(frame, dueMs, this.#phi.isAuto);
    this.#frame =
      change === undefined
        ? frame
        : { ...frame, state_change: { from_state: change.from_state, to_state: change.to_state } };
    this.#frameBlockMs = this.#blockDueMs;
  }

  #measured(number: number, timestamp: number): MetricsFrame {
    const measures = this.#measures;
    const coherence = toUnit(measures.coherence);
    const level = toUnit(measures.consciousness);
    const index = toUnit(measures.criticalityIndex);
    const channels = this.#channels();
    return {
      frame: number,
      timestamp,
      ici: toUnit(measures.ici),
      criticality: toRatio(this.#activity.criticality),
      phase_coherence: coherence,
      spectral_centroid: toHz(measures.centroid),
      phi_depth: toRatio(this.#phi.depth),
      phi_phase: toPhase(this.#phi.phase),
      phi_breathing_active: this.#phi.isBreathing,
      active_channels: channels.filter(({ active }) => active).length,
      channel_metrics: channels,
      state: stateOf(level, coherence, index), // of what is sent, so that a client can check it
      consciousness_level: level,
      phi_mode: this.#phi.mode,
      coherence,
      criticality_index: index,
      valid: measures.valid,
      ...(this.#options.spectralAnalysis === true && {
        spectral_analysis: {
          channel_centroids: Array.from(measures.centroids, toHz),
          channel_rms: Array.from(measures.rms, toUnit),
        },
      }),
    };
  }

  #channels(): ChannelMetrics[] {
    const channels: ChannelMetrics[] = [];
    for (let c = 0; c < CHANNELS; c++) {
      const { frequency, amplitude } = this.#inputs.channels[c] as Inputs["channels"][number];
      channels.push({
        channel: c,
        frequency: toHz(frequency),
        amplitude: toUnit(amplitude),
        phase: toPhase(this.#oscillators.phases[c] as number),
        active: amplitude > ACTIVE_AMPLITUDE,
      });
    }
    return channels;
  }
}
