/** What an Open says beyond id, path and peer: who is logged in, and how the client asked. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { AddProcessOptions } from "../../../kernel/index.ts";
import { defineProcess, type Open } from "../../../lib/process/index.ts";
import { bindWs, registration, startNode, startWithP, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { RawSocket } from "../../support/sockets.ts";

async function connect(on: TestNode, path: string, headers: Readonly<Record<string, string | string[]>>) {
  const client = await RawSocket.connect(on.port);
  const { status, body } = await client.tryUpgrade({ path, headers });
  return { client, status, body };
}

async function opened(p: Recorder): Promise<Readonly<Record<string, unknown>>> {
  const { body } = await p.next();
  return (body as { WebSocketOpen: Record<string, unknown> }).WebSocketOpen;
}

const RESTARTED: AddProcessOptions = { onExit: "Restart" };

describe.each(TRANSPORTS)("%s Open", (transport) => {
  afterEach(stopNodes);

  test("of who is not logged in and asks for nothing says so", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/", { authenticated: false }));
    await connect(on, `/${P}`, { "user-agent": "not chosen" });
    expect(await opened(p)).toEqual({
      path: "/",
      channel_id: expect.any(Number),
      source_socket_addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      forwarded_for: null,
      user: null,
      query_params: {},
      headers: {},
      protocol: null,
    });
  });

  test("names the user of the session cookie, on a path that wants no login too", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/", { authenticated: false }));
    await connect(on, `/${P}`, { cookie: on.cookie });
    expect(await opened(p)).toMatchObject({ user: "alice.os" });
  });

  test("has the query decoded, the last of several", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/", { authenticated: false }));
    await connect(on, `/${P}?room=a%20b&room=c+d&__proto__=x&empty`, {});
    const { query_params: query } = await opened(p);
    expect(Object.entries(query as object)).toEqual([
      ["room", "c d"],
      ["__proto__", "x"],
      ["empty", ""],
    ]);
  });

  test.each([
    ["the token", (on: TestNode) => [{}, registration(on)]],
    ["the cookie", (on: TestNode) => [{ cookie: on.cookie }, { target_process: P }]],
  ] as const)("on the main route has the query of the upgrade, and the user of %s", async (_, how) => {
    const { on, p } = await startWithP(transport);
    const [headers, register] = how(on);
    const { client } = await connect(on, "/?a=1", headers as Record<string, string>);
    client.sendText(JSON.stringify(register));
    expect(await opened(p)).toMatchObject({ path: "/", user: "alice.os", query_params: { a: "1" }, protocol: null });
  });

  test("has the headers that the binding chose and the client sent, the last of several", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(
      bindWs("/", { authenticated: false, open_headers: ["User-Agent", "x-twice", "x-absent", "__proto__"] }),
    );
    await connect(on, `/${P}`, { "user-agent": "a browser", "x-twice": ["1", "2"], "x-other": "3" });
    expect(await opened(p)).toMatchObject({ headers: { "user-agent": "a browser", "x-twice": "2" } });
  });

  test("never has the cookie that logs in, and no cookie header when there is no other", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/", { open_headers: ["cookie"] }));
    await connect(on, `/${P}`, { cookie: `a=1; ${on.cookie}; b=2` });
    expect(await opened(p)).toMatchObject({ headers: { cookie: "a=1; b=2" } });
    await connect(on, `/${P}`, { cookie: `${on.cookie}; ${on.cookie.replace("jackfield", "uqbar")}` });
    expect((await opened(p)).headers).toEqual({});
  });

  test("reaches onOpen with what bindWs asked for", async () => {
    const on = await startNode(transport);
    const opens: Open[] = [];
    let bound = false;
    const program = defineProcess({
      async init(ctx) {
        await ctx.bindWs("/", { protocols: ["v1"], openHeaders: ["User-Agent"] });
        bound = true;
      },
      onOpen: (_, open) => void opens.push(open),
    });
    on.add(P, program);
    await until(() => bound);
    const headers = { cookie: on.cookie, "user-agent": "a browser", "sec-websocket-protocol": "v1" };
    await connect(on, `/${P}?a=1`, headers);
    await until(() => opens.length > 0);
    expect(opens).toEqual([
      {
        channelId: expect.any(Number),
        path: "/",
        peer: expect.any(String),
        user: "alice.os",
        query: { a: "1" },
        headers: { "user-agent": "a browser" },
        protocol: "v1",
      },
    ]);
  });

  test("says the same again after a restart", async () => {
    const { on, p } = await startWithP(transport, { process: RESTARTED });
    await p.ask(bindWs("/", { protocols: ["v1"], open_headers: ["user-agent"] }));
    const headers = { cookie: on.cookie, "user-agent": "a browser", "sec-websocket-protocol": "v1" };
    const { client } = await connect(on, `/${P}?a=1`, headers);
    const first = await opened(p);
    expect(first).toMatchObject({
      user: "alice.os",
      query_params: { a: "1" },
      headers: { "user-agent": "a browser" },
      protocol: "v1",
    });
    p.onMessage = () => {
      p.onMessage = () => undefined;
      throw new Error("a crash");
    };
    client.sendText("crash");
    await p.next();
    expect(await opened(p)).toEqual(first);
  });

  test("openBytes of query and chosen headers are taken, one more byte is refused with 431 and says why", async () => {
    const { on, p } = await startWithP(transport, { limits: { openBytes: 20 } });
    await p.ask(bindWs("/", { authenticated: false, open_headers: ["x-a"] }));
    const status = async (query: string, value: string) => await connect(on, `/${P}?${query}`, { "x-a": value });
    expect(await status("q=123456", "123456789")).toMatchObject({ status: 101 });
    expect(await status("q=123456", "1234567890")).toMatchObject({
      status: 431,
      body: "limits.openBytes is 20 bytes of query, headers, sub-protocol and forwarded addresses: send less\n",
    });
    expect(await connect(on, `/?${"q".repeat(21)}`, {})).toMatchObject({ status: 431 });
  });

  test("openBytes count the sub-protocol and the forwarded addresses too", async () => {
    const protocols = ["v1", "v.ten-more"];
    const { on, p } = await startWithP(transport, { limits: { openBytes: 20 }, trustProxy: ["loopback"] });
    await p.ask(bindWs("/", { authenticated: false, protocols }));
    const of = (protocol: string, forwarded: string): Record<string, string> => ({
      "sec-websocket-protocol": protocol,
      "x-forwarded-for": forwarded,
    });
    const status = async (headers: Record<string, string>) => (await connect(on, `/${P}`, headers)).status;
    expect(await status(of("v1", "192.0.2.1"))).toBe(101);
    expect((await opened(p)).forwarded_for).toBe("192.0.2.1");
    expect(await status(of("v1", "192.0.2.1, 192.0.2.2"))).toBe(431);
    expect(await status(of("v.ten-more", "192.0.2.10"))).toBe(101);
    expect(await status(of("v.ten-more", "192.0.2.100"))).toBe(431);
  });
});
