/** Contract kinode §10, cases 49 to 56: what becomes of a request to a process. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Blob, Envelope, VirtualClock } from "../../../lib/protocol/index.ts";
import { bind, HTTP_SERVER, httpOf, reply, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll } from "../../support/sockets.ts";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("case 49: a path nobody bound is 404 with an empty body", async () => {
    const alice = await startHttpNode({ transport });
    const answer = await alice.ask({ path: "/nope" });
    expect(answer).toMatchObject({ status: 404, body: "" });
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
  });

  test("near case 49: a browser that navigates there reads a sentence, and is offered no file", async () => {
    const alice = await startHttpNode({ transport });
    const answer = await alice.ask({ path: "/nope", headers: { accept: "text/html" } });
    expect(answer).toMatchObject({ status: 404, body: "nothing is served at this path\n" });
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  });

  test("case 50, as inferred: the process is told the request in the contract's words", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const headers = { "X-Twice": ["one", "two"] };
    await alice.ask({ method: "POST", path: `/${P}/m?a=1&b=%zz&a=x+y%20z`, headers, body: "the body" });
    const event = await p.next();
    expect(event).toMatchObject({ kind: "request", source: "alice.os@http-server:distro:sys", text: "the body" });
    expect(event.envelope.expectsResponse).toBe(15);
    expect(event.envelope.blob?.mime).toBeNull();
    expect(event.metadata).toBeNull();
    const { source_socket_addr: peer, headers: seen, header_list, query_list, stream_id, ...rest } = httpOf(event);
    expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(seen).toMatchObject({ host: `127.0.0.1:${alice.port}`, "x-twice": "two" });
    expect(rest).toEqual({
      method: "POST",
      url: `http://127.0.0.1/${P}/m`,
      bound_path: `/${P}/m`,
      url_params: {},
      query_params: { a: "x y z", b: "%zz" },
      stream_body: false, // ours, like the lists and the id
    });
  });

  test("beside the last of several, every header and parameter is told, the cookies of a login left out", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const headers = { host: "a", "X-Twice": ["one", "two"], cookie: [`${alice.cookie}; a=1`, "b=2"] };
    await alice.ask({ path: `/${P}/m?a=1&b=%zz&a=x+y%20z&c`, headers });
    const { header_list, query_list, stream_id, stream_body } = httpOf(await p.next());
    expect(header_list).toEqual([
      ["host", "a"],
      ["x-twice", "one"],
      ["x-twice", "two"],
      ["cookie", "a=1"],
      ["cookie", "b=2"],
    ]);
    expect(query_list).toEqual([
      ["a", "1"],
      ["b", "%zz"],
      ["a", "x y z"],
      ["c", ""],
    ]);
    expect([typeof stream_id, stream_body]).toEqual(["number", false]);
  });

  test("a token is left out under each of its names, for a process of the node and of another node on this host too", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const names = ["jackfield", "kinode", "hyperware", "nectar", "uqbar"].map((family) => `${family}-auth_`);
    const suffixes = ["alice.os", `alice.os@${P}`, "bob.os"];
    const tokens = names.flatMap((name) => suffixes.map((suffix) => `${name}${suffix}=${alice.token}`));
    await alice.ask({ path: `/${P}/m`, headers: { cookie: ["a=1", ...tokens, "kinode-author=b"].join("; ") } });
    const { headers, header_list } = httpOf(await p.next());
    expect(headers).toMatchObject({ cookie: "a=1; kinode-author=b" });
    expect(JSON.stringify(header_list)).not.toContain(alice.token);
  });

  test("several values of one header are several lines: two cookies can be set", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200, { "Set-Cookie": ["a=1; Path=/", "b=2"], "X-A": "one" });
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer.setCookies).toEqual(["a=1; Path=/", "b=2"]);
    expect(answer.headers["x-a"]).toBe("one");
  });

  test("case 50, as inferred: a request without a body has an empty blob", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    await alice.ask({ path: `/${P}/m` });
    expect((await p.next()).bytes).toEqual(new Uint8Array(0));
  });

  test("case 51: the process's status, header and blob are the answer", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(201, { "Content-Type": "text/x" }, "BODY");
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 201, body: "BODY" });
    expect(answer.headers["content-type"]).toBe("text/x");
  });

  test("an answer without a content type and without a blob goes out as empty bytes", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = ({ envelope }, host) => host.respond({ body: { status: 202 } }, envelope);
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 202, body: "" });
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
  });

  test.each<[what: string, body: unknown]>([
    ["case 52: an answer that is no HttpResponse", "not json"],
    ["case 53, as inferred: an answer of null", null],
    ["case 53, as inferred: a status below 200", { status: 100, headers: {} }],
    ["case 53, as inferred: a status above 999", { status: 1000, headers: {} }],
    ["case 53, as inferred: a status that is no whole number", { status: 200.5, headers: {} }],
    ["case 53, as inferred: a status that is a text", { status: "200", headers: {} }],
    ["case 53, as inferred: headers that are a text", { status: 200, headers: "a: b" }],
  ])("%s is 500, empty, and no fault of ours", async (_what, body) => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = ({ envelope }, host) => host.respond({ body, blob: Blob.of("secret") }, envelope);
    expect(await alice.ask({ path: `/${P}/m` })).toMatchObject({ status: 500, body: "" });
    expect(alice.faults).toEqual([]);
  });

  test("case 54: 15 seconds without an answer are 408, and nothing waits any more", async () => {
    const clock = new VirtualClock();
    const alice = await startHttpNode({ transport, nodeOptions: { clock } });
    const pending = (): number | undefined => alice.process(HTTP_SERVER.text).pending?.size;
    const p = alice.add(P);
    await p.ask(bind("/m"));
    const asked = alice.ask({ path: `/${P}/m` });
    await p.next();
    clock.advance(14_999);
    expect(pending()).toBe(1);
    clock.advance(1);
    expect(await asked).toMatchObject({ status: 408, body: "" });
    expect(pending()).toBe(0);
  });

  test("case 54: an answer after the 408 is a dead letter", async () => {
    const clock = new VirtualClock();
    const alice = await startHttpNode({ transport, nodeOptions: { clock }, limits: { httpSeconds: 3 } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    const asked = alice.ask({ path: `/${P}/m` });
    const { envelope } = await p.next();
    clock.advance(3000);
    expect((await asked).status).toBe(408);
    p.host?.respond({ body: { status: 200, headers: {} } }, envelope);
    expect(alice.node.kernel.deadLetters.counts()).toEqual({ unexpected_answer: 1 });
    expect(alice.faults).toEqual([]);
  });

  test("case 55: a process killed while a client waits is 503 at once", async () => {
    const alice = await startHttpNode({ transport, nodeOptions: { clock: new VirtualClock() } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    const asked = alice.ask({ path: `/${P}/m` });
    await p.next();
    alice.process(P).kill();
    expect(await asked).toMatchObject({ status: 503, body: "" });
  });

  test("case 55: a process that was gone before is 503 at once, on bound and unbound paths of it", async () => {
    const alice = await startHttpNode({ transport, nodeOptions: { clock: new VirtualClock() } });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    alice.process(P).kill();
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(503);
    expect((await alice.ask({ path: `/${P}/other` })).status).toBe(503);
    expect((await alice.ask({ path: "/nope" })).status).toBe(404);
  });

  test("a process that crashes on a request is 503, and serves the next one when it restarts", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    alice.process(P).onExit = "Restart";
    await p.ask(bind("/m"));
    p.onMessage = () => {
      throw new Error("the process fails");
    };
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(503);
    p.onMessage = reply(200, {}, "again");
    expect(await alice.ask({ path: `/${P}/m` })).toMatchObject({ status: 200, body: "again" });
  });

  test("case 56, as inferred: a full mailbox is 503 with Retry-After", async () => {
    const alice = await startHttpNode({ transport, nodeOptions: { limits: { mailbox: 1 } } });
    const p = alice.add(P);
    const { address, mailbox } = alice.process(P);
    await p.ask(bind("/m"));
    let go: () => void = () => {};
    p.onMessage = () =>
      new Promise<void>((resolve) => {
        go = resolve;
      });
    const first = alice.ask({ path: `/${P}/m` });
    const inHand = await p.next();
    p.host?.send(new Envelope("request", address, address, "waits", null));
    expect(mailbox.length).toBe(1); // full
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 503, body: "" });
    expect(answer.headers["retry-after"]).toBe("1");
    p.host?.respond({ body: { status: 200 } }, inHand.envelope);
    p.onMessage = () => undefined;
    go();
    expect((await first).status).toBe(200);
  });

  test("a process that the http-server may not message is 503", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    const { capabilities } = alice.process(HTTP_SERVER.text);
    for (const cap of capabilities.list()) capabilities.drop(cap);
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(503);
    expect(p.waiting).toEqual([]);
  });
});
