/** The state of one frame (contract soundlab §4.8), and which quantity changed it. */
import type { FrameState, Trigger } from "./frames.ts";
import { consciousnessOf, criticalityIndexOf } from "./measures.ts";

/**
 * First match wins. CRITICAL also wants a consciousness level of 0.8 (decision B): clients check that.
 * @param level consciousness level @param index criticality index
 */
export function stateOf(level: number, coherence: number, index: number): FrameState {
  if (index > 0.9 && level >= 0.8) return "CRITICAL";
  if (level < 0.1) return "IDLE";
  if (level > 0.6) return "AWAKE";
  if (level < 0.3 && coherence > 0.7) return "DEEP_SLEEP";
  if (level >= 0.3 && level < 0.5 && coherence < 0.5) return "DREAMING";
  if (level >= 0.4 && level < 0.6 && index > 0.7) return "REM";
  return "TRANSITION";
}

/** What a state is made of. */
export type Cause = { readonly ici: number; readonly coherence: number; readonly centroid: number };

/**
 * The quantity that would have changed the state to `to` by itself; of several the first.
 * Level and index are made of ici and coherence, so these two come first.
 */
export function triggerOf(before: Cause, after: Cause, to: FrameState): Trigger {
  if (stateBy({ ...before, ici: after.ici }) === to) return "ici_threshold";
  if (stateBy({ ...before, coherence: after.coherence }) === to) return "coherence_threshold";
  const index = criticalityIndexOf(after.ici, after.coherence);
  if (stateOf(levelOf(before), before.coherence, index) === to) return "criticality_threshold";
  return "consciousness_threshold"; // which holds all three
}

function stateBy(cause: Cause): FrameState {
  return stateOf(levelOf(cause), cause.coherence, criticalityIndexOf(cause.ici, cause.coherence));
}

function levelOf({ ici, coherence, centroid }: Cause): number {
  return consciousnessOf(ici, coherence, centroid);
}
