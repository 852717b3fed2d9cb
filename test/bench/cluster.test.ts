/** The count of a cluster's soak, and the ratios of bench/link: a breach is found, and all is well otherwise. */
import { describe, expect, test } from "@jest/globals";
import { type NodeReport, reportOf } from "../../bench/cluster/report.ts";
import { ratiosOf } from "../../bench/link.ts";

const ABOUT = { seconds: 20, servers: 3, nodes: 1, events: { "killed a node": 2 } };
const NODE: NodeReport = {
  name: "one.soak",
  asked: 10,
  outcomes: { Response: 8, Offline: 1, Timeout: 1 },
  unaccounted: 0,
  handled: 7,
  breaches: {},
  link: null,
  durable: {
    sent: { "one.soak 1 two.soak": 9 },
    taken: { "one.soak 1 two.soak": 9 },
    leftOut: 0,
    again: 0,
    waiting: 0,
  },
};
const { durable } = NODE;

describe("a cluster's soak", () => {
  test("is well when every request has ended, none twice", () => {
    expect(reportOf(ABOUT, [NODE, NODE])).toMatchObject({
      ok: true,
      asked: 20,
      outcomes: { Response: 16, Offline: 2, Timeout: 2 },
      handled: 14,
      broken: [],
    });
  });

  test.each<readonly [string, Partial<NodeReport>, string]>([
    ["a request is missing", { asked: 11 }, "1 requests are not accounted for"],
    ["one was carried out twice", { breaches: { duplicated: 1 } }, "duplicated: 1 times"],
    ["a node is not answered", { asked: 1, outcomes: { Offline: 1 } }, "one.soak was never answered"],
    [
      "a durable message has not come",
      { durable: { ...durable, taken: {}, waiting: 3 } },
      "10 durable messages had not come in the end; 3 wait at the nodes",
    ],
    [
      "one has not come, and one of the next life has",
      { durable: { ...durable, taken: { "one.soak 1 two.soak": 4, "one.soak 2 two.soak": 0 } } },
      "5 durable messages were lost",
    ],
    ["one was left out", { durable: { ...durable, leftOut: 2 } }, "2 durable messages were lost"],
    ["one came twice", { durable: { ...durable, again: 1 } }, "1 durable messages came twice, or after a later one"],
    ["none was sent", { durable: { ...durable, sent: {} } }, "no durable message was kept"],
    ["one ended in what is no end", { outcomes: { Response: 9, Denied: 1 } }, "a request ended in Denied"],
  ])("is broken when %s", (_, change, why) => {
    expect(reportOf(ABOUT, [{ ...NODE, ...change }])).toMatchObject({ ok: false, broken: [why] });
  });
});

test("bench/link compares each kind of work", () => {
  const figures = (n: number) => ({ median: n, min: n, max: n, rounds: [n] });
  const result = (n: number) => ({
    ...figures(n),
    also: { depth1Bytes64: figures(n), depth64Bytes64: figures(2 * n) },
  });
  expect(ratiosOf({ limit: result(100), jackfield: result(75) })).toEqual({
    "jackfield/limit depth1Bytes64": 0.75,
    "jackfield/limit depth64Bytes64": 0.75,
  });
});
