/** Bytes beside a body: lent, held, kept, expired. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Blob, toBlob } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const utf8 = new TextEncoder();

/** A lent blob and the memory behind it, which the transport takes back when `taken`. */
function lent(text: string): { readonly blob: Blob; readonly taken: () => void } {
  const memory = utf8.encode(text);
  const blob = Blob.lend(memory, false);
  return {
    blob,
    taken: () => {
      blob.settle();
      memory.fill(0);
    },
  };
}

describe("Blob.of()", () => {
  test("gives back bytes, text and JSON of what it was made of", () => {
    expect(Blob.of(bytes(104, 105)).text()).toBe("hi");
    expect(Blob.of(bytes(104, 105).buffer as ArrayBuffer).bytes()).toEqual(bytes(104, 105));
    expect(Blob.of("é").bytes()).toEqual(bytes(0xc3, 0xa9));
    expect(Blob.of("").bytes()).toEqual(bytes());
    expect(Blob.of('{"a":1}', "application/json")).toMatchObject({ mime: "application/json", isText: true });
    expect(Blob.of('{"a":1}').json()).toEqual({ a: 1 });
    expect(Blob.of(bytes(1)).isText).toBe(false);
  });

  test("takes bytes as they are, without a copy", () => {
    const own = bytes(1, 2);
    expect(Blob.of(own).bytes()).toBe(own);
    expect(Blob.of(own).raw()).toBe(own);
  });

  test("says how many bytes any text has, and gives the text back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(Blob.of(text).byteLength).toBe(utf8.encode(text).byteLength);
        expect(Blob.of(utf8.encode(text)).text()).toBe(text);
      }),
    );
  });
});

describe("Blob.text()", () => {
  test.each([
    ["a lone FF", [0xff, 0x41]],
    ["a cut sequence", [0x41, 0xc3]],
    ["an overlong sequence", [0xc0, 0x80]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("is undefined for %s: not UTF-8", (_, values) => {
    expect(Blob.of(bytes(...values)).text()).toBeUndefined();
    expect(Blob.of(bytes(...values)).json()).toBeUndefined();
  });

  test("keeps a byte order mark", () => {
    expect(Blob.of(bytes(0xef, 0xbb, 0xbf, 0x41)).text()).toBe("\ufeffA");
  });

  test("reads the view it was given, not the whole buffer", () => {
    const view = utf8.encode("abcdef").subarray(2, 4);
    expect([Blob.of(view).text(), Blob.lend(view, true).text()]).toEqual(["cd", "cd"]);
  });
});

describe("Blob.json()", () => {
  test("is undefined for text that is none", () => {
    expect(Blob.of("{").json()).toBeUndefined();
  });

  test("of a static value writes JSON text with its mime, and null for undefined", () => {
    expect([Blob.json({ a: [1] }).text(), Blob.json(undefined).text()]).toEqual(['{"a":[1]}', "null"]);
    expect(Blob.json(1).mime).toBe("application/json");
  });
});

describe("a Blob lent as a part of more memory", () => {
  const part = (isText = true): Blob => Blob.lendPart(bytes(0, 104, 105, 0).buffer as ArrayBuffer, 1, 2, isText);

  test("reads that part alone, and stays unseen while nobody could change it", () => {
    const blob = part();
    expect([blob.isUnseen, blob.byteLength, blob.text(), blob.isUnseen]).toEqual([true, 2, "hi", true]);
    expect(part(false).text()).toBe("hi");
  });

  test.each([
    ["bytes()", (blob: Blob) => blob.bytes()],
    ["raw()", (blob: Blob) => blob.raw()],
  ])("is seen once somebody has %s, and hands the same out again", (_, look) => {
    const blob = part();
    const seen = look(blob);
    expect([seen, blob.isUnseen]).toEqual([bytes(104, 105), false]);
    expect([blob.bytes(), blob.raw()].every((again) => again === seen)).toBe(true);
  });

  test("after keep() has memory of its own", () => {
    const memory = bytes(0, 104, 105, 0);
    const blob = Blob.lendPart(memory.buffer as ArrayBuffer, 1, 2, true).keep();
    memory.fill(0);
    blob.settle();
    expect([blob.text(), blob.isUnseen]).toEqual(["hi", false]);
  });

  test("expires when it is settled and nobody holds it, and is unseen no more", async () => {
    const blob = part();
    blob.settle();
    expect([blob.expired, blob.isUnseen]).toEqual([true, false]);
    for (const read of [() => blob.bytes(), () => blob.text(), () => blob.raw(), () => blob.keep()])
      expect(await thrownBy(read)).toMatchObject({ name: "BlobExpiredError" });
  });
});

describe("a lent Blob", () => {
  test("reads the transport's memory without a copy until it is settled", () => {
    const memory = bytes(104, 105);
    expect(Blob.lend(memory, true).bytes()).toBe(memory);
  });

  test("expires when nobody holds it, and says so to every reader", async () => {
    const { blob, taken } = lent("hi");
    taken();
    expect(blob.expired).toBe(true);
    for (const read of [
      () => blob.bytes(),
      () => blob.text(),
      () => blob.json(),
      () => blob.byteLength,
      () => blob.keep(),
    ])
      expect(await thrownBy(read)).toMatchObject({ name: "BlobExpiredError" });
    expect(await thrownBy(() => blob.raw())).toMatchObject({
      code: "blob_expired",
      message:
        "Cannot read this blob as its handler has returned: read it with text(), json() or bytes() while handling the message, or call keep() there to read it later",
    });
  });

  test("is copied when somebody holds it", () => {
    const { blob, taken } = lent("hi");
    blob.hold();
    taken();
    expect([blob.expired, blob.text()]).toEqual([false, "hi"]);
  });

  test("expires when the last of two has released it", () => {
    const { blob, taken } = lent("hi");
    blob.hold();
    blob.hold();
    blob.release();
    blob.release();
    taken();
    expect(blob.expired).toBe(true);
  });

  test("stays after keep(), which copies once", () => {
    const { blob, taken } = lent("hi");
    const own = blob.keep().bytes();
    taken();
    expect(blob.keep().bytes()).toBe(own);
    expect(blob.text()).toBe("hi");
  });

  test("settles to nothing new when it was not lent", () => {
    const blob = Blob.of("hi");
    blob.settle();
    expect(blob.text()).toBe("hi");
  });
});

describe("toBlob()", () => {
  test("leaves a blob as it is and wraps what else may stand for one", () => {
    const blob = Blob.of("x");
    expect(toBlob(blob)).toBe(blob);
    expect([toBlob("x").text(), toBlob(bytes(120)).text(), toBlob(bytes(120).buffer as ArrayBuffer).text()]).toEqual([
      "x",
      "x",
      "x",
    ]);
    expect(toBlob({ mime: "text/x", bytes: bytes(120) })).toMatchObject({ mime: "text/x" });
    expect(toBlob({ bytes: bytes(120) }).mime).toBeNull();
  });

  test.each([
    ["an object", { a: 1 }],
    ["an object", { mime: null, bytes: [1, 2, 3] }],
    ["undefined", undefined],
    ["a number", 7],
  ])("refuses %s that is neither bytes nor text", (_what, value) => {
    expect(() => toBlob(value as unknown as Uint8Array)).toThrow(
      `Cannot make a blob of ${typeof value} as it must be text, a Uint8Array, an ArrayBuffer, or have one of them as \`bytes\`: for a value in JSON write JSON.stringify(value)`,
    );
  });
});
