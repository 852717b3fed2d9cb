/** What `npm run rolling` makes of its counts: a breach is found, and all is well otherwise. */
import { describe, expect, test } from "@jest/globals";
import { type ClientCounts, rollingReport, type Turn } from "../../bench/cluster/rolling-report.ts";

const ABOUT = { what: "nodes" as const, signal: "SIGTERM", nodes: 1, servers: 3, channels: 3, seconds: 20 };
const TURN: Turn = { of: "one.rolling", endedMs: 40, readyMs: 400, listedMs: 500, channels: 2 };
const COUNTS: ClientCounts = {
  sent: 100,
  answered: 90,
  refused: { Offline: 4, Timeout: 1 },
  lostWithChannel: 5,
  timedOut: 0,
  duplicated: 0,
  reordered: 0,
  mixedUp: 0,
  closed: { 1001: 3 },
  backMs: [900, 700, 800],
  on: { "one.rolling": 1, "two.rolling": 2 },
};

describe("a rolling restart", () => {
  test("is well when every message has an end, and every channel is back", () => {
    expect(rollingReport(ABOUT, [TURN], COUNTS)).toMatchObject({
      ok: true,
      unaccounted: 0,
      backMs: { p50: 800, p99: 900, max: 900 },
      turns: [TURN],
      broken: [],
    });
  });

  test.each<readonly [string, Partial<ClientCounts>, string]>([
    ["a message is missing", { sent: 101 }, "1 messages are not accounted for"],
    [
      "one was not answered, and its channel stood",
      { answered: 89, timedOut: 1 },
      "1 messages were not answered on an open channel",
    ],
    ["one was carried out twice", { duplicated: 1 }, "duplicated: 1 times"],
    ["one overtook another", { reordered: 2 }, "reordered: 2 times"],
    ["one got the answer of another", { mixedUp: 1 }, "answered with another's number: 1 times"],
    ["a channel stays away", { on: { "two.rolling": 2 } }, "1 channels did not come back"],
    ["a channel's return was not seen", { backMs: [1] }, "3 channels closed, 1 came back"],
    ["a client was not told that its node goes", { closed: { 1001: 2, 1006: 1 } }, "a channel closed with 1006"],
    ["nobody was answered", { sent: 10, answered: 0 }, "nothing was answered"],
  ])("is broken when %s", (_, change, why) => {
    expect(rollingReport(ABOUT, [TURN], { ...COUNTS, ...change })).toMatchObject({ ok: false, broken: [why] });
  });

  test("is broken when a node was left out", () => {
    const { broken } = rollingReport(ABOUT, [], COUNTS);
    expect(broken).toEqual(["0 of 1 nodes were restarted"]);
  });

  test("of servers closes no channel", () => {
    const about = { ...ABOUT, what: "servers" as const, servers: 1 };
    expect(rollingReport(about, [TURN], { ...COUNTS, closed: {}, backMs: [] }).ok).toBe(true);
    expect(rollingReport(about, [TURN], COUNTS).broken).toEqual(["a channel closed with 1001"]);
  });

  test("by SIGKILL, clients are told nothing", () => {
    const about = { ...ABOUT, signal: "SIGKILL" };
    expect(rollingReport(about, [TURN], { ...COUNTS, closed: { 1006: 3 } }).ok).toBe(true);
  });
});
