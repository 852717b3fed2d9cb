/** The frame of a chain that stands still: nothing sounds, and silence is in balance. */
import { CHANNELS, GOLDEN_REST } from "./constants.ts";
import { type MetricsFrame, toHz } from "./frames.ts";
import type { Inputs } from "./inputs.ts";

export function idleFrame(frame: number, timestamp: number, inputs: Inputs): MetricsFrame {
  return {
    frame,
    timestamp,
    ici: 0,
    criticality: 1,
    phase_coherence: 0,
    spectral_centroid: 0,
    phi_depth: GOLDEN_REST,
    phi_phase: 0,
    phi_breathing_active: false,
    active_channels: 0,
    channel_metrics: Array.from({ length: CHANNELS }, (_, channel) => ({
      channel,
      frequency: toHz(inputs.channels[channel]?.frequency ?? 0),
      amplitude: 0,
      phase: 0,
      active: false,
    })),
    state: "IDLE",
    consciousness_level: 0,
    phi_mode: inputs.phi.source,
    coherence: 0,
    criticality_index: 0,
    valid: true,
  };
}
