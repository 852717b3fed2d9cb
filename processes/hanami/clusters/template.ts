/**
 * What a cluster is made of, whatever its template's dialect: its inputs and outputs by name, and the layers between.
 *
 * 1. Inner cells are those that no input and no output stands at, in the order of the text: each is a layer.
 * 2. A size of null is not known yet: the first vector fixes it.
 */

export type TemplateDialect = "T1" | "T2" | "T2h" | "T3";

/** Named so in the text. Kept and shown; a feed-forward network has no use for them. */
export type TemplateSettings = {
  readonly neuron_cooldown: number;
  readonly max_connection_distance: number;
  readonly refractory_time: number;
  readonly enable_reduction: boolean;
};

export const DEFAULT_SETTINGS: TemplateSettings = {
  neuron_cooldown: 1_000_000_000,
  max_connection_distance: 1,
  refractory_time: 1,
  enable_reduction: false,
};

/** @property size values in its vector; null: fixed by the first vector */
export type Port = { readonly name: string; readonly size: number | null };

export type Template = {
  readonly dialect: TemplateDialect;
  readonly settings: TemplateSettings;
  /** How many positions the text names. */
  readonly cells: number;
  readonly axons: number;
  readonly inputs: readonly Port[];
  /** Widths of the inner layers, in the order of the text. */
  readonly inner: readonly number[];
  readonly outputs: readonly Port[];
};

/** A cluster that was made without a template: it has no inputs, and every name is unknown to it. */
export const NO_TEMPLATE: Template = {
  dialect: "T1",
  settings: DEFAULT_SETTINGS,
  cells: 0,
  axons: 0,
  inputs: [],
  inner: [],
  outputs: [],
};

/** How many numbers a dense network of layers as wide as `sizes` learns. */
export function weightsOf(sizes: readonly number[]): number {
  return sizes.slice(1).reduce((total, size, index) => total + size * ((sizes[index] ?? 0) + 1), 0);
}
