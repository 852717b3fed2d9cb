/** RestartProcess: a person has a process begin anew (PROTOCOL.md §15). */
import { describe, expect, test } from "@jest/globals";
import { A, B, type Cast, KERNEL, withA } from "../support/cast.ts";
import { member, startFamily } from "../support/family.ts";
import { ask, Gate, program, settle, stateOf, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

function commander(): Cast & { restart(id: string): Promise<unknown> } {
  const cast = withA({ requestCapabilities: [KERNEL] });
  return {
    ...cast,
    restart: async (id) => (await ask(cast.a.host, KERNEL, { RestartProcess: id }, { expects: 60 })).body,
  };
}

describe("RestartProcess", () => {
  test.each(["None", "Restart"] as const)("begins the next incarnation of one whose on_exit is %s", async (onExit) => {
    const kernel = commander();
    const log: string[] = [];
    const b = program(({ body }) => void log.push(String(body)), {
      init: () => void log.push("init"),
      exit: () => void log.push("exit"),
    });
    const process = kernel.add(B, b, { public: true, onExit });
    const answer = kernel.restart(B);
    await settle();
    tell(kernel.a.host, B, "meanwhile");
    await kernel.advance(20);
    expect(await answer).toEqual({ RestartedProcess: B });
    expect([log, process.incarnation, process.state]).toEqual([["init", "exit", "init", "meanwhile"], 2, "running"]);
    expect(kernel.node.kernel.crashes.total).toBe(0);
  });

  test("is for once: the next end is by its on_exit again", async () => {
    const kernel = commander();
    const b = program(({ body }, host) => {
      if (body === "exit") host.exit();
    });
    const process = kernel.add(B, b, { public: true });
    const answer = kernel.restart(B);
    await kernel.advance(20);
    await answer;
    tell(kernel.a.host, B, "exit");
    await kernel.advance(100);
    expect(process.state).toBe("gone");
  });

  test("is not begun any more when the node stops", async () => {
    const kernel = commander();
    const gate = new Gate();
    const process = kernel.add(
      B,
      program(() => gate.passed),
      { public: true },
    );
    tell(kernel.a.host, B, 1);
    await settle();
    void kernel.restart(B).catch(() => undefined);
    await settle();
    void kernel.stop();
    await settle();
    gate.open();
    await kernel.advance(10_000);
    expect([process.state, process.incarnation]).toEqual(["gone", 1]);
  });

  test("lets the message in hand be finished, and keeps those behind it", async () => {
    const kernel = commander();
    const gate = new Gate();
    const b = new Recorder();
    b.onMessage = ({ body }) => (body === "long" ? gate.passed : undefined);
    const process = kernel.add(B, b.program, { public: true });
    for (const body of ["long", "kept"]) tell(kernel.a.host, B, body);
    await settle();
    const answer = kernel.restart(B);
    await kernel.advance(1_000);
    expect([process.incarnation, process.mailbox.length]).toEqual([1, 1]);
    gate.open();
    await kernel.advance(20);
    expect(await answer).toEqual({ RestartedProcess: B });
    expect([b.all.map(({ body }) => body), process.incarnation]).toEqual([["long", "kept"], 2]);
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });

  test("ends it at once after limits.farewell: the message in hand is a dead letter, the next is kept", async () => {
    const kernel = commander();
    const b = new Recorder();
    b.onMessage = ({ body }) => (body === "hang" ? new Promise(() => undefined) : undefined);
    const process = kernel.add(B, b.program, { public: true });
    for (const body of ["hang", "kept"]) tell(kernel.a.host, B, body);
    await settle();
    const answer = kernel.restart(B);
    await kernel.advance(4_900);
    expect(process.incarnation).toBe(1);
    await kernel.advance(200);
    expect(await answer).toEqual({ RestartedProcess: B });
    expect(b.all.map(({ body }) => body)).toEqual(["hang", "kept"]);
    expect(kernel.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", body: "hang" }]);
  });

  test("brings one that waits in back-off back at once", async () => {
    const kernel = commander();
    const throws = program(({ body }) => {
      if (body === "throw") throw new Error("told to");
    });
    const process = kernel.add(B, throws, { public: true, onExit: "Restart" });
    for (let crash = 0; crash < 6; crash++) {
      tell(kernel.a.host, B, "throw");
      await kernel.advance(2_500);
    }
    tell(kernel.a.host, B, "throw");
    await settle();
    expect(process.state).toBe("backoff");
    expect(await kernel.restart(B)).toEqual({ RestartedProcess: B });
    expect(process.state).toBe("running");
  });

  test("does not count as one of the restarts that its limits allow", async () => {
    const kernel = commander();
    const process = kernel.add(
      B,
      program(() => undefined),
      { onExit: "Restart", restart: { max: 1, seconds: 60 } },
    );
    for (let round = 0; round < 3; round++) {
      const answer = kernel.restart(B);
      await kernel.advance(20);
      await answer;
    }
    expect([process.state, process.incarnation]).toEqual(["running", 4]);
  });

  test("ends its children as a crash does, and tells who monitors it", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one" }] });
    const watcher = new Recorder();
    family.add(B, watcher.program, { requestCapabilities: [KERNEL] });
    await watcher.host?.command({ Monitor: { process: A } });
    const answer = ask(watcher.host, KERNEL, { RestartProcess: A });
    await family.advance(20);
    expect((await answer).body).toEqual({ RestartedProcess: A });
    expect([family.log, stateOf(family, member("one"))]).toEqual([
      ["start a", "start one", "bye a", "bye one", "start a"],
      undefined,
    ]);
    expect(watcher.all.map(({ body }) => body)).toMatchObject([{ ProcessDown: { reason: "restart", restarts: true } }]);
  });

  test("of one that is killed meanwhile says that it has ended", async () => {
    const kernel = commander();
    const process = kernel.add(
      B,
      program(() => new Promise(() => undefined)),
      { public: true },
    );
    tell(kernel.a.host, B, 1);
    await settle();
    const answer = kernel.restart(B);
    await settle();
    process.kill();
    expect(await answer).toEqual({
      Err: "NotRestarted",
      message: `"${B}" was never run, or has ended for good meanwhile`,
    });
  });

  test.each([
    ["no:such:process", 'there is no process "no:such:process"'],
    [KERNEL, `"${KERNEL}" is the node's own: restart the node`],
  ])("of %s is refused", async (id, message) => {
    expect(await commander().restart(id)).toEqual({ Err: "NotRestarted", message });
  });
});
