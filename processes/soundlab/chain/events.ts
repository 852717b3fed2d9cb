/**
 * /ws/events: what three rules see in the frames (contract soundlab §6, rows OURS).
 *
 * 1. A state has changed when it stays: frames are classified one by one, events are not.
 * 2. An excursion of criticality is reported once, when it is over.
 * 3. Steps of Auto-Φ are gathered until they are worth a message.
 */
import { TURN } from "./constants.ts";
import {
  type CriticalEvent,
  type FrameState,
  type MetricsFrame,
  type PhiAdaptation,
  type SoundlabEvent,
  type StateChange,
  toMicro,
  toPhase,
  toRatio,
} from "./frames.ts";
import { type Cause, triggerOf } from "./states.ts";

export const EVENT_RULES = {
  stateFrames: 10, // frames in a row of the new state: a third of a second
  stateDwellMs: 500, // since the last change: less than two a second
  criticalOn: 2, // criticality above begins an excursion,
  criticalOff: 1.5, // below, for `criticalOffFrames` in a row, ends it
  criticalOffFrames: 3,
  criticalMinMs: 100, // a shorter one is none
  phiMs: 500, // between two adaptations: at most two a second
  phiDepth: 0.005, // a move of depth that is worth a message
  phiPhase: 0.02, // radians
  waiting: 256, // events that nobody has fetched; beyond, the oldest is lost and counted
} as const;

const SLACK_MS = 1e-3; // three frames are 100 ms, but for the last digits

export class Events {
  readonly #state = new StateRule();
  readonly #excursion = new ExcursionRule();
  readonly #adaptation = new AdaptationRule();
  #waiting: SoundlabEvent[] = [];
  #lost = 0;

  /** How many were lost as nobody fetched them. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Takes the next frame. @returns the change of state that it brings
   * @param nowMs by a clock that only goes forward, as the timestamp need not @param isAuto Auto-Φ is at work
   */
  frame(frame: MetricsFrame, nowMs: number, isAuto: boolean): StateChange | undefined {
    const change = this.#state.frame(frame, nowMs);
    this.#add(change);
    this.#add(this.#excursion.frame(frame, nowMs));
    this.#add(this.#adaptation.frame(frame, nowMs, isAuto));
    return change;
  }

  /** Frames end for a while: an excursion that is under way is left, as nobody knows when it would have ended. */
  stopped(): void {
    this.#excursion.leave();
  }

  /** Those since the last call, oldest first. */
  drain(): readonly SoundlabEvent[] {
    if (this.#waiting.length === 0) return NONE;
    const events = this.#waiting;
    this.#waiting = [];
    return events;
  }

  #add(event: SoundlabEvent | undefined): void {
    if (event === undefined) return;
    this.#waiting.push(event);
    if (this.#waiting.length <= EVENT_RULES.waiting) return;
    this.#waiting.shift();
    this.#lost++;
  }
}

const NONE: readonly SoundlabEvent[] = [];

class StateRule {
  #current: FrameState | undefined; // that of the first frame is no change
  #before: Cause | undefined; // of the last frame in that state
  #changedMs = Number.NEGATIVE_INFINITY;
  readonly #last: FrameState[] = []; // raw ones, oldest first

  frame(frame: MetricsFrame, nowMs: number): StateChange | undefined {
    const { state, timestamp, ici, phase_coherence, spectral_centroid } = frame;
    this.#last.push(state);
    if (this.#last.length > EVENT_RULES.stateFrames) this.#last.shift();
    const cause = { ici, coherence: phase_coherence, centroid: spectral_centroid };
    const from = this.#current;
    if (from === undefined || from === state) {
      this.#current = state;
      this.#before = cause;
      return undefined;
    }
    const agreeing = this.#last.filter((one) => one === state).length;
    if (agreeing < EVENT_RULES.stateFrames) return undefined;
    if (nowMs - this.#changedMs < EVENT_RULES.stateDwellMs - SLACK_MS) return undefined;
    const trigger = triggerOf(this.#before ?? cause, cause, state);
    this.#current = state;
    this.#before = cause;
    this.#changedMs = nowMs;
    const confidence = toRatio(agreeing / EVENT_RULES.stateFrames);
    return { type: "state_change", timestamp, from_state: from, to_state: state, trigger, confidence };
  }
}

class ExcursionRule {
  #sinceMs: number | undefined;
  #untilMs = 0; // the first of the frames below
  #below = 0; // frames in a row
  #peak = 0;
  #peakIci = 0;

  frame({ timestamp, criticality, ici }: MetricsFrame, nowMs: number): CriticalEvent | undefined {
    if (this.#sinceMs === undefined) {
      if (criticality <= EVENT_RULES.criticalOn) return undefined;
      this.#sinceMs = nowMs;
      this.#peak = 0;
      this.#peakIci = 0;
    }
    if (criticality >= EVENT_RULES.criticalOff) {
      this.#below = 0;
      this.#peak = Math.max(this.#peak, criticality);
      this.#peakIci = Math.max(this.#peakIci, ici);
    } else if (++this.#below === 1) this.#untilMs = nowMs;
    if (this.#below < EVENT_RULES.criticalOffFrames) return undefined;
    const ms = this.#untilMs - this.#sinceMs;
    this.leave();
    if (ms < EVENT_RULES.criticalMinMs - SLACK_MS) return undefined;
    return {
      type: "critical_event",
      timestamp,
      criticality: this.#peak,
      duration_ms: toMicro(ms),
      peak_ici: this.#peakIci,
    };
  }

  leave(): void {
    this.#sinceMs = undefined;
    this.#below = 0;
  }
}

class AdaptationRule {
  #last: { readonly depth: number; readonly phase: number } | undefined; // undefined: Auto-Φ is off
  #toldMs = Number.NEGATIVE_INFINITY; // of the last event

  frame(frame: MetricsFrame, nowMs: number, isAuto: boolean): PhiAdaptation | undefined {
    const { timestamp, phi_depth, phi_phase } = frame;
    const last = this.#last;
    const now = { depth: phi_depth, phase: phi_phase };
    if (!isAuto || last === undefined) {
      this.#last = isAuto ? now : undefined;
      return undefined;
    }
    const turn = Math.abs(now.phase - last.phase);
    const hasMoved = Math.abs(now.depth - last.depth) >= EVENT_RULES.phiDepth;
    const hasTurned = Math.min(turn, TURN - turn) >= EVENT_RULES.phiPhase;
    if (!hasMoved && !hasTurned) return undefined;
    if (nowMs - this.#toldMs < EVENT_RULES.phiMs - SLACK_MS) return undefined;
    this.#last = now;
    this.#toldMs = nowMs;
    return {
      type: "phi_adaptation",
      timestamp,
      old_depth: toRatio(last.depth),
      new_depth: toRatio(now.depth),
      old_phase: toPhase(last.phase),
      new_phase: toPhase(now.phase),
      reason: hasMoved ? "criticality_optimization" : "coherence_tracking",
    };
  }
}
