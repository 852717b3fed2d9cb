/** What holds between two nodes (DESIGN §3), whatever carries the frames: memory, and a real nats-server. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { createNode, type Node, type NodeOptions } from "../../../kernel/index.ts";
import { NatsWire } from "../../../kernel/link/nats-wire.ts";
import type { Wire } from "../../../kernel/link/wire.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { ProcessId, SendError } from "../../../lib/protocol/index.ts";
import { PATIENCE_MS } from "../../support/link-nodes.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { startNatsServer, stopNatsServers } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const NETWORK = { process: "kernel:distro:sys", params: "network" };
const A = "a:chat:template.os";
const B = "b:chat:template.os";

type Wires = (name: string) => Wire;

const nodes: Node[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  await stopNatsServers();
});

const WIRES: Readonly<Record<string, () => Promise<Wires>>> = {
  memory: async () => {
    const net = new MemoryNet();
    return (name) => net.wire(name);
  },
  nats: async () => {
    const { url } = await startNatsServer();
    return (node) => new NatsWire({ node, servers: [url], patienceMs: PATIENCE_MS });
  },
};

type Added = { readonly ctx: Context };

async function start(wires: Wires, name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = createNode({ name, ...options, limits: { drain: 100, ...options.limits } });
  nodes.push(node);
  await node.link(wires(name));
  return node;
}

/** A process that may use the network, answers what it is asked by `answer`, and whose context the test has. */
async function add(
  node: Node,
  id: string,
  answer: (body: unknown, ctx: Context) => unknown = (body) => body,
  grants: readonly unknown[] = [NETWORK],
): Promise<Added> {
  let ctx: Context | undefined;
  const program = defineProcess({
    init: (own) => {
      ctx = own as Context;
    },
    onRequest: (_, message, own) => {
      const said = answer(message.body, own as Context);
      if (message.rsvp !== null && said !== undefined)
        own.respond(said, message.blob === null ? {} : { blob: message.blob });
    },
  });
  node.addProcess(ProcessId.parse(id), program, { requestCapabilities: grants as (typeof NETWORK)[] });
  await null;
  if (ctx === undefined) throw new Error("its init has not run");
  return { ctx };
}

/** How it ended: the answer's body, or the kind of its error. */
async function outcome(asked: Promise<{ readonly body: unknown }>): Promise<unknown> {
  return await asked.then(
    ({ body }) => body,
    (error: unknown) => (error instanceof SendError ? error.kind : error),
  );
}

const ask = (ctx: Context, to: string, body: unknown, seconds = 5) =>
  outcome(ctx.request(to).body(body).expectsResponse(seconds).sendAndAwaitResponse());

describe.each(Object.keys(WIRES))("over %s", (name) => {
  const both = async (answer?: (body: unknown, ctx: Context) => unknown, options: Partial<NodeOptions> = {}) => {
    const wires = await (WIRES[name] as () => Promise<Wires>)();
    const alice = await start(wires, "alice.os");
    const bob = await start(wires, "bob.os", options);
    const { ctx } = await add(alice, A);
    await add(bob, B, answer);
    return { alice, bob, ctx, wires };
  };

  test("a request is answered, with blob and metadata", async () => {
    const { ctx } = await both((body) => ({ heard: body }));
    const blob = new Uint8Array(1000).map((_, i) => i);
    const answer = await ctx
      .request(`bob.os@${B}`)
      .body({ a: [1, "x"] })
      .blob(blob)
      .expectsResponse(5)
      .sendAndAwaitResponse();
    expect(answer.body).toEqual({ heard: { a: [1, "x"] } });
    expect(answer.blob?.bytes()).toEqual(Buffer.from(blob));
    expect(answer.source.text).toBe(`bob.os@${B}`);
  });

  test("messages of one sender to one target come in the order sent, large ones among them", async () => {
    const heard: unknown[] = [];
    const { ctx } = await both((body) => {
      heard.push(body);
      return body === "last" ? "all" : undefined;
    });
    const large = new Uint8Array(600 * 1024);
    for (let i = 0; i < 300; i++) {
      const request = ctx.request(`bob.os@${B}`).body(i);
      (i % 100 === 50 ? request.blob(large) : request).send();
    }
    expect(await ask(ctx, `bob.os@${B}`, "last")).toBe("all");
    expect(heard).toEqual([...Array.from({ length: 300 }, (_, i) => i), "last"]);
  });

  test("a blob of several megabytes comes whole, both ways", async () => {
    const { ctx } = await both();
    const blob = new Uint8Array(5 * 1024 * 1024).map((_, i) => i * 7);
    const answer = await ctx.request(`bob.os@${B}`).body(null).blob(blob).expectsResponse(20).sendAndAwaitResponse();
    expect(Buffer.compare(answer.blob?.bytes() ?? new Uint8Array(), blob)).toBe(0);
  });

  test("no such node, and no such process, are Offline at once", async () => {
    const { ctx } = await both();
    expect(await ask(ctx, `carol.os@${B}`, 1, 3600)).toBe("Offline");
    expect(await ask(ctx, "bob.os@nobody:chat:template.os", 1, 3600)).toBe("Offline");
  });

  test("who does not answer is a Timeout, and a late answer a dead letter", async () => {
    const kept: unknown[] = [];
    const { alice, ctx } = await both((body, own) => {
      if (body === "later") {
        own.respond("late", { to: kept[0] as never });
        return "now";
      }
      kept.push(own.message);
      return undefined;
    });
    expect(await ask(ctx, `bob.os@${B}`, "first", 0.05)).toBe("Timeout");
    const before = alice.kernel.deadLetters.counts();
    expect(await ask(ctx, `bob.os@${B}`, "later")).toBe("now"); // behind the late one
    const { unexpected_answer: now = 0 } = alice.kernel.deadLetters.counts();
    expect(now).toBeLessThanOrEqual((before.unexpected_answer ?? 0) + 1);
  });

  test("without the network capability nothing leaves: Denied", async () => {
    const { alice } = await both();
    const { ctx } = await add(alice, "c:chat:template.os", undefined, []);
    expect(await ask(ctx, `bob.os@${B}`, 1)).toBe("Denied");
    expect(alice.kernel.link?.facts()).toEqual([]);
  });

  test("who may not use the network is not reached: Denied; nor who is of another package, unless it is public", async () => {
    const { bob, ctx } = await both();
    await add(bob, "c:chat:template.os", undefined, []);
    await add(bob, "d:other:template.os");
    expect(await ask(ctx, "bob.os@c:chat:template.os", 1)).toBe("Denied");
    expect(await ask(ctx, "bob.os@d:other:template.os", 1)).toBe("Denied");
    expect(await ask(ctx, "bob.os@kernel:distro:sys", { Debug: "ProcessMap" })).toBe("Denied");
  });

  test("a target that ends with the request in hand is Offline", async () => {
    const { ctx } = await both(() => {
      throw new Error("meant");
    });
    expect(await ask(ctx, `bob.os@${B}`, 1, 3600)).toBe("Offline");
  });

  test("a target that has returned without an answer, and then ends, is Offline", async () => {
    let returned = false;
    const { bob, ctx } = await both(() => {
      returned = true;
    });
    const waits = ask(ctx, `bob.os@${B}`, 1, 3600);
    await until(() => returned);
    bob.kernel.registry.get(ProcessId.parse(B))?.kill();
    expect(await waits).toBe("Offline");
  });

  test("who was passed a request on, and ends, is Offline", async () => {
    const last = "last:chat:template.os";
    let returned = false;
    const { bob, ctx } = await both((body, own) => void own.request(last).body(body).inherit().send());
    await add(bob, last, () => {
      returned = true;
    });
    const waits = ask(ctx, `bob.os@${B}`, 1, 3600);
    await until(() => returned);
    bob.kernel.registry.get(ProcessId.parse(last))?.kill();
    expect(await waits).toBe("Offline");
  });
});

describe("over memory", () => {
  const start2 = async (options: Partial<NodeOptions> = {}) => {
    const net = new MemoryNet();
    const alice = await start((node) => net.wire(node), "alice.os", options);
    const bob = await start((node) => net.wire(node), "bob.os");
    const { ctx } = await add(alice, A);
    await add(bob, B);
    return { net, alice, bob, ctx };
  };

  test("a request that was lost on the way is Offline as soon as the next one has come", async () => {
    const { net, ctx } = await start2();
    expect(await ask(ctx, `bob.os@${B}`, 0)).toBe(0);
    net.lose("alice.os", "bob.os", 1);
    const sent = net.carried.length;
    const lost = ask(ctx, `bob.os@${B}`, 1, 3600);
    await until(() => net.carried.length > sent); // it has left, alone
    expect(await ask(ctx, `bob.os@${B}`, 2)).toBe(2);
    expect(await lost).toBe("Offline");
  });

  test("a link that breaks and comes back loses nothing that had not left; what was lost is Offline", async () => {
    const { net, ctx } = await start2();
    expect(await ask(ctx, `bob.os@${B}`, 0)).toBe(0);
    net.lose("alice.os", "bob.os", 1);
    const lost = ask(ctx, `bob.os@${B}`, 1, 3600);
    net.cut("alice.os");
    const waits = ask(ctx, `bob.os@${B}`, 2, 3600);
    net.mend("alice.os");
    expect(await waits).toBe(2);
    expect(await lost).toBe("Offline");
  });

  test("a link that stays broken is Offline for what waits, and at once for what is sent later", async () => {
    const { net, ctx } = await start2({ limits: { linkGrace: 20 } });
    net.cut("alice.os");
    expect(await ask(ctx, `bob.os@${B}`, 1, 3600)).toBe("Offline");
    expect(await ask(ctx, `bob.os@${B}`, 2, 3600)).toBe("Offline");
    net.mend("alice.os");
    expect(await ask(ctx, `bob.os@${B}`, 3)).toBe(3);
  });

  test("a peer that began anew leaves nobody waiting for the one before", async () => {
    const { net, bob, ctx } = await start2();
    net.hold();
    const waits = ask(ctx, `bob.os@${B}`, 1, 3600);
    nodes.splice(nodes.indexOf(bob), 1);
    net.release();
    await bob.stop();
    const again = await start((node) => net.wire(node), "bob.os");
    await add(again, B);
    expect(await ask(ctx, `bob.os@${B}`, 2)).toBe(2);
    expect(["Offline", 1]).toContain(await waits);
  });

  test("a peer that goes without a word with a request in hand is Offline, though nothing else is sent", async () => {
    const { net, bob, ctx } = await start2();
    await add(bob, "c:chat:template.os", () => undefined);
    const waits = ask(ctx, "bob.os@c:chat:template.os", 1, 3600);
    expect(await ask(ctx, `bob.os@${B}`, 2)).toBe(2); // it has come before this one
    net.vanish("bob.os");
    expect(await waits).toBe("Offline");
  });

  test("more than may wait for one node is Overloaded, at once", async () => {
    const { net, ctx } = await start2({ limits: { linkWindow: 64, linkQueue: 10 } });
    net.hold();
    const blob = new Uint8Array(32 * 1024);
    const all = Array.from({ length: 20 }, (_, i) =>
      outcome(ctx.request(`bob.os@${B}`).body(i).blob(blob).expectsResponse(5).sendAndAwaitResponse()),
    );
    const ends = all.map((each) => each.then((end) => end));
    net.release();
    const ended = await Promise.all(ends);
    expect(ended.filter((end) => end === "Overloaded").length).toBeGreaterThan(0);
    expect(ended.filter((end) => typeof end === "number").length).toBeGreaterThan(0);
    expect(ended.every((end) => end === "Overloaded" || typeof end === "number")).toBe(true);
  });

  test("a frame of another version is refused, by name, and nothing else is harmed", async () => {
    const { net, bob, ctx } = await start2();
    const faults: unknown[] = [];
    bob.kernel.events.listen((event) => {
      if (event.type === "fault") faults.push(event.error);
    });
    net.forge("alice.os", "bob.os", "q", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0, 0x90]));
    expect(String(faults[0])).toBe(
      "FrameError: Cannot read a frame of another node as it is of version 2, and this node speaks 1: run one Jackfield on all nodes",
    );
    expect(await ask(ctx, `bob.os@${B}`, 1)).toBe(1);
  });
});
