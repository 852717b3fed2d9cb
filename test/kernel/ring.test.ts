/** A ring against an array. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Ring } from "../../kernel/ring.ts";

type Value = { readonly n: number };
type Op = { readonly push: Value } | { readonly unshift: readonly Value[] } | "shift" | "drain" | "look";

const value: fc.Arbitrary<Value> = fc.nat().map((n) => ({ n }));
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 10, arbitrary: value.map((push) => ({ push })) },
  { weight: 6, arbitrary: fc.constant<Op>("shift") },
  { weight: 1, arbitrary: fc.array(value, { maxLength: 20 }).map((unshift) => ({ unshift })) },
  { weight: 1, arbitrary: fc.constantFrom<Op>("drain", "look") },
);

describe("Ring", () => {
  test("gives what an array gives, whatever is done with it", () => {
    fc.assert(
      fc.property(fc.array(op, { size: "large", maxLength: 200 }), (ops) => {
        const ring = new Ring<Value>();
        const model: Value[] = [];
        for (const next of ops) {
          if (next === "shift") expect(ring.shift()).toBe(model.shift());
          else if (next === "look") expect(ring.toArray()).toEqual(model);
          else if (next === "drain") expect(ring.drain()).toEqual(model.splice(0));
          else if ("push" in next) {
            ring.push(next.push);
            model.push(next.push);
          } else {
            ring.unshiftAll(next.unshift);
            model.unshift(...next.unshift);
          }
          expect(ring.length).toBe(model.length);
        }
        expect(ring.drain()).toEqual(model);
      }),
    );
  });

  test.each([15, 16, 17, 32, 33])("keeps the order of %i values across its growth, wrapped round", (count) => {
    const ring = new Ring<Value>();
    for (let i = 0; i < 9; i++) ring.push({ n: -1 });
    for (let i = 0; i < 9; i++) ring.shift(); // the head is now in the middle
    for (let i = 0; i < count; i++) ring.push({ n: i });
    expect(ring.toArray().map(({ n }) => n)).toEqual([...Array(count).keys()]);
  });

  test("does not keep alive what was taken", async () => {
    const ring = new Ring<object>();
    let value: object | undefined = {};
    const seen = new WeakRef(value);
    ring.push(value);
    ring.shift();
    value = undefined;
    await collectGarbage();
    expect(seen.deref()).toBeUndefined();
  });
});

async function collectGarbage(): Promise<void> {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds until the end of its job
  (runInNewContext("gc") as () => void)();
}
