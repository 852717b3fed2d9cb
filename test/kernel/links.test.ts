/** Links: who ends when another crashes for good, and who does not (docs/adr/0018). */
import { describe, expect, test } from "@jest/globals";
import { A, B } from "../support/cast.ts";
import { type FamilyTest, member, startFamily } from "../support/family.ts";
import { program, settle, silent, thrownBy } from "../support/kernel.ts";

/** A with a child of each on_exit, linked. */
async function linked(onExit: "None" | "Restart" = "None", restart = { max: 2, seconds: 60 }): Promise<FamilyTest> {
  const family = startFamily({}, "Restart");
  await family.order("a", { spawn: [{ name: "one", onExit, restart }] });
  await family.ctx("a").link(member("one"));
  return family;
}

const endOf = ({ events }: FamilyTest, process: string): string | undefined =>
  events.flatMap((event) => (event.type === "process-gone" && event.process === process ? [event.why] : []))[0];

describe("a link", () => {
  test("ends the parent for good, whatever its on_exit, when the child crashes for good", async () => {
    const family = await linked();
    await family.order("one", { does: "throw" });
    await family.advance(1_000);
    expect([endOf(family, member("one")), endOf(family, A), family.state("a")]).toEqual(["crash", "link", undefined]);
  });

  test("ends nobody for a crash that is followed by a restart, and the parent when the child is given up", async () => {
    const family = await linked("Restart");
    for (const state of ["running", "running", undefined]) {
      await family.order("one", { does: "throw" });
      await family.advance(1_000);
      expect(family.state("a")).toBe(state);
    }
    expect(endOf(family, A)).toBe("link");
  });

  test("ends the parent when the child exits more often than it may be restarted", async () => {
    const family = await linked("Restart", { max: 0, seconds: 1 });
    await family.order("one", { does: "exit" });
    await settle();
    expect([endOf(family, member("one")), endOf(family, A)]).toEqual(["exit", "link"]);
  });

  test("ends the child at once when the parent crashes for good", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one" }, { name: "two" }] });
    await family.ctx("a").link(member("one"));
    family.stubborn.add("one");
    await family.order("a", { does: "throw" });
    await settle();
    expect([endOf(family, member("one")), endOf(family, member("two"))]).toEqual(["link", "parent"]);
    expect(family.log).toEqual(["start a", "start one", "start two", "bye two"]);
  });

  test.each([
    ["exit", async (family: FamilyTest) => await family.order("one", { does: "exit" })],
    ["kill", async (family: FamilyTest) => family.kill("one")],
    ["stop", async (family: FamilyTest) => void (await family.ctx("a").stopChild(member("one")))],
  ])("ends nobody for an end by %s", async (why, end) => {
    const family = await linked();
    await end(family);
    await settle();
    expect([endOf(family, member("one")), family.state("a")]).toEqual([why, "running"]);
  });

  test("goes on to those linked further, and to children", async () => {
    const family = startFamily();
    await family.order("a", { spawn: [{ name: "one" }, { name: "two" }, { name: "free" }] });
    await family.order("two", { spawn: [{ name: "two-one" }] });
    for (const name of ["one", "two"]) await family.ctx("a").link(member(name));
    await family.ctx("two").link(member("two-one"));
    await family.order("two-one", { does: "throw" });
    await settle();
    expect(["two-one", "two", "a", "one", "free"].map((name) => endOf(family, member(name)))).toEqual([
      "crash",
      "link",
      "link",
      "link",
      "parent",
    ]);
  });

  test("goes through a long chain without recursion", async () => {
    const family = startFamily();
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    for (const [index, name] of names.entries()) {
      const parent = index === 0 ? "a" : `c${index - 1}`;
      await family.order(parent, { spawn: [{ name }] });
      await family.ctx(parent).link(member(name));
    }
    await family.order("c199", { does: "throw" });
    await settle();
    expect(family.node.kernel.registry.size).toBe(1);
    expect(endOf(family, A)).toBe("link");
  });

  test("is forgotten with either end, and so is who has no family left", async () => {
    const family = await linked();
    const { links, family: table } = family.node.kernel;
    expect([links.size, table.size]).toEqual([2, 2]);
    await family.order("one", { does: "exit" });
    await settle();
    expect([family.state("a"), links.size, table.size]).toEqual(["running", 0, 0]);
  });

  test("that was taken back ends nobody", async () => {
    const family = await linked();
    await family.ctx("a").unlink(member("one"));
    await family.order("one", { does: "throw" });
    await settle();
    expect(family.state("a")).toBe("running");
  });

  test("sends the Requests of who ends by it", async () => {
    const family = await linked();
    const heard: unknown[] = [];
    family.add(
      B,
      program(({ body, source }) => void heard.push([body, source.text])),
      { public: true },
    );
    family.ctx("a").onExit = { Requests: [{ target: B, body: "bye" }] };
    await family.order("one", { does: "throw" });
    await settle();
    expect(heard).toEqual([["bye", `alice.os@${A}`]]);
  });

  test.each([
    [
      B,
      "not_child",
      `Cannot link "${B}" as it is no child of "${A}", nor of one of its children: ask its parent to do it`,
    ],
    ["gone:p:k", "not_there", 'Cannot link "gone:p:k" as no process has that name: it has ended, or was never spawned'],
    [A, "self", `Cannot link "${A}" as it is the process itself: name another one`],
  ])("with %s is refused: %s", async (process, code, message) => {
    const family = startFamily();
    family.add(B, silent, { public: true });
    expect(await thrownBy(() => family.ctx("a").link(process))).toMatchObject({ name: "FamilyError", code, message });
  });
});
