/**
 * Processes of the cluster on three nodes that are linked and joined over three clustered nats-servers, with the keys and
 * permissions that `jackfield cluster init` wrote.
 */
import { afterEach, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../../kernel/index.ts";
import { NatsStore } from "../../../kernel/link/nats-store.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { ProcessId, SendError, STATE } from "../../../lib/protocol/index.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { memoryStore } from "../../../processes/state/store.ts";
import { adminOptions, makeBuckets } from "../../support/cluster-buckets.ts";
import { startCluster, stopClusters, type TestCluster, untilIt } from "../../support/nats-cluster.ts";

const ROOM = ProcessId.parse("room:chat:template.os");
const NAMES = ["alice.os", "bob.os", "carol.os"];
const LIMITS = { directoryBeat: 200, directoryGone: 30_000, clusterMargin: 5_000, drain: 100 }; // a node that is busy is not gone
const NETWORK = { process: "kernel:distro:sys", params: "network" };

const nodes: Node[] = [];
const stores: NatsStore[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  for (const store of stores.splice(0)) await store.close();
  await stopClusters();
}, 60_000);

/** A room counts what it is asked, and keeps the count. */
const COUNTER = defineProcess<number>({
  init: async (ctx) => (await ctx.getState<number>()) ?? 0,
  async onRequest(count, _, ctx) {
    await ctx.setState(count + 1);
    ctx.respond({ at: ctx.node, key: ctx.key, count: count + 1 });
    return count + 1;
  },
});

type Asked = { readonly at: string; readonly key: string; readonly count: number };
type Member = { readonly node: Node; readonly ask: (key: string | number) => Promise<Asked | string> };

async function member(cluster: TestCluster, name: string): Promise<Member> {
  const node = createNode({ name, limits: LIMITS });
  nodes.push(node);
  const { kernel } = node;
  const program = stateProcess(memoryStore(), { elsewhere: (id) => kernel.cluster?.keptOf(id) });
  node.addSystemProcess({ id: STATE, program, public: true, trusted: true });
  node.awaitJoin();
  await untilIt(() =>
    node.linkByNats(cluster.options(name)).then(
      () => true,
      () => false,
    ),
  );
  await node.joinByNats(cluster.options(name, "store"), () => ({ address: null, version: null }));
  await node.addClusterProcess(ROOM, "keyed", COUNTER);
  let ctx: Context | undefined;
  const asker = defineProcess({
    init: (own) => {
      ctx = own as Context;
    },
  });
  node.addProcess(ProcessId.parse("asker:chat:template.os"), asker, { requestCapabilities: [NETWORK] });
  const ask = async (key: string | number): Promise<Asked | string> => {
    try {
      const request = ctx?.request(`*@room/${key}:chat:template.os`).body("count").expectsResponse(60);
      return (await request?.sendAndAwaitResponse())?.body as Asked;
    } catch (error) {
      if (error instanceof SendError) return error.kind;
      throw error;
    }
  };
  return { node, ask };
}

async function three() {
  const cluster = await startCluster(NAMES, 3);
  const store = new NatsStore(adminOptions(cluster));
  stores.push(store);
  await untilIt(() =>
    store.open().then(
      () => true,
      () => false,
    ),
  );
  const { manager } = await store.open();
  await makeBuckets(manager, 3);
  const members: Member[] = [];
  for (const name of NAMES) members.push(await member(cluster, name));
  await untilIt(async () => (await members[0]?.node.kernel.roster?.nodes())?.nodes.length === 3);
  return { cluster, manager, members };
}

/** Again while it is Offline: nothing that is said so is sent a second time by itself. */
async function untilAnswered({ ask }: Member, key: string | number): Promise<Asked> {
  for (let tries = 0; ; tries++) {
    const answer = await ask(key);
    if (typeof answer !== "string") return answer;
    if (tries === 400) throw new Error(`room ${key}: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const held = (): readonly string[] => nodes.flatMap(({ kernel }) => kernel.cluster?.describe().held ?? []);

test("200 names that three nodes ask for at once, while the claims' leader is killed: each runs once, and counts all", async () => {
  const { cluster, manager, members } = await three();
  const { cluster: facts } = await manager.streams.info("KV_claims");
  const leader = cluster.servers[Number(facts?.leader?.at(-1)) - 1];
  const keys = Array.from({ length: 200 }, (_, key) => key);
  const asked = keys.map(async (key) => {
    if (key === 100) leader?.kill("SIGKILL");
    return await Promise.all(members.map((each) => untilAnswered(each, key)));
  });
  for (const [key, answers] of (await Promise.all(asked)).entries()) {
    const places = new Set(answers.map(({ at }) => at));
    expect([key, places.size]).toEqual([key, 1]);
    expect(new Set(answers.map(({ count }) => count)).size).toBe(3); // no two were told the same number
  }
  expect(held()).toHaveLength(200);
  expect(new Set(held()).size).toBe(200);
}, 120_000);

test("a node that stops gives its names away, with what they kept; nobody waits for its time to pass", async () => {
  const { members } = await three();
  const keys = Array.from({ length: 30 }, (_, key) => key);
  const [alice, bob, carol] = members as unknown as readonly [Member, Member, Member];
  const before = await Promise.all(keys.map((key) => untilAnswered(alice, key)));
  expect(new Set(before.map(({ at }) => at)).size).toBeGreaterThan(1);
  await bob.node.stop();
  const after = await Promise.all(keys.map((key) => untilAnswered(carol, key)));
  for (const [key, { at, count }] of after.entries()) {
    expect(at).not.toBe("bob.os");
    if (before[key]?.at !== "bob.os") expect(at).toBe(before[key]?.at); // others stay where they are
    expect(count).toBe((before[key]?.count ?? 0) + 1);
  }
}, 120_000);
