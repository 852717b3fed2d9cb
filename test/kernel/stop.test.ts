/** DESIGN §3.10: a node stops in order, in time, and starts nothing again. */
import { describe, expect, test } from "@jest/globals";
import { A, B, C, withA, withAB } from "../support/cast.ts";
import { ask, Gate, type Handle, program, settle, silent, startKernel, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const never = (): Promise<void> => new Promise(() => undefined);

describe("Node.stop()", () => {
  test("runs what onStop was given first, the last added first, one after the other", async () => {
    const log: string[] = [];
    const kernel = startKernel();
    kernel.add(
      A,
      program(() => undefined, { exit: () => void log.push("exit of A") }),
    );
    kernel.node.onStop(() => void log.push("added first"));
    kernel.node.onStop(async () => {
      log.push("added last");
      await settle();
      log.push("added last is done");
    });
    await kernel.stop();
    expect(log).toEqual(["added last", "added last is done", "added first", "exit of A"]);
  });

  test("lets every process handle what waits for it, then calls its exit, in reverse order of their start", async () => {
    const log: unknown[] = [];
    const slow =
      (name: string): Handle =>
      async ({ body }) => {
        await settle();
        log.push(`${name} ${body}`);
      };
    const kernel = withA();
    for (const [id, name] of [
      [B, "B"],
      [C, "C"],
    ] as const)
      kernel.add(id, program(slow(name), { exit: async () => void log.push(`exit of ${name}`) }), { public: true });
    for (const n of [1, 2]) for (const id of [B, C]) tell(kernel.a.host, id, n);
    await kernel.stop();
    expect(log).toEqual(["B 1", "C 1", "B 2", "C 2", "exit of C", "exit of B"]);
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });

  test("leaves no process, no timer and no binding of a name", async () => {
    const kernel = withA();
    kernel.a.host?.after(1_000, "never");
    tell(kernel.a.host, A, "to itself", { expects: 10 });
    await kernel.stop();
    expect([kernel.node.kernel.registry.size, kernel.node.kernel.wheel.size]).toEqual([0, 0]);
    expect(kernel.events.filter(({ type }) => type === "process-gone")).toEqual([
      { type: "process-gone", process: A, why: "stop" },
      { type: "process-gone", process: "kernel:distro:sys", why: "stop" },
    ]);
    await kernel.advance(20_000);
    expect(kernel.a.all.map(({ kind }) => kind)).toEqual(["request"]);
  });

  test("waits limits.drain for a handler that does not end, and no longer", async () => {
    const log: string[] = [];
    const kernel = withAB(program(never, { exit: () => void log.push("exit of B") }), {}, { limits: { drain: 200 } });
    tell(kernel.a.host, B, 1);
    const ms = await kernel.stop();
    expect(log).toEqual(["exit of B"]);
    expect(ms).toBeGreaterThanOrEqual(200);
    expect(ms).toBeLessThanOrEqual(210);
  });

  test("waits limits.drain for an exit that does not end, then goes on with the next", async () => {
    const log: string[] = [];
    const kernel = withA({}, { limits: { drain: 200 } });
    kernel.add(
      B,
      program(() => undefined, { exit: () => void log.push("exit of B") }),
    );
    kernel.add(
      C,
      program(() => undefined, { exit: never }),
    );
    const ms = await kernel.stop();
    expect(log).toEqual(["exit of B"]);
    expect(ms).toBeGreaterThanOrEqual(200);
    expect(ms).toBeLessThanOrEqual(210);
  });

  test("needs no time when there is nothing to wait for", async () => {
    expect(await withAB(silent).stop()).toBe(0);
  });

  test("does not start a process again whose exit throws, and sends no last words", async () => {
    const kernel = withA();
    const sour = program(() => undefined, { exit: () => Promise.reject(new Error("sour")) });
    kernel.add(B, sour, { onExit: "Restart" });
    kernel.add(C, sour, { onExit: { Requests: [{ target: A, body: "bye" }] } });
    await kernel.stop();
    await kernel.advance(60_000);
    const told = kernel.events.map(({ type }) => type);
    expect(told.filter((type) => type === "process-crashed")).toHaveLength(2);
    expect([told.includes("process-restarting"), kernel.a.all]).toEqual([false, []]);
  });

  test("does not bring back a process that waited to be started again", async () => {
    const starts: number[] = [];
    const kernel = startKernel();
    kernel.add(
      B,
      program(() => undefined, { init: () => Promise.reject(new Error(`start ${starts.push(1)}`)) }),
      { onExit: "Restart" },
    );
    await kernel.advance(1_000); // its next back-off is 800 ms
    const before = starts.length;
    await kernel.stop();
    await kernel.advance(60_000);
    expect(starts).toHaveLength(before);
  });

  test("tells who still waits for an answer that the other is Offline", async () => {
    const kernel = withAB(silent);
    const asked = thrownBy(() => ask(kernel.a.host, B, 1, { expects: 60 }));
    await kernel.stop();
    expect(await asked).toMatchObject({ kind: "Offline" });
  });

  test("lets an exit ask processes that were started before it", async () => {
    const answers: unknown[] = [];
    const kernel = withA();
    const b = new Recorder();
    b.onMessage = (_, host) => host.respond({ body: "kept" });
    kernel.add(B, b.program, { public: true });
    const c = new Recorder();
    kernel.add(C, {
      start: (host) => ({
        ...c.program.start(host),
        exit: async () => void answers.push((await ask(host, B, "keep it")).body),
      }),
    });
    await kernel.stop();
    expect(answers).toEqual(["kept"]);
  });

  test("called again waits for the same end", async () => {
    const gate = new Gate();
    let exits = 0;
    const { node } = startKernel();
    node.onStop(() => {
      exits++;
      return gate.passed;
    });
    const ends = [node.stop(), node.stop()];
    gate.open();
    expect(ends[0]).toBe(ends[1]);
    await settle();
    expect(exits).toBe(1);
  });
});
