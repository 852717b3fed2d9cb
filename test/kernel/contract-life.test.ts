/** Contract kinode §10, "Kernel", cases 33 to 40: ends, restarts and spawning. Neighbours have no number. */
import { describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../lib/process/index.ts";
import { capability, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { memoryStore } from "../../processes/state/store.ts";
import { A, B, C, KERNEL, withA } from "../support/cast.ts";
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

/** Throws when it is told to. */
const fragile: Handle = ({ body }) => {
  if (body === "throw") throw new Error("told to");
};

describe("on_exit", () => {
  test("case 33: None removes a process that throws, takes what it issued from others, and keeps a crash record", async () => {
    const cast = withA({ requestCapabilities: [KERNEL] });
    const issued = capability(`alice.os@${B}`, '{"read":true}');
    cast.add(B, program(fragile), { public: true, grantCapabilities: [A, { process: A, params: { read: true } }] });
    const capabilities = started(cast.a.host).capabilities;
    expect([capabilities.has(issued), capabilities.has({ ...issued, params: MESSAGING })]).toEqual([true, true]);
    tell(cast.a.host, B, "throw");
    await settle();
    expect(stateOf(cast, B)).toBeUndefined();
    expect(capabilities.list().filter(({ issuer }) => issuer === issued.issuer)).toEqual([]);
    const { body } = await ask(cast.a.host, KERNEL, { Debug: "Crashes" });
    expect(body).toMatchObject({
      Debug: {
        Crashes: [
          {
            process: B,
            incarnation: 1,
            error: "Error: told to",
            message: { kind: "request", source: `alice.os@${A}` },
          },
        ],
      },
    });
  });

  test("case 34: Restart brings a process that throws after 10 s back at once, with its state and what waited", async () => {
    const heard: unknown[] = [];
    const counter = defineProcess<number>({
      init: async (ctx) => (await ctx.getState<number>()) ?? 0,
      async onRequest(count, { body }, ctx) {
        if (body === "throw") throw new Error("told to");
        await ctx.setState(count + 1);
        heard.push([body, count + 1]);
        return count + 1;
      },
    });
    const { a, add, advance, clock, events, node } = withA();
    node.addSystemProcess({
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(memoryStore()),
      public: true,
      trusted: true,
    });
    add(B, counter, { public: true, onExit: "Restart", requestCapabilities: ["state:distro:sys"] });
    await settle();
    tell(a.host, B, "before");
    await advance(10_000);
    tell(a.host, B, "throw", { expects: 30 });
    tell(a.host, B, "waiting");
    await settle();
    expect(events).toContainEqual({ type: "process-restarting", process: B, delayMs: 0 });
    clock.advance(10); // a tick of the wheel
    await settle();
    expect(heard).toEqual([
      ["before", 1],
      ["waiting", 2],
    ]);
    expect(a.all).toMatchObject([{ kind: "error", error: "Offline", body: "throw" }]);
    expect(node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", body: "throw" }]);
  });

  test("Restart gives a process up, loudly, that crashes nine times within a minute", async () => {
    const { add, advance, events } = startKernel();
    add(
      B,
      program(() => undefined, { init: () => Promise.reject(new Error("never starts")) }),
      { onExit: "Restart" },
    );
    await advance(30_000);
    const told = events.filter((event) => "process" in event && event.process === B).map(({ type }) => type);
    expect(told.filter((type) => type === "process-started")).toHaveLength(9);
    expect(told.slice(-2)).toEqual(["process-gave-up", "process-gone"]);
    expect(events).toContainEqual({ type: "process-gave-up", process: B, restarts: 8 });
    expect(events).toContainEqual({ type: "process-gone", process: B, why: "crash" });
  });

  test("case 36: Restart does not apply to a process that was killed", async () => {
    const cast = withA({ requestCapabilities: [KERNEL] });
    cast.add(B, silent, { onExit: "Restart" });
    expect((await ask(cast.a.host, KERNEL, { KillProcess: B })).body).toEqual({ KilledProcess: B });
    await cast.advance(60_000);
    expect(stateOf(cast, B)).toBeUndefined();
  });

  test.each<[string, Handle]>([
    ["throws", fragile],
    ["exits", (_, host) => host.exit()],
  ])("case 37: Requests are sent from the address of a process that %s, and want no answer", async (_, handle) => {
    const { a, add } = withA();
    add(B, program(handle), { public: true, onExit: { Requests: [{ target: A, body: "bye" }] } });
    tell(a.host, B, "throw");
    await settle();
    expect(a.all).toMatchObject([{ kind: "request", source: `alice.os@${B}`, body: "bye", envelope: { rsvp: null } }]);
  });

  test("Requests are not sent for a process that was killed", async () => {
    const { a, add, node } = withA();
    add(B, silent, { onExit: { Requests: [{ target: A, body: "bye" }] } }).kill();
    await settle();
    expect([a.all, node.kernel.deadLetters.total]).toEqual([[], 0]);
  });

  test("Requests go where the dead process could send, and nowhere else", async () => {
    const { a, add, node } = withA();
    const c = new Recorder();
    add(C, c.program);
    add(B, program(fragile), { public: true, onExit: { Requests: [{ target: C, body: "bye" }] } });
    tell(a.host, B, "throw");
    await settle();
    expect(c.all).toEqual([]);
    expect(node.kernel.deadLetters.last()).toContainEqual(expect.objectContaining({ reason: "denied", body: "bye" }));
  });
});

describe("spawn()", () => {
  test("case 39: without a name gives a decimal u64 as name", async () => {
    const { a } = withA();
    const id = await started(a.host).spawn({ program: silent });
    expect(id.process).toMatch(/^(0|[1-9]\d{0,19})$/);
    expect(BigInt(id.process)).toBeLessThan(2n ** 64n);
    expect([id.package, id.publisher]).toEqual(["a-package", "template.os"]);
  });

  test("refuses a name that is taken, and the process that has it goes on", async () => {
    const { a } = withA();
    const child = new Recorder();
    const id = await started(a.host).spawn({ name: "child", program: child.program });
    expect(await thrownBy(() => started(a.host).spawn({ name: "child", program: silent }))).toMatchObject({
      name: "SpawnError",
      code: "NameTaken",
      message: `Cannot start process "${id.text}" as a process of that name exists: choose another, or kill it first`,
    });
    tell(a.host, id.text, "still here");
    expect((await child.next()).body).toBe("still here");
  });

  test("case 40: parent and child message each other without other capabilities", async () => {
    const { a } = withA();
    const child = new Recorder();
    const id = await started(a.host).spawn({ program: child.program });
    tell(a.host, id.text, "down");
    tell(child.host, A, "up");
    await settle();
    expect([child.all.map(({ body }) => body), a.all.map(({ body }) => body)]).toEqual([["down"], ["up"]]);
    const held = (host: typeof a.host, of: string): boolean =>
      started(host).capabilities.has(capability(`alice.os@${of}`, MESSAGING));
    expect([held(a.host, id.text), held(child.host, A)]).toEqual([true, true]);
  });

  test("passes on what the parent issues or holds, and leaves out what it does not", async () => {
    const { a, add } = withA({ requestCapabilities: [B] });
    for (const id of [B, C]) add(id, silent);
    const child = new Recorder();
    await started(a.host).spawn({
      program: child.program,
      requestCapabilities: [B, C, { process: A, params: "mine" }],
      grantCapabilities: [B],
    });
    const issuers = started(child.host)
      .capabilities.list()
      .map(({ issuer, params }) => `${issuer} ${params}`);
    expect(issuers.sort()).toEqual([`alice.os@${A} "messaging"`, `alice.os@${A} "mine"`, `alice.os@${B} "messaging"`]);
  });
});
