/** Checkpoints: what comes back is what was saved, and what does not fit or is damaged changes nothing. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkCheckpoint, loadCheckpoint, writeCheckpoint } from "../../../../processes/hanami/clusters/checkpoint.ts";
import { clusterLimits } from "../../../../processes/hanami/clusters/limits.ts";
import { Model } from "../../../../processes/hanami/clusters/model.ts";
import { DEFAULT_SETTINGS, type Template } from "../../../../processes/hanami/clusters/template.ts";

const TEMPLATE: Template = {
  dialect: "T1",
  settings: DEFAULT_SETTINGS,
  cells: 3,
  axons: 0,
  inputs: [{ name: "in", size: 2 }],
  inner: [3],
  outputs: [{ name: "out", size: 1 }],
};

function model(seed: string, more: Partial<Template> = {}): Model {
  return new Model({ ...TEMPLATE, ...more }, seed, clusterLimits());
}

function answer(of: Model): number[] {
  of.put("input", "in", Float32Array.of(3, 7));
  const outputs = of.request();
  if (typeof outputs === "string") throw new Error(outputs);
  return [...(outputs[0] ?? [])];
}

function trained(): { readonly model: Model; readonly bytes: Uint8Array } {
  const of = model("a");
  of.put("input", "in", Float32Array.of(200, 100));
  of.put("output", "out", Float32Array.of(1));
  for (let round = 0; round < 50; round++) of.train();
  const bytes = writeCheckpoint(of);
  if (bytes === undefined) throw new Error("it has nothing to save");
  return { model: of, bytes };
}

describe("checkpoints", () => {
  test("another cluster of the same shape answers as the one that was saved, scale included", () => {
    const { model: of, bytes } = trained();
    const other = model("b");
    expect(answer(other)).not.toEqual(answer(of));
    expect(checkCheckpoint(other, bytes)).toBeUndefined();
    expect(loadCheckpoint(other, bytes)).toBeUndefined();
    expect(answer(other)).toEqual(answer(of));
    expect(writeCheckpoint(other)).toEqual(bytes);
  });

  test("a cluster without sizes gets them from the file", () => {
    const { model: of, bytes } = trained();
    const sizeless = model("b", { inputs: [{ name: "in", size: null }], outputs: [{ name: "out", size: null }] });
    expect(writeCheckpoint(sizeless)).toBeUndefined();
    expect(loadCheckpoint(sizeless, bytes)).toBeUndefined();
    expect(answer(sizeless)).toEqual(answer(of));
  });

  test.each([
    ["other inner layers", { inner: [3, 4] }, "it has inner layers of 3, the cluster of 3, 4"],
    ["another name", { inputs: [{ name: "eye", size: 2 }] }, 'it has the inputs "in", the cluster has "eye"'],
    ["another size", { outputs: [{ name: "out", size: 2 }] }, `its "out" has 1 values, the cluster's has not`],
    ["no output", { outputs: [] }, 'it has the outputs "out", the cluster has none'],
  ])("is refused by a cluster with %s", (_, more, misfit) => {
    const other = model("b", more);
    expect(checkCheckpoint(other, trained().bytes)).toEqual({ misfit });
    expect(loadCheckpoint(other, trained().bytes)).toEqual({ misfit });
  });

  test("too many weights for the limit leave the cluster without sizes", () => {
    const { bytes } = trained();
    const template = { ...TEMPLATE, inputs: [{ name: "in", size: null }], outputs: [{ name: "out", size: null }] };
    const small = new Model(template, "b", clusterLimits({ weights: 5 }));
    expect(loadCheckpoint(small, bytes)).toHaveProperty("misfit");
    expect(small.inputs[0]?.size).toBeNull();
    expect(small.outputs[0]?.size).toBeNull();
  });

  test("names its format, and says what is damaged", () => {
    const { bytes } = trained();
    expect(Buffer.from(bytes.subarray(0, 8)).toString()).toBe("JFCKPT1\n");
    const next = bytes.slice();
    next[6] = "2".charCodeAt(0);
    expect(loadCheckpoint(model("b"), next)).toEqual({ misfit: "it is no checkpoint of format JFCKPT1" });
    expect(loadCheckpoint(model("b"), new Uint8Array(0))).toEqual({ misfit: "it is no checkpoint of format JFCKPT1" });
  });

  test("any byte changed, or any end cut off, is noticed, and changes nothing", () => {
    const { bytes } = trained();
    const other = model("b");
    const before = answer(other);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, cuts) => {
        const damaged = cuts ? bytes.slice(0, at) : bytes.slice();
        if (!cuts) damaged[at] = (damaged[at] ?? 0) ^ by;
        expect(loadCheckpoint(other, damaged)).toHaveProperty("misfit");
      }),
      { numRuns: 200 },
    );
    expect(answer(other)).toEqual(before);
  });
});
