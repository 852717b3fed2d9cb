/** Contract kinode §10, cases 135 to 145, on a node as it is built: by RPC, in the contract's own JSON, as an original client asks. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, startNode, temporaryFolder } from "../support/jackfield.ts";

/** RPC sends as http-server:distro:sys, so that this is its own package. */
const OWN = { package_name: "distro", publisher_node: "sys" };
const OTHER = { package_name: "b", publisher_node: "c" };

describe.each([
  ["on disk", () => ["--data", temporaryFolder()]],
  ["in memory", () => ["--memory"]],
])("%s", (_, argsOf) => {
  let port = 0;
  let server: Server;

  beforeAll(async () => {
    server = createServer((_request, response) => response.setHeader("content-type", "text/plain").end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = await startNode({ args: argsOf() }));
  });

  afterAll(async () => {
    await endJackfields();
    await new Promise((resolve) => server.close(resolve));
  });

  /** The answer's body, and its blob as text. */
  async function ask(name: string, message: unknown, data?: string): Promise<readonly [unknown, string | null]> {
    const blob = data === undefined ? {} : { data: Buffer.from(data).toString("base64") };
    const call = { process: `${name}:distro:sys`, body: JSON.stringify(message), expects_response: 5, ...blob };
    const answer = await askHttp(port, {
      method: "POST",
      path: "/rpc:distro:sys/message",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(call),
    });
    expect(answer.status).toBe(200);
    const { body, lazy_load_blob } = JSON.parse(String(answer.body)) as {
      body: readonly number[];
      lazy_load_blob: { bytes: readonly number[] } | null;
    };
    const text = Buffer.from(body).toString();
    const bytes = lazy_load_blob && Buffer.from(Buffer.from(lazy_load_blob.bytes).toString(), "base64").toString();
    return [/^[A-Z]/.test(text) ? text : JSON.parse(text), bytes];
  }

  const kv = (action: unknown, data?: string, package_id = OWN): ReturnType<typeof ask> =>
    ask("kv", { package_id, db: "d", action }, data);
  const sql = (action: unknown, data?: string): ReturnType<typeof ask> =>
    ask("sqlite", { package_id: OWN, db: "d", action }, data);
  const vfs = (path: string, action: unknown, data?: string): ReturnType<typeof ask> =>
    ask("vfs", { path, action }, data);

  test("cases 135, 136: a timer answers, and empty", async () => {
    expect(await ask("timer", { SetTimer: 100 })).toEqual([null, null]);
    expect(await ask("timer", { SetTimer: 0 })).toEqual([null, null]);
  });

  test("cases 138, 139: kv, of its own package and of another", async () => {
    expect(await kv("Open")).toEqual(["Ok", null]);
    expect(await kv({ Set: { key: [1], tx_id: null } }, "one")).toEqual(["Ok", null]);
    expect(await kv({ Get: [1] })).toEqual([{ Get: [1] }, "one"]);
    expect(await kv({ Get: [2] })).toEqual([{ Err: "KeyNotFound" }, null]);
    expect(await kv("Open", undefined, OTHER)).toEqual([{ Err: "MismatchingPackageId" }, null]);
    expect(await kv({ Get: [1] }, undefined, OTHER)).toEqual([{ Err: "NoReadCap" }, null]);
    const [begun] = await kv("BeginTx");
    const { tx_id } = (begun as { BeginTx: { tx_id: number } }).BeginTx;
    await kv({ Set: { key: [3], tx_id } }, "three");
    expect(await kv({ Get: [3] })).toEqual([{ Err: "KeyNotFound" }, null]);
    expect(await kv({ Commit: { tx_id } })).toEqual(["Ok", null]);
    expect(await kv({ Get: [3] })).toEqual([{ Get: [3] }, "three"]);
  });

  test("case 141: a text parameter of sqlite stays text", async () => {
    expect(await sql("Open")).toEqual(["Ok", null]);
    await sql({ Write: { statement: "CREATE TABLE t (a)", tx_id: null } });
    expect((await sql({ Write: { statement: "INSERT INTO t VALUES (?)", tx_id: null } }, '["test"]'))[0]).toBe("Ok");
    expect(await sql({ Query: "SELECT a, typeof(a) AS b FROM t" })).toEqual(["Read", '[{"a":"test","b":"text"}]']);
  });

  test("case 142: a path of vfs leads nowhere else; what is written is read", async () => {
    expect(await vfs("/b:c/pkg/../../x", "Read")).toEqual([{ Err: "MalformedRequest" }, null]);
    expect(await vfs("/distro:sys/d", "CreateDrive")).toEqual(["Ok", null]);
    expect(await vfs("/distro:sys/d/x", "Write", "bytes")).toEqual(["Ok", null]);
    expect(await vfs("/distro:sys/d/x", "Read")).toEqual(["Read", "bytes"]);
  });

  test("cases 144, 145: http-client fetches from this machine for who is root here, and knows its channels", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const [body, text] = await ask("http-client", { Http: { method: "GET", version: null, url, headers: {} } });
    expect(body).toMatchObject({ Ok: { Http: { status: 200, headers: { "Content-Type": "text/plain" } } } });
    expect(text).toBe("hello");
    const push = { WebSocketPush: { channel_id: 1, message_type: "Text" } };
    expect(await ask("http-client", push, "x")).toEqual([{ Err: { WsPushUnknownChannel: { channel_id: 1 } } }, null]);
  });
});
