/** What is kept of a crash: the message in hand, what followed, poison, and a store over the end of the node. */
import { describe, expect, test } from "@jest/globals";
import { actionOf, type CrashReport, type CrashStore } from "../../kernel/crash-reports.ts";
import { createNode } from "../../kernel/index.ts";
import { Blob, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, type Cast, withA, withAB } from "../support/cast.ts";
import { program, settle, startKernel, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const ANY_STACK = expect.stringContaining("at ");

/** B throws whatever comes. */
function throwing(options: Parameters<typeof withAB>[1] = {}, limits: Readonly<Record<string, number>> = {}): Cast {
  const throws = program(() => {
    throw new TypeError("broken");
  });
  return withAB(throws, options, { limits });
}

const reports = ({ node }: Cast): readonly CrashReport[] => node.kernel.crashes.last();

describe("a crash report", () => {
  test("tells the error, the message in hand, how long it ran, and what followed", async () => {
    const cast = throwing({ onExit: "Restart" });
    await cast.advance(1_500);
    tell(cast.a.host, B, { Move: { x: 1 } }, { blob: "é" });
    await settle();
    expect(reports(cast)).toEqual([
      {
        at: cast.clock.now(),
        process: B,
        incarnation: 1,
        error: "TypeError: broken",
        stack: ANY_STACK,
        ranMs: 1_500,
        message: { kind: "request", source: `alice.os@${A}`, action: "Move", blobBytes: 2, crashes: 1 },
        decision: "restart",
        restartInMs: 0,
      },
    ]);
  });

  test.each([
    ["None", "end"],
    ["Restart", "give_up"],
  ] as const)("of an end for good with on_exit %s says %s", async (onExit, decision) => {
    const cast = throwing({ onExit, restart: { max: 0, seconds: 1 } });
    tell(cast.a.host, B, 1);
    await settle();
    expect(reports(cast)).toMatchObject([{ decision, restartInMs: null }]);
  });

  test("has no message when it was in its init", async () => {
    const { node, add } = startKernel();
    add(B, {
      start: () => {
        throw new Error("in start");
      },
    });
    expect(node.kernel.crashes.last()).toMatchObject([{ message: null, ranMs: 0, decision: "end" }]);
  });

  test("of a farewell says that it was exiting", async () => {
    const cast = withAB(program((_, host) => host.exit(), { exit: () => Promise.reject(new Error("in exit")) }));
    tell(cast.a.host, B, 1);
    await settle();
    expect(reports(cast)).toMatchObject([{ error: "Error: in exit", decision: "exiting", restartInMs: null }]);
  });

  test("names a timer", async () => {
    const cast = withA();
    cast.a.onMessage = () => {
      throw new Error("told to");
    };
    cast.a.host?.after(10, "due");
    await cast.advance(20);
    expect(reports(cast)).toMatchObject([{ message: { kind: "timer", action: "timer", crashes: 1 } }]);
  });

  test.each<[string, unknown, string, string | null]>([
    ["a text", "a text", "a text", null],
    ["undefined", undefined, "undefined", null],
    ["an object", { code: 1 }, "[object Object]", null],
    ["an object without a prototype", Object.create(null), "what was thrown cannot be read", null],
    ["a long text", "x".repeat(5_000), `${"x".repeat(2_000)}…`, null],
  ])("takes %s, which is no error", async (_, thrown, error, stack) => {
    const cast = withAB(
      program(() => {
        throw thrown;
      }),
    );
    tell(cast.a.host, B, 1);
    await settle();
    expect(reports(cast)).toMatchObject([{ error, stack }]);
  });

  test("says how large the blob was, though its memory was lent", async () => {
    const cast = throwing();
    const lent = Blob.lend(new Uint8Array(3), false);
    tell(cast.a.host, B, 1, { blob: lent });
    lent.settle();
    await settle();
    expect(reports(cast)).toMatchObject([{ message: { blobBytes: 3 } }]); // held by the mailbox
  });
});

test.each<[unknown, string]>([
  ["ping", "ping"],
  [{ Get: 1, Set: 2 }, "Get"],
  [{}, "{}"],
  [[1], "list"],
  [null, "null"],
  [7, "number"],
  [new Uint8Array(2), "bytes"],
  ["x".repeat(100), `${"x".repeat(64)}…`],
])("actionOf() of %j is %s", (body, action) => {
  expect(actionOf(body)).toBe(action);
});

describe("poison", () => {
  const poisons = ({ events }: Cast): unknown[] => events.filter(({ type }) => type === "poison");
  const crash = async (cast: Cast, ...bodies: unknown[]): Promise<void> => {
    for (const body of bodies) {
      tell(cast.a.host, B, body);
      await cast.advance(1_000);
    }
  };

  test("is told when a sender's same action has crashed a process three times within a minute", async () => {
    const cast = throwing({ onExit: "Restart" });
    await crash(cast, { Move: 1 }, { Move: 2 }, "other");
    expect(poisons(cast)).toEqual([]);
    await crash(cast, { Move: 3 });
    expect(poisons(cast)).toEqual([
      { type: "poison", process: B, source: `alice.os@${A}`, action: "Move", crashes: 3 },
    ]);
    expect(reports(cast).map(({ message }) => message?.crashes)).toEqual([1, 2, 1, 3]);
  });

  test("is refused nothing: the next like it is handled", async () => {
    const seen: unknown[] = [];
    const cast = withAB(
      program(({ body }) => {
        seen.push(body);
        if (seen.length <= 3) throw new Error("told to");
      }),
      { onExit: "Restart" },
    );
    await crash(cast, "m", "m", "m", "m");
    expect(seen).toEqual(["m", "m", "m", "m"]);
  });

  test("forgets what is longer ago than limits.poisonWindow", async () => {
    const cast = throwing({ onExit: "Restart" }, { poisonWindow: 1_500, poisonCrashes: 2 });
    await crash(cast, "m");
    await cast.advance(1_000);
    await crash(cast, "m");
    expect(poisons(cast)).toEqual([]);
    await crash(cast, "m");
    expect(poisons(cast)).toHaveLength(1);
  });

  test("keeps apart who sent it", async () => {
    const cast = throwing({ onExit: "Restart" }, { poisonCrashes: 2 });
    const other = new Recorder();
    cast.add(C, other.program);
    await crash(cast, "m");
    tell(other.host, B, "m");
    await settle();
    expect(reports(cast)).toHaveLength(2);
    expect(poisons(cast)).toEqual([]);
  });
});

test("a crash store has every report, and those of the run before are shown first", async () => {
  const stored: CrashReport[] = [];
  const crashStore: CrashStore = { load: () => [...stored], add: (report) => void stored.push(report) };
  for (const run of [1, 2]) {
    const node = createNode({ crashStore });
    node.addProcess(ProcessId.parse(B), {
      start: () => {
        throw new Error(`run ${run}`);
      },
    });
    await node.stop();
    expect(node.kernel.crashes.last()).toEqual(stored);
  }
  expect(stored.map(({ error }) => error)).toEqual(["Error: run 1", "Error: run 2"]);
});
