/**
 * device.stream1: a heart, as eight electrodes in a half circle see it. Millivolts, 100 samples per second.
 *
 *   angle   θ(t) = 2π · 1.1 t + 0.6 sin(2π · 0.25 t)         66 beats a minute, faster while breathing in
 *   wave i       = aᵢ exp(−(θ − θᵢ)² / 2 bᵢ²)                 P, Q, R, S, T: a bump where the angle passes θᵢ
 *   channel k    = Σᵢ wave i · cos(π k / 8 − βᵢ) + 0.05 sin(2π · 0.25 t)
 *
 * The waves' angles and widths are those of McSharry's synthetic ECG (2003), their heights those of a textbook's lead II; βᵢ is
 * the direction in which the heart's current flows then, and the last term the drift by breathing. It has no state: its value
 * is its time's, whoever asks.
 */
import { type Signal, TURN } from "./signal.ts";

type Wave = { readonly angle: number; readonly width: number; readonly height: number; readonly direction: number };

const degrees = (value: number): number => (value / 360) * TURN;

const WAVES: readonly Wave[] = [
  { angle: -TURN / 6, width: 0.25, height: 0.12, direction: degrees(60) }, // P: the atria
  { angle: -TURN / 24, width: 0.1, height: -0.15, direction: degrees(110) }, // Q
  { angle: 0, width: 0.1, height: 1, direction: degrees(60) }, // R: the ventricles
  { angle: TURN / 24, width: 0.1, height: -0.25, direction: degrees(-30) }, // S
  { angle: TURN / 4, width: 0.4, height: 0.3, direction: degrees(45) }, // T: they rest
];

const BEATS = 1.1; // per second
const BREATHS = 0.25; // per second
const SWAY = 0.6; // radians that breathing moves the angle: ± 9 beats a minute
const DRIFT = 0.05; // mV

export const heart: Signal = {
  rate: 100,
  channels: 8,
  at(seconds) {
    const breath = Math.sin(TURN * BREATHS * seconds);
    const angle = TURN * BEATS * seconds + SWAY * breath;
    const waves = WAVES.map(
      (wave) => wave.height * Math.exp(-(distance(angle, wave.angle) ** 2) / (2 * wave.width ** 2)),
    );
    return Array.from({ length: 8 }, (_, channel) => {
      const direction = (TURN / 16) * channel;
      const seen = WAVES.reduce((sum, wave, at) => sum + (waves[at] ?? 0) * Math.cos(direction - wave.direction), 0);
      return seen + DRIFT * breath;
    });
  },
};

/** From −π to π. */
function distance(a: number, b: number): number {
  const turns = (a - b) / TURN;
  return (turns - Math.round(turns)) * TURN;
}
