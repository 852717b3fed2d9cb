/**
 * What is sent, and when: one computation per tick, encoded once for everybody.
 *
 * 1. Frames go out by absolute deadlines and show the newest that the chain has computed (pacer.ts).
 * 2. While the audio is stopped the chain stands still, and metrics are a frame of silence each second (sheet, §3).
 * 3. `frame` counts what was sent, silence too: it grows by 1, whatever happened to the chain.
 */
import { Blob } from "jackfield/process";
import { FPS_FRAMES, LATENCY_HZ, METRICS_HZ, STOPPED_HZ } from "./limits.ts";
import { Pacer } from "./pacer.ts";

/** @property metrics null: none is due @property latency likewise */
export type Tick = {
  readonly metrics: Blob | null;
  readonly latency: Blob | null;
  readonly events: readonly Blob[];
};
