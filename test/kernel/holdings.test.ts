/** What sets hold, together where it is the same. */
import { describe, expect, test } from "@jest/globals";
import { type Entry, Holdings } from "../../kernel/holdings.ts";

const entry = (name: string, expires?: number): Entry => {
  const cap = { issuer: `alice.os@${name}:y:z`, params: '"messaging"', ...(expires === undefined ? {} : { expires }) };
  return { key: `${cap.issuer} ${cap.params}`, cap, messages: `${name}:y:z` };
};
const given = (start: Holdings, ...names: readonly string[]): Holdings =>
  names.reduce((holdings, name) => holdings.with(entry(name)), start);
const namesIn = (holdings: Holdings): readonly string[] =>
  [...holdings.all()].map(({ issuer }) => issuer.slice("alice.os@".length).split(":")[0] ?? "");

describe("Holdings", () => {
  test("who is given the same in the same order has the same one", () => {
    const nothing = new Holdings();
    expect(given(nothing, "a", "b")).toBe(given(nothing, "a", "b"));
    expect(given(nothing, "a", "b")).not.toBe(given(new Holdings(), "a", "b"));
    expect(namesIn(nothing)).toEqual([]);
  });

  test("what one is given or loses besides, the others do not", () => {
    const nothing = new Holdings();
    const shared = given(nothing, "a", "b");
    const more = given(shared, "c");
    const less = shared.without(entry("a"));
    const soon = shared.with(entry("a", 5));
    expect([shared, more, less, soon].map(namesIn)).toEqual([["a", "b"], ["a", "b", "c"], ["b"], ["a", "b"]]);
    expect([shared, less].map((holdings) => holdings.mayMessage("a:y:z"))).toEqual([true, false]);
    expect([...soon.all()].map(({ expires }) => expires)).toEqual([5, undefined]);
    expect([...shared.all()].map(({ expires }) => expires)).toEqual([undefined, undefined]);
    expect(given(nothing, "a", "b")).toBe(shared);
  });

  test("a ninth, and one that ends by itself, is a set's own", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const eight = given(new Holdings(), ...names);
    const [one, other] = [given(eight, "i"), given(eight, "i")];
    expect([one === other, namesIn(one), namesIn(other)]).toEqual([false, [...names, "i"], [...names, "i"]]);
    const start = new Holdings();
    expect(start.with(entry("a", 5))).not.toBe(start.with(entry("a", 5)));
    expect(given(one, "j")).toBe(one); // nobody else has it: it need not be copied
  });

  test("two that say the same let message until the second is gone, too", () => {
    const derived = { ...entry("a"), key: "derived" };
    const both = given(new Holdings(), "a").with(derived);
    const one = both.without(entry("a"));
    expect([both, one].map((holdings) => holdings.mayMessage("a:y:z"))).toEqual([true, true]);
    expect(one.without(derived).mayMessage("a:y:z")).toBe(false);
  });

  test("a program that is given a shared one cannot change it", () => {
    const [cap] = given(new Holdings(), "a").all();
    expect(() => Object.assign(cap ?? {}, { issuer: "alice.os@other:y:z" })).toThrow(TypeError);
  });
});
