/** The presets that Soundlab comes with: each a change of the chain's inputs that says what its numbers will show. */
import type { InputChange } from "./chain/index.ts";

export type Preset = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly change: InputChange;
};

const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7];
const GOLDEN = 1.618034;

export const PRESETS: readonly Preset[] = [
  {
    id: "partials",
    name: "Partials",
    description: "Eight partials of 110 Hz over noise, Φ breathing: every meter moves. What a start begins with.",
    change: tones((c) => 110 * (c + 1), 0.2, { noise: { amount: 0.3, cutoff: 24_000 } }),
  },
  {
    id: "unison",
    name: "Unison",
    description: "One tone on all channels, no noise: phase coherence goes to 1.",
    change: tones(() => 440, 0.4, { noise: { amount: 0, cutoff: 24_000 } }),
  },
  {
    id: "scatter",
    name: "Scatter",
    description:
      "Nothing but noise, of its own on each channel as far as Φ lets it: coherence falls, the centroid rises.",
    change: tones(() => 440, 0, { noise: { amount: 0.5, cutoff: 24_000 } }),
  },
  {
    id: "golden",
    name: "Golden",
    description: "Each channel 1.618 times the one below, from 60 Hz, over low noise.",
    change: tones((c) => Math.round(600 * GOLDEN ** c) / 10, 0.25, { noise: { amount: 0.15, cutoff: 2_000 } }),
  },
];

type Rest = Pick<InputChange, "noise">;

function tones(frequency: (channel: number) => number, amplitude: number, rest: Rest): InputChange {
  const channels = CHANNELS.map((channel) => ({ channel, frequency: frequency(channel), amplitude, phase: 0 }));
  return { channels, ...rest, phi: { source: "internal", rate: 0.1 }, auto_phi: false };
}

/** As the front ends read it. */
export function shownPreset({ id, name, description, change }: Preset): unknown {
  const frequencies = change.channels?.map((channel) => channel.frequency);
  const amplitudes = change.channels?.map((channel) => channel.amplitude);
  return { id, name, description, tags: ["built-in"], engine: { frequencies, amplitudes }, control: change };
}

/**
 * What a front end wants applied: `{"id"}` of one of these, or a preset of its own with `control`, or with the
 * frequencies and amplitudes of an `engine`. The chain checks the values. @returns undefined: it names nothing
 */
export function changeIn(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return undefined;
  const { id, control, engine } = body as Readonly<Record<string, unknown>>;
  const known = PRESETS.find((preset) => preset.id === id);
  if (known !== undefined) return known.change;
  if (control !== undefined) return control;
  if (typeof engine !== "object" || engine === null) return undefined;
  const { frequencies, amplitudes } = engine as Readonly<Record<string, unknown>>;
  const count = Math.max(lengthOf(frequencies), lengthOf(amplitudes));
  if (count === 0) return undefined;
  const at = (list: unknown, channel: number): unknown => (Array.isArray(list) ? list[channel] : undefined);
  const channels = Array.from({ length: Math.min(count, CHANNELS.length + 1) }, (_, channel) => {
    const [frequency, amplitude] = [at(frequencies, channel), at(amplitudes, channel)];
    return {
      channel,
      ...(frequency === undefined ? {} : { frequency }),
      ...(amplitude === undefined ? {} : { amplitude }),
    };
  });
  return { channels };
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}
