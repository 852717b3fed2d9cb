/**
 * The chain at work: what it makes by the clock, encoded once for everybody who listens.
 *
 * 1. The chain paces itself and keeps its own deadlines; here is only when to look again, and what came.
 * 2. It wants a clock that only goes forward, and a process has the wall clock: what that is set back does not count.
 */
import { Blob } from "jackfield/process";
import {
  type CalibrationState,
  Chain,
  type Inputs,
  type LatencyFrame,
  type LatencyStats,
  type MetricsFrame,
} from "./chain/index.ts";
import type { Clients, Stream } from "./clients.ts";
import { FPS_FRAMES } from "./limits.ts";
import type { SoundlabSettings } from "./settings.ts";

/** One message, for all who listen to `stream`. */
export type Sent = { readonly stream: Stream; readonly blob: Blob };

export type LabStats = {
  readonly total_frames: number;
  /** Measured, over the last FPS_FRAMES frames; 0 before there are two. */
  readonly fps: number;
  readonly skipped_frames: number; // the machine was too busy for
  readonly skipped_blocks: number;
  readonly lost_events: number;
  readonly clients: Readonly<Record<Stream, number>>;
};

export class Lab {
  readonly settings: SoundlabSettings;
  readonly startedAt: number; // ms since the Unix epoch
  readonly #clients: Clients;
  readonly #chain: Chain;
  readonly #sentAt: number[] = []; // ms: of the last frames, oldest first
  #steady = 0; // ms, only forward
  #wall: number; // ms since the Unix epoch, when #steady was read
  #latest: Blob | undefined;
  #calibrations: ((state: CalibrationState) => void)[] = []; // who waits for the one that runs

  constructor(settings: SoundlabSettings, clients: Clients, now: number) {
    this.settings = settings;
    this.startedAt = now;
    this.#wall = now;
    this.#clients = clients;
    const { spectralAnalysis } = settings;
    this.#chain = new Chain({ startMs: 0, startUnixMs: now, spectralAnalysis });
  }

  /** The newest frame; undefined before the first. */
  get frame(): MetricsFrame | undefined {
    return this.#chain.metricsFrame();
  }

  /** The same as it was sent. */
  get latest(): Blob | undefined {
    return this.#latest;
  }

  get latencyFrame(): LatencyFrame {
    return this.#chain.latencyFrame();
  }

  /** The same as it is sent. */
  get latency(): Blob {
    return Blob.json(this.latencyFrame);
  }

  get latencyStats(): LatencyStats {
    return this.#chain.latencyStats();
  }

  get inputs(): Inputs {
    return this.#chain.inputs;
  }

  get isRunning(): boolean {
    return this.#chain.isRunning;
  }

  get stats(): LabStats {
    const { frames, skippedFrames, skippedBlocks, lostEvents } = this.#chain.counts;
    const [first = 0] = this.#sentAt;
    const took = (this.#sentAt.at(-1) ?? 0) - first;
    return {
      total_frames: frames,
      fps: took <= 0 ? 0 : Math.round((100_000 * (this.#sentAt.length - 1)) / took) / 100,
      skipped_frames: skippedFrames,
      skipped_blocks: skippedBlocks,
      lost_events: lostEvents,
      clients: this.#clients.counts,
    };
  }

  /**
   * Makes what is due and hands it to `send`, in the order it was due.
   * @param clock ms since the Unix epoch: asked again after `send`, whose time belongs to the latency
   */
  tick(clock: () => number, send: (sent: Sent) => void): void {
    const now = clock();
    const steady = this.#forward(now);
    for (;;) {
      const made = this.#chain.advance(steady, now);
      for (const event of this.#chain.events()) send({ stream: "events", blob: Blob.json(event) });
      if (made === undefined) break;
      if (made === "latency") {
        send({ stream: "latency", blob: this.latency });
        continue;
      }
      this.#latest = Blob.json(this.#chain.metricsFrame());
      send({ stream: "metrics", blob: this.#latest });
      this.#chain.handedOver(this.#forward(clock()));
      this.#sentAt.push(steady);
      if (this.#sentAt.length > FPS_FRAMES) this.#sentAt.shift();
    }
    if (this.#chain.calibration === "running") return;
    for (const done of this.#calibrations.splice(0)) done(this.#chain.calibration);
  }

  /** Whole milliseconds until the next is due: a clock as large as Unix time has no finer step that could be relied on. */
  wait(now: number): number {
    return Math.max(1, Math.ceil(this.#chain.nextDueMs - this.#forward(now)));
  }

  /** @throws {OptionError} `change` is none; nothing was changed */
  change(change: unknown): void {
    this.#chain.set(change);
  }

  start(): void {
    this.#chain.start();
    this.#sentAt.length = 0; // the rate is another
  }

  stop(): void {
    this.#chain.stop();
    this.#sentAt.length = 0;
  }

  /** Measures the chain's own latency, which takes some blocks. */
  calibrate(): Promise<CalibrationState> {
    if (this.#chain.calibration !== "running") this.#chain.calibrate(); // else whoever asks often would never see one done
    return new Promise((resolve) => this.#calibrations.push(resolve));
  }

  #forward(now: number): number {
    this.#steady += Math.max(0, now - this.#wall);
    this.#wall = now;
    return this.#steady;
  }
}
