/** When two capabilities are the same (contract kinode §1.4). */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Address, capabilitiesEqual, capability, capabilityKey, MESSAGING } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";

const issuer = "alice.os@a:b:c";

/** The same value with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

describe("capabilitiesEqual()", () => {
  test("compares params as JSON: order of keys and white space do not count", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (params) => {
        const one = { issuer, params: JSON.stringify(params) };
        const other = { issuer, params: JSON.stringify(reversed(params), null, 2) };
        expect(capabilitiesEqual(one, other)).toBe(true);
        expect(capabilityKey(one)).toBe(capabilityKey(other));
      }),
    );
  });

  test("tells other values apart", () => {
    const parsed = (params: string): unknown => JSON.parse(params);
    fc.assert(
      fc.property(fc.json(), fc.json(), (a, b) => {
        const same = isDeepStrictEqual(parsed(a), parsed(b));
        expect(capabilitiesEqual({ issuer, params: a }, { issuer, params: b })).toBe(same);
      }),
    );
  });

  test("wants the same issuer", () => {
    expect(capabilitiesEqual({ issuer, params: "1" }, { issuer: "alice.os@x:b:c", params: "1" })).toBe(false);
  });

  test("tells a key named __proto__ from no key", () => {
    expect(capabilitiesEqual({ issuer, params: '{"__proto__":1}' }, { issuer, params: "{}" })).toBe(false);
  });
});

describe("capability()", () => {
  test("takes an address or its text as the issuer", () => {
    expect(capability(Address.parse(issuer), MESSAGING)).toEqual(capability(issuer, '"messaging"'));
  });

  test("refuses params that are not JSON and says how to write them", async () => {
    expect(await thrownBy(() => capability(issuer, "messaging"))).toMatchObject({
      name: "CapabilityParamsError",
      code: "invalid_capability",
      message:
        'Cannot use capability params "messaging" as they are not JSON: quote plain words, as in "\\"messaging\\""',
    });
  });

  test("throws nothing else, whatever the params", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (params) => {
        try {
          expect(capability(issuer, params)).toEqual({ issuer, params });
        } catch (thrown) {
          expect((thrown as Error).name).toBe("CapabilityParamsError");
        }
      }),
    );
  });

  test("refuses params nested too deep to read", async () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(await thrownBy(() => capability(issuer, deep))).toMatchObject({ code: "invalid_capability" });
  });
});
