/** What a process of the cluster keeps by ctx.setState: in the cluster, fenced (docs/adr/0037 §4). Over memory. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Node } from "../../../kernel/index.ts";
import { defineProcess } from "../../../lib/process/index.ts";
import { ProcessId, type Program, STATE, textOf } from "../../../lib/protocol/index.ts";
import { CLUSTER_VALUE_MAX } from "../../../processes/state/limits.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { memoryStore, type StateStore } from "../../../processes/state/store.ts";
import { ClusterNodes, ROOM } from "../../support/cluster-nodes.ts";

const FORTY_TWO = "room/42:chat:template.os";
const GONE = 31_000; // ms: after it a node that says nothing is gone

let cluster = new ClusterNodes();
afterEach(async () => {
  await cluster.stop();
  cluster = new ClusterNodes();
});

/** Keeps what it is told: `{set}`, `{get}`, `{clear}`; answers with what it reads, or the error's text. */
const KEEPER = defineProcess({
  async onRequest(_, { body }, ctx) {
    const { set, size, clear } = body as { readonly set?: string; readonly size?: number; readonly clear?: true };
    try {
      if (set !== undefined) await ctx.setState(set);
      if (size !== undefined) await ctx.setState(new Uint8Array(size));
      if (clear === true) await ctx.clearState();
      const value = (await ctx.getState()) ?? null;
      ctx.respond({ at: ctx.node, value: value instanceof Uint8Array ? value.byteLength : value });
    } catch (error) {
      ctx.respond(textOf(error));
    }
  },
});

async function keeping(name: string, store: StateStore = memoryStore(), room: Program = KEEPER): Promise<Node> {
  const node = await cluster.start(name);
  const { kernel } = node;
  const program = stateProcess(store, { elsewhere: (id) => kernel.cluster?.keptOf(id) });
  node.addSystemProcess({ id: STATE, program, public: true, trusted: true });
  await node.addClusterProcess(ProcessId.parse(ROOM), "keyed", room);
  return node;
}

const ask = (node: Node, body: unknown): Promise<unknown> => cluster.ask(node, `*@${FORTY_TWO}`, body);

/** Two nodes; the first to answer has the room. */
async function both() {
  const stores = { alice: memoryStore(), bob: memoryStore() };
  const [alice, bob] = [await keeping("alice.os", stores.alice), await keeping("bob.os", stores.bob)];
  await cluster.settled();
  const { at } = (await ask(alice, {})) as { readonly at: string };
  const [holder, other] = at === "alice.os" ? [alice, bob] : [bob, alice];
  return { holder, other, stores };
}

test("it is kept in the cluster, not on its node, and moves with its name", async () => {
  const { holder, other, stores } = await both();
  expect(await ask(other, { set: "one" })).toEqual({ at: holder.name, value: "one" });
  expect([...stores.alice.entries(""), ...stores.bob.entries("")]).toEqual([]);
  await cluster.leave(holder.name);
  expect(["Offline", { at: other.name, value: "one" }]).toContainEqual(await ask(other, {})); // it may have to look anew
  expect(await ask(other, {})).toEqual({ at: other.name, value: "one" });
});

test("it is there when its node was killed, and what was deleted is not", async () => {
  const { holder, other } = await both();
  await ask(other, { set: "one" });
  expect(await ask(other, { clear: true })).toEqual({ at: holder.name, value: null });
  await ask(other, { set: "two" });
  cluster.kill(holder.name);
  await cluster.advance(GONE);
  expect(await ask(other, {})).toEqual({ at: other.name, value: "two" });
});

test("each name has its own", async () => {
  const { other } = await both();
  await ask(other, { set: "one" });
  expect(await cluster.ask(other, "*@room/7:chat:template.os", {})).toMatchObject({ value: null });
  expect(await ask(other, {})).toMatchObject({ value: "one" });
});

describe("refused", () => {
  test("a value of 512 KiB is kept, with its encoding one byte more is not, and what was kept stays", async () => {
    const { other } = await both();
    const most = CLUSTER_VALUE_MAX - 5; // MessagePack's head of so many bytes
    expect(await ask(other, { size: most })).toMatchObject({ value: most });
    expect(await ask(other, { size: most + 1 })).toMatch(
      /^Cannot write the state of "\S+" as TooLarge: at most 524288 bytes of a process of the cluster, got 524289: keep so much in files/,
    );
    expect(await ask(other, {})).toMatchObject({ value: most });
  });

  test("what cannot be reached is said, and it goes on when it can be again", async () => {
    const { holder, other } = await both();
    await ask(other, { set: "one" });
    cluster.claims.cut(holder.name);
    const rule = `NotKept: Cannot keep the state of "${FORTY_TWO}" as what holds it does not answer: what was kept before may be there still`;
    expect(await ask(other, { set: "two" })).toContain(rule);
    expect(await ask(other, {})).toContain("NotRead: nobody there");
    cluster.claims.mend(holder.name);
    expect(await ask(other, {})).toEqual({ at: holder.name, value: "one" });
    expect(await ask(other, { set: "three" })).toEqual({ at: holder.name, value: "three" });
  });

  test("a write that another has overtaken ends the process, and what the other kept stays", async () => {
    const { holder, other } = await both();
    await ask(other, { set: "one" });
    const claims = cluster.claims.of("carol.os");
    const { revision } = await claims.readKept(FORTY_TWO);
    await claims.writeKept(FORTY_TWO, Buffer.from([0xa5, ...Buffer.from("other")]), revision);
    expect(await ask(other, { set: "late" })).toBe("Offline");
    expect(cluster.held(holder)).toEqual([]);
    expect(cluster.faults(holder)).toEqual([
      `Cannot go on with "${FORTY_TWO}" as another node has that name now: this one is ended`,
    ]);
    expect(await ask(other, {})).toMatchObject({ value: "other" });
  });
});

test.each(["crash", "exit"])("what it wanted kept as its last, and did not wait for, is: %s", async (end) => {
  const store = memoryStore();
  const last = defineProcess({
    onRequest(_, { body }, ctx) {
      void ctx.setState(body).catch(() => undefined);
      if (body === "crash") throw new Error("as told");
      if (body === "exit") ctx.exit();
    },
  });
  const node = await keeping("alice.os", store, last);
  await cluster.settled();
  cluster.tell(node, FORTY_TWO, end);
  await cluster.settled();
  const done = cluster.claims.asked
    .filter((asked) => /writeKept|release/.test(asked))
    .map((asked) => asked.split(" ")[1]);
  expect(done).toEqual(["writeKept", "writeKept", "release"]); // the touch; the last; only then others may have the name
  expect(Buffer.from(cluster.claims.kept(FORTY_TWO).value ?? []).toString()).toContain(end);
  expect([...store.entries("")]).toEqual([]);
});

test("on a node that has joined nobody it is kept there, as any other's", async () => {
  const store = memoryStore();
  const node = await keeping("alice.os", store);
  expect(await ask(node, { set: "one" })).toMatchObject({ value: "one" });
  expect([...store.entries("")]).toHaveLength(0);
  const { createNode } = await import("../../../kernel/index.ts");
  const alone = createNode({ name: "alone.os", limits: { drain: 0 } });
  const program = stateProcess(store, { elsewhere: (id) => alone.kernel.cluster?.keptOf(id) });
  alone.addSystemProcess({ id: STATE, program, public: true, trusted: true });
  await alone.addClusterProcess(ProcessId.parse(ROOM), "keyed", KEEPER);
  expect(await cluster.ask(alone, FORTY_TWO, { set: "two" })).toEqual({ at: "alone.os", value: "two" });
  expect([...store.entries("")].map(([key]) => key)).toEqual([FORTY_TWO]);
  await alone.stop();
});
