/** The network: its gradient against differences, what it learns, and that it repeats. */
import { describe, expect, test } from "@jest/globals";
import { Network } from "../../../../processes/hanami/clusters/network.ts";
import { randomOf } from "../../../../processes/hanami/clusters/random.ts";
import { CLASSES, type Digits, digits, PIXELS, winner } from "../digits.ts";

function network(sizes: readonly number[], seed = "seed"): Network {
  return new Network(sizes, randomOf(seed));
}

function numbers(net: Network): number[] {
  return [...net.numbers()].flatMap((part) => [...part]);
}

/** The sum of cross-entropies, in double precision. */
function loss(net: Network, input: Float32Array, expected: Float32Array): number {
  return [...net.forward(input)].reduce((sum, got, at) => {
    const wanted = expected[at] ?? 0;
    return sum - wanted * Math.log(got) - (1 - wanted) * Math.log(1 - got);
  }, 0);
}

describe("Network", () => {
  test("a step goes along the gradient that differences show, in every weight and bias", () => {
    const input = Float32Array.of(0.9, -0.3, 0.5, 0);
    const expected = Float32Array.of(1, 0.25, 0);
    const sizes = [4, 5, 4, 3];
    const slopes: number[] = [];
    const probe = network(sizes);
    const by = 1 / 64; // exact in float32, and small enough for the square of it to vanish
    for (const part of probe.numbers()) {
      for (let at = 0; at < part.length; at++) {
        const here = part[at] ?? 0;
        part[at] = here + by;
        const above = loss(probe, input, expected);
        const up = (part[at] ?? 0) - here;
        part[at] = here - by;
        const below = loss(probe, input, expected);
        const down = here - (part[at] ?? 0);
        part[at] = here;
        slopes.push((above - below) / (up + down));
      }
    }
    const net = network(sizes);
    const before = numbers(net);
    net.train(input, expected);
    const steps = numbers(net).map((value, at) => (before[at] ?? 0) - value);
    // The rate differs from layer to layer and is the network's own: within a layer, steps are in proportion to slopes.
    let from = 0;
    for (const [index, width] of sizes.slice(1).entries()) {
      const count = width * ((sizes[index] ?? 0) + 1);
      const layer = slopes.slice(from, from + count).map((slope, at) => [slope, steps[from + at] ?? 0] as const);
      const largest = layer.reduce((a, b) => (Math.abs(b[0]) > Math.abs(a[0]) ? b : a));
      const rate = largest[1] / largest[0];
      expect(rate).toBeGreaterThan(0);
      for (const [slope, step] of layer) expect(Math.abs(step - rate * slope)).toBeLessThan(2e-3 * rate);
      from += count;
    }
    expect(from).toBe(slopes.length);
  });

  test("forward changes nothing", () => {
    const net = network([3, 4, 2]);
    const before = numbers(net);
    const first = [...net.forward(Float32Array.of(1, 2, 3))];
    expect([...net.forward(Float32Array.of(1, 2, 3))]).toEqual(first);
    expect(numbers(net)).toEqual(before);
  });

  test("begins with other weights for another seed, and the same for the same", () => {
    expect(numbers(network([3, 4, 2], "a"))).toEqual(numbers(network([3, 4, 2], "a")));
    expect(numbers(network([3, 4, 2], "a"))).not.toEqual(numbers(network([3, 4, 2], "b")));
  });

  test("learns one picture of 784 values in 100 steps", () => {
    const net = network([784, 64, 10]);
    const random = randomOf("picture");
    const picture = Float32Array.from({ length: 784 }, () => (random() < 0.2 ? random() : 0));
    const expected = Float32Array.from({ length: 10 }, (_, at) => (at === 5 ? 1 : 0));
    for (let round = 0; round < 100; round++) net.train(picture, expected);
    const output = net.forward(picture);
    expect(winner(output)).toBe(5);
    expect(output[5]).toBeGreaterThan(0.9);
  });

  // 92.5 % when it was written, where guessing has 10 %: seeds make it the same each time.
  test("tells held-out digits apart after one epoch of 4,000", () => {
    const net = network([PIXELS, 64, CLASSES]);
    each(digits("train", 4000), (input, label) => {
      net.train(
        input,
        Float32Array.from({ length: CLASSES }, (_, at) => (at === label ? 1 : 0)),
      );
    });
    let right = 0;
    const held = digits("held out", 1000);
    each(held, (input, label) => {
      if (winner(net.forward(input)) === label) right++;
    });
    expect(right / held.count).toBeGreaterThan(0.9);
  });

  test("stays finite whatever it is given", () => {
    const net = network([2, 8, 1]);
    for (const value of [1e30, -1e30, 0, 1]) net.train(Float32Array.of(value, 1), Float32Array.of(5));
    expect(numbers(net).every(Number.isFinite)).toBe(true);
    expect([...net.forward(Float32Array.of(1e30, 1))].every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

function each({ count, pixels, labels }: Digits, see: (input: Float32Array, label: number) => void): void {
  for (let row = 0; row < count; row++) {
    const input = Float32Array.from(pixels.subarray(row * PIXELS, (row + 1) * PIXELS), (pixel) => pixel / 255);
    see(input, labels[row] ?? 0);
  }
}
