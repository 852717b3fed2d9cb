/**
 * device.stream2: eight masses in a row between two walls, joined by springs; the first one is shaken. 50 samples per second,
 * each the eight positions.
 *
 *   xᵢ″ = ω² (xᵢ₋₁ − 2 xᵢ + xᵢ₊₁) − γ xᵢ′ + (i = 0 ? F(t) : 0),    x₋₁ = x₈ = 0
 *   F(t) = 30 (sin(2π · 0.9 t) + ½ sin(2π · 2.3 t)),    ω = 2π · 3 /s,    γ = 0.8 /s
 *
 * Integrated by Runge and Kutta's method of fourth order in steps of 2.5 ms. Its state goes on from sample to sample: while
 * nobody asks it stands still, and what follows a gap is the same chain under the force of the new time.
 */
import { type Signal, TURN } from "./signal.ts";

const MASSES = 8;
const STIFFNESS = (TURN * 3) ** 2; // per s²
const FRICTION = 0.8; // per second
const FORCE = 30; // per s², of the first mass
const STEP = 0.0025; // seconds: the fastest of its eight modes takes 67 of them for one swing
const GAP = 1; // seconds: a longer pause is not made up for

/** Positions, then speeds. */
type State = readonly number[];

export type ChainOptions = {
  /** Default F(t). */
  readonly force?: (seconds: number) => number;
  /** Default: at rest. */
  readonly positions?: readonly number[];
};

export class Chain implements Signal {
  readonly rate = 50;
  readonly channels: number = MASSES;
  readonly #force: (seconds: number) => number;
  #state: State;
  #time: number | undefined;

  constructor({ force = shaking, positions = [] }: ChainOptions = {}) {
    this.#force = force;
    this.#state = Array.from({ length: 2 * MASSES }, (_, at) => (at < MASSES ? (positions[at] ?? 0) : 0));
  }

  /** Kinetic and potential, of masses of 1. */
  get energy(): number {
    const kinetic = this.#state.slice(MASSES).reduce((sum, speed) => sum + speed ** 2 / 2, 0);
    let potential = 0;
    for (let at = 0; at <= MASSES; at++) {
      const stretch = position(this.#state, at) - position(this.#state, at - 1);
      potential += (STIFFNESS * stretch ** 2) / 2;
    }
    return kinetic + potential;
  }

  at(seconds: number): readonly number[] {
    const since = this.#time === undefined ? 0 : seconds - this.#time;
    const steps = since > GAP ? 0 : Math.round(since / STEP);
    for (let step = steps; step > 0; step--) this.#state = this.#next(this.#state, seconds - step * STEP);
    this.#time = seconds;
    return this.#state.slice(0, MASSES);
  }

  /** One step from `time`. */
  #next(state: State, time: number): State {
    const a = this.#slope(state, time);
    const b = this.#slope(moved(state, a, STEP / 2), time + STEP / 2);
    const c = this.#slope(moved(state, b, STEP / 2), time + STEP / 2);
    const d = this.#slope(moved(state, c, STEP), time + STEP);
    return state.map((value, at) => value + (STEP / 6) * (of(a, at) + 2 * of(b, at) + 2 * of(c, at) + of(d, at)));
  }

  #slope(state: State, time: number): State {
    return state.map((_, at) => {
      if (at < MASSES) return of(state, MASSES + at);
      const mass = at - MASSES;
      const bend = position(state, mass - 1) - 2 * position(state, mass) + position(state, mass + 1);
      return STIFFNESS * bend - FRICTION * of(state, at) + (mass === 0 ? this.#force(time) : 0);
    });
  }
}

function shaking(seconds: number): number {
  return FORCE * (Math.sin(TURN * 0.9 * seconds) + 0.5 * Math.sin(TURN * 2.3 * seconds));
}

/** Of a mass; a wall's is 0. */
function position(state: State, mass: number): number {
  return mass < 0 || mass >= MASSES ? 0 : of(state, mass);
}

function moved(state: State, slope: State, seconds: number): State {
  return state.map((value, at) => value + seconds * of(slope, at));
}

function of(state: State, at: number): number {
  return state[at] ?? 0;
}
