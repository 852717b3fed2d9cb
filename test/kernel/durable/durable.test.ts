/** Durable messages between nodes over a lane of memory: what is kept, handed over, refused, repeated. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { packBatch, packDurable } from "../../../kernel/durable/pack.ts";
import { createNode, type DurableStore, type Node } from "../../../kernel/index.ts";
import { type Context, defineProcess, type Message } from "../../../lib/process/index.ts";
import { type Clock, ProcessId, SendError, systemClock } from "../../../lib/protocol/index.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { memoryStore, type StateStore } from "../../../processes/state/store.ts";
import { deferred } from "../../support/deferred.ts";
import { MemoryStreams } from "../../support/memory-lanes.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { until } from "../../support/until.ts";

const NETWORK = { process: "kernel:distro:sys", params: "network" };
const SENDER = "a:chat:template.os";
const RECEIVER = "b:chat:template.os";

const nodes = new Set<Node>();

afterEach(async () => {
  for (const node of nodes) await node.stop();
  nodes.clear();
});

type Given = {
  readonly store?: DurableStore & StateStore;
  readonly limits?: Readonly<Record<string, number>>;
  readonly clock?: Clock;
};

/** @param streams left out: it is alone */
async function start(
  name: string,
  streams: MemoryStreams | null,
  { store = memoryStore(), limits, clock }: Given = {},
): Promise<Node> {
  const node = createNode({
    name,
    durableStore: store,
    ...(clock === undefined ? {} : { clock }),
    limits: { drain: 100, durableRetry: 1, durableRetryMax: 5, ...limits },
  });
  nodes.add(node);
  const along = (process: string, metadata: string | null): ReturnType<Node["kernel"]["durable"]["along"]> =>
    node.kernel.durable.along(process, metadata);
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(store, { along }),
    public: true,
    trusted: true,
  });
  if (streams !== null) {
    await node.link(new MemoryNet().wire(name));
    await node.kernel.durable.join(streams.lane(name));
  } else await node.kernel.durable.resume();
  return node;
}

async function addSender(
  node: Node,
  id = SENDER,
  capabilities: readonly (typeof NETWORK)[] = [NETWORK],
): Promise<Context> {
  let own: Context | undefined;
  const program = defineProcess({
    init: (ctx) => {
      own = ctx as Context;
    },
  });
  node.addProcess(ProcessId.parse(id), program, { requestCapabilities: capabilities });
  await null;
  if (own === undefined) throw new Error("its init has not run");
  return own;
}

type Handle = (message: Message, ctx: Context) => void | Promise<void>;

/** @returns what came */
function addReceiver(node: Node, handle: Handle = () => undefined, id = RECEIVER): unknown[] {
  const got: unknown[] = [];
  const program = defineProcess({
    onRequest: (_, message, ctx) => {
      got.push(message.body);
      return handle(message, ctx as Context);
    },
  });
  node.addProcess(ProcessId.parse(id), program, { requestCapabilities: [NETWORK], onExit: "Restart" });
  return got;
}

async function refusedOf(sent: Promise<void>): Promise<unknown> {
  return await sent.then(
    () => "kept",
    (error: unknown) => (error instanceof SendError ? error.kind : error),
  );
}

const rows = (store: DurableStore, prefix: string): number => [...store.entries(`durable ${prefix}`)].length;

describe("to a process of the same node", () => {
  test("it comes to onRequest, says which it is, cannot be answered, and is struck out", async () => {
    const store = memoryStore();
    const alice = await start("alice.os", null, { store });
    const seen: unknown[] = [];
    addReceiver(alice, ({ durable, metadata, blob, rsvp, source }, ctx) => {
      expect(() => ctx.respond("no")).toThrow(/Cannot respond from .* as the message in hand asks for no answer/);
      seen.push([durable, metadata, blob?.text(), rsvp, source.text]);
    });
    const ctx = await addSender(alice);
    await ctx.request(RECEIVER).body({ n: 1 }).blob("bytes").metadata("m").durable();
    await until(() => seen.length === 1);
    const from = expect.stringMatching(/^alice\.os\/[\w-]{21}$/);
    expect(seen).toEqual([[{ from, id: expect.any(Number) }, "m", "bytes", null, `alice.os@${SENDER}`]]);
    await until(() => rows(store, "in ") === 0);
    expect(alice.kernel.durable.facts()).toMatchObject({ in: { waiting: 0, handled: 1 }, out: { waiting: 0 } });
  });

  test("a message that is none says so", async () => {
    const alice = await start("alice.os", null);
    const seen: unknown[] = [];
    addReceiver(alice, ({ durable }) => void seen.push(durable));
    (await addSender(alice)).request(RECEIVER).send();
    await until(() => seen.length === 1);
    expect(seen).toEqual([null]);
    expect(alice.kernel.durable.facts()).toBeNull(); // nothing of it was loaded
  });

  test("those of one pair come one after the other, in order; another sender's do not wait", async () => {
    const alice = await start("alice.os", null);
    const gate = deferred<void>();
    const got = addReceiver(alice, ({ body }) => (body === 0 ? gate.promise : undefined));
    const other = addReceiver(alice, () => undefined, "c:chat:template.os");
    const ctx = await addSender(alice);
    await Promise.all(Array.from({ length: 50 }, (_, n) => ctx.request(RECEIVER).body(n).durable()));
    await ctx.request("c:chat:template.os").body("other").durable();
    await until(() => other.length === 1);
    expect(got).toEqual([0]);
    gate.resolve();
    await until(() => got.length === 50);
    expect(got).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("a process that is not there yet is waited for", async () => {
    const alice = await start("alice.os", null);
    const ctx = await addSender(alice);
    await ctx.request(RECEIVER).body(1).durable();
    expect(alice.kernel.durable.facts()).toMatchObject({ in: { waiting: 1, absent: 1 } });
    const got = addReceiver(alice);
    await until(() => got.length === 1);
  });

  test("who may not message it is Denied; of whom nobody is there, and nothing known, Offline", async () => {
    const alice = await start("alice.os", null);
    const got = addReceiver(alice);
    const ctx = await addSender(alice, "a:other:else.os");
    expect(await refusedOf(ctx.request(RECEIVER).body(1).durable())).toBe("Denied");
    expect(await refusedOf(ctx.request("nobody:chat:template.os").durable())).toBe("Offline");
    expect(got).toEqual([]);
  });

  test("a handler that crashes has had it: a dead letter, struck out, and the next one comes", async () => {
    const store = memoryStore();
    const alice = await start("alice.os", null, { store });
    const got = addReceiver(alice, ({ body }) => {
      if (body === 1) throw new Error("no");
    });
    const ctx = await addSender(alice);
    for (const n of [1, 2]) await ctx.request(RECEIVER).body(n).durable();
    await until(() => got.length === 2 && rows(store, "in ") === 0);
    expect(got).toEqual([1, 2]);
    expect(alice.kernel.deadLetters.counts()).toEqual({ crashed: 1 });
    expect(alice.kernel.durable.facts()).toMatchObject({ in: { handled: 1, crashed: 1 } });
  });

  test("a mailbox that is full is waited for", async () => {
    const alice = await start("alice.os", null, { limits: { mailbox: 1 } });
    const gate = deferred<void>();
    const got = addReceiver(alice, ({ body }) => (body === "first" ? gate.promise : undefined));
    const ctx = await addSender(alice);
    ctx.request(RECEIVER).body("first").send();
    await until(() => got.length === 1);
    ctx.request(RECEIVER).body("second").send();
    await ctx.request(RECEIVER).body("durable").durable();
    expect(alice.kernel.deadLetters.total).toBe(0);
    gate.resolve();
    await until(() => got.length === 3);
    expect(got).toEqual(["first", "second", "durable"]);
  });

  test("a handler that settles while the node stops is done with: it does not come again", async () => {
    const store = memoryStore();
    const before = await start("alice.os", null, { store: { ...store, close: async () => undefined } });
    const gate = deferred<void>();
    const first = addReceiver(before, () => gate.promise);
    await (await addSender(before)).request(RECEIVER).body("once").durable();
    await until(() => first.length === 1);
    const stopped = before.stop();
    await until(() => before.kernel.stopping);
    await new Promise((resolve) => setTimeout(resolve, 10)); // its durable messages have stopped: it drains
    gate.resolve();
    await stopped;
    expect(rows(store, "in ")).toBe(0);
  });

  test("what a process had not begun when it was killed waits for the next of its name", async () => {
    const alice = await start("alice.os", null);
    const gate = deferred<void>();
    const got = addReceiver(alice, () => gate.promise);
    const [one, two] = [await addSender(alice), await addSender(alice, "a2:chat:template.os")];
    await one.request(RECEIVER).body("in hand").durable();
    await two.request(RECEIVER).body("behind").durable();
    await until(() => got.length === 1);
    alice.kernel.registry.get(ProcessId.parse(RECEIVER))?.kill();
    const next = addReceiver(alice);
    await until(() => next.length === 1);
    expect([got, next]).toEqual([["in hand"], ["behind"]]);
    expect(alice.kernel.deadLetters.counts()).toEqual({ crashed: 1 });
  });
});

describe("what makes no sense is an OptionError", () => {
  const cases: readonly (readonly [string, (ctx: Context) => Promise<void>, RegExp])[] = [
    [
      "expectsResponse",
      (ctx) => ctx.request(RECEIVER).expectsResponse(5).durable(),
      /nobody answers it: leave out expectsResponse/,
    ],
    ["context", (ctx) => ctx.request(RECEIVER).context(1).durable(), /no answer brings a context back: leave it out/],
    ["inherit", (ctx) => ctx.request(RECEIVER).inherit().durable(), /leave out inherit/],
    [
      "capabilities",
      (ctx) => ctx.request(RECEIVER).onBehalfOf({ capabilities: [] }).durable(),
      /leave out capabilities and onBehalfOf/,
    ],
    ["a name of the cluster", (ctx) => ctx.request(`*@${RECEIVER}`).durable(), /name a process of one node/],
    [
      "its size",
      (ctx) => ctx.request(RECEIVER).blob(new Uint8Array(400_000)).durable(),
      /limits.durableMessage is 393216 bytes: 4000\d\d, keep so much in files/,
    ],
  ];
  test.each(cases)("%s", async (_, send, text) => {
    const alice = await start("alice.os", null);
    addReceiver(alice);
    const error = await refusedOf(send(await addSender(alice)));
    expect(error).toMatchObject({ name: "OptionError", message: expect.stringMatching(text) });
  });

  test.each(["room/42:app:me.os", "bob.os@room/42:app:me.os", "scheduler:app:me.os"])(
    "a process of the cluster: %s",
    async (to) => {
      const alice = await start("alice.os", null);
      await alice.addClusterProcess(ProcessId.parse("room:app:me.os"), "keyed", defineProcess({}));
      await alice.addClusterProcess(ProcessId.parse("scheduler:app:me.os"), "singleton", defineProcess({}));
      const error = await refusedOf((await addSender(alice)).request(to).durable());
      expect(error).toMatchObject({
        name: "OptionError",
        message: `Cannot send "${to.includes("@") ? to : `alice.os@${to}`}" a durable message as it is a process of the cluster, which may be on another node by then: name one of one node`,
      });
    },
  );

  test("a body that MessagePack does not carry is an UnpackableError", async () => {
    const alice = await start("alice.os", null);
    addReceiver(alice);
    const body = {
      toJSON: 1,
      get own(): never {
        throw new Error("no value");
      },
    };
    const error = await refusedOf((await addSender(alice)).request(RECEIVER).body(body).durable());
    expect(error).toMatchObject({
      name: "UnpackableError",
      message: expect.stringMatching(/MessagePack carries no such body/),
    });
  });
});

describe("to another node", () => {
  test("they come in order, several in one publish", async () => {
    const streams = new MemoryStreams();
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const got = addReceiver(bob);
    const ctx = await addSender(alice);
    await Promise.all(Array.from({ length: 1000 }, (_, n) => ctx.request(`bob.os@${RECEIVER}`).body(n).durable()));
    await until(() => got.length === 1000);
    expect(got).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(streams.published.length).toBeLessThan(100);
    await until(() => alice.kernel.durable.facts()?.out.waiting === 0);
    expect(alice.kernel.durable.facts()).toMatchObject({ out: { sent: 1000, failures: 0 } });
    expect(bob.kernel.durable.facts()).toMatchObject({ in: { received: 1000, repeated: 0 } });
  });

  test("a node that is alone: Offline; without the network capability: Denied", async () => {
    const alice = await start("alice.os", null);
    const ctx = await addSender(alice);
    const bare = await addSender(alice, "bare:chat:template.os", []);
    expect(await refusedOf(ctx.request(`bob.os@${RECEIVER}`).body(1).durable())).toBe("Offline");
    expect(await refusedOf(bare.request(`bob.os@${RECEIVER}`).body(1).durable())).toBe("Denied");
  });

  test("a node that is linked and has no lane to come: Offline, and what an earlier life has kept is explained", async () => {
    const store = memoryStore();
    const streams = new MemoryStreams();
    const before = await start("alice.os", streams, { store: { ...store, close: async () => undefined } });
    streams.isDown = true;
    await (await addSender(before)).request(`bob.os@${RECEIVER}`).body(1).durable();
    await before.stop();
    const alice = await start("alice.os", null, { store });
    await alice.link(new MemoryNet().wire("alice.os"));
    const ctx = await addSender(alice);
    expect(await refusedOf(ctx.request(`bob.os@${RECEIVER}`).body(2).durable())).toBe("Offline");
    expect(alice.kernel.durable.facts()).toMatchObject({
      where: null,
      why: "Cannot send durable messages to other nodes as this one is not in JetStream: --link, and --link-store-seed where its servers ask for keys",
      out: { waiting: 1 },
    });
  });

  test("what the lane kept and did not say is sent again, and known again", async () => {
    const streams = new MemoryStreams();
    streams.forgetAcks = 3;
    streams.repeats = 2;
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const got = addReceiver(bob);
    const ctx = await addSender(alice);
    for (const n of [1, 2, 3]) await ctx.request(`bob.os@${RECEIVER}`).body(n).durable();
    await until(() => alice.kernel.durable.facts()?.out.waiting === 0 && streams.waiting("bob.os") === 0);
    await until(() => got.length === 3);
    expect(got).toEqual([1, 2, 3]);
    expect(bob.kernel.durable.facts()?.in.repeated).toBeGreaterThanOrEqual(3);
  });

  test("that a node has had its lane is known in its next life", async () => {
    const streams = new MemoryStreams();
    const store = { ...memoryStore(), close: async () => undefined }; // it is there in the next life
    streams.isDown = true;
    const first = await start("alice.os", streams, { store });
    await until(() => streams.opened.length > 1); // nobody there
    streams.isDown = false;
    await until(() => first.kernel.durable.facts()?.why === null);
    await first.stop();
    streams.isDown = true;
    const tries = streams.opened.length;
    expect(new Set(streams.opened.map(([, had]) => had))).toEqual(new Set([false]));
    await start("alice.os", streams, { store });
    await until(() => streams.opened.length > tries);
    expect(streams.opened.at(-1)).toEqual(["alice.os", true]);
  });

  test("a lane that is down keeps them, is said once, and goes on", async () => {
    const streams = new MemoryStreams();
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const faults: string[] = [];
    alice.kernel.events.listen((event) => {
      if (event.type === "fault") faults.push(String(event.error));
    });
    const got = addReceiver(bob);
    const ctx = await addSender(alice);
    streams.isDown = true;
    for (const n of [1, 2, 3]) await ctx.request(`bob.os@${RECEIVER}`).body(n).durable();
    await until(() => (alice.kernel.durable.facts()?.out.failures ?? 0) > 3);
    expect(faults).toEqual([
      'DurableError: Cannot keep durable messages for "bob.os" in its inbox as nobody there; they wait here, and are sent again',
    ]);
    expect(alice.kernel.durable.facts()?.out.nodes).toEqual([{ node: "bob.os", waiting: 3, why: "nobody there" }]);
    streams.isDown = false;
    streams.wake();
    await until(() => got.length === 3);
  });

  test("a data folder that was put back from an older copy: what is sent then comes too", async () => {
    const streams = new MemoryStreams();
    const bob = await start("bob.os", streams);
    const got = addReceiver(bob);
    let copy: readonly (readonly [string, Uint8Array])[] = [];
    for (const life of [1, 2]) {
      const store = memoryStore();
      await store.write(copy);
      const alice = await start("alice.os", streams, { store });
      const ctx = await addSender(alice);
      for (const n of [1, 2]) {
        await ctx.request(`bob.os@${RECEIVER}`).body(`${life} ${n}`).durable();
        await until(() => alice.kernel.durable.facts()?.out.waiting === 0);
        if (copy.length === 0) copy = [...store.entries("durable ")];
      }
      await alice.stop();
    }
    await until(() => got.length === 4);
    expect(got).toEqual(["1 1", "1 2", "2 1", "2 2"]);
  });

  test("what a node that is gone never takes is a dead letter when it is old, also what was sent already", async () => {
    const streams = new MemoryStreams();
    let now = Date.now();
    const clock: Clock = { ...systemClock, now: () => now };
    const alice = await start("alice.os", streams, { limits: { durableAge: 1, durableOut: 2 }, clock });
    const ctx = await addSender(alice);
    streams.most = 0;
    const to = (): Promise<unknown> => refusedOf(ctx.request(`gone.os@${RECEIVER}`).body("x").durable());
    expect([await to(), await to()]).toEqual(["kept", "Overloaded"]);
    await until(() => (alice.kernel.durable.facts()?.out.failures ?? 0) > 1);
    now += 2 * 3_600_000;
    await until(() => alice.kernel.durable.facts()?.out.expired === 1);
    expect(alice.kernel.deadLetters.counts()).toEqual({ offline: 1 });
    expect(alice.kernel.durable.facts()).toMatchObject({ out: { waiting: 0, nodes: [] } });
    expect(await to()).toBe("kept");
  });

  test("a row that the disk no longer has is said", async () => {
    const streams = new MemoryStreams();
    const store = memoryStore();
    const alice = await start("alice.os", streams, { store });
    const faults: string[] = [];
    alice.kernel.events.listen((event) => {
      if (event.type === "fault" && !String(event.error).includes("nobody there")) faults.push(String(event.error));
    });
    const ctx = await addSender(alice);
    streams.isDown = true;
    await ctx.request(`bob.os@${RECEIVER}`).body(1).durable();
    await ctx.request("later:chat:template.os").body(2).durable();
    await store.write([...store.entries("durable ")].map(([key]) => [key, null]));
    addReceiver(alice, () => undefined, "later:chat:template.os");
    await until(() => faults.length === 2);
    expect(faults.sort()).toEqual([
      'DurableError: Cannot keep durable messages for "bob.os" as the disk no longer has one that it had: it is lost',
      'DurableError: Cannot keep durable messages for "later:chat:template.os" as the disk no longer has one that it had: it is lost',
    ]);
  });

  test("a node of many outboxes has only its own forgotten: what another sent is still known", async () => {
    const streams = new MemoryStreams();
    const bob = await start("bob.os", streams, { limits: { durableMarks: 3 } });
    const got = addReceiver(bob);
    const batch = (box: string): Uint8Array => {
      const fields = { source: SENDER, target: RECEIVER, body: box, blob: null, mime: null, metadata: null };
      return packBatch({ box, messages: [{ id: 1, message: packDurable(fields) }] });
    };
    streams.forge("alice.os", "bob.os", batch("hers"));
    for (let n = 0; n < 5; n++) streams.forge("eve.os", "bob.os", batch(`box${n}`));
    streams.forge("alice.os", "bob.os", batch("hers"));
    streams.forge("eve.os", "bob.os", batch("last"));
    await until(() => got.includes("last"));
    expect(got).toEqual(["hers", "box0", "box1", "box2", "box3", "box4", "last"]);
    expect(bob.kernel.durable.facts()).toMatchObject({ in: { repeated: 1 } });
  });

  test("who may not be reached gets nothing: a dead letter there", async () => {
    const streams = new MemoryStreams();
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const got = addReceiver(bob, () => undefined, "b:private:else.os");
    await (await addSender(alice)).request("bob.os@b:private:else.os").body("x").durable();
    await until(() => bob.kernel.deadLetters.total === 1);
    expect(bob.kernel.deadLetters.last()).toMatchObject([
      { reason: "denied", source: `alice.os@${SENDER}`, target: "bob.os@b:private:else.os", body: "x" },
    ]);
    expect(bob.kernel.durable.facts()).toMatchObject({ in: { denied: 1, waiting: 0 } });
    expect(got).toEqual([]);
  });

  test("nor does a process of the cluster, of which the sender's node knew nothing", async () => {
    const streams = new MemoryStreams();
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const got: unknown[] = [];
    const program = defineProcess({ onRequest: (_, { body }) => void got.push(body) });
    await bob.addClusterProcess(ProcessId.parse("scheduler:app:me.os"), "singleton", program);
    await (await addSender(alice)).request("bob.os@scheduler:app:me.os").body("x").durable();
    await until(() => bob.kernel.deadLetters.total === 1);
    expect(bob.kernel.deadLetters.last()).toMatchObject([{ reason: "denied", target: "bob.os@scheduler:app:me.os" }]);
    expect(bob.kernel.durable.facts()).toMatchObject({ in: { denied: 1, waiting: 0 } });
    expect(got).toEqual([]);
  });

  test("a full outbox is Overloaded, and one node takes half of it", async () => {
    const streams = new MemoryStreams();
    const alice = await start("alice.os", streams, { limits: { durableOut: 4 } });
    streams.isDown = true;
    const ctx = await addSender(alice);
    const to = (node: string): Promise<unknown> => refusedOf(ctx.request(`${node}@${RECEIVER}`).durable());
    expect([await to("bob.os"), await to("bob.os"), await to("bob.os")]).toEqual(["kept", "kept", "Overloaded"]);
    expect([await to("c.os"), await to("d.os"), await to("e.os")]).toEqual(["kept", "kept", "Overloaded"]);
  });

  test("a full inbox takes no more, until there is room; nothing is lost", async () => {
    const streams = new MemoryStreams();
    const alice = await start("alice.os", streams, { limits: { durableMessage: 1 } });
    const bob = await start("bob.os", streams, { limits: { durableIn: 3 } });
    const gate = deferred<void>();
    const got = addReceiver(bob, () => gate.promise);
    const ctx = await addSender(alice);
    for (let n = 0; n < 20; n++) await ctx.request(`bob.os@${RECEIVER}`).body(n).blob(new Uint8Array(600)).durable();
    await until(() => bob.kernel.durable.facts()?.in.waiting === 3);
    expect(streams.waiting("bob.os")).toBeGreaterThan(0);
    gate.resolve();
    await until(() => got.length === 20);
    expect(got).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test("too many for processes that are not there are dead letters, offline; so are old ones", async () => {
    const streams = new MemoryStreams();
    const alice = await start("alice.os", streams);
    const bob = await start("bob.os", streams, { limits: { durableAbsent: 2 } });
    const ctx = await addSender(alice);
    for (let n = 0; n < 5; n++) await ctx.request(`bob.os@${RECEIVER}`).body(n).durable();
    await until(() => bob.kernel.deadLetters.total === 3);
    expect(bob.kernel.deadLetters.counts()).toEqual({ offline: 3 });
    const got = addReceiver(bob);
    await until(() => got.length === 2);
    expect(got).toEqual([0, 1]);
  });

  test("rubbish, another version and an http-server's are dropped and counted, and what follows comes", async () => {
    const streams = new MemoryStreams();
    const [alice, bob] = [await start("alice.os", streams), await start("bob.os", streams)];
    const got = addReceiver(bob);
    const forged = packDurable({
      source: "http-server:distro:sys",
      target: RECEIVER,
      body: { WebSocketPush: { channel_id: 1, message_type: "Text" } },
      blob: null,
      mime: null,
      metadata: null,
    });
    streams.forge("eve.os", "bob.os", Uint8Array.of(1, 2, 3));
    streams.forge("eve.os", "bob.os", Uint8Array.of(0x93, 99, 0xa1, 0x78, 0x90)); // [99, "x", []]
    streams.forge("eve.os", "bob.os", packBatch({ box: "box", messages: [{ id: 1, message: forged }] }));
    await (await addSender(alice)).request(`bob.os@${RECEIVER}`).body("good").durable();
    await until(() => got.length === 1);
    expect(got).toEqual(["good"]);
    expect(bob.kernel.durable.facts()).toMatchObject({ in: { dropped: 3, received: 1 } });
  });
});
