/** What may be set, and that a bad value changes nothing and says why. */
import { describe, expect, test } from "@jest/globals";
import { changedInputs, DEFAULT_INPUTS, INPUT_RANGES, type Inputs } from "../../../processes/soundlab/chain/inputs.ts";

/** A change that sets `name` of INPUT_RANGES. */
function setting(name: string, value: unknown): unknown {
  const [group, key] = name.split(".");
  if (key !== undefined) return { [group ?? ""]: { [key]: value } };
  if (name === "channel") return { channels: [{ channel: value }] };
  return name === "manual_offset_ms" ? { [name]: value } : { channels: [{ channel: 3, [name]: value }] };
}

function refusal(change: unknown): string {
  const before = JSON.stringify(DEFAULT_INPUTS);
  try {
    changedInputs(DEFAULT_INPUTS, change);
  } catch (thrown) {
    expect(JSON.stringify(DEFAULT_INPUTS)).toBe(before);
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "";
  }
  return "taken";
}

describe.each(Object.entries(INPUT_RANGES))("%s", (name, { min, max, unit }) => {
  test.each([min, max])("%d is taken", (value) => {
    const { channels, ...rest } = changedInputs(DEFAULT_INPUTS, setting(name, value));
    if (name !== "channel") expect(JSON.stringify([channels[3], rest])).toContain(String(value));
  });

  test.each([min - 1e-6, max + 1e-6, Number.NaN, Number.POSITIVE_INFINITY, "1", null, true, [1]])(
    "%p is refused",
    (value) => {
      const said = refusal(setting(name, value));
      expect(said).toContain(`OptionError: Cannot set "${name}" as it must be a number from ${min} to ${max}${unit}`);
      expect(said).toContain("got ");
    },
  );
});

describe("a change", () => {
  test("names only what it changes", () => {
    const change = { channels: [{ channel: 2, phase: 1 }], phi: { source: "manual" }, auto_phi: true };
    const expected: Inputs = {
      ...DEFAULT_INPUTS,
      channels: DEFAULT_INPUTS.channels.map((input, c) => (c === 2 ? { ...input, phase: 1 } : input)),
      phi: { ...DEFAULT_INPUTS.phi, source: "manual" },
      auto_phi: true,
    };
    expect(changedInputs(DEFAULT_INPUTS, change)).toEqual(expected);
    expect(changedInputs(DEFAULT_INPUTS, {})).toEqual(DEFAULT_INPUTS);
  });

  test("is taken whole or not at all", () => {
    const good = { channel: 0, amplitude: 0.9 };
    expect(refusal({ channels: [good, { channel: 1, amplitude: 9 }] })).toContain("amplitude");
    expect(refusal({ channels: [good], noise: { amount: -1 } })).toContain("noise.amount");
  });

  test.each<readonly [unknown, string]>([
    [null, 'Cannot set "inputs" as it must be an object: got null'],
    [[], 'Cannot set "inputs" as it must be an object: got []'],
    ["x", 'Cannot set "inputs" as it must be an object: got "x"'],
    [undefined, 'Cannot set "inputs" as it must be an object: got undefined'],
    [{ chanels: [] }, 'must be an object of channels, noise, phi, auto_phi, manual_offset_ms: got "chanels"'],
    [{ noise: { colour: 1 } }, 'Cannot set "noise" as it must be an object of amount, cutoff: got "colour"'],
    [{ phi: { source: "midi" } }, 'Cannot set "phi.source" as it must be internal, audio, manual: got "midi"'],
    [{ phi: 1 }, 'Cannot set "phi" as it must be an object: got 1'],
    [{ channels: {} }, 'Cannot set "channels" as it must be a list'],
    [
      { channels: [{ frequency: 1 }] },
      'Cannot set "channel" as it must be a number from 0 to 7, each once: got undefined',
    ],
    [{ channels: [{ channel: 1.5 }] }, "each once: got 1.5"],
    [{ channels: [{ channel: 1 }, { channel: 1 }] }, "each once: got 1"],
    [{ channels: Array.from({ length: 9 }, () => ({ channel: 0 })) }, "a list of at most 8: got 9"],
    [{ auto_phi: 1 }, 'Cannot set "auto_phi" as it must be true or false: got 1'],
    [{ auto_phi: null }, "got null"],
    [{ noise: { amount: "x".repeat(1000) } }, `got "${"x".repeat(59)}, leave it out to keep it`],
  ])("%j is refused", (change, text) => {
    expect(refusal(change)).toContain(text);
  });

  test("its names are its own: no name of Object.prototype is one", () => {
    expect(refusal(JSON.parse('{"__proto__": {"auto_phi": true}}'))).toContain('got "__proto__"');
    expect(refusal({ constructor: 1 })).toContain('got "constructor"');
  });
});
