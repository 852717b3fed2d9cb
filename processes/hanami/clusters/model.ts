/**
 * A cluster's network with names: buffers for its inputs and outputs, and the sizes that the first vectors fix.
 *
 * 1. Buffers keep what was put into them (contract hanami §7.1): a cycle may set one input of two.
 * 2. Each input is divided by the largest value it was ever trained with, so that pixels of 0 to 255 learn like those of 0
 *    to 1. A request uses that scale and changes nothing, neither it nor a weight.
 * 3. Weights are there when every size is known; first weights repeat with the cluster's uuid.
 * 4. What cannot be done is a sentence of at most 120 characters, to fit a close frame; nothing has changed then.
 */
import type { ClusterLimits } from "./limits.ts";
import { Network } from "./network.ts";
import { randomOf } from "./random.ts";
import { type Template, weightsOf } from "./template.ts";

/** Why not. */
export type Refusal = string;

export type Side = "input" | "output";

/** @property values what was put in last, or null: nothing yet @property scale of an input: the largest it was trained with */
export type PortState = { readonly name: string; size: number | null; values: Float32Array | null; scale: number };

export class Model {
  readonly template: Template;
  readonly inputs: readonly PortState[];
  readonly outputs: readonly PortState[];
  readonly #seed: string;
  readonly #limits: ClusterLimits;
  #network: Network | null = null;
  #input: Float32Array = new Float32Array(0); // all inputs side by side, scaled
  #expected: Float32Array = new Float32Array(0);

  /** @param seed the cluster's uuid */
  constructor(template: Template, seed: string, limits: ClusterLimits) {
    this.template = template;
    this.inputs = template.inputs.map(({ name, size }) => ({ name, size, values: null, scale: 0 }));
    this.outputs = template.outputs.map(({ name, size }) => ({ name, size, values: null, scale: 0 }));
    this.#seed = seed;
    this.#limits = limits;
  }

  /** null: a size is not known yet. */
  get network(): Network | null {
    return this.#network;
  }

  port(side: Side, name: string): PortState | undefined {
    return (side === "input" ? this.inputs : this.outputs).find((port) => port.name === name);
  }

  /** How many numbers it learns; 0 while a size is not known. */
  get weights(): number {
    return this.#network === null ? 0 : weightsOf(this.#network.sizes);
  }

  /** Copies `values` into a buffer; where its size is not known yet, this fixes it. */
  put(side: Side, name: string, values: Float32Array): Refusal | undefined {
    const port = this.port(side, name);
    if (port === undefined) return `there is no ${side} "${cut(name)}"`;
    if (!values.every(Number.isFinite)) return `a value for ${side} "${cut(name)}" is no finite number`;
    const refusal = this.fix(side, name, values.length);
    if (refusal !== undefined) return refusal;
    port.values ??= new Float32Array(values.length);
    port.values.set(values);
    return undefined;
  }

  /** Says that vectors of a port have `size` values: true already, or the first time. */
  fix(side: Side, name: string, size: number): Refusal | undefined {
    const port = this.port(side, name);
    if (port === undefined) return `there is no ${side} "${cut(name)}"`;
    if (port.size === size) return undefined;
    if (port.size !== null) return `${side} "${cut(name)}" has ${port.size} values, not ${size}`;
    if (size < 1 || size > this.#limits.layerWidth)
      return `a vector has 1 to ${this.#limits.layerWidth} values, not ${size}`;
    port.size = size;
    const sizes = this.#sizes();
    const wide = Math.max(0, ...sizes);
    const many = weightsOf(sizes);
    if (wide <= this.#limits.layerWidth && many <= this.#limits.weights) return undefined;
    port.size = null;
    return `with ${size} values in "${cut(name, 24)}" it would have ${many} weights, ${this.#limits.weights} at most`;
  }

  /** Several `fix` of which all are to count, or none, without a wait in between. @returns what undoes those after it */
  beforeFix(): () => void {
    const ports = [...this.inputs, ...this.outputs];
    const sizes = ports.map(({ size }) => size);
    return () => {
      ports.forEach((port, index) => {
        port.size = sizes[index] ?? null;
      });
    };
  }

  /** One step with what the buffers hold. */
  train(): Refusal | undefined {
    const network = this.#ready();
    if (typeof network === "string") return network;
    for (const port of this.inputs) port.scale = Math.max(port.scale, largest(port.values));
    this.#fill();
    let at = 0;
    for (const { values, size } of this.outputs) {
      if (values !== null) this.#expected.set(values, at);
      at += size ?? 0;
    }
    network.train(this.#input, this.#expected);
    return undefined;
  }

  /** What comes out for what the buffers hold, per output, lent until the next call; empty while a size is not known. */
  request(): readonly Float32Array[] | Refusal {
    if (this.outputs.length === 0) return "the cluster has no output";
    const unsized = this.outputs.some(({ size }) => size === null);
    const network = unsized ? null : this.#ready();
    if (typeof network === "string") return network;
    if (network === null) return this.outputs.map(({ size }) => new Float32Array(size ?? 0));
    this.#fill();
    const out = network.forward(this.#input);
    let at = 0;
    return this.outputs.map(({ size }) => {
      const values = out.subarray(at, at + (size ?? 0));
      at += size ?? 0;
      return values;
    });
  }

  /** The network, made now where it is not there and all sizes are known. */
  #ready(): Network | Refusal {
    if (this.#network !== null) return this.#network;
    if (this.inputs.length === 0) return "the cluster has no input";
    if (this.outputs.length === 0) return "the cluster has no output";
    for (const [side, ports] of [["input", this.inputs] as const, ["output", this.outputs] as const]) {
      const unknown = ports.find(({ size }) => size === null);
      if (unknown !== undefined)
        return `the size of ${side} "${cut(unknown.name)}" is not known, send it a vector first`;
    }
    const sizes = this.#sizes();
    this.#network = new Network(sizes, randomOf(this.#seed));
    this.#input = new Float32Array(sizes[0] ?? 0);
    this.#expected = new Float32Array(sizes.at(-1) ?? 0);
    return this.#network;
  }

  /** For what was saved: every size is known. */
  build(): Network | Refusal {
    return this.#ready();
  }

  #sizes(): number[] {
    const sum = (ports: readonly PortState[]): number => ports.reduce((total, { size }) => total + (size ?? 0), 0);
    return [sum(this.inputs), ...this.template.inner, sum(this.outputs)];
  }

  #fill(): void {
    let at = 0;
    for (const { values, size, scale } of this.inputs) {
      const length = size ?? 0;
      if (values === null) this.#input.fill(0, at, at + length);
      else {
        const by = Math.max(scale, largest(values)) || 1; // a request may bring more than was ever trained with
        for (let index = 0; index < length; index++) this.#input[at + index] = (values[index] ?? 0) / by;
      }
      at += length;
    }
  }
}

function largest(values: Float32Array | null): number {
  let most = 0;
  for (let at = 0; at < (values?.length ?? 0); at++) most = Math.max(most, Math.abs(values?.[at] ?? 0));
  return most;
}

function cut(text: string, most: number = 40): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
