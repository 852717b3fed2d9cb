/** Whose pages may change things and open sockets (DESIGN §7). */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  bind,
  type HttpNode,
  type HttpNodeOptions,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
  withMounted,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll, type HttpAnswer, RawSocket } from "../../support/sockets.ts";

const LISTED = "https://app.example";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each<[what: string, origin: (port: number) => string | undefined]>([
    ["no Origin", () => undefined],
    ["the node's own", (port) => `http://127.0.0.1:${port}`],
    ["the node's own behind TLS", (port) => `https://127.0.0.1:${port}`],
    ["a listed one", () => LISTED],
  ])("%s may POST, log in and connect", async (_what, originOf) => {
    const alice = await startWithForm(transport);
    const headers = { origin: originOf(alice.port) };
    expect(await alice.ask({ method: "POST", path: `/${P}/m`, headers })).toMatchObject({ status: 200, body: "taken" });
    expect((await alice.ask({ method: "POST", path: "/login", headers, body: "{" })).status).toBe(400);
    expect((await upgrade(alice, headers)).status).toBe(101);
  });

  test.each<[what: string, origin: (port: number) => string | readonly string[]]>([
    ["a foreign one", () => "https://evil.example"],
    ["null", () => "null"],
    ["an empty one", () => ""],
    ["another port of this host", (port) => `http://127.0.0.1:${port + 1}`],
    ["another name of this host", (port) => `http://localhost:${port}`],
    ["the node's own without its port", () => "http://127.0.0.1"],
    ["the node's own as another scheme", (port) => `ftp://127.0.0.1:${port}`],
    ["a longer host that begins alike", (port) => `http://127.0.0.1:${port}.evil.example`],
    ["a listed one with a path", () => `${LISTED}/`],
    ["a listed one in plain HTTP", () => "http://app.example"],
    ["one that ends like a listed one", () => "https://evil.app.example"],
    ["a foreign one behind the node's own", (port) => [`http://127.0.0.1:${port}`, "https://evil.example"]],
  ])("%s may do none of it, whatever cookies come along", async (_what, originOf) => {
    const alice = await startWithForm(transport);
    const headers = { origin: originOf(alice.port), cookie: alice.cookie };
    expect(await alice.ask({ method: "POST", path: `/${P}/m`, headers })).toMatchObject({ status: 403, body: "" });
    expect((await alice.ask({ method: "POST", path: "/login", headers, body: "{" })).status).toBe(403);
    expect((await alice.ask({ method: "POST", path: "/logout", headers })).status).toBe(403);
    expect(await upgrade(alice, headers)).toMatchObject({
      status: 403,
      body: "pages of that origin may not connect: allow it with --allow-origin\n",
    });
  });

  test.each(["PUT", "DELETE", "PATCH"])("a foreign page may not %s", async (method) => {
    const alice = await startWithForm(transport);
    const headers = { origin: "https://evil.example" };
    expect((await alice.ask({ method, path: `/${P}/m`, headers })).status).toBe(403);
    expect((await alice.ask({ method, path: `/${P}/m` })).status).toBe(200);
  });

  test.each(["GET", "HEAD", "OPTIONS"])("a foreign page may %s: it changes nothing", async (method) => {
    const alice = await startWithForm(transport);
    const headers = { origin: "https://evil.example" };
    expect((await alice.ask({ method, path: `/${P}/m`, headers })).status).toBe(200);
  });

  test("a mounted listener asks for the origin as well", async () => {
    const alice = await startWithForm(transport, { listeners: withMounted(P) });
    const [, port = 0] = alice.server.ports;
    const headers = { origin: "https://evil.example" };
    expect((await alice.ask({ port, method: "POST", path: "/m", headers })).status).toBe(403);
    expect((await alice.ask({ port, method: "POST", path: "/m" })).status).toBe(200);
  });
});

test.each([
  "*",
  "app.example",
  "https://app.example/",
  "https://app.example/path",
  "https://App.Example",
  "https://app.example:443",
  "null",
  "",
])("a node does not start with %j as an allowed origin", async (origin) => {
  await expect(startHttpNode({ transport: "ws", allowedOrigins: [LISTED, origin] })).rejects.toThrow(
    `Cannot allow origin ${JSON.stringify(origin)} as it must be scheme://host[:port] and nothing else: for example https://app.example`,
  );
});

/** A node with an open path of P's, and one foreign origin that may use it. */
async function startWithForm(transport: "uws" | "ws", options: HttpNodeOptions = {}): Promise<HttpNode> {
  const alice = await startHttpNode({ transport, allowedOrigins: [LISTED], ...options });
  const p = alice.add(P);
  await p.ask(bind("/m"));
  p.onMessage = reply(200, {}, "taken");
  return alice;
}

async function upgrade(
  alice: HttpNode,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Promise<HttpAnswer> {
  const client = await RawSocket.connect(alice.port);
  return await client.tryUpgrade({ headers: { host: `127.0.0.1:${alice.port}`, ...headers } });
}
