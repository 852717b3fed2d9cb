/**
 * What can be set on the chain while it runs, its ranges, and the check of what somebody sends.
 *
 * 1. A change names only what it changes. It is taken whole or not at all.
 * 2. It holds from the next block on, which glides there (oscillators.ts).
 */
import { OptionError } from "jackfield/protocol";
import { CHANNELS, GOLDEN, NYQUIST } from "./constants.ts";

export type ChannelInput = {
  readonly frequency: number; // Hz
  readonly amplitude: number;
  readonly phase: number; // radians at time 0 of the chain: equal ones of one frequency stay in phase
};

export const PHI_SOURCES = ["internal", "audio", "manual"] as const;
export type PhiSource = (typeof PHI_SOURCES)[number];

export type PhiInput = {
  readonly source: PhiSource;
  readonly rate: number; // Hz: of the internal source
  readonly depth: number; // of the manual source
  readonly phase: number; // radians; of the manual source
};

export type NoiseInput = {
  readonly amount: number; // peak of each channel's noise
  readonly cutoff: number; // Hz of its low-pass; at the highest there is none
};

export type Inputs = {
  readonly channels: readonly ChannelInput[]; // CHANNELS of them
  readonly noise: NoiseInput;
  readonly phi: PhiInput;
  readonly auto_phi: boolean; // while true, the controller sets depth and phase, whatever the source
  readonly manual_offset_ms: number; // of the latency's compensation
};

/** A change: what it leaves out stays. */
export type InputChange = {
  readonly channels?: readonly ({ readonly channel: number } & Partial<ChannelInput>)[];
  readonly noise?: Partial<NoiseInput>;
  readonly phi?: Partial<PhiInput>;
  readonly auto_phi?: boolean;
  readonly manual_offset_ms?: number;
};

export type Range = { readonly min: number; readonly max: number; readonly unit: string };

const FULL_TURN = 6.2832; // 2π as the wire rounds it, so that what was read can be sent back

export const INPUT_RANGES = {
  channel: { min: 0, max: CHANNELS - 1, unit: "" },
  frequency: { min: 0, max: 20_000, unit: " Hz" }, // what is heard; above 24,000 it would come back lower
  amplitude: { min: 0, max: 1, unit: "" },
  phase: { min: 0, max: FULL_TURN, unit: " rad" },
  "noise.amount": { min: 0, max: 1, unit: "" },
  "noise.cutoff": { min: 20, max: NYQUIST, unit: " Hz" },
  "phi.rate": { min: 0.01, max: 10, unit: " Hz" },
  "phi.depth": { min: 0, max: GOLDEN, unit: "" },
  "phi.phase": { min: 0, max: FULL_TURN, unit: " rad" },
  manual_offset_ms: { min: -50, max: 50, unit: " ms" },
} as const satisfies Readonly<Record<string, Range>>;

/** Eight partials of 110 Hz over a little noise, and Φ breathing: states and meters move by themselves. */
export const DEFAULT_INPUTS: Inputs = {
  channels: Array.from({ length: CHANNELS }, (_, c) => ({ frequency: 110 * (c + 1), amplitude: 0.2, phase: 0 })),
  noise: { amount: 0.3, cutoff: NYQUIST },
  phi: { source: "internal", rate: 0.1, depth: 0.618, phase: 0 },
  auto_phi: false,
  manual_offset_ms: 0,
};

/** @throws {OptionError} names what is wrong; nothing was changed */
export function changedInputs(inputs: Inputs, change: unknown): Inputs {
  const given = fields(change, "inputs", ["channels", "noise", "phi", "auto_phi", "manual_offset_ms"]);
  return {
    channels: given.channels === undefined ? inputs.channels : changedChannels(inputs.channels, given.channels),
    noise: given.noise === undefined ? inputs.noise : changedNoise(inputs.noise, given.noise),
    phi: given.phi === undefined ? inputs.phi : changedPhi(inputs.phi, given.phi),
    auto_phi: flag("auto_phi", given.auto_phi, inputs.auto_phi),
    manual_offset_ms: number("manual_offset_ms", given.manual_offset_ms, inputs.manual_offset_ms),
  };
}

function changedChannels(channels: readonly ChannelInput[], change: unknown): readonly ChannelInput[] {
  if (!Array.isArray(change)) throw refused("channels", "a list of objects that each name a channel", change);
  if (change.length > CHANNELS) throw refused("channels", `a list of at most ${CHANNELS}`, change.length);
  const changed = [...channels];
  const named = new Set<number>();
  for (const entry of change) {
    const given = fields(entry, "channels", ["channel", "frequency", "amplitude", "phase"]);
    const { channel } = given;
    const old = typeof channel === "number" ? channels[channel] : undefined;
    if (typeof channel !== "number" || old === undefined || named.has(channel)) {
      throw refused("channel", `a number from 0 to ${CHANNELS - 1}, each once`, channel);
    }
    named.add(channel);
    changed[channel] = {
      frequency: number("frequency", given.frequency, old.frequency),
      amplitude: number("amplitude", given.amplitude, old.amplitude),
      phase: number("phase", given.phase, old.phase),
    };
  }
  return changed;
}

function changedNoise(noise: NoiseInput, change: unknown): NoiseInput {
  const given = fields(change, "noise", ["amount", "cutoff"]);
  return {
    amount: number("noise.amount", given.amount, noise.amount),
    cutoff: number("noise.cutoff", given.cutoff, noise.cutoff),
  };
}

function changedPhi(phi: PhiInput, change: unknown): PhiInput {
  const given = fields(change, "phi", ["source", "rate", "depth", "phase"]);
  const source = given.source === undefined ? phi.source : PHI_SOURCES.find((known) => known === given.source);
  if (source === undefined) throw refused("phi.source", PHI_SOURCES.join(", "), given.source);
  return {
    source,
    rate: number("phi.rate", given.rate, phi.rate),
    depth: number("phi.depth", given.depth, phi.depth),
    phase: number("phi.phase", given.phase, phi.phase),
  };
}

function fields(value: unknown, what: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(what, "an object", value);
  const stranger = Object.keys(value).find((key) => !known.includes(key));
  if (stranger !== undefined) throw refused(what, `an object of ${known.join(", ")}`, stranger);
  return value as Readonly<Record<string, unknown>>;
}

function number(name: keyof typeof INPUT_RANGES, value: unknown, old: number): number {
  if (value === undefined) return old;
  const { min, max, unit }: Range = INPUT_RANGES[name];
  if (typeof value !== "number" || !(value >= min && value <= max)) {
    throw refused(name, `a number from ${min} to ${max}${unit}`, value);
  }
  return value;
}

function flag(name: string, value: unknown, old: boolean): boolean {
  if (value === undefined) return old;
  if (typeof value !== "boolean") throw refused(name, "true or false", value);
  return value;
}

function refused(name: string, rule: string, value: unknown): OptionError {
  const said = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return new OptionError(
    `Cannot set "${name}" as it must be ${rule}: got ${said.slice(0, 60)}, leave it out to keep it`,
  );
}
