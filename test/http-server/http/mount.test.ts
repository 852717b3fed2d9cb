/** A port of a process's own (DESIGN §5): its paths at `/`, and nothing else. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { parseMount } from "../../../http-server/index.ts";
import { bind, httpOf, reply, startHttpNode, stopHttpNodes, TRANSPORTS, withMounted } from "../../support/http-node.ts";
import { P, Q } from "../../support/node.ts";
import { destroyAll } from "../../support/sockets.ts";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("the process's paths stand at / on its port, and below its id on the main one", async () => {
    const alice = await startHttpNode({ transport, listeners: withMounted(P) });
    const [main, port = 0] = alice.server.ports;
    expect(main).toBe(alice.port);
    const p = alice.add(P);
    await p.ask(bind("/", { cache: true }), "start");
    await p.ask(bind("/m", { cache: true }), "m");
    for (const [path, body] of [
      ["/", "start"],
      ["/m", "m"],
      ["/m/", "m"],
      ["/deep/x.js", "start"],
    ]) {
      expect(await alice.ask({ port, path: `${path}` })).toMatchObject({ status: 200, body });
      expect((await alice.ask({ path: `/${P}${path}` })).body).toBe(body);
    }
    expect((await alice.ask({ path: "/m" })).status).toBe(404);
  });

  test("nothing of the node is there: neither its pages, nor its login, nor other processes", async () => {
    const alice = await startHttpNode({ transport, listeners: withMounted(P) });
    const [, port = 0] = alice.server.ports;
    await alice.add(P).ask(bind("/m", { cache: true }), "m");
    await alice.add(Q).ask(bind("/", { cache: true }), "Q's");
    await alice.add("homepage:homepage:sys").ask(bind("/", { cache: true }), "homepage");
    for (const path of ["/", "/our", "/our.js", "/client.js", "/login", "/login/login.js", `/${Q}`, `/../${Q}`]) {
      expect(await alice.ask({ port, path })).toMatchObject({ status: 404, body: "" });
    }
    expect((await alice.ask({ port, method: "POST", path: "/login", body: "{" })).status).toBe(404);
    expect((await alice.ask({ port, method: "POST", path: "/logout" })).status).toBe(404);
  });

  test("the process is told the path as it was asked for, and the binding it has", async () => {
    const alice = await startHttpNode({ transport, listeners: withMounted(P) });
    const [, port = 0] = alice.server.ports;
    const p = alice.add(P);
    await p.ask(bind("/u/:id"));
    p.onMessage = reply(200);
    await alice.ask({ port, path: "/u/7?a=b" });
    expect(httpOf(await p.next())).toMatchObject({
      url: "http://127.0.0.1/u/7",
      bound_path: `/${P}/u/:id`,
      url_params: { id: "7" },
      query_params: { a: "b" },
    });
  });

  test("a session opens the process's pages there", async () => {
    const alice = await startHttpNode({ transport, listeners: withMounted(P) });
    const [, port = 0] = alice.server.ports;
    await alice.add(P).ask(bind("/m", { cache: true, authenticated: true }), "private");
    expect((await alice.ask({ port, path: "/m" })).status).toBe(401);
    expect((await alice.ask({ port, path: "/m", headers: { cookie: alice.cookie } })).body).toBe("private");
  });

  test("the port of a process that is gone answers 503, of one that never came 404", async () => {
    const alice = await startHttpNode({ transport, listeners: withMounted(P) });
    const [, port = 0] = alice.server.ports;
    expect((await alice.ask({ port, path: "/m" })).status).toBe(404);
    await alice.add(P).ask(bind("/m"));
    alice.process(P).kill();
    expect((await alice.ask({ port, path: "/m" })).status).toBe(503);
  });
});

test("parseMount() reads a port and a process", () => {
  expect(parseMount(`9000=${P}`, "127.0.0.1")).toMatchObject({ host: "127.0.0.1", port: 9000, mount: { text: P } });
});

test.each([
  "",
  "9000",
  "9000=",
  "=a:b:c",
  "x=a:b:c",
  "1e3=a:b:c",
  "9000=a:b:c=d",
  "65536=a:b:c",
  "-1=a:b:c",
  "9000.5=a:b:c",
])("parseMount() refuses %j", (text) => {
  expect(() => parseMount(text, "127.0.0.1")).toThrow(
    `Cannot mount "${text}" as it must be PORT=process:package:publisher: for example 9000=echo:echo:sys`,
  );
});

test("parseMount() says what is wrong with the process id", () => {
  expect(() => parseMount("9000=echo", "127.0.0.1")).toThrow(
    'Cannot mount "9000=echo" as Cannot read process id "echo" as a part is missing: write process:package:publisher',
  );
});
