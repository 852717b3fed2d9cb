/** Contract kinode §10, "Kernel", cases 15 to 21: requests and their ends. Neighbours of a case have no number. */
import { describe, expect, test } from "@jest/globals";
import { A, B, withA, withAB } from "../support/cast.ts";
import { echo, program, settle, silent, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("a request that expects an answer", () => {
  test("gets it before the time is up, with its context, and nothing after", async () => {
    const { a, advance, node } = withAB(echo);
    tell(a.host, B, "hi", { expects: 1, blob: "b", context: { mine: 1 } });
    await settle();
    expect(node.kernel.wheel.size).toBe(0);
    await advance(2_000);
    expect(a.all).toMatchObject([
      { kind: "response", source: `alice.os@${B}`, body: "hi", text: "b", context: { mine: 1 } },
    ]);
  });

  test("case 15: is told of a Timeout after 1 s, with its body, blob and context", async () => {
    const { a, advance } = withAB(silent);
    tell(a.host, B, "hi", { expects: 1, blob: "b", context: { mine: 1 } });
    await advance(900);
    expect(a.all).toEqual([]);
    await advance(200);
    expect(a.all).toMatchObject([
      { kind: "error", error: "Timeout", source: `alice.os@${B}`, body: "hi", text: "b", context: { mine: 1 } },
    ]);
  });

  test("case 16: does not get an answer that comes after the timeout; what it gets next is something else", async () => {
    const b = new Recorder();
    const { a, node, advance } = withAB(b.program);
    tell(a.host, B, "slow", { expects: 1 });
    await advance(1_100);
    b.host?.respond({ body: "late" }, b.all[0]?.envelope);
    tell(b.host, A, "else");
    await settle();
    expect(a.all.map(({ kind, body }) => [kind, body])).toEqual([
      ["error", "slow"],
      ["request", "else"],
    ]);
    expect(node.kernel.deadLetters.counts()).toEqual({ unexpected_answer: 1 });
  });

  test("gets the first of two answers; the second is a dead letter", async () => {
    const twice = program((_, host) => {
      host.respond({ body: 1 });
      host.respond({ body: 2 });
    });
    const { a, node } = withAB(twice);
    tell(a.host, B, "hi", { expects: 1 });
    await settle();
    expect(a.all.map(({ body }) => body)).toEqual([1]);
    expect(node.kernel.deadLetters.last()).toMatchObject([{ kind: "response", body: 2, reason: "unexpected_answer" }]);
  });

  test("case 18: is told at once that nobody has that address", async () => {
    const { a, clock } = withA();
    tell(a.host, "no:such:process", "hi", { expects: 30, context: "mine" });
    await settle();
    expect(a.all).toMatchObject([{ kind: "error", error: "Offline", body: "hi", context: "mine" }]);
    expect(clock.monotonic()).toBe(0);
  });

  test("is told at once, Denied, of a target that is not public and that it may not message", async () => {
    const { a, add, clock } = withA();
    const b = new Recorder();
    add(B, b.program);
    tell(a.host, B, "hi", { expects: 30 });
    await settle();
    expect([a.all.map(({ error }) => error), b.all, clock.monotonic()]).toEqual([["Denied"], [], 0]);
  });
});

describe("a request that expects nothing", () => {
  test("case 19: to an address nobody has, ends as a dead letter and nothing else", async () => {
    const { a, node, advance } = withA();
    tell(a.host, "no:such:process", "hi");
    await advance(1_000);
    expect(a.all).toEqual([]);
    expect(node.kernel.deadLetters.last()).toMatchObject([{ reason: "offline", body: "hi" }]);
    expect(node.kernel.crashes.total).toBe(0);
  });

  test("case 21: to a public target, is delivered without a capability", async () => {
    const b = new Recorder();
    const { a } = withAB(b.program);
    tell(a.host, B, "hi");
    await settle();
    expect(b.all).toMatchObject([{ kind: "request", source: `alice.os@${A}`, body: "hi" }]);
  });

  test("is delivered to a target that is not public with its messaging capability", async () => {
    const { a, add } = withA({ requestCapabilities: [B] });
    const b = new Recorder();
    add(B, b.program);
    tell(a.host, B, "hi");
    await settle();
    expect(b.all.map(({ body }) => body)).toEqual(["hi"]);
  });
});
