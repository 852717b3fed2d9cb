/**
 * Φ: depth and phase, from one of three sources or from Auto-Φ (contract soundlab §4.7).
 *
 * 1. All sources go on while they are not heard, so that switching back finds them where they would be.
 * 2. After a switch the value goes from where it was to the new source within FADE_MS, along half a cosine.
 */
import { AutoPhi } from "./auto-phi.ts";
import { GOLDEN, GOLDEN_REST, TURN } from "./constants.ts";
import { clamp, wrapped } from "./frames.ts";
import type { Inputs, PhiSource } from "./inputs.ts";

const FADE_MS = 100;
const ATTACK_MS = 20; // of the audio source's envelope
const RELEASE_MS = 100;
const QUIET_RMS = 0.001; // below for QUIET_MS, the audio source goes to rest
const QUIET_MS = 2000;
const REST_MS = 1000; // time constant of going to rest; the reference has none, so this is ours
const AUDIO_HZ = 0.05; // turns of the audio source's phase, per second and (1 + envelope)

type Value = { readonly depth: number; readonly phase: number };

export class Phi {
  #depth: number;
  #phase: number;
  #source: PhiSource | "auto";
  #from: Value;
  #fadedMs = FADE_MS;
  readonly #audio = new AudioPhi();
  #internal = 0; // radians
  #auto: AutoPhi | undefined;

  constructor(inputs: Inputs) {
    this.#source = inputs.phi.source;
    this.#from = this.#heard(inputs);
    this.#depth = this.#from.depth;
    this.#phase = this.#from.phase;
  }

  /** 0..1.618034. */
  get depth(): number {
    return this.#depth;
  }

  /** Radians, 0..2π. */
  get phase(): number {
    return this.#phase;
  }

  /** Auto-Φ does what a hand would: it counts as manual. */
  get mode(): PhiSource {
    return this.#source === "auto" ? "manual" : this.#source;
  }

  /** True while the internal source is heard. */
  get isBreathing(): boolean {
    return this.#source === "internal";
  }

  get isAuto(): boolean {
    return this.#source === "auto";
  }

  /** Takes one block's time. @param rms mean of the channels' */
  step(inputs: Inputs, rms: number, ms: number, nowMs: number): void {
    this.#internal = wrapped(this.#internal + (TURN * inputs.phi.rate * ms) / 1000);
    this.#audio.step(rms, ms);
    this.#switch(inputs, nowMs);
    const to = this.#heard(inputs);
    this.#fadedMs = Math.min(FADE_MS, this.#fadedMs + ms);
    const weight = 0.5 * (1 - Math.cos((Math.PI * this.#fadedMs) / FADE_MS));
    const turn = to.phase - this.#from.phase;
    const shortest = turn - TURN * Math.round(turn / TURN);
    this.#depth = clamp(this.#from.depth + weight * (to.depth - this.#from.depth), 0, GOLDEN);
    this.#phase = weight === 1 ? wrapped(to.phase) : wrapped(this.#from.phase + weight * shortest);
  }

  /** Auto-Φ hears the values of one frame. */
  sample(criticality: number, coherence: number, nowMs: number): void {
    this.#auto?.sample(criticality, coherence, nowMs);
  }

  #switch(inputs: Inputs, nowMs: number): void {
    const source = inputs.auto_phi ? "auto" : inputs.phi.source;
    if (source === this.#source) return;
    this.#auto = source === "auto" ? new AutoPhi(this.#depth, this.#phase / TURN, nowMs) : undefined;
    this.#source = source;
    this.#from = { depth: this.#depth, phase: this.#phase };
    this.#fadedMs = 0;
  }

  #heard({ phi }: Inputs): Value {
    if (this.#auto !== undefined) return { depth: this.#auto.depth, phase: this.#auto.phase * TURN };
    if (this.#source === "audio") return this.#audio;
    if (this.#source === "manual") return phi;
    return { depth: 0.6 + 0.3 * Math.sin(this.#internal), phase: this.#internal };
  }
}

/** Follows how loud it is. */
class AudioPhi implements Value {
  depth = GOLDEN_REST;
  phase = 0;
  #envelope = 0;
  #quietMs = 0;

  step(rms: number, ms: number): void {
    this.#envelope += (rms - this.#envelope) * (1 - Math.exp(-ms / (rms > this.#envelope ? ATTACK_MS : RELEASE_MS)));
    this.#quietMs = rms < QUIET_RMS ? this.#quietMs + ms : 0;
    if (this.#quietMs >= QUIET_MS) this.depth += (GOLDEN_REST - this.depth) * (1 - Math.exp(-ms / REST_MS));
    else this.depth = clamp(2 * GOLDEN * this.#envelope, 0, GOLDEN);
    this.phase = wrapped(this.phase + (TURN * AUDIO_HZ * (1 + this.#envelope) * ms) / 1000);
  }
}
