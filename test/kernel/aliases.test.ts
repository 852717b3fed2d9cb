/** The older names of a node's own processes, and what a process speaks (contract kinode §8, One server for both, 1 and 2). */
import { describe, expect, test } from "@jest/globals";
import { capability, DIALECTS, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, KERNEL, withA } from "../support/cast.ts";
import { ask, echo, silent, started, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const TIMER = "timer:distro:sys";
const OLD_KERNEL = "kernel:sys:uqbar";

describe("an older name of a system process", () => {
  test("leads to it, and it answers under the name that was asked", async () => {
    const { a } = withA({ requestCapabilities: [KERNEL] });
    for (const name of [OLD_KERNEL, "kernel:sys:nectar", KERNEL]) {
      const answer = await ask(a.host, name, { Debug: { Process: A } });
      expect(answer.source.text).toBe(`alice.os@${name}`);
      expect(answer.body).toMatchObject({ Debug: { Process: { state: "running" } } });
    }
  });

  test("wants the capability that today's name wants", async () => {
    const { a } = withA();
    tell(a.host, OLD_KERNEL, { Debug: "ProcessMap" }, { expects: 1 });
    expect(await a.next()).toMatchObject({ kind: "error", error: "Denied" });
  });

  test("in request_capabilities means the process itself: it may be messaged under either", async () => {
    const { a } = withA({ requestCapabilities: [OLD_KERNEL] });
    for (const name of [OLD_KERNEL, KERNEL])
      expect((await ask(a.host, name, { Debug: { Process: A } })).kind).toBe("response");
    const held = started(a.host).capabilities;
    expect(held.list()).toEqual([capability(`alice.os@${KERNEL}`, MESSAGING)]);
    expect(held.has(capability(`alice.os@${OLD_KERNEL}`, MESSAGING))).toBe(true);
  });

  test("in grant_capabilities gives them to the process itself, also to one that comes later", async () => {
    const { a, add, node } = withA();
    const timer = new Recorder();
    const granted = { public: false, grantCapabilities: ["timer:sys:nectar"] };
    add(B, echo, granted);
    node.addSystemProcess({ id: ProcessId.parse(TIMER), program: timer.program });
    add(C, echo, granted);
    for (const target of [B, C]) expect((await ask(timer.host, target, "hi")).body).toBe("hi");
    tell(a.host, B, "hi", { expects: 1 });
    expect((await a.next()).error).toBe("Denied");
  });

  test("leads nowhere while there is no such process", async () => {
    const { a } = withA();
    tell(a.host, "vfs:sys:uqbar", "hi", { expects: 1 });
    expect(await a.next()).toMatchObject({ error: "Offline", source: "alice.os@vfs:sys:uqbar" });
  });

  test.each([
    ["http_server:sys:nectar", "http-server:distro:sys"],
    ["timer:sys:uqbar", TIMER],
    ["homepage:homepage:uqbar", "homepage:homepage:sys"],
  ])("is nobody's to take: %s", async (id, canonical) => {
    const { add, node } = withA();
    expect(await thrownBy(() => add(id, silent))).toMatchObject({
      name: "SpawnError",
      code: "NameTaken",
      message: `Cannot start process "${id}" as that is an older name of ${canonical}: choose another`,
    });
    expect(node.kernel.registry.get(ProcessId.parse(id))).toBeUndefined();
  });

  test("a process of its package is not taken for one of the node", async () => {
    const { add, a } = withA();
    const old = new Recorder();
    add("x:sys:nectar", old.program);
    tell(old.host, KERNEL, { Debug: "ProcessMap" }, { expects: 1 });
    expect((await old.next()).error).toBe("Denied");
    tell(old.host, A, "hi");
    expect(await a.next()).toMatchObject({ source: "alice.os@x:sys:nectar", body: "hi" });
  });
});

describe("a dialect", () => {
  test("is Kinode unless the process says another", () => {
    const { add } = withA();
    expect(add(B, silent).dialect).toBe("kinode");
    for (const [index, dialect] of DIALECTS.entries())
      expect(add(`p${index}:b-package:os`, silent, { dialect }).dialect).toBe(dialect);
  });

  test("is a child's like its parent's, unless the spawn says another", async () => {
    const { a, node } = withA({ dialect: "uqbar" });
    const host = started(a.host);
    expect(host.dialect).toBe("uqbar");
    const like = await host.spawn({ program: silent });
    const other = await host.spawn({ program: silent, dialect: "kinode" });
    expect([like, other].map((id) => node.kernel.registry.get(id)?.dialect)).toEqual(["uqbar", "kinode"]);
  });

  test("that nobody knows is refused, and the name stays free", async () => {
    const { add } = withA();
    expect(await thrownBy(() => add(B, silent, { dialect: "klingon" as "kinode" }))).toMatchObject({
      name: "OptionError",
      message: `Cannot start process "${B}" as its dialect must be one of kinode, hyperware, nectar, uqbar: got "klingon", leave it out for kinode`,
    });
    add(B, silent);
  });
});

test("a message's body and blob can be read by their older names", async () => {
  const { a } = withA();
  tell(a.host, A, { x: 1 }, { blob: "bytes" });
  const { envelope } = await a.next();
  expect(envelope.ipc).toBe(envelope.body);
  expect(envelope.payload).toBe(envelope.blob);
  expect(Object.keys(envelope)).not.toContain("ipc");
});
