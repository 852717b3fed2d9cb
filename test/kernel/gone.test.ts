/** DESIGN §3.3 and §3.6: a process that ends for good, and who hears of it. */
import { describe, expect, test } from "@jest/globals";
import { capability, Envelope, ProcessId, type Program } from "../../lib/protocol/index.ts";
import { A, B, C, KERNEL, withA, withAB } from "../support/cast.ts";
import {
  ask,
  type Handle,
  program,
  settle,
  silent,
  started,
  startKernel,
  stateOf,
  tell,
  thrownBy,
} from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("a process that is gone for good", () => {
  const ends: [string, (kernel: ReturnType<typeof withA>) => void][] = [
    ["throws", ({ a }) => tell(a.host, B, "throw")],
    ["exits", ({ a }) => tell(a.host, B, "exit")],
    ["is killed", ({ node }) => node.kernel.registry.get(ProcessId.parse(B))?.kill()],
  ];
  const mortal: Handle = ({ body }, host) => {
    if (body === "throw") throw new Error("told to");
    if (body === "exit") host.exit();
    if (body === "hang") return new Promise(() => undefined);
    return undefined;
  };

  test.each(ends)("because it %s: all who wait for its answer are told Offline at once", async (_, end) => {
    const kernel = withAB(program(mortal));
    const c = new Recorder();
    kernel.add(C, c.program);
    tell(kernel.a.host, B, "handled, not answered", { expects: 60 });
    const called = thrownBy(() => ask(c.host, B, "called", { expects: 60 }));
    await settle();
    end(kernel);
    await settle();
    expect(kernel.a.all).toMatchObject([{ error: "Offline", body: "handled, not answered" }]);
    expect(await called).toMatchObject({ kind: "Offline", body: "called" });
    tell(kernel.a.host, B, "after", { expects: 60 });
    await settle();
    expect(kernel.a.all[1]).toMatchObject({ error: "Offline", body: "after" });
    expect(kernel.clock.monotonic()).toBe(0);
  });

  test("so are those whose requests wait in its mailbox; what expects nothing is a dead letter there", async () => {
    const { a, node } = withAB(program(mortal));
    tell(a.host, B, "hang");
    tell(a.host, B, "waits", { expects: 60 });
    tell(a.host, B, "waits too");
    await settle();
    node.kernel.registry.get(ProcessId.parse(B))?.kill();
    await settle();
    expect(a.all.map(({ error, body }) => [error, body])).toEqual([["Offline", "waits"]]);
    expect(node.kernel.deadLetters.last().map(({ reason, body }) => [reason, body])).toEqual([
      ["crashed", "hang"],
      ["exited", "waits too"],
    ]);
  });

  test("so is the first requester when it is the one to whom its request was passed on", async () => {
    const forward = program((_, host) => tell(host, C, "passed on", { inherit: true }));
    const { a, add } = withAB(forward);
    const c = add(C, silent, { public: true });
    tell(a.host, B, "hi", { expects: 60, context: "a's" });
    await settle();
    expect(a.all).toEqual([]);
    c.kill();
    await settle();
    expect(a.all).toMatchObject([{ kind: "error", error: "Offline", body: "hi", context: "a's" }]);
  });

  test("and not when it only passed it on", async () => {
    const forward = program((_, host) => tell(host, C, "passed on", { inherit: true }));
    const { a, add, node } = withAB(forward);
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, "hi", { expects: 60 });
    await settle();
    node.kernel.registry.get(ProcessId.parse(B))?.kill();
    c.host?.respond({ body: "from c" }, c.all[0]?.envelope);
    await settle();
    expect(a.all.map(({ kind, body }) => [kind, body])).toEqual([["response", "from c"]]);
  });

  test.each([
    ["nobody", "no:such:process", "Offline"],
    ["one it may not message", C, "Denied"],
  ])("a request passed on to %s ends so for the first requester", async (_, to, error) => {
    const forward = program((_message, host) => tell(host, to, "passed on", { inherit: true }));
    const { a, add } = withAB(forward);
    add(C, silent);
    tell(a.host, B, "hi", { expects: 60 });
    await settle();
    expect(a.all.map((message) => message.error)).toEqual([error]);
  });

  test("frees its name for another, who inherits nothing of it", async () => {
    const kernel = withA({ requestCapabilities: [KERNEL] });
    const options = { requestCapabilities: [C], grantCapabilities: [A] };
    kernel.add(B, silent, options).kill();
    const again = new Recorder();
    kernel.add(B, again.program);
    expect(started(again.host).capabilities.list()).toEqual([]);
    expect(started(kernel.a.host).capabilities.has(capability(`alice.os@${B}`, '"messaging"'))).toBe(false);
    tell(kernel.a.host, B, "hi", { expects: 1 });
    await settle();
    expect(kernel.a.all.map(({ error }) => error)).toEqual(["Denied"]);
  });

  test("is not called again, whatever its promise does later", async () => {
    const { a, add, node } = withA();
    let fail: (reason: Error) => void = () => undefined;
    const b = add(
      B,
      program(
        () =>
          new Promise((_, reject) => {
            fail = reject;
          }),
      ),
      { public: true, onExit: "Restart" },
    );
    tell(a.host, B, "hi");
    await settle();
    b.kill();
    fail(new Error("too late to matter"));
    await settle();
    expect([
      b.state,
      b.post(new Envelope("request", b.address, b.address, 1, null)),
      node.kernel.crashes.total,
    ]).toEqual(["gone", false, 0]);
  });
});

describe("a process that is killed from within its own handler", () => {
  test.each(["then returns", "then throws", "then rejects"])(
    "and %s is gone, without last words or another end",
    async (then) => {
      const { a, add, node, events } = withA();
      const suicidal = program(() => {
        node.kernel.registry.get(ProcessId.parse(B))?.kill();
        if (then === "then throws") throw new Error("after its end");
        return then === "then rejects" ? Promise.reject(new Error("after its end")) : undefined;
      });
      add(B, suicidal, { public: true, onExit: { Requests: [{ target: A, body: "bye" }] } });
      tell(a.host, B, 1, { expects: 60 });
      tell(a.host, B, 2, { expects: 60 });
      await settle();
      expect(a.all.map(({ error, body }) => [error, body]).sort()).toEqual([
        ["Offline", 1],
        ["Offline", 2],
      ]);
      expect(events.filter(({ type }) => type === "process-gone")).toHaveLength(1);
    },
  );
});

describe("exit()", () => {
  test("is not forgotten when all that waited was a cancelled timer", async () => {
    const kernel = withA();
    const host = started(kernel.a.host);
    const timer = host.after(10, null);
    kernel.clock.advance(10); // due: it waits for its turn
    timer.cancel();
    host.exit();
    await settle();
    expect(stateOf(kernel, A)).toBeUndefined();
  });

  test("ends the process after the message in hand, its exit first; its on_exit applies", async () => {
    const log: unknown[] = [];
    const { a, add, advance } = withA();
    const leaving = program(
      ({ body }, host) => {
        host.exit();
        log.push(body);
      },
      { exit: async () => void log.push("exit") },
    );
    add(B, leaving, { public: true, onExit: "Restart" });
    for (const n of [1, 2]) tell(a.host, B, n);
    await settle();
    expect(log).toEqual([1, "exit"]);
    await advance(10);
    expect(log).toEqual([1, "exit", 2, "exit"]);
  });

  test("outside a handler ends it at once; a throw of its farewell is a crash record, not another end", async () => {
    const { a, node, events } = withAB(silent);
    const farewell: Program = {
      start: (host) => ({ ...a.program.start(host), exit: () => Promise.reject(new Error("sour")) }),
    };
    node.addProcess(ProcessId.parse(C), farewell);
    a.host?.exit();
    await settle();
    expect(events.slice(-2)).toMatchObject([
      { type: "process-crashed", report: { process: C, error: "Error: sour" } },
      { type: "process-gone", process: C, why: "exit" },
    ]);
  });

  test("in init ends it once init is through", async () => {
    const kernel = startKernel();
    kernel.add(B, { start: (host) => ({ init: () => host.exit(), handle: () => undefined }) });
    await settle();
    expect(stateOf(kernel, B)).toBeUndefined();
  });
});
