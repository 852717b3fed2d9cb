/** What browsers are told to forbid: on the server's own pages much, on the content of processes next to nothing. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { bind, reply, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const NOSNIFF = { "x-content-type-options": "nosniff" };
const PAGE = {
  ...NOSNIFF,
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
};
const POLICIES = ["content-security-policy", "x-frame-options", "referrer-policy"];

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each(["/login", "/our", "/our.js", "/client.js", "/login/login.js", "/login/login.css", "/login/argon2.js"])(
    "%s has a policy that lets in nothing but the node's own",
    async (path) => {
      const alice = await startHttpNode({ transport });
      const { status, headers } = await alice.ask({ path });
      expect(status).toBe(200);
      expect(headers).toMatchObject(PAGE);
    },
  );

  test("the login page has it also in place of another page", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { authenticated: true }));
    const { headers } = await alice.ask({ path: `/${P}/m`, headers: { accept: "text/html" } });
    expect(headers).toMatchObject({ ...PAGE, "cache-control": "no-store" });
  });

  test("bound content is not sniffed, and has no policy but its process's", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { cache: true }), "static");
    const { headers } = await alice.ask({ path: `/${P}/m` });
    expect(headers).toMatchObject(NOSNIFF);
    for (const name of POLICIES) expect(headers).not.toHaveProperty(name);
  });

  test("a process's answer goes out with what the process says", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200, { "Content-Security-Policy": "default-src *" }, "text");
    const { headers } = await alice.ask({ path: `/${P}/m` });
    expect(headers).toMatchObject({ "content-security-policy": "default-src *" });
    for (const name of ["x-content-type-options", "x-frame-options"]) expect(headers).not.toHaveProperty(name);
  });

  test("a refusal is not sniffed: in JSON, without a body, and of a WebSocket", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { authenticated: true }));
    const client = await RawSocket.connect(alice.port);
    const answers = [
      await alice.ask({ path: `/${P}/m` }),
      await alice.ask({ path: "/none" }),
      await client.tryUpgrade({ path: "/none" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 404, 404]);
    for (const { headers } of answers) expect(headers).toMatchObject(NOSNIFF);
  });
});
