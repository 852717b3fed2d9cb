/** Bodies are values (DESIGN §3.5). */
import { describe, expect, test } from "@jest/globals";
import { freezeBody } from "../../lib/protocol/index.ts";

describe("freezeBody()", () => {
  test("freezes as deep as the value goes, lists too", () => {
    const body = { list: [{ inner: { n: 1 } }] };
    freezeBody(body);
    for (const part of [body, body.list, body.list[0], body.list[0]?.inner]) expect(Object.isFrozen(part)).toBe(true);
  });

  test("freezes what a frozen object holds", () => {
    const body = Object.freeze({ inner: { n: 1 } });
    freezeBody(body);
    expect(Object.isFrozen(body.inner)).toBe(true);
  });

  test("takes a value that holds itself", () => {
    const body: { self?: unknown } = {};
    body.self = body;
    freezeBody(body);
    expect(Object.isFrozen(body)).toBe(true);
  });

  test("leaves bytes writable, alone or within: they cannot be frozen", () => {
    const bytes = new Uint8Array(1);
    freezeBody(bytes);
    freezeBody({ bytes });
    bytes[0] = 7;
    expect(bytes[0]).toBe(7);
  });

  test.each([null, undefined, 1, "text"])("gives back %p, which is a value already", (value) => {
    expect(freezeBody(value)).toBe(value);
  });
});
