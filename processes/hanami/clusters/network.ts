/**
 * A dense feed-forward network in float32, trained by plain back-propagation, one row at a time.
 *
 * 1. Every layer sees all of the one before. Inner layers are tanh, the last is logistic: outputs are from 0 to 1.
 * 2. The error is cross-entropy, whose slope at the output is `output - expected`; expected values count as 0 to 1.
 * 3. A step is the gradient times RATE, divided by 1 plus the mean square that comes into the layer times its width over
 *    WIDTH: a picture of 256 × 256 values learns as calmly as one of 8 × 8.
 * 4. `forward` changes no weight. Nothing is made anew per row: who keeps an output copies it.
 */

/** @property weights row-major, a row per neuron */
type Layer = {
  readonly width: number;
  readonly weights: Float32Array;
  readonly biases: Float32Array;
  /** What came out last, and how much each neuron is to blame. */
  readonly values: Float32Array;
  readonly blame: Float32Array;
};

const RATE = 0.1;
const WIDTH = 64; // squares: an 8 × 8 picture that is all ones halves the step

export class Network {
  /** Values in, widths of the inner layers, values out. */
  readonly sizes: readonly number[];
  readonly #layers: readonly Layer[];

  /** @param sizes at least two @param random of first weights: numbers from 0 to 1 */
  constructor(sizes: readonly number[], random: () => number) {
    this.sizes = sizes;
    this.#layers = sizes.slice(1).map((width, index) => layerOf(sizes[index] ?? 0, width, random));
  }

  /** @param input as long as the first size @returns lent until the next call */
  forward(input: Float32Array): Float32Array {
    let values = input;
    for (const [index, layer] of this.#layers.entries()) {
      weigh(layer, values);
      if (index === this.#layers.length - 1) logistic(layer.values);
      else squash(layer.values);
      values = layer.values;
    }
    return values;
  }

  /** One step towards `expected`. @returns the loss before it: the mean cross-entropy of the outputs */
  train(input: Float32Array, expected: Float32Array): number {
    const output = this.forward(input);
    const last = this.#layers.at(-1);
    if (last === undefined) return 0;
    let loss = 0;
    for (let at = 0; at < output.length; at++) {
      const wanted = Math.min(1, Math.max(0, expected[at] ?? 0));
      const got = output[at] ?? 0;
      last.blame[at] = got - wanted;
      loss -= wanted * Math.log(got + TINY) + (1 - wanted) * Math.log(1 - got + TINY);
    }
    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const layer = this.#layers[index];
      const before = this.#layers[index - 1];
      if (layer === undefined) break;
      if (before !== undefined) passBlame(layer, before); // by the weights as they were in the forward pass
      step(layer, before?.values ?? input);
    }
    return loss / output.length;
  }

  /** What it has learnt, to keep: weights and biases, layer by layer. */
  *numbers(): Generator<Float32Array, void> {
    for (const { weights, biases } of this.#layers) {
      yield weights;
      yield biases;
    }
  }
}

const TINY = 1e-7; // keeps a logarithm finite: float32 rounds outputs to exactly 0 and 1

function layerOf(inputs: number, width: number, random: () => number): Layer {
  const span = Math.sqrt(6 / (inputs + width)); // Glorot and Bengio 2010: signals neither fade nor grow from layer to layer
  const weights = new Float32Array(inputs * width);
  for (let at = 0; at < weights.length; at++) weights[at] = (2 * random() - 1) * span;
  return {
    width,
    weights,
    biases: new Float32Array(width),
    values: new Float32Array(width),
    blame: new Float32Array(width),
  };
}

/** Hot: most of a task's time is here, in `passBlame` and in `step`. */
function weigh({ width, weights, biases, values }: Layer, input: Float32Array): void {
  const { length } = input;
  for (let neuron = 0; neuron < width; neuron++) {
    const row = neuron * length;
    let sum = biases[neuron] ?? 0;
    for (let at = 0; at < length; at++) sum += (weights[row + at] as number) * (input[at] as number);
    values[neuron] = sum;
  }
}

function logistic(values: Float32Array): void {
  for (let at = 0; at < values.length; at++) values[at] = 1 / (1 + Math.exp(-(values[at] ?? 0)));
}

function squash(values: Float32Array): void {
  for (let at = 0; at < values.length; at++) values[at] = Math.tanh(values[at] ?? 0);
}

/** What each neuron before has to do with the blame of this layer; the slope of tanh is 1 - value². */
function passBlame({ width, weights, blame }: Layer, before: Layer): void {
  const { values, width: length } = before;
  before.blame.fill(0);
  for (let neuron = 0; neuron < width; neuron++) {
    const row = neuron * length;
    const share = blame[neuron] ?? 0;
    for (let at = 0; at < length; at++)
      before.blame[at] = (before.blame[at] as number) + share * (weights[row + at] as number);
  }
  for (let at = 0; at < length; at++)
    before.blame[at] = (before.blame[at] as number) * (1 - (values[at] as number) * (values[at] as number));
}

function step({ width, weights, biases, blame }: Layer, input: Float32Array): void {
  const { length } = input;
  let squares = 0;
  for (let at = 0; at < length; at++) squares += (input[at] as number) * (input[at] as number);
  const rate = RATE / (1 + squares / WIDTH);
  for (let neuron = 0; neuron < width; neuron++) {
    const row = neuron * length;
    const by = rate * (blame[neuron] ?? 0);
    if (by === 0) continue;
    for (let at = 0; at < length; at++) weights[row + at] = (weights[row + at] as number) - by * (input[at] as number);
    biases[neuron] = (biases[neuron] ?? 0) - by;
  }
}
