/** HTTP in each dialect: what a process is told, where a browser logs in, which cookies it gets (contract kinode §5.7, §8). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess, Request } from "../../../lib/process/index.ts";
import { Blob, DIALECTS, type Dialect, HTTP_SERVER_IN, ProcessId } from "../../../lib/protocol/index.ts";
import { OK, openChannel, startNode, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { askHttp, cookieSet } from "../../support/http-client.ts";
import { bind, forge, httpOf, reply, startHttpNode, stopHttpNodes } from "../../support/http-node.ts";
import { P, type TestNode } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

const PASSWORD = "correct horse battery";
const isOld = (dialect: Dialect): boolean => dialect === "nectar" || dialect === "uqbar";

function record(on: TestNode, id: string, dialect: Dialect): Recorder {
  const recorder = new Recorder();
  on.add(id, recorder.program, { dialect });
  return recorder;
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  afterEach(async () => {
    await stopNodes();
    await stopHttpNodes();
  });

  test.each(DIALECTS)("near case 50: a process of %s is told a request in its own words", async (dialect) => {
    const on = await startNode(transport);
    const p = record(on, P, dialect);
    p.onMessage = reply(201, { "Content-Type": "text/x" }, "BODY");
    expect(await p.ask(bind("/m/:id"))).toEqual(OK);
    const question = { method: "POST", path: `/${P}/m/4%202?a=1`, body: "the body" };
    expect(await askHttp(on.port, question)).toMatchObject({ status: 201, body: "BODY" });
    const event = await p.next();
    expect(event).toMatchObject({
      source: `alice.os@${HTTP_SERVER_IN[dialect].text}`,
      text: "the body",
      metadata: isOld(dialect) ? "http" : null,
    });
    const { source_socket_addr: peer, headers, ...rest } = httpOf(event);
    expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(headers.host).toBe(`127.0.0.1:${on.port}`);
    const path = `/${P}/m/4%202`;
    expect(rest).toMatchObject({
      method: "POST",
      query_params: { a: "1" },
      ...(isOld(dialect)
        ? { raw_path: `http://127.0.0.1:${on.port}${path}` }
        : { url: `http://127.0.0.1${path}`, bound_path: `/${P}/m/:id`, url_params: { id: "4%202" } }),
    });
  });

  test.each(DIALECTS)("a browser without a login, on a page of a process of %s", async (dialect) => {
    const on = await startNode(transport);
    const p = record(on, P, dialect);
    await p.ask(bind("/m", { authenticated: true }));
    const path = `/${P}/m?x=1&y=/`;
    const html = { accept: "text/html" };
    for (const headers of [html, { ...html, cookie: `${dialect}-auth_alice.os=no.good.token` }]) {
      const answer = await askHttp(on.port, { path, headers });
      if (!isOld(dialect)) {
        expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('id="password"') });
        continue;
      }
      expect(answer).toMatchObject({ status: 307, body: "" });
      const { pathname, searchParams } = new URL(answer.headers.location ?? "", on.url);
      expect([pathname, searchParams.get("redirect")]).toEqual(["/login", path]);
    }
    expect((await askHttp(on.port, { path })).status).toBe(401);
    expect(p.waiting).toEqual([]);
  });

  describe("cookies that page script can read", () => {
    const logIn = (on: TestNode) =>
      askHttp(on.port, { method: "POST", path: "/login", body: JSON.stringify({ password: PASSWORD }) });
    const names = (answer: { readonly setCookies: readonly string[] }): string[] =>
      answer.setCookies.map((cookie) => cookie.slice(0, cookie.indexOf("=")));

    test("are those of the dialects in use: at login, renewed on pages, gone at logout", async () => {
      const on = await startNode(transport, { password: PASSWORD });
      const p = record(on, P, "kinode");
      await p.ask(bind("/m", { authenticated: true, cache: true }), "m");
      expect(names(await logIn(on))).toEqual(["jackfield-auth_alice.os", "kinode-auth_alice.os"]);
      const old = on.add("old:old:os", new Recorder().program, { dialect: "uqbar" });
      on.add("nec:nec:os", new Recorder().program, { dialect: "nectar" });
      const both = await logIn(on);
      expect(names(both)).toEqual([
        "jackfield-auth_alice.os",
        "kinode-auth_alice.os",
        "nectar-auth_alice.os",
        "uqbar-auth_alice.os",
      ]);
      for (const cookie of both.setCookies.slice(1))
        expect(cookie).toMatch(/=[\w.-]+; Path=\/; Max-Age=3600; SameSite=Strict$/);
      const cookie = `${on.cookie}; nectar-auth_alice.os=x`;
      const page = await askHttp(on.port, { path: `/${P}/m`, headers: { cookie } });
      expect(names(page)).toEqual(["kinode-auth_alice.os", "uqbar-auth_alice.os"]);
      const gone = await askHttp(on.port, { method: "POST", path: "/logout", headers: { cookie: on.cookie } });
      expect(names(gone)).toEqual(names(both));
      old.kill();
      expect(names(await logIn(on))).not.toContain("uqbar-auth_alice.os");
    });

    test("are good for WsRegister alone, each of them", async () => {
      const on = await startNode(transport, { password: PASSWORD });
      for (const dialect of DIALECTS)
        await record(on, `${dialect}:p:os`, dialect).ask(bind("/m", { authenticated: true }));
      const answer = await logIn(on);
      for (const dialect of DIALECTS) {
        const name = `${dialect}-auth_alice.os`;
        const token = cookieSet(answer, name);
        const headers = { cookie: `${name}=${token}` };
        expect((await askHttp(on.port, { path: `/${dialect}:p:os/m`, headers })).status).toBe(401);
        const { client } = await openChannel(on, { auth_token: token, target_process: `${dialect}:p:os` });
        client.destroy();
      }
    });
  });

  test.each([
    ["no subdomain", { subdomain: undefined as unknown as null }, 200],
    ["a subdomain that is null", { subdomain: null }, 200],
    ["another subdomain", { subdomain: "chess:chess:sys" }, 401],
    ["an expiration of 0, as the oldest had", { expiration: 0 }, 401],
    ["no expiration", { expiration: undefined as unknown as number }, 401],
  ])("a token with %s", async (_, claims, status) => {
    const alice = await startHttpNode({ transport });
    const process = new Recorder();
    const allowed = { requestCapabilities: ["http_server:sys:uqbar"], grantCapabilities: ["http_server:sys:uqbar"] };
    alice.node.addProcess(ProcessId.parse(P), process.program, { dialect: "uqbar", ...allowed });
    await process.ask(bind("/m", { authenticated: true, cache: true }), "m");
    const cookie = `uqbar-auth_alice.os=${forge(claims)}`;
    expect((await alice.ask({ path: `/${P}/m`, headers: { cookie } })).status).toBe(status);
  });

  test("a process by the seeds' older words serves a page: ipc and payload, under the older name", async () => {
    const on = await startNode(transport);
    const bound: unknown[] = [];
    const program = defineProcess({
      async init() {
        const Bind = { path: "/", authenticated: false, local_only: false, cache: false };
        const answer = await Request.new()
          .target("our@http_server:sys:nectar")
          .ipc({ Bind })
          .payload("")
          .sendAndAwaitResponse();
        bound.push(answer.ipc, answer.source.text);
      },
      onHttp(_, request, ctx) {
        const { ipc, payload } = ctx.message ?? {};
        const { Http } = ipc as { Http: { raw_path: string } };
        request.reply(Blob.of(`${Http.raw_path} ${payload?.text()}`));
      },
    });
    on.add(P, program, { dialect: "nectar" });
    const answer = await askHttp(on.port, { method: "PUT", path: `/${P}/`, body: "in" });
    expect(answer.body).toBe(`http://127.0.0.1:${on.port}/${P}/ in`);
    expect(bound).toEqual([OK, "alice.os@http_server:sys:nectar"]);
  });
});
