/** Thousands of processes: nothing that one has is another's, and nothing is left when they have ended. */
import { describe, expect, test } from "@jest/globals";
import type { Node } from "../../kernel/index.ts";
import { Routes } from "../../kernel/routes.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { capability, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, KERNEL } from "../support/cast.ts";
import { ask, program, settle, silent, startKernel, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const KERNEL_ADDRESS = `alice.os@${KERNEL}`;
const idOf = (index: number): string => `child-${index}:a-package:template.os`;

/** How much the kernel remembers of processes. */
function remembered({ kernel }: Node): readonly number[] {
  const { registry, family, monitors, links, capabilityScope, waiting, wheel } = kernel;
  return [registry, family, monitors, links, capabilityScope.holders, waiting, wheel].map(({ size }) => size);
}

/** A, and how it spawns children that do nothing. */
async function withParent(): Promise<ReturnType<typeof startKernel> & { readonly ctx: Context }> {
  const kernel = startKernel();
  const contexts: Context[] = [];
  kernel.add(A, defineProcess({ init: (ctx) => void contexts.push(ctx) }));
  await settle();
  const [ctx] = contexts;
  if (ctx === undefined) throw new Error("it did not start");
  return { ...kernel, ctx };
}

describe("many children", () => {
  test("each holds its parent's capability; what one gains or loses is its own", async () => {
    const { ctx, node } = await withParent();
    for (let i = 0; i < 12; i++) await ctx.spawn({ name: `child-${i}`, program: silent });
    const children = Array.from({ length: 12 }, (_, i) => node.kernel.registry.get(ProcessId.parse(idOf(i))));
    const parents = capability(`alice.os@${A}`, MESSAGING);
    const other = capability("alice.os@other:x:y", MESSAGING);
    children[3]?.capabilities.gain(other);
    children[5]?.capabilities.drop(parents);
    const held = children.map((child) => child?.capabilities.list());
    expect(held).toEqual(children.map((_, i) => (i === 3 ? [parents, other] : i === 5 ? [] : [parents])));
    const may = children.map((child) => child?.capabilities.mayMessage(ProcessId.parse("other:x:y")));
    expect(may).toEqual(children.map((_, i) => i === 3));
    const parent = node.kernel.registry.get(ProcessId.parse(A));
    expect(parent?.capabilities.list()).toEqual(children.map((_, i) => capability(`alice.os@${idOf(i)}`, MESSAGING)));
    children[7]?.kill();
    expect([parent?.capabilities.list().length, parent?.capabilities.mayMessage(ProcessId.parse(idOf(7)))]).toEqual([
      11,
      false,
    ]);
  });

  test("nothing is left of 2,000 that have ended, one by one or with their parent", async () => {
    const { ctx, node, advance } = await withParent();
    const before = remembered(node);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1_000; i++) await ctx.spawn({ name: `child-${i}`, program: silent });
      expect(node.kernel.registry.size).toBe(1_002);
      if (round === 0) for (let i = 0; i < 1_000; i++) node.kernel.registry.get(ProcessId.parse(idOf(i)))?.kill();
      else node.kernel.registry.get(ProcessId.parse(A))?.restartAfterHand();
      await advance(20);
      expect(remembered(node)).toEqual(before);
    }
  });

  test("what was offered, derived or gained of one that is killed is nobody's any more", async () => {
    const kernel = startKernel();
    const recorder = new Recorder();
    const [a, b, c] = [A, B, C].map((id) => kernel.add(id, id === B ? recorder.program : silent));
    const issued = { issuer: `alice.os@${A}`, params: '"read"' };
    await settle();
    b?.capabilities.gain(issued);
    c?.capabilities.offer([issued]);
    const derived = await recorder.host?.command({ Derive: { capability: issued, only: { path: "/" } } });
    c?.capabilities.gain(derived as typeof issued);
    expect([b, c].map((process) => process?.capabilities.list().length)).toEqual([1, 1]);
    b?.kill();
    expect(c?.capabilities.list()).toEqual([]);
    expect(c?.capabilities.save([issued], `alice.os@${C}`)).toEqual([]);
    a?.kill();
    expect(c?.capabilities.list()).toEqual([]);
    expect(c?.capabilities.save([issued], `alice.os@${C}`)).toEqual([issued]);
    expect(kernel.node.kernel.capabilityScope.holders.size).toBe(0);
  });
});

describe("a process that is refused", () => {
  test.each([
    ["its name is taken", true, {}],
    ["its restart is none", false, { restart: { max: -1, seconds: 1 } }],
  ])("leaves nothing, though something is recorded of that name: %s", (_why, isThere, options) => {
    const given = capability("alice.os@other:x:y", MESSAGING);
    const facts = { given: [['alice.os@other:x:y "messaging"', given]], taken: [] } as const;
    const kernel = startKernel({ capabilityStore: { load: () => [[B, facts]], set: () => Promise.resolve() } });
    const { registry, capabilityScope } = kernel.node.kernel;
    if (isThere) kernel.add(B, silent);
    const before = [registry.size, capabilityScope.holders.holdersOf(given.issuer).length];
    expect(() => kernel.add(B, silent, options)).toThrow("Cannot start");
    expect([registry.size, capabilityScope.holders.holdersOf(given.issuer).length]).toEqual(before);
  });
});

describe("who waits for an answer", () => {
  test("is on the list while it does, and off it when the next process has ended", async () => {
    const kernel = startKernel();
    const { waiting } = kernel.node.kernel;
    const a = new Recorder();
    kernel.add(A, a.program, { public: true });
    const b = kernel.add(
      B,
      program(({ body }, host) => (body === "answer" ? host.respond({ body: 1 }) : undefined)),
      {
        public: true,
      },
    );
    await settle();
    for (let i = 0; i < 3; i++) await ask(a.host, B, "answer", { expects: 5 });
    expect(waiting.size).toBe(1);
    kernel.add(C, silent).kill();
    expect(waiting.size).toBe(0);
    tell(a.host, B, "keep it", { expects: 5 });
    await settle();
    expect(waiting.size).toBe(1);
    b.kill();
    await settle();
    expect(a.all.map(({ error }) => error)).toEqual(["Offline"]);
    kernel.node.kernel.registry.get(ProcessId.parse(A))?.kill();
    expect(waiting.size).toBe(0);
  });
});

describe("what is empty in most of them", () => {
  test("Routes: one address, then several, each of one epoch and of one sender", async () => {
    const kernel = startKernel();
    const processes = [A, B, C].map((id) => kernel.add(id, silent));
    const [a, b, c] = processes;
    if (a === undefined || b === undefined || c === undefined) throw new Error("they did not start");
    const [routes, others] = [new Routes(), new Routes()];
    const found = (epoch: number): readonly unknown[] => processes.map(({ address }) => routes.find(address, epoch));
    expect(found(1)).toEqual([null, null, null]);
    routes.add(a.address, a, 1);
    expect(found(1)).toEqual([a, null, null]);
    routes.add(b.address, b, 1);
    routes.add(c.address, c, 1);
    expect(found(1)).toEqual([a, b, c]);
    expect(processes.map(({ address }) => others.find(address, 1))).toEqual([null, null, null]);
    expect(found(2)).toEqual([null, null, null]);
    routes.add(b.address, b, 2);
    expect(found(2)).toEqual([null, b, null]);
    expect(routes.names).toEqual([A, B, C]);
  });

  test("timers, kept state and addresses are each process's own", async () => {
    const kernel = startKernel();
    const said: string[] = [];
    const made: Context[] = [];
    for (const id of [A, B])
      kernel.add(
        id,
        defineProcess({
          init(ctx) {
            made.push(ctx as Context);
            ctx.after(20, () => void said.push(id));
          },
        }),
      );
    await settle();
    const [a, b] = made;
    const writers = a?.httpWriters;
    expect([a?.httpWriters === writers, b?.httpWriters === writers]).toEqual([true, false]);
    expect(a?.addresses.find(KERNEL).text).toBe(KERNEL_ADDRESS);
    expect(a?.addresses.find(KERNEL)).not.toBe(b?.addresses.find(KERNEL));
    kernel.node.kernel.registry.get(ProcessId.parse(A))?.kill();
    await kernel.advance(40);
    expect(said).toEqual([B]);
  });
});
