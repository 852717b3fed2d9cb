/** What processes and clients may take: each limit at it, and one past it. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { bind, reply, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P, Q } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const OK = { Ok: null };
const FULL = { Err: "LimitReached" };
const bindWs = (path: string): unknown => ({ WebSocketBind: { path, authenticated: false, extension: false } });

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe("bindingsPerProcess", () => {
  test("are counted over HTTP and WebSocket paths, each process for itself", async () => {
    const alice = await startHttpNode({ limits: { bindingsPerProcess: 2 } });
    const p = alice.add(P);
    const q = alice.add(Q);
    expect(await p.ask(bind("/a"))).toEqual(OK);
    expect(await p.ask(bindWs("/a"))).toEqual(OK);
    expect(await p.ask(bind("/b"))).toEqual(FULL);
    expect(await p.ask(bindWs("/b"))).toEqual(FULL);
    expect((await alice.ask({ path: `/${P}/b` })).status).toBe(404);
    expect(await q.ask(bind("/a"))).toEqual(OK);
  });

  test("are not reached by binding a path again, under whatever names of its parameters", async () => {
    const alice = await startHttpNode({ limits: { bindingsPerProcess: 1 } });
    const p = alice.add(P);
    expect(await p.ask(bind("/m/:id"))).toEqual(OK);
    expect(await p.ask(bind("/m/:id/"))).toEqual(OK);
    expect(await p.ask(bind("/m/:other"))).toEqual(OK);
    expect(await p.ask(bind("/m/x"))).toEqual(FULL);
  });

  test("have room again behind an Unbind, under whatever names of its parameters", async () => {
    const alice = await startHttpNode({ limits: { bindingsPerProcess: 1 } });
    const p = alice.add(P);
    await p.ask(bind("/m/:id"));
    await p.ask({ Unbind: { path: "/m/:other" } });
    expect(await p.ask(bindWs("/w/:id"))).toEqual(OK);
    await p.ask({ WebSocketUnbind: { path: "/w/:other" } });
    expect(await p.ask(bind("/n"))).toEqual(OK);
  });

  test("have room again for the next process of that name", async () => {
    const alice = await startHttpNode({ limits: { bindingsPerProcess: 1 } });
    await alice.add(P).ask(bind("/m"));
    alice.process(P).kill();
    expect(await alice.add(P).ask(bind("/n"))).toEqual(OK);
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(404);
  });
});

describe("staticBytes", () => {
  const cache = { cache: true };

  test("are counted over all processes", async () => {
    const alice = await startHttpNode({ limits: { staticBytes: 10 } });
    const p = alice.add(P);
    const q = alice.add(Q);
    expect(await p.ask(bind("/a", cache), "123456")).toEqual(OK);
    expect(await q.ask(bind("/a", cache), "1234")).toEqual(OK);
    expect(await q.ask(bind("/b", cache), "1")).toEqual(FULL);
    expect(await q.ask(bind("/b", cache), "")).toEqual(OK);
  });

  test("count once for a path that is bound again: what it held makes room", async () => {
    const alice = await startHttpNode({ limits: { staticBytes: 10 } });
    const p = alice.add(P);
    expect(await p.ask(bind("/a/:x", cache), "1234567890")).toEqual(OK);
    expect(await p.ask(bind("/a/:y", cache), "0987654321")).toEqual(OK);
    expect(await p.ask(bind("/a/:z", cache), "12345678901")).toEqual(FULL);
    expect((await alice.ask({ path: `/${P}/a/b` })).body).toBe("0987654321");
  });

  test.each<[what: string, free: unknown]>([
    ["unbound", { Unbind: { path: "/a" } }],
    ["bound without content", bind("/a")],
  ])("have room again when a path is %s", async (_what, free) => {
    const alice = await startHttpNode({ limits: { staticBytes: 10 } });
    const p = alice.add(P);
    await p.ask(bind("/a", cache), "1234567890");
    expect(await p.ask(bind("/b", cache), "1")).toEqual(FULL);
    await p.ask(free);
    expect(await p.ask(bind("/b", cache), "1234567890")).toEqual(OK);
  });

  test("have room again when a process is gone", async () => {
    const alice = await startHttpNode({ limits: { staticBytes: 10 } });
    await alice.add(P).ask(bind("/a", cache), "1234567890");
    alice.process(P).kill();
    expect(await alice.add(Q).ask(bind("/a", cache), "1234567890")).toEqual(OK);
  });
});

describe("goneProcesses", () => {
  test("are remembered up to the limit, the last ones: the others are 404", async () => {
    const alice = await startHttpNode({ limits: { goneProcesses: 2 } });
    const ids = ["one:a:sys", "two:a:sys", "three:a:sys"];
    for (const id of ids) await alice.add(id).ask(bind("/"));
    for (const id of ids) alice.process(id).kill();
    const statuses = ids.map(async (id) => (await alice.ask({ path: `/${id}` })).status);
    expect(await Promise.all(statuses)).toEqual([404, 503, 503]);
  });

  test("of 0 make every path of a process that is gone 404", async () => {
    const alice = await startHttpNode({ limits: { goneProcesses: 0 } });
    await alice.add(P).ask(bind("/"));
    alice.process(P).kill();
    expect((await alice.ask({ path: `/${P}` })).status).toBe(404);
  });
});

describe.each(TRANSPORTS)("httpBodyBytes over %s", (transport) => {
  test("are taken, one more is 413 and the process is not asked", async () => {
    const alice = await startHttpNode({ transport, limits: { httpBodyBytes: 100_000 } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const post = { method: "POST", path: `/${P}/m` };
    expect((await alice.ask({ ...post, body: "x".repeat(100_000) })).status).toBe(200);
    expect((await p.next()).bytes).toHaveLength(100_000);
    const answer = await alice.ask({ ...post, body: "x".repeat(100_001) });
    expect(answer.status).toBe(413);
    expect(answer.body).toBe("Cannot take this body as it must be at most 100000 bytes: send less\n");
    expect(answer.headers.connection).toBe("close");
    expect(p.waiting).toEqual([]);
  });

  test("count for a body in chunks too", async () => {
    const alice = await startHttpNode({ transport, limits: { httpBodyBytes: 10 } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const chunked = { method: "POST", path: `/${P}/m`, headers: { "transfer-encoding": "chunked" } };
    const fits = await RawSocket.connect(alice.port);
    expect((await fits.request(chunked, "5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n")).status).toBe(200);
    expect((await p.next()).text).toBe("1234567890");
    const tooLong = await RawSocket.connect(alice.port);
    expect((await tooLong.request(chunked, "5\r\n12345\r\n6\r\n678901\r\n0\r\n\r\n")).status).toBe(413);
  });

  test("of 0 still let requests without a body through", async () => {
    const alice = await startHttpNode({ transport, limits: { httpBodyBytes: 0 } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(200);
    expect((await alice.ask({ method: "POST", path: `/${P}/m`, body: "x" })).status).toBe(413);
  });

  test("who has to log in first is told so before any of the body is read", async () => {
    const alice = await startHttpNode({ transport, limits: { httpBodyBytes: 1 } });
    await alice.add(P).ask(bind("/m", { authenticated: true }));
    const client = await RawSocket.connect(alice.port);
    const headers = { "content-length": "1000000" };
    expect((await client.request({ method: "POST", path: `/${P}/m`, headers })).status).toBe(401);
  });
});

test.each([
  ["goneProcesses", -1, "0 to 1000000 processes: got -1, leave it out for 1000"],
  ["httpSeconds", Number.NaN, "0.01 to 3600 seconds: got NaN, leave it out for 15"],
  ["bindingsPerProcess", 0, "1 to 1000000 paths: got 0, leave it out for 2000"],
])("a node does not start with limit %s at %d", async (name, value, rule) => {
  await expect(startHttpNode({ limits: { [name]: value } })).rejects.toThrow(
    `Cannot set limit "${name}" as it must be ${rule}`,
  );
});
