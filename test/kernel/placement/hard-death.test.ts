/** What ends a realm without a word costs the message in hand, and nobody else anything. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Process } from "../../../kernel/index.ts";
import type { Placement } from "../../../lib/protocol/index.ts";
import { ask, tell } from "../../support/kernel.ts";
import { type PlacedStage, startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const NAUGHTY = "naughty:test:sys";
const OTHER = "other:test:sys";

afterEach(stopPlacedStages);

type Stage = PlacedStage & { readonly process: Process };

async function stage(placement: Placement, limits: Readonly<Record<string, number>> = {}): Promise<Stage> {
  const started = await startPlacedStage(placement, limits);
  const process = await started.on.addFile(NAUGHTY, "naughty.mjs", { onExit: "Restart" });
  return { ...started, process };
}

/**
 * Three messages go before and three behind the one that ends it. Each of the six is answered: by that incarnation, or,
 * when nobody had seen anything of it, by the next. @returns what the crash is reported as
 */
async function expectOnlyTheOneInHandIsLost({ host, crash }: Stage, trick: unknown): Promise<string> {
  const crashed = crash(NAUGHTY);
  const count = (): Promise<unknown> => ask(host, NAUGHTY, "Count", { expects: 30 }).then(({ body }) => body);
  const before = [count(), count(), count()];
  const lost = ask(host, NAUGHTY, trick, { expects: 30 });
  const behind = [count(), count(), count()];
  await expect(lost).rejects.toMatchObject({ kind: "Offline" });
  const answers = await Promise.all([...before, ...behind]);
  const byTheFirst = Math.max(0, answers.indexOf(1, 1)); // the next one counts from 1 again
  expect(byTheFirst).toBeLessThanOrEqual(3);
  const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);
  expect(answers).toEqual([...from(1, byTheFirst), ...from(1, 6 - byTheFirst)]);
  return (await crashed).error;
}

describe.each(["worker", "isolated"] as const)("%s", (placement) => {
  test("a throw ends the incarnation, with the error's own name and text", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage(placement), "Throw");
    expect(error).toBe("TypeError: it was thrown on purpose");
  });

  test("a rejection likewise", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage(placement), "Reject");
    expect(error).toBe("TypeError: it was thrown on purpose");
  });

  test("a throw that no handler is there for ends it too", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage(placement), "ThrowLater");
    expect(error).toBe("TypeError: it was thrown on purpose");
  });

  test("process.exit() ends it alone", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage(placement), { Exit: 3 });
    const what = placement === "worker" ? "thread" : "operating-system process";
    expect(error).toBe(
      `RealmEndedError: Cannot go on with "alice.os@${NAUGHTY}" as its ${what} ended with exit code 3`,
    );
  });

  test("a handler that blocks is ended, and the report says which and how long", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage(placement, { handlerSeconds: 1 }), { Loop: null });
    expect(error).toMatch(
      new RegExp(
        `^RealmEndedError: Cannot go on with "alice.os@${NAUGHTY}" as limits.handlerSeconds is 1 seconds: ` +
          `its handler of a request "Loop" from "alice.os@asker:test:sys" has blocked its (thread|pid) \\d+ for 1.\\d s, ` +
          "await in it, split the work, or raise the limit$",
      ),
    );
  });

  test("a handler that awaits for longer than that goes on", async () => {
    const { host } = await stage(placement, { handlerSeconds: 1 });
    expect((await ask(host, NAUGHTY, { Wait: 1500 })).body).toBe(1);
  });

  test("a timer that blocks an idle one is noticed without a message", async () => {
    const { host, crash } = await stage(placement, { handlerSeconds: 1 });
    const crashed = crash(NAUGHTY);
    expect((await ask(host, NAUGHTY, "Stuck")).body).toBe(1);
    expect((await crashed).error).toContain("a timer's handler, or what a handler left running, has blocked its");
    expect((await ask(host, NAUGHTY, "Count")).body).toBe(1);
  });

  test("others go on while it blocks", async () => {
    const { on, host, crash } = await stage(placement, { handlerSeconds: 1 });
    await on.addFile(OTHER, "naughty.mjs");
    const crashed = crash(NAUGHTY);
    tell(host, NAUGHTY, { Loop: null });
    for (let i = 1; i <= 20; i++) expect((await ask(host, OTHER, "Count")).body).toBe(i);
    await crashed;
  });
});

describe("isolated", () => {
  const LIMITS = { isolatedHeap: 64, isolatedMemory: 160, handlerSeconds: 30 };

  test("a Map that grows without end ends it alone", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage("isolated", LIMITS), "Map");
    expect(error).toMatch(
      /its operating-system process aborted \(SIGABRT\), as it does when limits.isolatedHeap, 64 MiB, is full: keep less, or raise it$|limits.isolatedMemory is 160 MiB/,
    );
  });

  test("JSON.parse of 256 MB ends it alone", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage("isolated", LIMITS), "Parse");
    expect(error).toMatch(/isolatedHeap|isolatedMemory/);
  });

  test("Buffers, which V8 does not count, end it alone", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage("isolated", LIMITS), "Buffers");
    expect(error).toMatch(/limits.isolatedMemory is 160 MiB: it holds \d+, keep less, or raise the limit$/);
  });

  test("SIGKILL from outside ends it alone", async () => {
    const error = await expectOnlyTheOneInHandIsLost(await stage("isolated"), "Kill");
    expect(error).toContain("its operating-system process ended with signal SIGKILL");
  });
});

test("worker: a call of the system that blocks its thread is not waited for; the next incarnation has another", async () => {
  const { on, host, crash } = await stage("worker", { handlerSeconds: 1, drain: 100 });
  const folder = mkdtempSync(join(tmpdir(), "jackfield-test-"));
  const file = join(folder, "go on");
  try {
    const crashed = crash(NAUGHTY);
    await expect(ask(host, NAUGHTY, { Exec: file }, { expects: 30 })).rejects.toMatchObject({ kind: "Offline" });
    expect((await crashed).error).toContain('limits.handlerSeconds is 1 seconds: its handler of a request "Exec" from');
    expect((await ask(host, NAUGHTY, "Count", { expects: 30 })).body).toBe(1);
    await on.stop(); // nor does the node's stop
  } finally {
    writeFileSync(file, "");
    await on.node.kernel.placements.stop();
    rmSync(folder, { recursive: true });
  }
});
