/**
 * Imports under way: each is a child, `importer.js`, in a thread of its own, that ends when it is done.
 *
 * At most `importsAtOnce` run, `importsWaiting` wait. A child that dies leaves no file: the data set waits for its parts
 * as before, and may be finalized again.
 */
import { SendError } from "jackfield/process";
import { ApiError, type Ctx } from "../endpoint.ts";
import type { HanamiLimits } from "../limits.ts";
import type { DataSetContent, Part } from "./data-sets.ts";

/** @property csv.repeats an empty field takes the value of the row before (G1), else 0 @property csv.isStrict rows of another length are refused (G1), else padded or cut */
export type ImportJob = {
  /** Of the data set: the file is written under it. */
  readonly uuid: string;
  readonly input: Part;
  readonly kind:
    | { readonly mnist: { readonly label: Part } }
    | { readonly csv: { readonly repeats: boolean; readonly isStrict: boolean } };
  readonly limits: Pick<HanamiLimits, "csvColumns" | "csvLineBytes" | "rowBytes">;
  /** Bytes that the file may have: a line of two bytes may become a row of 10,000 columns. */
  readonly room: number;
};

/** `Err`: a sentence on what is wrong with what was uploaded. */
export type ImportResult =
  | { readonly Ok: { readonly content: DataSetContent; readonly bytes: number } }
  | { readonly Err: string };

export type Imported = { readonly content: DataSetContent; readonly bytes: number };

export class Imports {
  readonly #ctx: Ctx;
  readonly #limits: HanamiLimits;
  readonly #placement: "worker" | "inline";
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(ctx: Ctx, limits: HanamiLimits, placement: "worker" | "inline") {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#placement = placement;
  }

  /** @throws {ApiError} 400 what was uploaded is wrong; 500 too many wait, or the import ended without a result */
  async run(job: ImportJob): Promise<Imported> {
    if (this.#running >= this.#limits.importsAtOnce) {
      if (this.#waiting.length >= this.#limits.importsWaiting)
        throw new ApiError(500, "Too many data sets are being finalized: try again later.");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      return await this.#import(job);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #import(job: ImportJob): Promise<Imported> {
    const child = await this.#ctx.spawn({
      file: "importer.js",
      placement: this.#placement,
      requestCapabilities: ["vfs:distro:sys"],
    });
    try {
      const request = this.#ctx.request(child).body(job);
      const { body } = await request.sendAndAwaitResponse(this.#limits.importSeconds);
      const result = body as ImportResult; // our own child's
      if ("Err" in result) throw new ApiError(400, result.Err);
      return result.Ok;
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown;
      throw new ApiError(500, "The import ended without a result: finalize again.");
    } finally {
      await this.#ctx.stopChild(child).catch(() => undefined); // it has ended by itself
    }
  }
}
