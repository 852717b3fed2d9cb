/** sqlite:distro:sys as it is built: in a thread of its own. An endless statement blocks that, not the node, and is ended. */
import { afterEach, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, manifest, startNode, temporaryFolder, writePackage } from "../support/jackfield.ts";

afterEach(endJackfields);

const PROGRAM = `
import { defineProcess } from "jackfield/process";

export default defineProcess({
  async init(ctx) {
    await ctx.bindHttp("/", { authenticated: false });
    const db = await ctx.sqlite.open("d", { seconds: 60 });
    await db.run("CREATE TABLE t (a)");
    await db.run("INSERT INTO t VALUES ('kept')");
    let ticks = 0;
    setInterval(() => ticks++, 10).unref();
    const endless = db.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n");
    return { db, ended: endless.catch(({ kind }) => ({ kind, ticks })) };
  },
  async onHttp({ db, ended }, request) {
    request.reply({ ended: await ended, rows: await db.query("SELECT a FROM t") });
  },
});
`;

test("an endless statement is ended by the watchdog; the node went on, and what was answered is there", async () => {
  const capabilities = ["http-server:distro:sys", "sqlite:distro:sys"];
  const hello = { process_name: "hello", file: "hello.js", on_exit: "None" };
  const processes = [{ ...hello, request_capabilities: capabilities, grant_capabilities: capabilities }];
  const folder = writePackage({ "hello.js": PROGRAM, "manifest.json": manifest({ processes }) });
  const args = ["--data", temporaryFolder(), "--package", folder, "--limit", "handlerSeconds=4"];
  const { port } = await startNode({ args });
  const { status, body } = await askHttp(port, { path: "/hello:my-app:me.os/" });
  expect(status).toBe(200);
  const { ended, rows } = JSON.parse(String(body)) as { ended: { kind: string; ticks: number }; rows: unknown };
  expect([ended.kind, rows]).toEqual(["Offline", [{ a: "kept" }]]);
  expect(ended.ticks).toBeGreaterThan(10); // on the node's thread, while the other was blocked
});
