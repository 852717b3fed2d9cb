/** What goes on the wire, and the rounding that keeps a stream within 30 KB/s (contract soundlab §4 to §7). */
import { TURN } from "./constants.ts";

export const FRAME_STATES = ["IDLE", "AWAKE", "DREAMING", "DEEP_SLEEP", "REM", "CRITICAL", "TRANSITION"] as const;
export type FrameState = (typeof FRAME_STATES)[number];

export type ChannelMetrics = {
  readonly channel: number;
  readonly frequency: number; // Hz
  readonly amplitude: number; // 0..1
  readonly phase: number; // radians, 0..2π: of its tone, where the block ends
  readonly active: boolean;
};

/** One message of /ws/metrics. */
export type MetricsFrame = {
  readonly frame: number; // +1 each
  readonly timestamp: number; // Unix seconds: when it was due
  readonly ici: number; // 0..1
  readonly criticality: number; // >= 0; 1 is balance
  readonly phase_coherence: number; // 0..1
  readonly spectral_centroid: number; // Hz
  readonly phi_depth: number; // 0..1.618
  readonly phi_phase: number; // radians, 0..2π
  readonly phi_breathing_active: boolean;
  readonly active_channels: number;
  readonly channel_metrics: readonly ChannelMetrics[];
  readonly state: FrameState;
  readonly consciousness_level: number; // 0..1
  readonly phi_mode: "internal" | "audio" | "manual";
  readonly coherence: number; // phase_coherence again, by another client's name
  readonly criticality_index: number; // 0..1
  readonly valid: boolean; // false: a block held what is no number, and older values stand
  readonly state_change?: { readonly from_state: FrameState; readonly to_state: FrameState };
  readonly spectral_analysis?: {
    readonly channel_centroids: readonly number[]; // Hz
    readonly channel_rms: readonly number[]; // 0..1
  };
};

/** One message of /ws/latency. total = hardware + software, to the digit. */
export type LatencyFrame = {
  readonly timestamp: number; // Unix seconds
  readonly total_latency_ms: number;
  readonly hardware_latency_ms: number; // declared
  readonly software_latency_ms: number; // a block's due time to the hand-over of its frame: mean of the last 100
  readonly buffer_latency_ms: number; // the length of a block
  readonly jitter_ms: number; // standard deviation of the last 100 intervals between blocks
  readonly calibrated: boolean;
  readonly compensation_ms: number; // what the last calibration measured; 0 before
  readonly drift_ms: number; // the last block's lateness
};

/** What `{"type":"get_stats"}` is answered with. */
export type LatencyStats = {
  readonly calibrated: boolean;
  readonly latency: LatencyFrame;
  readonly drift: {
    readonly current_drift_ms: number;
    readonly drift_rate_ms_per_sec: number;
    readonly cumulative_drift_ms: number;
    readonly sample_count: number;
    readonly elapsed_minutes: number;
  };
  readonly aligned: boolean;
  readonly effective_latency_ms: number;
};

export type Trigger = "ici_threshold" | "coherence_threshold" | "criticality_threshold" | "consciousness_threshold";

export type StateChange = {
  readonly type: "state_change";
  readonly timestamp: number;
  readonly from_state: FrameState;
  readonly to_state: FrameState;
  readonly trigger: Trigger;
  readonly confidence: number; // 0..1
};

export type CriticalEvent = {
  readonly type: "critical_event";
  readonly timestamp: number;
  readonly criticality: number; // the highest of the excursion
  readonly duration_ms: number;
  readonly peak_ici: number;
};

export type PhiAdaptation = {
  readonly type: "phi_adaptation";
  readonly timestamp: number;
  readonly old_depth: number;
  readonly new_depth: number;
  readonly old_phase: number; // radians
  readonly new_phase: number;
  readonly reason: "criticality_optimization" | "coherence_tracking";
};

/** One message of /ws/events. */
export type SoundlabEvent = StateChange | CriticalEvent | PhiAdaptation;

export const toUnit = (value: number): number => rounded(clamp(value, 0, 1), 10_000);
export const toRatio = (value: number): number => rounded(value, 10_000);
export const toHz = (value: number): number => rounded(value, 10);
export const toSeconds = (unixMs: number): number => Math.round(unixMs) / 1000;
export const toMicro = (ms: number): number => rounded(ms, 1000);

/** Rounding must not leave the circle: 6.28318 would become 6.2832, which is above 2π. */
export function toPhase(radians: number): number {
  const phase = rounded(wrapped(radians), 10_000);
  return phase >= TURN ? 0 : phase;
}

/** Into 0 <= phase < 2π. */
export function wrapped(radians: number): number {
  const phase = radians % TURN;
  const up = phase < 0 ? phase + TURN : phase;
  return up >= TURN ? 0 : up; // -1e-20 + 2π is 2π
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** @param steps to the unit */
function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps + 0; // + 0: JSON of -0 is "0", and equality should hold too
}
