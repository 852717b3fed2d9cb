/** What one process holds, and what it may add by itself. */
import { describe, expect, test } from "@jest/globals";
import { CapabilityEpoch, CapabilitySet } from "../../kernel/capabilities.ts";
import { CapabilityScope } from "../../kernel/capability-scope.ts";
import { type Capability, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";

const self = "alice.os@me:a:b";
const other = "alice.os@x:y:z";
const target = ProcessId.parse("x:y:z");
const cap = (params: unknown, issuer = other): Capability => ({ issuer, params: JSON.stringify(params) });

function makeSet(): { readonly set: CapabilitySet; readonly epoch: CapabilityEpoch } {
  const epoch = new CapabilityEpoch();
  return { set: new CapabilitySet(new CapabilityScope("alice.os", epoch)), epoch };
}

describe("CapabilitySet", () => {
  test("holds what was added until it is dropped, once however written", () => {
    const { set } = makeSet();
    set.add({ issuer: other, params: '{"a":1,"b":2}' });
    set.add({ issuer: other, params: '{ "b": 2, "a": 1 }' });
    expect(set.list()).toHaveLength(1);
    expect(set.has(cap({ b: 2, a: 1 }))).toBe(true);
    set.drop(cap({ a: 1, b: 2 }));
    expect([set.has(cap({ a: 1, b: 2 })), set.list()]).toEqual([false, []]);
  });

  test.each([MESSAGING, ' "messaging" ', '"\\u006dessaging"'])("lets message whom %s names", (params) => {
    const { set } = makeSet();
    set.add({ issuer: other, params });
    expect([set.mayMessage(target), set.mayMessage(ProcessId.parse("x:y:w"))]).toEqual([true, false]);
    set.drop(cap("messaging"));
    expect(set.mayMessage(target)).toBe(false);
  });

  test("does not let message a process of this node by another node's capability", () => {
    const { set } = makeSet();
    set.add(cap("messaging", "bob.os@x:y:z"));
    set.add(cap("messaging", "alice.osx@x:y:z"));
    expect(set.mayMessage(target)).toBe(false);
  });

  test("revokeFrom() drops all of one issuer, offers included", () => {
    const { set } = makeSet();
    for (const one of [cap("messaging"), cap(1), cap(1, "alice.os@x:y:zz")]) set.add(one);
    set.offer([cap(2), cap(2, "alice.os@x:y:zz")]);
    set.revokeFrom(other);
    expect(set.list()).toEqual([cap(1, "alice.os@x:y:zz")]);
    expect(set.mayMessage(target)).toBe(false);
    expect(set.save([cap(2), cap(2, "alice.os@x:y:zz")], self)).toEqual([cap(2)]);
  });

  test("moves the epoch with every change, and with nothing else", () => {
    const { set, epoch } = makeSet();
    const moves = (act: () => unknown): number => {
      const before = epoch.value;
      act();
      return epoch.value - before;
    };
    expect(moves(() => set.add(cap(1)))).toBe(1);
    expect(moves(() => [set.has(cap(1)), set.list(), set.offer([cap(2)]), set.drop(cap(3))])).toBe(0);
    expect(moves(() => set.save([cap(2)], self))).toBe(1);
    expect(moves(() => set.revokeFrom(other))).toBe(2);
  });
});

describe("CapabilitySet.save()", () => {
  test("keeps what was offered and what the process issues, and gives back the rest", () => {
    const { set } = makeSet();
    set.offer([cap(1)]);
    expect(set.save([cap(1), cap(2), cap(3, self)], self)).toEqual([cap(2)]);
    expect([set.has(cap(1)), set.has(cap(2)), set.has(cap(3, self))]).toEqual([true, false, true]);
  });

  test.each([
    [256, []],
    [257, [cap(0)]],
  ])("knows the last 256 offered: of %i, the first is refused only when it is too many", (count, refused) => {
    const { set } = makeSet();
    for (let i = 0; i < count; i++) set.offer([cap(i)]);
    expect(set.save([cap(0)], self)).toEqual(refused);
    expect(set.save([cap(count - 1)], self)).toEqual([]);
  });
});
