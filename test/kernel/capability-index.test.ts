/** Who holds something of whom, by who issued or derived it. */
import { describe, expect, test } from "@jest/globals";
import { CapabilityIndex } from "../../kernel/capability-index.ts";
import { type Capability, capabilityKey, derivedFrom, MESSAGING } from "../../lib/protocol/index.ts";

const ISSUER = "alice.os@x:y:z";
const DERIVER = "alice.os@d:y:z";
const cap = (params: unknown, issuer = ISSUER): Capability => ({ issuer, params: JSON.stringify(params) });

class Someone {
  readonly index: CapabilityIndex<Someone>;

  constructor(index: CapabilityIndex<Someone>) {
    this.index = index;
  }

  add(one: Capability): void {
    this.index.add(this, capabilityKey(one), one);
  }

  remove(one: Capability): void {
    this.index.remove(this, capabilityKey(one), one);
  }

  has(maker = ISSUER): readonly string[] {
    return this.index.keysOf(maker, this);
  }
}

describe("CapabilityIndex", () => {
  test("knows each holder's own, one or some, until the last is gone", () => {
    const index = new CapabilityIndex<Someone>();
    const [a, b, c] = [new Someone(index), new Someone(index), new Someone(index)];
    for (const one of [cap(1), cap(1), cap(2), { issuer: ISSUER, params: MESSAGING }]) a.add(one);
    expect([index.holdersOf(ISSUER), b.has()]).toEqual([[a], []]);
    b.add(cap(1));
    b.remove(cap(3));
    expect(index.holdersOf(ISSUER)).toEqual([a, b]);
    expect([a.has(), b.has(), c.has()]).toEqual([
      [`${ISSUER} 1`, `${ISSUER} 2`, `${ISSUER} "messaging"`],
      [`${ISSUER} 1`],
      [],
    ]);
    b.remove(cap(1));
    c.remove(cap(1));
    expect(index.holdersOf(ISSUER)).toEqual([a]);
    for (const one of [cap(1), cap(2), cap("messaging")]) a.remove(one);
    expect([index.holdersOf(ISSUER), index.size]).toEqual([[], 0]);
  });

  test("one that another takes from its only holder stays", () => {
    const index = new CapabilityIndex<Someone>();
    const [a, b] = [new Someone(index), new Someone(index)];
    a.add(cap(1));
    b.remove(cap(1));
    a.remove(cap(2));
    expect([index.holdersOf(ISSUER), a.has()]).toEqual([[a], [`${ISSUER} 1`]]);
  });

  test("a derived one is of its issuer and of each who derived it, however it is written", () => {
    const index = new CapabilityIndex<Someone>();
    const a = new Someone(index);
    const derived = derivedFrom(derivedFrom(cap({ may: "read" }), { path: "/" }, DERIVER), null, "alice.os@e:y:z");
    const escaped = { ...derived, params: derived.params.replace("derived", "d\\u0065rived") };
    for (const one of [derived, escaped]) {
      a.add(one);
      const held = [ISSUER, DERIVER, "alice.os@e:y:z"].map((maker) => index.holdersOf(maker));
      expect(held).toEqual([[a], [a], [a]]);
      a.remove(derived);
      expect(index.size).toBe(0);
    }
  });
});
