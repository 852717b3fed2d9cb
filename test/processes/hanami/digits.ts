/**
 * Noisy 8 × 8 digits with a known answer: glyphs moved by up to one pixel, with noise on every pixel. What a cluster learns
 * from in tests, as a real data set of digits is not the project's to ship.
 */
import { randomOf } from "../../../processes/hanami/clusters/random.ts";

const GLYPHS: readonly string[] = [
  ".####...#....#..#....#..#....#..#....#..#....#..#....#...####...",
  "...##.....###......##......##......##......##......##.....####..",
  ".####...#....#.......#......#......#......#......#......######..",
  ".####...#....#.......#....###........#.......#..#....#...####...",
  ".....#......##.....#.#....#..#...######......#.......#.......#..",
  "######..#.......#.......#####........#.......#..#....#...####...",
  ".####...#.......#.......#####...#....#..#....#..#....#...####...",
  "######.......#......#.......#......#.......#......#.......#.....",
  ".####...#....#..#....#...####...#....#..#....#..#....#...####...",
  ".####...#....#..#....#...#####.......#.......#.......#...####...",
];

export const SIDE = 8; // pixels
export const PIXELS: number = SIDE * SIDE;
export const CLASSES = 10;

/** @property pixels 0 to 255, SIDE × SIDE each, one after the other */
export type Digits = { readonly count: number; readonly pixels: Uint8Array; readonly labels: Uint8Array };

/** @param noise how far a pixel strays, as a share of the whole range: its standard deviation */
export function digits(seed: string, count: number, noise = 0.2): Digits {
  const random = randomOf(seed);
  const pixels = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const shift = (): number => Math.floor(random() * 3) - 1;
  for (let index = 0; index < count; index++) {
    const label = Math.floor(random() * CLASSES);
    const [dx, dy] = [shift(), shift()];
    labels[index] = label;
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const on = isOn(label, x - dx, y - dy) ? 1 : 0;
        const value = Math.min(1, Math.max(0, on + noise * gauss()));
        pixels[index * PIXELS + y * SIDE + x] = Math.round(255 * value);
      }
    }
  }
  return { count, pixels, labels };
}

function isOn(label: number, x: number, y: number): boolean {
  return x >= 0 && x < SIDE && y >= 0 && y < SIDE && GLYPHS[label]?.[y * SIDE + x] === "#";
}

/** The two files of MNIST's format. */
export function mnistFiles({ count, pixels, labels }: Digits): { readonly images: Buffer; readonly labels: Buffer } {
  const images = Buffer.alloc(16 + pixels.length);
  [2051, count, SIDE, SIDE].forEach((word, index) => {
    images.writeUInt32BE(word, 4 * index);
  });
  images.set(pixels, 16);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(2049, 0);
  head.writeUInt32BE(count, 4);
  return { images, labels: Buffer.concat([head, labels]) };
}

/** The index of the largest. */
export function winner(values: ArrayLike<number>): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at;
  return best;
}
