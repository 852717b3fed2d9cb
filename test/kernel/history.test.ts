/** What is kept to look at: bounds of History and dead letters. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DeadLetters } from "../../kernel/dead-letters.ts";
import { History } from "../../kernel/history.ts";
import { Address, Blob, Envelope } from "../../lib/protocol/index.ts";

const from = Address.parse("alice.os@a:b:c");
const to = Address.parse("alice.os@x:y:z");
const letter = (body: unknown, blob: Blob | null = null): Envelope => new Envelope("request", from, to, body, blob);

describe("History", () => {
  test("keeps the last ones, oldest first, and counts all", () => {
    fc.assert(
      fc.property(fc.nat(8), fc.array(fc.nat(), { maxLength: 60 }), (capacity, items) => {
        const history = new History<number>(capacity);
        for (const item of items) history.add(item);
        expect(history.last()).toEqual(capacity === 0 ? [] : items.slice(-capacity));
        expect(history.total).toBe(items.length);
      }),
    );
  });
});

test("History.since() gives those after a number, as far as they are kept", () => {
  const history = new History<string>(3);
  for (const item of ["a", "b", "c", "d", "e"]) history.add(item);
  expect([0, 1, 2, 4, 5, 9].map((seen) => history.since(seen).join(""))).toEqual(["cde", "cde", "cde", "e", "", ""]);
});

describe("DeadLetters", () => {
  test("says what the letter was: the body, and of the blob its size", () => {
    const letters = new DeadLetters(2);
    const added = letters.add(7, "denied", letter({ n: 1 }, Blob.of("é")));
    expect(added).toEqual({
      at: 7,
      reason: "denied",
      kind: "request",
      source: from.text,
      target: to.text,
      body: { n: 1 },
      blobBytes: 2,
    });
    expect(letters.last()).toEqual([added]);
  });

  test("takes one whose blob has expired", () => {
    const blob = Blob.lend(new Uint8Array(3), false);
    blob.settle();
    expect(new DeadLetters(1).add(0, "offline", letter(1, blob)).blobBytes).toBeNull();
  });

  test("keeps as many as limits.deadLetters and counts all, by reason", () => {
    const letters = new DeadLetters(2);
    for (const body of [1, 2, 3]) letters.add(0, body === 3 ? "denied" : "offline", letter(body));
    expect(letters.last().map(({ body }) => body)).toEqual([2, 3]);
    expect([letters.total, letters.counts()]).toEqual([3, { offline: 2, denied: 1 }]);
  });

  test("only counts when it may keep none", () => {
    const letters = new DeadLetters(0);
    letters.add(0, "offline", letter(1));
    expect([letters.last(), letters.total]).toEqual([[], 1]);
  });
});
