/**
 * The discrete Fourier transform of one block; the only door to fft.js.
 *
 * fft.js rather than fourier-transform: it has types, and tables per instance instead of per program.
 * Complex numbers lie as re, im, re, im… in arrays of 2·size.
 */
import FFT from "fft.js";

export class Transform {
  readonly size: number;
  readonly #fft: FFT;

  /** @param size a power of two */
  constructor(size: number) {
    this.size = size;
    this.#fft = new FFT(size);
  }

  /** Room for the complex numbers of one transform. */
  room(): Float64Array {
    return new Float64Array(2 * this.size);
  }

  /** @param input `size` real numbers @param out its bins 0 to size/2; the rest is undefined */
  real(out: Float64Array, input: Float64Array): void {
    this.#fft.realTransform(out, input);
  }

  complex(out: Float64Array, input: Float64Array): void {
    this.#fft.transform(out, input);
  }

  /** Undoes `complex`. */
  inverse(out: Float64Array, input: Float64Array): void {
    this.#fft.inverseTransform(out, input);
  }
}
