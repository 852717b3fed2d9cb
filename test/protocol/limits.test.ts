/** resolveLimits(): defaults, overrides at their bounds and one past them. */
import { describe, expect, test } from "@jest/globals";
import { type Limit, resolveLimits } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";

const limit = (value: number, min: number, max: number): Limit => ({ value, unit: "apples", min, max, why: "a test" });
const table = { few: limit(5, 1, 10), many: limit(100, 0, 1000) };

describe("resolveLimits()", () => {
  test("gives the defaults", () => {
    expect(resolveLimits(table)).toEqual({ few: 5, many: 100 });
  });

  test("puts overrides in their place; undefined leaves the default", () => {
    expect(resolveLimits(table, { few: 7, many: undefined })).toEqual({ few: 7, many: 100 });
  });

  test.each([1, 10])("takes a value at the bound: %i", (value) => {
    expect(resolveLimits(table, { few: value }).few).toBe(value);
  });

  test.each([0, 11, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a value past the bound: %p", async (value) => {
    expect(await thrownBy(() => resolveLimits(table, { few: value }))).toMatchObject({
      name: "OptionError",
      code: "invalid_option",
      message: `Cannot set limit "few" as it must be 1 to 10 apples: got ${value}, leave it out for 5`,
    });
  });

  test.each(["fewer", "toString", "constructor"])("refuses a limit that the table lacks: %s", async (name) => {
    expect(await thrownBy(() => resolveLimits(table, { [name]: 1 }))).toMatchObject({
      message: `Cannot set limit "${name}" as there is none of that name: known are few, many`,
    });
  });
});
