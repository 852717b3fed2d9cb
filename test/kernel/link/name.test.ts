/** One node of a name at a time, and a start that waits for its servers: real NATS servers. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Servers, startServers } from "../../../bench/cluster/servers.ts";
import { createNode, type KernelEvent, LinkError, type Node } from "../../../kernel/index.ts";
import { addAnswerer, addAsker, ask } from "../../support/link-nodes.ts";
import { startNatsServer, stopNatsServers } from "../../support/nats-server.ts";
import { closeGates, openGate } from "../../support/tcp-gate.ts";
import { until } from "../../support/until.ts";

const nodes: Node[] = [];
const running: Servers[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  await closeGates();
  await stopNatsServers();
  for (const each of running.splice(0)) await each.end();
});

function named(name: string, limits: Readonly<Record<string, number>> = {}): Node {
  const node = createNode({ name, limits: { drain: 100, ...limits } });
  nodes.push(node);
  return node;
}

const TAKEN = 'there is a node "alice.os" on it already: each needs a name of its own (--node)';
const AT_ONCE = 'another node "alice.os" starts on it in this moment: each needs a name of its own (--node)';

/** @returns why it is not linked; "": it is */
const refusal = async (linking: Promise<unknown>): Promise<string> =>
  await linking.then(
    () => "",
    (error: unknown) => {
      expect(error).toBeInstanceOf(LinkError);
      return (error as LinkError).message;
    },
  );

describe("of nodes of one name that start at once, one is linked and the others are told why", () => {
  const together = async (urls: readonly string[]): Promise<void> => {
    const left: string[] = [];
    const starting = Array.from({ length: 3 }, (_, i) => {
      const node = named("alice.os");
      node.kernel.events.listen((event) => void (event.type === "fault" && left.push(String(event.error))));
      return { node, options: { servers: [urls[i % urls.length] ?? ""] } };
    });
    const ends = await Promise.all(starting.map(({ node, options }) => refusal(node.linkByNats(options))));
    const others = ends.filter((why) => why !== "");
    for (const why of others) expect([why.includes(TAKEN), why.includes(AT_ONCE)]).toContain(true);
    // Servers that were too busy to tell each other within 100 ms let in one more, which is told later (nats-name.ts).
    if (urls.length === 1) expect(others).toHaveLength(2);
    await until(() => others.length + left.length === 2);
    for (const why of left) expect(why).toContain('another node "alice.os" is on it');
    await until(() => starting.filter(({ node }) => node.kernel.link?.isUp).length === 1);
    for (const { node } of starting) await node.stop();
  };

  test("on one server", async () => {
    const { url } = await startNatsServer();
    for (let round = 0; round < 10; round++) await together([url]);
  });

  test("each on another of three", async () => {
    const servers = await startServers(3);
    running.push(servers);
    for (let round = 0; round < 5; round++) await together(servers.urls);
  });
});

test("one that comes later is refused, and the first does not notice", async () => {
  const { url } = await startNatsServer();
  const first = await named("alice.os").linkByNats({ servers: [url] });
  for (let round = 0; round < 3; round++)
    expect(await refusal(named("alice.os").linkByNats({ servers: [url] }))).toBe(
      `Cannot link to "${url}" as ${TAKEN}; one that was cut off is gone after some 30 s`,
    );
  expect(first.isUp).toBe(true);
});

test("one that does not answer any more is waited for, and then has the name still", async () => {
  const { port, url } = await startNatsServer();
  const gate = await openGate(port);
  await named("alice.os").linkByNats({ servers: [gate.url] });
  gate.stall();
  const second = named("alice.os", { linkStart: 0 });
  expect(await refusal(second.linkByNats({ servers: [url] }))).toContain(TAKEN);
  gate.mend();
});

test("a successor waits for as long as the other has the name, hears nothing meanwhile, and is there when that has left", async () => {
  const { url } = await startNatsServer();
  const [older, newer, bob] = [named("alice.os"), named("alice.os", { linkStart: 0 }), named("bob.os")];
  await older.linkByNats({ servers: [url] });
  await bob.linkByNats({ servers: [url] });
  await addAnswerer(older, () => "older");
  await addAnswerer(newer, () => "newer");
  const ctx = await addAsker(bob);
  let told = 0;
  const linking = newer.linkByNats({ servers: [url], onHeld: () => told++ });
  await until(() => told > 0);
  for (let i = 0; i < 20; i++) expect(await ask(ctx, "alice.os", i)).toBe("older");
  expect(newer.kernel.link).toBe(null);
  await older.stop();
  await linking;
  expect(await ask(ctx, "alice.os", 0)).toBe("newer");
  expect(told).toBe(1);
});

test("a successor that is stopped waits no more", async () => {
  const { url } = await startNatsServer();
  await named("alice.os").linkByNats({ servers: [url] });
  const newer = named("alice.os");
  let isHeld = false;
  const onHeld = (): void => {
    isHeld = true;
  };
  const ended = refusal(newer.linkByNats({ servers: [url], onHeld }));
  await until(() => isHeld);
  await newer.stop();
  expect(await ended).toBe(`Cannot link to "${url}" as the node stopped before it was linked: start it again`);
});

test("one that was cut off, and comes back when another has its name, leaves and says so", async () => {
  const { port, url } = await startNatsServer();
  const gate = await openGate(port);
  const cutOff = named("alice.os");
  const faults: KernelEvent[] = [];
  cutOff.kernel.events.listen((event) => void (event.type === "fault" && faults.push(event)));
  await cutOff.linkByNats({ servers: [gate.url] });
  gate.cut();
  await until(() => cutOff.kernel.link?.isUp === false);
  const second = named("alice.os");
  const link = await second.linkByNats({ servers: [url] });
  const bob = named("bob.os");
  await bob.linkByNats({ servers: [url] });
  await addAnswerer(second, () => "second");
  const ctx = await addAsker(bob);
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // for as long as two count as connected at the same time
  gate.mend();
  await until(() => faults.length > 0);
  expect(faults).toMatchObject([
    {
      process: "kernel:distro:sys",
      error: expect.objectContaining({
        message: `Cannot link to "${gate.url}" as another node "alice.os" is on it, and has been for longer: this one was cut off and has left, stop one of them`,
      }),
    },
  ]);
  expect(cutOff.kernel.link?.isUp).toBe(false);
  expect(link.isUp).toBe(true);
  for (let i = 0; i < 20; i++) expect(await ask(ctx, "alice.os", i)).toBe("second");
});

describe("a start waits for its servers", () => {
  test("one that comes up a moment later", async () => {
    const server = await startNatsServer();
    await server.end();
    const linking = named("alice.os", { linkStart: 600_000 }).linkByNats({ servers: [server.url] });
    await new Promise((resolve) => setTimeout(resolve, 400)); // it has tried, and nobody was there
    await server.start();
    expect((await linking).isUp).toBe(true);
  });

  test("for linkStart, then it says what was wrong", async () => {
    const server = await startNatsServer();
    await server.end();
    expect(await refusal(named("alice.os", { linkStart: 300 }).linkByNats({ servers: [server.url] }))).toBe(
      `Cannot link to "${server.url}" as none of its servers lets it in: connection refused, tried for 300 ms: limits.linkStart`,
    );
  });

  test("not at all with 0", async () => {
    const server = await startNatsServer();
    await server.end();
    expect(await refusal(named("alice.os", { linkStart: 0 }).linkByNats({ servers: [server.url] }))).toBe(
      `Cannot link to "${server.url}" as none of its servers lets it in: connection refused`,
    );
  });
});
