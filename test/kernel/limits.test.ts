/** Each limit of the kernel, at its bound and one past it; see DESIGN §3 and kernel/limits.ts. */
import { describe, expect, test } from "@jest/globals";
import { createNode, KERNEL_LIMITS, LimitError } from "../../kernel/index.ts";
import { kernelLimits } from "../../kernel/limits.ts";
import { type Envelope, ProcessId } from "../../lib/protocol/index.ts";
import { ask, request, settle, silent, started, startKernel, tell, thrownBy } from "../support/kernel.ts";
import { P, Q } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";

const names = Object.keys(KERNEL_LIMITS) as (keyof typeof KERNEL_LIMITS)[];

describe("KERNEL_LIMITS", () => {
  test.each(names)("%s has a default within its bounds, a unit and a reason", (name) => {
    const { value, min, max, unit, why } = KERNEL_LIMITS[name];
    expect(value).toBeGreaterThanOrEqual(min);
    expect(value).toBeLessThanOrEqual(max);
    expect([unit, why]).not.toContain("");
  });

  test.each(names)("%s is taken at both bounds and refused one past either", async (name) => {
    const { min, max, unit, value } = KERNEL_LIMITS[name];
    expect([kernelLimits({ [name]: min })[name], kernelLimits({ [name]: max })[name]]).toEqual([min, max]);
    for (const past of [min - 1, max + 1])
      expect(await thrownBy(() => kernelLimits({ [name]: past }))).toMatchObject({
        message: `Cannot set limit "${name}" as it must be ${min} to ${max} ${unit}: got ${past}, leave it out for ${value}`,
      });
  });

  test("a node refuses a limit that does not exist, and names those that do", async () => {
    expect(await thrownBy(() => createNode({ limits: { mailboxes: 1 } }))).toMatchObject({
      code: "invalid_option",
      message: `Cannot set limit "mailboxes" as there is none of that name: known are ${names.join(", ")}`,
    });
  });
});

test("a node refuses a name with other letters", async () => {
  expect(await thrownBy(() => createNode({ name: "Alice OS" }))).toMatchObject({
    name: "OptionError",
    message: 'Cannot start node "Alice OS" as a name has only the letters a-z 0-9 . - _: leave it out for "localhost"',
  });
  expect(createNode().name).toBe("localhost");
});

describe("limits.pendingRequests", () => {
  test("is how many answers one process may wait for; one more throws and changes nothing", async () => {
    const kernel = startKernel({ limits: { pendingRequests: 2 } });
    const asker = new Recorder();
    kernel.add(P, asker.program);
    kernel.add(Q, silent, { public: true });
    for (const body of [1, 2]) tell(asker.host, Q, body, { expects: 60 });
    const thrown = await thrownBy(() => tell(asker.host, Q, 3, { expects: 60 }));
    expect(thrown).toBeInstanceOf(LimitError);
    expect(thrown).toMatchObject({
      name: "LimitError",
      code: "limit_reached",
      message: `Cannot await one more answer in "alice.os@${P}" as limits.pendingRequests is 2 requests: end some first, or raise it`,
    });
    await kernel.advance(60_010);
    expect(asker.all.map(({ body, error }) => [body, error])).toEqual([
      [1, "Timeout"],
      [2, "Timeout"],
    ]);
    tell(asker.host, Q, 4, { expects: 1 }); // there is room again
  });
});

describe("limits.timers", () => {
  test("is how many timers one process may have; one more throws, an ended one makes room", async () => {
    const kernel = startKernel({ limits: { timers: 2 } });
    const recorder = new Recorder();
    kernel.add(P, recorder.program);
    const host = started(recorder.host);
    const first = host.after(1_000, "first");
    host.after(10, "second");
    expect(await thrownBy(() => host.after(1, "third"))).toMatchObject({
      message: `Cannot set a timer of "alice.os@${P}" as limits.timers is 2 timers: end some first, or raise it`,
    });
    first.cancel();
    host.after(10, "fourth");
    await kernel.advance(20);
    host.after(10, "fifth");
    await kernel.advance(2_000);
    expect(recorder.all.map(({ context }) => context)).toEqual(["second", "fourth", "fifth"]);
  });

  test.each([-1, Number.NaN, 2 ** 40 + 1, Number.POSITIVE_INFINITY])("a delay of %p is refused", async (ms) => {
    const recorder = new Recorder();
    startKernel().add(P, recorder.program);
    expect(await thrownBy(() => recorder.host?.after(ms, null))).toMatchObject({
      name: "OptionError",
      message: `Cannot set a timer as its delay must be 0 to ${2 ** 40} ms: got ${ms}`,
    });
  });
});

describe("limits.requestSeconds", () => {
  test.each([-1, 11, Number.NaN])("a wait of %p seconds is refused when it is 10", async (seconds) => {
    const asker = new Recorder();
    startKernel({ limits: { requestSeconds: 10 } }).add(P, asker.program);
    expect(await thrownBy(() => tell(asker.host, Q, 1, { expects: seconds }))).toMatchObject({
      name: "OptionError",
      message: `Cannot send to "alice.os@${Q}" as expectsResponse must be 0 to 10 seconds: got ${seconds}`,
    });
  });

  test.each([0, 10])("a wait of %i seconds ends in Timeout, within a tick", async (seconds) => {
    const kernel = startKernel({ limits: { requestSeconds: 10 } });
    const asker = new Recorder();
    kernel.add(P, asker.program);
    kernel.add(Q, silent, { public: true });
    tell(asker.host, Q, 1, { expects: seconds });
    await kernel.advance(seconds * 1_000 + 10);
    expect(asker.all.map(({ error }) => error)).toEqual(["Timeout"]);
  });
});

describe("limits.mailbox", () => {
  test("is how many wait before a process; one more is Overloaded, or a dead letter", async () => {
    const kernel = startKernel({ limits: { mailbox: 2 } });
    const asker = new Recorder();
    kernel.add(P, asker.program);
    const target = kernel.add(Q, silent, { public: true });
    for (const body of [1, 2]) tell(asker.host, Q, body); // no turn comes between
    tell(asker.host, Q, 3);
    expect((await thrownBy(() => ask(asker.host, Q, 4))) as Error).toMatchObject({ code: "Overloaded", body: 4 });
    expect(kernel.node.kernel.deadLetters.last().map(({ reason, body }) => [reason, body])).toEqual([
      ["overloaded", 3],
    ]);
    expect(target.mailbox.length).toBe(0); // the two were handled meanwhile
  });
});

describe("limits.processes", () => {
  test("is how many processes there may be; one more is refused and leaves no trace", async () => {
    const kernel = startKernel({ limits: { processes: 2 } }); // the kernel's own is one
    kernel.add(P, silent);
    expect(await thrownBy(() => kernel.add(Q, silent))).toMatchObject({
      name: "SpawnError",
      code: "TooManyProcesses",
      message: `Cannot start process "${Q}" as limits.processes is 2: end some first, or raise it`,
    });
    expect(kernel.node.kernel.registry.get(ProcessId.parse(Q))).toBeUndefined();
  });
});

test("a request that expects nothing cannot be awaited", async () => {
  const asker = new Recorder();
  startKernel().add(P, asker.program);
  const host = started(asker.host);
  const envelope: Envelope = request(host, Q, 1);
  expect(await thrownBy(() => host.call(envelope))).toMatchObject({
    message: `Cannot await an answer from "alice.os@${Q}" as the request expects none: set expectsResponse(seconds)`,
  });
  await settle();
});
