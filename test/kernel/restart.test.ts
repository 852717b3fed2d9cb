/** DESIGN §3.6: what a crash ends, and what it leaves. */
import { describe, expect, test } from "@jest/globals";
import { type Host, OptionError, type Program } from "../../lib/protocol/index.ts";
import { A, B, C, withAB } from "../support/cast.ts";
import { type Handle, program, settle, silent, startKernel, stateOf, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

/** Throws on "throw", rejects on "reject"; writes down the rest. */
function fragile(log: unknown[]): Handle {
  return ({ body }) => {
    if (body === "throw") throw new Error("told to");
    if (body === "reject") return Promise.reject(new Error("told to"));
    log.push(body);
    return undefined;
  };
}

describe("a crash with Restart", () => {
  test.each(["throw", "reject"])(
    "by %s keeps what waits, and tells the waiting sender of the one in hand Offline",
    async (body) => {
      const log: unknown[] = [];
      const { a, advance, node } = withAB(program(fragile(log)), { onExit: "Restart" });
      tell(a.host, B, body, { expects: 5, context: "mine", blob: "b" });
      for (const n of [1, 2]) tell(a.host, B, n);
      await advance(10);
      expect(a.all).toMatchObject([{ kind: "error", error: "Offline", body, context: "mine", text: "b" }]);
      expect(node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", body }]);
      expect(log).toEqual([1, 2]);
    },
  );

  test("takes messages while it waits to be started again", async () => {
    const log: unknown[] = [];
    const kernel = withAB(program(fragile(log)), { onExit: "Restart" });
    tell(kernel.a.host, B, "throw");
    await settle();
    expect(stateOf(kernel, B)).toBe("backoff");
    tell(kernel.a.host, B, "meanwhile");
    await kernel.advance(10);
    expect([stateOf(kernel, B), log]).toEqual(["running", ["meanwhile"]]);
  });

  test("does not give the next incarnation answers and timers that were for the one before", async () => {
    const b = new Recorder();
    b.onMessage = ({ body }, host) => {
      if (body !== "go") return;
      host.after(20, "old timer");
      host.after(0, "due before the crash is over");
      tell(host, C, "old question", { expects: 5 });
      throw new Error("told to");
    };
    const { a, add, advance, node } = withAB(b.program, { onExit: "Restart" });
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, "go");
    await advance(50);
    c.host?.respond({ body: "late" }, c.all[0]?.envelope);
    await advance(6_000);
    expect(b.all.map(({ kind, body }) => [kind, body])).toEqual([["request", "go"]]);
    expect(node.kernel.deadLetters.counts()).toEqual({ crashed: 1, unexpected_answer: 1 });
  });

  test("by a timer, with another that waits, leaves no dead letter: nobody sent them", async () => {
    const { a, advance, clock, node } = withAB(silent);
    a.onMessage = ({ kind }) => {
      if (kind === "timer") throw new Error("told to");
    };
    for (const n of [1, 2]) a.host?.after(10, n);
    clock.advance(10);
    await advance(100);
    expect([node.kernel.crashes.total, node.kernel.deadLetters.total]).toEqual([1, 0]);
  });

  test("buries answers that wait in its mailbox", async () => {
    const b = new Recorder();
    b.onMessage = ({ body }, host) => {
      if (body === "go") tell(host, A, "question", { expects: 5 });
      if (body === "throw") throw new Error("told to");
    };
    const { a, advance, node } = withAB(b.program, { onExit: "Restart" });
    tell(a.host, B, "go");
    const { envelope } = await a.next();
    tell(a.host, B, "throw");
    a.host?.respond({ body: "answer" }, envelope); // behind it
    await advance(10);
    expect(b.all.map(({ body }) => body)).toEqual(["go", "throw"]);
    expect(node.kernel.deadLetters.last().map(({ reason, body }) => [reason, body])).toEqual([
      ["crashed", "throw"],
      ["unexpected_answer", "answer"],
    ]);
  });

  test("keeps its capabilities, and those that others hold for it", async () => {
    const kernel = withAB(program(fragile([])), {
      onExit: "Restart",
      requestCapabilities: [C],
      grantCapabilities: [A],
    });
    const held = (): number[] =>
      kernel.node.kernel.registry.all().map(({ capabilities }) => capabilities.list().length);
    const before = held();
    tell(kernel.a.host, B, "throw");
    await kernel.advance(10);
    expect([stateOf(kernel, B), held()]).toEqual(["running", before]);
  });

  test("of its init, at first or again, counts like any other", async () => {
    let starts = 0;
    const { add, advance, node, events } = startKernel();
    const failsTwice: Program = {
      start: () => {
        starts++;
        if (starts === 1) throw new Error("in start");
        return {
          init: () => (starts === 2 ? Promise.reject(new Error("in init")) : undefined),
          handle: () => undefined,
        };
      },
    };
    const process = add(B, failsTwice, { onExit: "Restart" });
    await advance(300);
    expect([process.state, process.incarnation]).toEqual(["running", 3]);
    expect(node.kernel.crashes.last().map(({ error, incarnation, message }) => [error, incarnation, message])).toEqual([
      ["Error: in start", 1, null],
      ["Error: in init", 2, null],
    ]);
    expect(events.map(({ type }) => type)).toEqual([
      "process-started",
      "process-crashed",
      "process-restarting",
      "process-started",
      "process-crashed",
      "process-restarting",
      "process-started",
    ]);
  });

  test.each(["throws", "rejects"])("of an init that %s what it was set is not tried again", async (how) => {
    const { add, advance, node, events } = startKernel();
    const refusal = new OptionError('Cannot take setting "x" as there is none');
    const choosy: Program = {
      start: () => ({
        init: () => {
          if (how === "rejects") return Promise.reject(refusal);
          throw refusal;
        },
        handle: () => undefined,
      }),
    };
    const process = add(B, choosy, { onExit: "Restart" });
    await advance(10);
    expect([process.state, process.incarnation]).toEqual(["gone", 1]);
    expect(node.kernel.crashes.last()).toMatchObject([{ decision: "give_up", error: expect.stringContaining('"x"') }]);
    expect(events).toContainEqual({ type: "process-gave-up", process: B, restarts: 0 });
  });

  test("by an option that is refused later is one like any other", async () => {
    const refuses = program(() => {
      throw new OptionError("Cannot set a timer");
    });
    const { a, advance, node } = withAB(refuses, { onExit: "Restart" });
    tell(a.host, B, "go");
    await advance(10);
    expect(stateOf({ node }, B)).toBe("running");
  });

  test("of start leaves nothing behind that start has set going", async () => {
    const hosts: Host[] = [];
    const b = new Recorder();
    const { add, advance } = startKernel();
    const first: Program = {
      start: (host) => {
        hosts.push(host);
        if (hosts.length > 1) return b.program.start(host);
        host.after(20, "of the first");
        tell(host, "no:such:process", "of the first", { expects: 1 });
        throw new Error("in start");
      },
    };
    add(B, first, { onExit: "Restart" });
    await advance(2_000);
    expect(b.all).toEqual([]);
    expect(await thrownBy(() => hosts[0]?.exit())).toMatchObject({ name: "ProcessExitedError" });
  });
});
