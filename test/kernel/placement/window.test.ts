/** How many messages are on their way to a realm, and what happens to the rest. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { LogLines } from "../../../kernel/placement/log-lines.ts";
import { ask } from "../../support/kernel.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const ID = "naughty:test:sys";

afterEach(stopPlacedStages);

describe.each(["worker", "isolated"] as const)("%s", (placement) => {
  test("limits.realmMessages are under way, the next waits in hand, then the mailbox fills: Overloaded", async () => {
    const { on, host } = await startPlacedStage(placement, { realmMessages: 3 });
    const process = await on.addFile(ID, "naughty.mjs", { mailbox: 2 });
    await ask(host, ID, "Count");
    const waits = ask(host, ID, { Wait: 300 });
    await null; // its turn begins with the next microtask
    const others = [1, 2].map(() => ask(host, ID, "Count"));
    await null;
    expect(process.mailbox.length).toBe(0); // three are under way
    const waiting = [1, 2].map(() => ask(host, ID, "Count"));
    await expect(ask(host, ID, "Count")).rejects.toMatchObject({ kind: "Overloaded" });
    const answers = await Promise.all([waits, ...others, ...waiting]);
    expect(answers.map(({ body }) => body)).toEqual([2, 3, 4, 5, 6]);
    expect(process.quiet).toBe(true);
  });

  test("bytes count too, so that big messages wait sooner", async () => {
    const { on, host } = await startPlacedStage(placement, { realmBytes: 1 });
    const process = await on.addFile(ID, "naughty.mjs", { mailbox: 2 });
    await ask(host, ID, "Count");
    const waits = ask(host, ID, { Wait: 300 });
    await null;
    const big = ask(host, ID, "Count", { blob: "x".repeat(1024 * 1024) });
    await null;
    const waiting = [1, 2].map(() => ask(host, ID, "Count"));
    expect(process.mailbox.length).toBe(2);
    await expect(ask(host, ID, "Count")).rejects.toMatchObject({ kind: "Overloaded" });
    expect((await Promise.all([waits, big, ...waiting])).map(({ body }) => body)).toEqual([2, 3, 4, 5]);
  });
});

describe.each(["worker", "isolated"] as const)("%s", (placement) => {
  test("a handler that says more than is kept on its way waits for the node, and all of it arrives in order", async () => {
    const LINES = 100_000; // 10 MB: ten times what is on its way
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ID, "naughty.mjs");
    let lines = 0;
    let wrong = 0;
    on.node.kernel.events.listen((event) => {
      if (event.type === "log" && Number.parseInt(event.text, 10) !== lines++) wrong++;
    });
    await ask(host, ID, { Flood: LINES }, { expects: 60 });
    expect([lines, wrong]).toEqual([LINES, 0]);
  });
});

describe("LogLines", () => {
  test("cuts long lines, joins split ones, and leaves out what is too much of them", () => {
    let now = 0;
    const lines: string[] = [];
    const log = new LogLines(
      (line) => lines.push(line),
      () => now,
    );
    log.push(Buffer.from("on"));
    log.push(Buffer.from("e\n"));
    log.push(Buffer.from(`${"x".repeat(5000)}\n`));
    expect(lines).toEqual(["one", `${"x".repeat(4096)}…`]);
    log.push(Buffer.from("line\n".repeat(300)));
    expect(lines).toHaveLength(200);
    now = 1000;
    log.push(Buffer.from("again\n"));
    expect(lines.slice(200)).toEqual(["… 102 more lines left out: at most 200 a second", "again"]);
  });
});
