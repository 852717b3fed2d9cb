/** Close codes: the table, and who may come back (DESIGN §4.2, STYLE "Errors"). */
import { describe, expect, test } from "@jest/globals";
import { CLOSE, isSendableCloseCode, shouldReconnect } from "../../lib/protocol/index.ts";

const rows = Object.values(CLOSE);

describe("CLOSE", () => {
  test("says code, error and whether to come back, for each reason", () => {
    expect(
      Object.fromEntries(Object.entries(CLOSE).map(([name, row]) => [name, [row.code, row.error, row.retry]])),
    ).toEqual({
      normal: [1000, "closed", false],
      goingAway: [1001, "going_away", true],
      tryAgainLater: [1013, "try_again_later", true],
      malformed: [4400, "malformed", false],
      badToken: [4401, "bad_token", false],
      noSuchProcess: [4404, "no_such_process", false],
      tooLate: [4408, "too_late", true],
      tooMany: [4429, "too_many", true],
    });
  });

  test("has each code and each error once", () => {
    expect(new Set(rows.map((row) => row.code)).size).toBe(rows.length);
    expect(new Set(rows.map((row) => row.error)).size).toBe(rows.length);
  });

  test("has codes that may be sent, and reasons that fit the 123 bytes of a close frame", () => {
    expect(rows.every((row) => isSendableCloseCode(row.code))).toBe(true);
    expect(Math.max(...rows.map((row) => Buffer.byteLength(row.why)))).toBeLessThanOrEqual(123);
  });
});

test.each([
  [999, false],
  [1000, true],
  [1003, true],
  [1004, false],
  [1005, false],
  [1006, false],
  [1007, true],
  [1014, true],
  [1015, false],
  [2999, false],
  [3000, true],
  [4999, true],
  [5000, false],
])("isSendableCloseCode(%i) is %p", (code, sendable) => {
  expect(isSendableCloseCode(code)).toBe(sendable);
});

describe("shouldReconnect()", () => {
  test("follows the table", () => {
    expect(rows.map((row) => shouldReconnect(row.code))).toEqual(rows.map((row) => row.retry));
  });

  test.each([
    ["a lost connection", 1006, true],
    ["no code at all", 1005, true],
    ["a server error", 1011, true],
    ["an application's code that the table lacks", 4000, false],
    ["a library's code that the table lacks", 3000, false],
  ])("for %s (%i) is %s", (_, code, reconnect) => {
    expect(shouldReconnect(code)).toBe(reconnect);
  });
});
