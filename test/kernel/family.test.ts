/** Parents and children: what ends with whom, and in what order (docs/adr/0018). */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type SpawnOptions } from "../../lib/protocol/index.ts";
import { A, B, withA } from "../support/cast.ts";
import { type FamilyTest, member, startFamily } from "../support/family.ts";
import { settle, silent, started, startKernel, stateOf, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

/** A's children one, two, three; two has two of its own. */
async function grown(...args: Parameters<typeof startFamily>): Promise<FamilyTest> {
  const family = startFamily(...args);
  await family.order("a", { spawn: [{ name: "one" }, { name: "two" }, { name: "three" }] });
  await family.order("two", { spawn: [{ name: "two-one" }, { name: "two-two" }] });
  family.log.length = 0;
  return family;
}

const REVERSED = ["bye three", "bye two-two", "bye two-one", "bye two", "bye one"];

describe("a parent that ends for good", () => {
  test.each(["exit", "throw"] as const)(
    "by %s stops its children in the reverse order of their start, depth first",
    async (does) => {
      const family = await grown();
      await family.order("a", { does });
      await settle();
      expect(family.log).toEqual(does === "exit" ? ["bye a", ...REVERSED] : REVERSED);
      expect(family.node.kernel.registry.size).toBe(1); // the kernel's own
    },
  );

  test("by a kill does too", async () => {
    const family = await grown();
    family.kill("a");
    await settle();
    expect(family.log).toEqual(REVERSED);
    const gone = family.events.filter(({ type }) => type === "process-gone");
    expect(gone).toMatchObject([{ process: A, why: "kill" }, ...[3, 2, 1, 2, 1].map(() => ({ why: "parent" }))]);
  });

  test("kills those that take longer than limits.farewell, which all share", async () => {
    const family = await grown({ limits: { farewell: 1_000 } });
    for (const name of ["three", "two-one", "one"]) family.stubborn.add(name);
    family.kill("a");
    await family.advance(990);
    expect(family.log).toEqual(["bye three"]);
    await family.advance(100);
    expect(family.log).toEqual(REVERSED); // asked all the same
    expect(family.node.kernel.registry.size).toBe(1);
  });

  test("loses no time with many that hang: what is left after limits.farewell ends at once", async () => {
    const family = startFamily({ limits: { farewell: 100 } });
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    await family.order("a", { spawn: names.map((name) => ({ name })) });
    for (const name of names) family.stubborn.add(name);
    family.kill("a");
    await family.advance(120);
    expect(family.node.kernel.registry.size).toBe(1);
    expect(family.log.filter((line) => line.startsWith("bye"))).toHaveLength(50);
  });

  test("stops one that waits to be restarted, and one in its init", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one", onExit: "Restart" }] });
    await family.order("one", { does: "throw" });
    expect(family.state("one")).toBe("backoff");
    family.kill("a");
    await family.advance(100);
    expect(family.state("one")).toBeUndefined();
    expect(family.log).toEqual(["start a", "start one"]);
  });

  test("stops one whose on_exit is Restart for good", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one", onExit: "Restart" }] });
    await family.order("a", { does: "exit" });
    await family.advance(1_000);
    expect(family.state("one")).toBeUndefined();
  });
});

describe("a parent that is restarted", () => {
  test("begins anew when the children of the incarnation before are gone, and may spawn the same names", async () => {
    const family = await grown({ limits: { farewell: 1_000 } }, "Restart");
    family.stubborn.add("two");
    await family.order("a", { does: "throw" });
    await family.advance(900);
    expect([family.state("a"), family.log.at(-1)]).toEqual(["backoff", "bye two"]);
    await family.advance(200);
    expect([family.state("a"), family.log.slice(-2)]).toEqual(["running", ["bye one", "start a"]]);
    await family.order("a", { spawn: [{ name: "one" }] });
    expect(family.state("one")).toBe("running");
  });

  test('keeps children of lifetime "parent", until it is gone itself', async () => {
    const family = startFamily({}, "Restart");
    await family.order("a", { spawn: [{ name: "kept", lifetime: "parent" }, { name: "not" }] });
    await family.order("a", { does: "throw" });
    await family.advance(10);
    expect([family.state("a"), family.state("kept"), family.state("not")]).toEqual(["running", "running", undefined]);
    family.kill("a");
    await settle();
    expect(family.state("kept")).toBeUndefined();
  });

  test('has no child of lifetime "node": that one ends with nobody', async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "free", lifetime: "node" }] });
    family.kill("a");
    await family.advance(10_000);
    expect(family.state("free")).toBe("running");
  });

  test("and killed while it waits for its children does not come back", async () => {
    const family = await grown({ limits: { farewell: 1_000 } }, "Restart");
    family.stubborn.add("two");
    await family.order("a", { does: "throw" });
    family.kill("a");
    await family.advance(2_000);
    expect([family.state("a"), family.node.kernel.registry.size]).toEqual([undefined, 1]);
  });
});

describe("stopChild()", () => {
  test("ends a child after its own children, and says how", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one" }] });
    await family.order("one", { spawn: [{ name: "one-one" }] });
    family.log.length = 0;
    expect(await family.ctx("a").stopChild(member("one"))).toBe("stopped");
    expect(family.log).toEqual(["bye one-one", "bye one"]);
    expect(family.events).toContainEqual({ type: "process-gone", process: member("one"), why: "stop" });
  });

  test("waits for the message in hand, and kills when the time is over", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one", onExit: "Restart" }] });
    await family.order("one", { does: "hang" });
    let ended: unknown;
    const stopping = family.ctx("a").stopChild(member("one"), { seconds: 2 });
    void stopping.then((how) => (ended = how));
    await family.advance(1_990);
    expect([ended, family.state("one")]).toEqual([undefined, "running"]);
    await family.advance(20);
    expect([ended, family.state("one")]).toEqual(["killed", undefined]);
  });

  test("reaches grandchildren, and takes one that is not there any more for gone", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one" }] });
    await family.order("one", { spawn: [{ name: "one-one" }] });
    expect(await family.ctx("a").stopChild(member("one-one"))).toBe("stopped");
    expect(await family.ctx("a").stopChild(member("one-one"))).toBe("gone");
    expect(await family.ctx("a").children()).toEqual([{ process: member("one"), state: "running", incarnation: 1 }]);
  });

  test.each([
    [
      B,
      5,
      "not_child",
      `Cannot stop "${B}" as it is no child of "${A}", nor of one of its children: ask its parent to do it`,
    ],
    [A, 5, "self", `Cannot stop "${A}" as it is the process itself: name another one`],
    [
      "bob.os@one:a-package:template.os",
      5,
      "not_local",
      'Cannot stop "bob.os@one:a-package:template.os" as it is on another node: only those of "alice.os" can be',
    ],
    [
      B,
      -1,
      "invalid_option",
      `Cannot stop "alice.os@${B}" as its seconds must be 0 to 86400: got -1, leave it out for 5`,
    ],
  ])("refuses %s within %i s with %s", async (process, seconds, code, message) => {
    const family = startFamily();
    family.add(B, silent, { public: true });
    expect(await thrownBy(() => family.ctx("a").stopChild(process, { seconds }))).toMatchObject({ code, message });
    expect(stateOf(family, B)).toBe("running");
  });
});

describe("a node that stops", () => {
  test("ends children before their parent, whoever started first", async () => {
    const family = await grown();
    await family.order("one", { spawn: [{ name: "one-one" }] }); // started last of all, and ends almost last
    family.log.length = 0;
    await family.stop();
    expect(family.log).toEqual([
      "bye three",
      "bye two-two",
      "bye two-one",
      "bye two",
      "bye one-one",
      "bye one",
      "bye a",
    ]);
  });
});

test("who is stopped by its parent and by the node at once says farewell once", async () => {
  const family = startFamily();
  await family.order("a", { spawn: [{ name: "one" }] });
  family.stubborn.add("one");
  void family.ctx("a").stopChild(member("one"));
  await settle();
  await family.stop();
  expect(family.log).toEqual(["start a", "start one", "bye one", "bye a"]);
});

test("children of one that crashes while the node drains have their farewell from the node", async () => {
  const family = startFamily();
  await family.order("a", { spawn: [{ name: "one" }, { name: "free", lifetime: "node" }] });
  await family.order("free", { does: "hang" }); // holds the drain up
  void family.stop();
  await settle();
  await family.order("a", { does: "throw" });
  expect(family.state("one")).toBe("running");
  await family.advance(20_000);
  expect(family.events).toContainEqual({ type: "process-gone", process: member("one"), why: "stop" });
});

describe("spawn()", () => {
  test("of a generation too many is refused: limits.familyDepth", async () => {
    const family = startFamily({ limits: { familyDepth: 2 } });
    await family.order("a", { spawn: [{ name: "one" }] });
    await family.order("one", { spawn: [{ name: "two" }] });
    await family.order("two", { spawn: [{ name: "free", lifetime: "node" }] });
    await family.order("two", { spawn: [{ name: "three" }] });
    expect([family.state("three"), family.state("free")]).toEqual([undefined, "running"]);
    expect(family.node.kernel.crashes.last()).toMatchObject([
      {
        error:
          'SpawnError: Cannot start process "three:a-package:template.os" as limits.familyDepth is 2 generations: spawn it from one further up, or with lifetime "node"',
      },
    ]);
  });

  test("refuses a lifetime that is none", async () => {
    const { a } = withA();
    const options = { name: "one", program: silent, lifetime: "ever" } as unknown as SpawnOptions;
    expect(await thrownBy(() => started(a.host).spawn(options))).toMatchObject({
      code: "invalid_option",
      message:
        'Cannot start process "one:a-package:template.os" as its lifetime must be one of incarnation, parent, node: got "ever", leave it out for incarnation',
    });
  });

  test("for an incarnation that ends while the file is read makes nobody", async () => {
    const folder = await mkdtemp(join(tmpdir(), "jackfield-family-"));
    await writeFile(join(folder, "late.mjs"), "export default { start: () => ({ handle() {} }) };");
    const { node } = startKernel();
    const parent = new Recorder();
    const process = node.kernel.register({ id: ProcessId.parse(A), program: parent.program, folder });
    process.run();
    const spawning = thrownBy(() => started(parent.host).spawn({ name: "late", file: "late.mjs" }));
    process.kill();
    expect(await spawning).toMatchObject({ code: "process_exited" });
    expect(node.kernel.registry.size).toBe(1);
    await rm(folder, { recursive: true });
  });
});

test("a parent goes on until its children are gone: they may ask it something while they are stopped", async () => {
  const { a } = withA();
  const answers: unknown[] = [];
  const child = defineProcess({
    async onExit(_, ctx) {
      const answer = await ctx.request(member("mid")).body("where to?").expectsResponse(5).sendAndAwaitResponse();
      answers.push(answer.body);
    },
  });
  const parent = defineProcess({
    init: async (ctx) => void (await ctx.spawn({ name: "child", program: child })),
    onRequest: (_, __, ctx) => ctx.respond("the shelf"),
  });
  await started(a.host).spawn({ name: "mid", program: parent });
  await settle();
  expect(await started(a.host).command({ StopChild: { process: member("mid") } })).toBe("stopped");
  expect(answers).toEqual(["the shelf"]);
});
