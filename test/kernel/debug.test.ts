/** What people ask the kernel: the tree, capabilities, logs, crashes, dead letters (PROTOCOL.md §15); all bounded. */
import { describe, expect, test } from "@jest/globals";
import { shown } from "../../kernel/shown.ts";
import { MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, type Cast, KERNEL, withA } from "../support/cast.ts";
import { type FamilyTest, member, startFamily } from "../support/family.ts";
import { ask, program, settle, silent, type TestKernelOptions, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

type Commander = Cast & { query(Debug: unknown): Promise<unknown> };

/** What `{ Debug }` is answered with, without the word Debug. */
function commander(options: TestKernelOptions = {}): Commander {
  const cast = withA({ requestCapabilities: [KERNEL] }, options);
  return { ...cast, query: (Debug) => queryBy(cast.a, Debug) };
}

async function queryBy({ host }: Recorder, Debug: unknown): Promise<unknown> {
  return ((await ask(host, KERNEL, { Debug })).body as { Debug: unknown }).Debug;
}

async function queryFamily(family: FamilyTest, Debug: unknown): Promise<unknown> {
  const person = new Recorder();
  family.add(B, person.program, { requestCapabilities: [KERNEL] });
  return queryBy(person, Debug);
}

describe("ProcessMap", () => {
  test("tells of each its parent, children, mailbox, restarts, age and what it was given", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one", onExit: "Restart" }, { name: "two" }] });
    await family.order("one", { does: "throw" });
    await family.advance(1_500);
    await family.order("two", {});
    await family.order("two", {});
    expect(await queryFamily(family, "ProcessMap")).toMatchObject({
      ProcessMap: {
        [A]: { parent: null, children: 2, restarts: 0, incarnation: 1, uptime_ms: 1_500, handled: 1 },
        [member("one")]: { parent: A, children: 0, restarts: 1, incarnation: 2, uptime_ms: 1_490, handled: 0 },
        [member("two")]: { handled: 2, waiting: 0, capacity: 4_096, placement: "inline", state: "running" },
      },
    });
  });

  test("says null for the age of one that waits to be restarted", async () => {
    const family = startFamily({}, "Restart");
    await family.order("a", { does: "throw" });
    expect(await queryFamily(family, { Process: A })).toMatchObject({ Process: { state: "backoff", uptime_ms: null } });
  });

  test("counts what one was given over a thousand messages", async () => {
    const { a, query } = commander();
    for (let n = 0; n < 1_500; n++) tell(a.host, A, n);
    await settle();
    expect(await query({ Process: A })).toMatchObject({ Process: { handled: 1_500 } });
  });
});

describe("Tree", () => {
  test("stands on the kernel: each under its parent, in the order of their start", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one", onExit: "Restart" }, { name: "two" }] });
    await family.order("one", { spawn: [{ name: "one-one" }, { name: "free", lifetime: "node" }] });
    await family.order("one", { does: "throw" });
    const leaf = (process: string, state = "running"): unknown => ({ process, state, children: [] });
    expect(await queryFamily(family, "Tree")).toEqual({
      Tree: {
        process: KERNEL,
        state: "running",
        children: [
          { process: A, state: "running", children: [leaf(member("one"), "backoff"), leaf(member("two"))] },
          leaf(member("free")),
          leaf(B),
        ],
      },
    });
  });

  test("of more than ten thousand says how many it leaves out, and so does ProcessMap", async () => {
    const { add, query } = commander();
    for (let n = 0; n < 10_000; n++) add(`p${n}:p:k`, silent);
    expect(await query("Tree")).toMatchObject({ more: 2 });
    expect(await query("ProcessMap")).toMatchObject({ more: 2 });
  });
});

describe("Routes", () => {
  test("tells who has sent requests to whom, once each, over changes of who is there, and of none that is gone", async () => {
    const { a, add, query, node } = commander();
    const b = new Recorder();
    add(B, b.program, { public: true });
    for (let n = 0; n < 3; n++) tell(a.host, B, n);
    tell(b.host, A, "back");
    expect(await query("Routes")).toEqual({ Routes: { [A]: [B, KERNEL], [B]: [A] } });
    add(C, silent, { public: true }); // a new epoch: what the bus remembered begins anew
    tell(a.host, C, "hello");
    tell(a.host, "nobody:p:k", "hello");
    tell(a.host, "kernel:distro:sys", "Nothing");
    await settle();
    expect(await query("Routes")).toEqual({ Routes: { [A]: [B, KERNEL, C], [B]: [A] } });
    node.kernel.registry.get(ProcessId.parse(C))?.kill();
    await settle();
    expect(await query("Routes")).toEqual({ Routes: { [A]: [B, KERNEL], [B]: [A] } });
  });

  test("has the newest 256 of each, and says how many of all it leaves out", async () => {
    const { a, add, query } = commander();
    for (let n = 0; n < 300; n++) {
      add(`p${n}:p:k`, silent, { public: true });
      tell(a.host, `p${n}:p:k`, n);
    }
    const { Routes } = (await query("Routes")) as { Routes: Record<string, readonly string[]> };
    expect(Routes[A]).toEqual([...Array.from({ length: 255 }, (_, n) => `p${n + 45}:p:k`), KERNEL]);
    for (let m = 0; m < 40; m++) {
      const sender = new Recorder();
      add(`s${m}:s:k`, sender.program);
      for (let n = 0; n < 256; n++) tell(sender.host, `p${n}:p:k`, n);
    }
    const all = (await query("Routes")) as { Routes: Record<string, readonly string[]>; more: number };
    const shownOf = Object.values(all.Routes).reduce((sum, targets) => sum + targets.length, 0);
    expect([shownOf, all.more]).toEqual([10_000, 256 + 40 * 256 - 10_000]);
  });
});

describe("Capabilities", () => {
  test("tells what one holds, and what it issued that others hold", async () => {
    const { add, query } = commander();
    add(B, silent, { requestCapabilities: [A], grantCapabilities: [{ process: A, params: { root: true } }] });
    expect(await query({ Capabilities: B })).toEqual({
      Capabilities: {
        held: [{ issuer: `alice.os@${A}`, params: MESSAGING }],
        granted: [{ to: A, params: '{"root":true}' }],
      },
    });
    expect(await query({ Capabilities: C })).toEqual({ Capabilities: null });
  });

  test("says how many it leaves out", async () => {
    const { add, query } = commander();
    const requestCapabilities = Array.from({ length: 1_003 }, (_, n) => `p${n}:p:k`);
    add(B, silent, { requestCapabilities });
    expect(await query({ Capabilities: B })).toMatchObject({ Capabilities: { more: 3 } });
  });
});

type Page = { next: number; missed: number; lines: readonly { number: number; text: string }[] };

describe("Logs", () => {
  const logsOf = async (kernel: Commander, argument: object = {}): Promise<Page> =>
    ((await kernel.query({ Logs: argument })) as { Logs: Page }).Logs;
  const says = (kernel: Commander, ...lines: string[]): void => {
    for (const line of lines) kernel.a.host?.log(line);
  };

  test("has the newest lines, numbered", async () => {
    const kernel = commander();
    says(kernel, "one", "two", "three");
    const line = (number: number, text: string): unknown => ({
      number,
      at: kernel.clock.now(),
      process: A,
      kind: "log",
      text,
    });
    expect(await logsOf(kernel, { limit: 2 })).toEqual({
      next: 3,
      missed: 0,
      lines: [line(2, "two"), line(3, "three")],
    });
    expect(await kernel.query("Logs")).toMatchObject({ Logs: { next: 3 } });
  });

  test("gives a follower every line once, however few at a time", async () => {
    const kernel = commander();
    const seen: string[] = [];
    let since = 0;
    for (const lines of [["a", "b", "c"], [], ["d"], ["e", "f", "g", "h"]]) {
      says(kernel, ...lines);
      const page = await logsOf(kernel, { since, limit: 2 });
      seen.push(...page.lines.map(({ text }) => text));
      since = page.next;
    }
    for (;;) {
      const page = await logsOf(kernel, { since, limit: 2 });
      if (page.lines.length === 0) break;
      seen.push(...page.lines.map(({ text }) => text));
      since = page.next;
    }
    expect(seen.join("")).toBe("abcdefgh");
  });

  test("of one process passes over the others' lines, and over none of its own", async () => {
    const kernel = commander();
    const b = new Recorder();
    kernel.add(B, b.program);
    says(kernel, "a1");
    b.host?.log("b1");
    says(kernel, "a2", "a3");
    const page = await logsOf(kernel, { process: A, since: 0, limit: 2 });
    expect([page.lines.map(({ text }) => text), page.next]).toEqual([["a1", "a2"], 3]);
    expect((await logsOf(kernel, { process: B, since: 0 })).lines).toMatchObject([{ number: 2, text: "b1" }]);
  });

  test("keeps limits.logLines, cuts long ones, and says how many a slow follower has missed", async () => {
    const kernel = commander({ limits: { logLines: 2, logLineChars: 80 } });
    says(kernel, "one", "two", "three", "x".repeat(100));
    const page = await logsOf(kernel, { since: 1 });
    expect([page.missed, page.lines.map(({ text }) => text)]).toEqual([1, ["three", `${"x".repeat(80)}…`]]);
  });

  test("has the kernel's own words about ends", async () => {
    const kernel = commander();
    const throws = program(({ body }) => {
      throw new Error(String(body));
    });
    kernel.add(B, throws, { public: true, onExit: "Restart", restart: { max: 1, seconds: 60 } });
    for (let crash = 0; crash < 2; crash++) {
      tell(kernel.a.host, B, "told to");
      await kernel.advance(100);
    }
    expect((await logsOf(kernel)).lines).toMatchObject([
      { process: B, kind: "crash", text: expect.stringContaining("Error: told to") },
      { kind: "restart", text: "is restarted in 0 ms" },
      { kind: "crash" },
      { kind: "gave_up", text: "is given up after 1 restarts" },
    ]);
  });
});

describe("Crashes", () => {
  test("can be asked of one process, and of how many", async () => {
    const kernel = commander();
    for (const id of [B, C]) {
      const throws = program(() => Promise.reject(new Error("told to")));
      kernel.add(id, throws, { public: true, onExit: "Restart" });
    }
    for (const id of [B, C, B]) {
      tell(kernel.a.host, id, 1);
      await kernel.advance(500);
    }
    const of = async (argument: object): Promise<unknown> => {
      const { Crashes } = (await kernel.query({ Crashes: argument })) as {
        Crashes: { process: string; incarnation: number }[];
      };
      return Crashes.map(({ process, incarnation }) => `${process === B ? "B" : "C"}${incarnation}`).join(" ");
    };
    expect([await of({}), await of({ process: B }), await of({ limit: 2 })]).toEqual(["B1 C1 B2", "B1 B2", "C1 B2"]);
  });
});

describe("DeadLetters", () => {
  test("go on from a number, of one process, with bodies cut to a page", async () => {
    const kernel = commander();
    for (const body of ["x".repeat(1_000), 2, 3]) tell(kernel.a.host, "no:such:process", body);
    const b = new Recorder();
    kernel.add(B, b.program);
    tell(b.host, C, "of B");
    const of = async (argument: object): Promise<unknown> =>
      ((await kernel.query({ DeadLetters: argument })) as { DeadLetters: unknown }).DeadLetters;
    expect(await of({ since: 1, limit: 1 })).toMatchObject({
      counts: { offline: 4 },
      next: 2,
      missed: 0,
      last: [{ number: 2, body: 2 }],
    });
    expect(await of({ process: B })).toMatchObject({ next: 4, last: [{ number: 4, target: `alice.os@${C}` }] });
    expect(await of({ since: 0, limit: 1 })).toMatchObject({ last: [{ body: `${"x".repeat(500)}…` }] });
  });
});

test.each<[unknown, unknown]>([
  [undefined, null],
  [10n, "10"],
  [new Uint8Array(9), "9 bytes"],
  [{ a: { b: { c: { d: { e: 1 } } } } }, { a: { b: { c: { d: "…" } } } }],
  [Array.from({ length: 30 }, (_, n) => n), [...Array.from({ length: 20 }, (_, n) => n), "…"]],
])("shown() of %p is JSON-shaped and short", (value, expected) => {
  expect(shown(value)).toEqual(expected);
});

test("shown() leaves out what an object has beyond twenty fields, and goes round no circle", () => {
  const wide = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}`, n]));
  expect(Object.keys(shown(wide) as object)).toHaveLength(21);
  const round: { self?: unknown } = {};
  round.self = round;
  expect(JSON.stringify(shown(round))).toBe('{"self":{"self":{"self":{"self":"…"}}}}');
});
