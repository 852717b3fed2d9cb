/** The measures of the chain: what a block is, and how often one, a frame, or a word about latency is due. */

export const CHANNELS = 8;
export const SAMPLE_RATE = 48_000; // Hz
export const BLOCK = 512; // samples of one channel: 257 bins of 93.75 Hz
export const BINS: number = BLOCK / 2 + 1;
export const BIN_HZ: number = SAMPLE_RATE / BLOCK;
export const NYQUIST: number = SAMPLE_RATE / 2; // Hz
export const BLOCK_MS: number = (1000 * BLOCK) / SAMPLE_RATE; // 10.667

export const METRICS_MS: number = 1000 / 30; // the streams' rates: 30 frames a second,
export const LATENCY_MS = 100; // and 10
export const IDLE_MS = 1000; // between frames while nothing sounds: enough for a client to see that it is served

/** How late a frame may be and still be made. smoke_metrics.py refuses a stamp that is 100 ms old. */
export const BEHIND_MAX_MS = 80;

export const TURN: number = 2 * Math.PI; // radians
export const GOLDEN = 1.618034; // the highest Φ depth
export const GOLDEN_REST = 0.618; // the depth that Φ has at rest
export const SILENT_RMS = 1e-6; // a channel below has no phase, and all together no activity
export const ACTIVE_AMPLITUDE = 0.001; // a channel above counts as active
