/** Contract kinode §10, cases 57 to 68 and 87: claiming paths, and who is asked for them. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Address, Blob, Envelope, ProcessId } from "../../../lib/protocol/index.ts";
import {
  askWithBlob,
  bind,
  HTTP_SERVER,
  type HttpNode,
  httpOf,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P, Q } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { destroyAll } from "../../support/sockets.ts";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each([`/${P}`, `/${P}/`, `/${P}/deep/x.js`])("case 57: a page cached at / is served at %s", async (path) => {
    const alice = await startHttpNode({ transport });
    await addWith(alice, P, bind("/", { cache: true }), Blob.of("<h1>", "text/html"));
    const answer = await alice.ask({ path });
    expect(answer).toMatchObject({ status: 200, body: "<h1>" });
    expect(answer.headers["content-type"]).toBe("text/html");
  });

  test("case 58: another method on a cached path is forwarded, bound_path without the rest", async () => {
    const alice = await startHttpNode({ transport });
    const p = await addWith(alice, P, bind("/", { cache: true }), Blob.of("<h1>", "text/html"));
    p.onMessage = reply(200, {}, "from the process");
    const answer = await alice.ask({ method: "POST", path: `/${P}/deep`, body: "x" });
    expect(answer).toMatchObject({ status: 200, body: "from the process" });
    expect(httpOf(await p.next())).toMatchObject({ method: "POST", bound_path: `/${P}`, url_params: {} });
  });

  test("case 59, as inferred: binding a path again replaces what was there", async () => {
    const alice = await startHttpNode({ transport });
    const p = await addWith(alice, P, bind("/m", { cache: true }), Blob.of("old"));
    await p.ask(bind("/m", { cache: true }), "new");
    expect((await alice.ask({ path: `/${P}/m` })).body).toBe("new");
    expect(await p.ask(bind("/m"))).toEqual({ Ok: null });
    p.onMessage = reply(200, {}, "asked");
    expect((await alice.ask({ path: `/${P}/m` })).body).toBe("asked");
  });

  test("case 60: a cached path without content is refused with NoBlob", async () => {
    const alice = await startHttpNode({ transport });
    expect(await alice.add(P).ask(bind("/", { cache: true }))).toEqual({ Err: "NoBlob" });
    expect((await alice.ask({ path: `/${P}` })).status).toBe(404);
  });

  test("case 61: parameters and the rest arrive still percent-encoded", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/u/:id/*rest"));
    p.onMessage = reply(200);
    await alice.ask({ path: `/${P}/u/4%202/x/y` });
    expect(httpOf(await p.next())).toMatchObject({
      bound_path: `/${P}/u/:id/*rest`,
      url_params: { id: "4%202", rest: "x/y" },
    });
  });

  test("case 62, as inferred: a static segment wins over a parameter, a parameter over the rest", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    for (const path of ["/m/*rest", "/m/:id", "/m/me"]) await p.ask(bind(path));
    p.onMessage = reply(200);
    for (const [asked, bound] of [
      ["/m/me", "/m/me"],
      ["/m/you", "/m/:id"],
      ["/m/you/too", "/m/*rest"],
    ]) {
      await alice.ask({ path: `/${P}${asked}` });
      expect(httpOf(await p.next()).bound_path).toBe(`/${P}${bound}`);
    }
  });

  test("case 63: a path that was unbound is 404", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    expect(await p.ask({ Unbind: { path: "/m" } })).toEqual({ Ok: null });
    expect(await alice.ask({ path: `/${P}/m` })).toMatchObject({ status: 404, body: "" });
  });

  test("a path that was unbound is served by / again: no tombstone shadows it", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/", { cache: true }), "the page");
    await p.ask(bind("/m", { cache: true }), "m");
    await p.ask({ Unbind: { path: "/m" } });
    expect((await alice.ask({ path: `/${P}/m` })).body).toBe("the page");
  });

  test("unbinding a path that was never bound is Ok and changes nothing", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/", { cache: true }), "the page");
    expect(await p.ask({ Unbind: { path: "/never" } })).toEqual({ Ok: null });
    expect((await alice.ask({ path: `/${P}/never` })).body).toBe("the page");
  });

  test("a process unbinds its own paths only", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { cache: true }), "P's");
    const q = alice.add(Q);
    expect(await q.ask({ Unbind: { path: "/m" } })).toEqual({ Ok: null });
    expect(await q.ask({ Unbind: { path: `/../${P}/m` } })).toEqual({ Ok: null });
    expect((await alice.ask({ path: `/${P}/m` })).body).toBe("P's");
  });

  test.each<[what: string, body: unknown]>([
    ["case 64: an unknown action", { Nope: 1 }],
    ["case 65, as inferred: a text", "Bind"],
    ["case 65, as inferred: null", null],
    ["case 66: a Bind without cache", { Bind: { path: "/m", authenticated: true, local_only: false } }],
    ["a Bind whose path is a number", { Bind: { path: 1, authenticated: true, local_only: false, cache: false } }],
    ["a Bind that goes on behind the rest", bind("/a/*rest/b")],
  ])("%s is refused with MalformedRequest", async (_what, body) => {
    const alice = await startHttpNode({ transport });
    expect(await alice.add(P).ask(body)).toEqual({ Err: "MalformedRequest" });
  });

  test.each([
    ["case 67: a process whose name has unsafe letters", "alice.os", "Chess:chess:sys"],
    ["case 87: another node's homepage", "bob.os", "homepage:homepage:sys"],
    ["another node's process of a name that is here too", "bob.os", P],
    ["an instance of a keyed family, whose name is no segment", "alice.os", "room/42:chat:template.os"],
  ])("%s is refused with InvalidSourceProcess, and nothing is bound", async (_what, node, id) => {
    const alice = await startHttpNode({ transport });
    alice.add(P);
    const source = new Address(node, ProcessId.parse(id));
    expect(deliver(alice, source, bind("/m"))).toEqual({ Err: "InvalidSourceProcess" });
    expect((await alice.ask({ path: `/${id}/m` })).status).toBe(404);
    expect((await alice.ask({ path: "/m" })).status).toBe(404);
  });

  test.each([
    ["/", ["", "/"]],
    ["x", ["/x", "/x/"]],
    ["/x", ["/x", "/x/"]],
    ["/x/", ["/x", "/x/"]],
    ["", ["//"]],
    ["//", ["//"]],
  ])("case 68, as inferred: what is bound at %j is served below the process's id at %j", async (path, asked) => {
    const alice = await startHttpNode({ transport });
    await addWith(alice, P, bind(path, { cache: true }), Blob.of("here"));
    for (const rest of asked) expect((await alice.ask({ path: `/${P}${rest}` })).body).toBe("here");
  });

  test("the id in a path is taken letter by letter", async () => {
    const alice = await startHttpNode({ transport });
    await addWith(alice, P, bind("/", { cache: true }), Blob.of("here"));
    const encoded = P.replaceAll(":", "%3A");
    for (const path of [`/${encoded}`, `//${P}`, `/./${P}`, `/${P.toUpperCase()}`]) {
      expect((await alice.ask({ path })).status).toBe(404);
    }
  });

  test("the homepage's paths are bare, and other processes keep theirs", async () => {
    const alice = await startHttpNode({ transport });
    const homepage = await addWith(alice, "homepage:homepage:sys", bind("/", { cache: true }), Blob.of("start"));
    await homepage.ask(bind("/apps", { cache: true }), "apps");
    await homepage.ask(bind("/*rest", { cache: true }), "any");
    await addWith(alice, P, bind("/m", { cache: true }), Blob.of("P's"));
    const bodies = ["/", "/apps", "/apps/", "/else", `/${P}/m`].map(async (path) => (await alice.ask({ path })).body);
    expect(await Promise.all(bodies)).toEqual(["start", "apps", "apps", "any", "P's"]);
  });
});

/** Adds a process that claims one path. */
async function addWith(alice: HttpNode, id: string, action: unknown, content: Blob): Promise<Recorder> {
  const p = alice.add(id);
  expect(await askWithBlob(p, action, content)).toEqual({ Ok: null });
  return p;
}

/** Hands an action to the http-server past the kernel's checks of its sender. @returns the answer, which nobody waits for */
function deliver(alice: HttpNode, source: Address, action: unknown): unknown {
  const server = alice.process(HTTP_SERVER.text);
  const { bus, deadLetters, queue } = alice.node.kernel;
  const request = new Envelope("request", source, server.address, action, null);
  request.id = 1_000_000;
  request.rsvp = new Address("alice.os", source.id);
  queue.begin();
  bus.deliver(request, server);
  queue.end();
  return deadLetters.last().at(-1)?.body;
}
