/** Router against a reference that tries every pattern, and the table of stored paths (contract kinode §5.3). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { storedPath } from "../../../http-server/bindings.ts";
import { Router, withoutTrailingSlash } from "../../../http-server/router.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";

const RUNS = { numRuns: 2000 };

describe("Router.match()", () => {
  test("finds what a reference finds that tries every pattern", () => {
    fc.assert(
      fc.property(fc.array(pattern(), { maxLength: 8 }), path(), (patterns, asked) => {
        const router = new Router<string>();
        const slots = new Map<string, string>();
        for (const text of patterns) {
          const slot = text.replaceAll(/\/([:*])\w+/g, "/<$1>");
          expect(router.set(text, text)).toBe(slots.get(slot));
          slots.set(slot, text);
        }
        expect([...router.values()].sort()).toEqual([...slots.values()].sort());
        const candidates = [...slots.values()].filter((text) => toRegExp(text).test(asked));
        const best = Math.max(...candidates.map(score));
        const found = router.match(asked);
        if (found === undefined) {
          expect(candidates).toEqual([]);
          return;
        }
        expect(candidates).toContain(found.value);
        expect(score(found.value)).toBe(best); // several may be as good: then any of them
        expect(found.pattern).toBe(found.value);
        expect({ ...found.params }).toEqual({ ...toRegExp(found.value).exec(asked)?.groups });
      }),
      RUNS,
    );
  });

  test("finds nothing where everything was deleted again", () => {
    fc.assert(
      fc.property(fc.array(pattern(), { maxLength: 8 }), path(), (patterns, asked) => {
        const router = new Router<string>();
        for (const text of patterns) router.set(text, text);
        for (const text of patterns) router.delete(text);
        expect(router.match(asked)).toBeUndefined();
        expect([...router.values()]).toEqual([]);
      }),
      RUNS,
    );
  });

  test("never throws, whatever the path", () => {
    const router = new Router<number>();
    for (const [at, text] of ["", "/", "/a", "/a/:b", "/a/*c", "/:x", "/*y"].entries()) router.set(text, at);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.webPath()), (asked) => {
        router.match(asked);
        router.get(asked);
        expect(router.match(`/a${asked}`)?.params).toBeDefined(); // /*y takes it in any case
      }),
      RUNS,
    );
  });

  test.each<[patterns: string[], asked: string, found: string | undefined]>([
    [["/p/:id", "/p/*rest", "/p/me"], "/p/me", "/p/me"],
    [["/p/*rest", "/p/:id"], "/p/you", "/p/:id"],
    [["/p/*rest", "/p/:id"], "/p/you/too", "/p/*rest"],
    [["/p/:a/:b", "/p/x/*rest", "/p/x/:b"], "/p/x/y", "/p/x/:b"],
    [["/p/*rest"], "/p", undefined],
    [["/p/*rest"], "/p/", undefined],
    [["/p/:id"], "/p/", undefined],
    [["/p/:id"], "/p/a:b:c", "/p/:id"],
    [["/p/a:id"], "/p/a:id", "/p/a:id"],
    [["/p/a:id"], "/p/ab", undefined],
    [["/p/:"], "/p/:", "/p/:"],
    [["/p/:"], "/p/x", undefined],
    [["/*any", "/:one"], "/x", "/:one"],
    [["/a/*rest", "/:one/b/c"], "/a/b/c", "/:one/b/c"],
  ])("of %j finds for %s: %s", (patterns, asked, found) => {
    const router = new Router<string>();
    for (const text of patterns) router.set(text, text);
    expect(router.match(asked)?.value).toBe(found);
  });

  test("a parameter may be named like anything of Object's", () => {
    const router = new Router<string>();
    router.set("/p/:__proto__/:constructor", "here");
    const params = router.match("/p/a/b")?.params;
    expect(Object.entries(params ?? {})).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });
});

test.each([
  ["/m/:id", "/m/:other"],
  ["/:id", "/:other"],
  ["/*a", "/*b"],
  ["/m/:a/x/*b", "/m/:c/x/*d"],
])("Router.set() of %s and then %s is one slot", (first, second) => {
  const router = new Router<number>();
  expect(router.set(first, 1)).toBeUndefined();
  expect(router.get(second)).toBe(1);
  expect(router.set(second, 2)).toBe(1);
  expect([...router.values()]).toEqual([2]);
  expect(router.delete(first)).toBe(2);
  expect(router.delete(first)).toBeUndefined();
});

test.each([
  ["/", "/a:b:c"],
  ["x", "/a:b:c/x"],
  ["/x", "/a:b:c/x"],
  ["/x/", "/a:b:c/x"],
  ["/x//", "/a:b:c/x/"],
  ["", "/a:b:c/"],
  ["//", "/a:b:c/"],
  ["/:id/*rest", "/a:b:c/:id/*rest"],
])("storedPath() of %j is %s", (path, stored) => {
  expect(storedPath(ProcessId.parse("a:b:c"), path)).toBe(stored);
});

test.each([
  ["/", ""],
  ["/x", "/x"],
  ["x/", "/x"],
])("storedPath() of the homepage's %j is %j", (path, stored) => {
  expect(storedPath(ProcessId.parse("homepage:homepage:sys"), path)).toBe(stored);
});

test.each([
  ["/a", "/a"],
  ["/a/", "/a"],
  ["/a//", "/a/"],
  ["/", ""],
  ["", ""],
])("withoutTrailingSlash() of %j is %j", (path, without) => {
  expect(withoutTrailingSlash(path)).toBe(without);
});

/** Few letters, so that patterns meet paths. */
function pattern(): fc.Arbitrary<string> {
  const fixed = fc.constantFrom("a", "b", "", ":", "*", "a:b");
  const param = fc.constantFrom(":x", ":y");
  const segments = fc.array(fc.oneof(fixed, param), { maxLength: 3 });
  const rest = fc.constantFrom("", "", "/*r", "/*s");
  return fc
    .tuple(segments, rest)
    .map(([parts, last]) => withDistinctNames(parts.map((part) => `/${part}`).join("")) + last);
}

/** `/:x/:x` → `/:x0/:x1`: a reference by regular expression wants each name once. */
function withDistinctNames(text: string): string {
  let count = 0;
  return text.replaceAll(/:[xy]/g, (name) => `${name}${count++}`);
}

function path(): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom("a", "b", "", ":", "*", "a:b", "c", "%2F", ".."), { maxLength: 5 })
    .map((parts) => parts.map((part) => `/${part}`).join(""));
}

function toRegExp(text: string): RegExp {
  const segments = text.split("/").map((segment) => {
    if (/^:.+/.test(segment)) return `(?<${segment.slice(1)}>[^/]+)`;
    if (/^\*.+/.test(segment)) return `(?<${segment.slice(1)}>.+)`;
    return segment.replaceAll(/[*.]/g, "\\$&");
  });
  return new RegExp(`^${segments.join("/")}$`);
}

/** Most static segments, then most parameters, then most wildcards. */
function score(text: string): number {
  const segments = text === "" ? [] : text.slice(1).split("/");
  const params = segments.filter((segment) => /^:.+/.test(segment)).length;
  const rests = segments.filter((segment) => /^\*.+/.test(segment)).length;
  return (segments.length - params - rests) * 10_000 + params * 100 + rests;
}
