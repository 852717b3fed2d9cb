/**
 * The confused deputy at kv, sqlite, vfs and http-client (contract kinode §4): a process that may more does what another asks.
 *
 * Each store has a deputy of the package that owns what is in it, and a client of another package. The deputy passes on what
 * it is asked, carelessly or on behalf of the client.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../kernel/index.ts";
import { type Capability, capability, defineProcess, ProcessId, type Program } from "../../lib/process/index.ts";
import { httpClientProcess } from "../../processes/http-client/http-client.ts";
import { kvProcess } from "../../processes/kv/kv.ts";
import { KV_LIMITS } from "../../processes/kv/limits.ts";
import { memoryStore } from "../../processes/kv/memory-store.ts";
import { sqliteProcess } from "../../processes/sqlite/sqlite.ts";
import { vfsProcess } from "../../processes/vfs/vfs.ts";
import { ask } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const DEPUTY = "deputy:chess:me.os"; // of the owning package
const CLIENT = "client:other:me.os";
const DB = { package_id: { package_name: "chess", publisher_node: "me.os" }, db: "d" };
const DB_KEY = [{ package_name: "chess", publisher_node: "me.os" }, "d"];

type Case = {
  readonly id: string;
  readonly program: () => Program;
  /** What the owner does first. */
  readonly setUp: readonly (readonly [body: unknown, blob?: string])[];
  /** What the client wants. */
  readonly asked: readonly [body: unknown, blob?: string];
  readonly refused: unknown;
  /** What lets it. */
  readonly params: unknown;
};

let server: Server | undefined;
let node: Node | undefined;
let url = "";

const CASES: readonly (readonly [string, Case])[] = [
  [
    "kv, read",
    {
      id: "kv:distro:sys",
      program: () => kvProcess(async () => memoryStore(KV_LIMITS.memoryBytes)),
      setUp: [[{ ...DB, action: "Open" }], [{ ...DB, action: { Set: { key: [1], tx_id: null } } }, "secret"]],
      asked: [{ ...DB, action: { Get: [1] } }],
      refused: { Err: "NoReadCap" },
      params: { kind: "read", db_key: DB_KEY },
    },
  ],
  [
    "kv, write",
    {
      id: "kv:distro:sys",
      program: () => kvProcess(async () => memoryStore(KV_LIMITS.memoryBytes)),
      setUp: [[{ ...DB, action: "Open" }]],
      asked: [{ ...DB, action: { Set: { key: [1], tx_id: null } } }, "forged"],
      refused: { Err: "NoWriteCap" },
      params: { kind: "write", db_key: DB_KEY },
    },
  ],
  [
    "sqlite, read",
    {
      id: "sqlite:distro:sys",
      program: () => sqliteProcess({ folder: null }),
      setUp: [[{ ...DB, action: "Open" }]],
      asked: [{ ...DB, action: { Query: "SELECT 1" } }],
      refused: { Err: "NoReadCap" },
      params: { kind: "read", db_key: DB_KEY },
    },
  ],
  [
    "sqlite, write",
    {
      id: "sqlite:distro:sys",
      program: () => sqliteProcess({ folder: null }),
      setUp: [[{ ...DB, action: "Open" }]],
      asked: [{ ...DB, action: { Write: { statement: "CREATE TABLE t (a)", tx_id: null } } }],
      refused: { Err: "NoWriteCap" },
      params: { kind: "write", db_key: DB_KEY },
    },
  ],
  [
    "vfs, read",
    {
      id: "vfs:distro:sys",
      program: () => vfsProcess({ folder: null }),
      setUp: [
        [{ path: "/chess:me.os/d", action: "CreateDrive" }],
        [{ path: "/chess:me.os/d/x", action: "Write" }, "secret"],
      ],
      asked: [{ path: "/chess:me.os/d/x", action: "Read" }],
      refused: { Err: "NoReadCap" },
      params: { kind: "read", drive: "/chess:me.os/d" },
    },
  ],
  [
    "vfs, write",
    {
      id: "vfs:distro:sys",
      program: () => vfsProcess({ folder: null }),
      setUp: [[{ path: "/chess:me.os/d", action: "CreateDrive" }]],
      asked: [{ path: "/chess:me.os/d/x", action: "Write" }, "forged"],
      refused: { Err: "NoWriteCap" },
      params: { kind: "write", drive: "/chess:me.os/d" },
    },
  ],
];

afterEach(async () => {
  await node?.stop();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

/** @returns what the client is told by a deputy, and by the service itself */
function cast(id: string, program: Program, cares: boolean, granted: readonly unknown[] = []) {
  node = createNode({ name: "alice.os" });
  node.addSystemProcess({ id: ProcessId.parse(id), program, public: true });
  const deputy = defineProcess({
    async onRequest(_, message, ctx) {
      const asking = ctx.request(id).body(message.body);
      if (message.blob !== null) asking.blob(message.blob.keep());
      const answer = await (cares ? asking.onBehalfOf(message) : asking).sendAndAwaitResponse();
      ctx.respond(answer.body);
    },
  });
  const owner = new Recorder();
  const client = new Recorder();
  node.addProcess(ProcessId.parse("owner:chess:me.os"), owner.program);
  node.addProcess(ProcessId.parse(DEPUTY), deputy, {
    public: true,
    requestCapabilities: granted.map((params) => ({ process: id, params })),
  });
  node.addProcess(ProcessId.parse(CLIENT), client.program, { public: true });
  const give = async (params: unknown): Promise<Capability> => {
    const given = capability(`alice.os@${id}`, JSON.stringify(params));
    node?.kernel.registry.get(ProcessId.parse(CLIENT))?.capabilities.gain(given);
    return given;
  };
  const viaDeputy = async ([body, blob]: Case["asked"], capabilities: readonly Capability[] = []): Promise<unknown> =>
    (await ask(client.host, DEPUTY, body, { capabilities, ...(blob === undefined ? {} : { blob }) })).body;
  return { owner, client, give, viaDeputy };
}

describe.each(CASES)("a deputy of the owner's package at %s", (_, { id, program, setUp, asked, refused, params }) => {
  async function ready(cares: boolean) {
    const all = cast(id, program(), cares);
    for (const [body, blob] of setUp)
      expect((await ask(all.owner.host, id, body, blob === undefined ? {} : { blob })).body).not.toHaveProperty("Err");
    return all;
  }

  test("that is careless lends its right to anybody: what this is about", async () => {
    const { viaDeputy } = await ready(false);
    expect(await viaDeputy(asked)).not.toEqual(refused);
  });

  test("that asks on behalf of its client is refused, whatever the client makes up", async () => {
    const { viaDeputy } = await ready(true);
    expect(await viaDeputy(asked)).toEqual(refused);
    const made = capability(`alice.os@${id}`, JSON.stringify(params));
    expect(await viaDeputy(asked, [made, capability(`alice.os@${id}`, '{"root":true}')])).toEqual(refused);
  });

  test("uses the client's right where the client attached it, and not where it did not", async () => {
    const { viaDeputy, give } = await ready(true);
    const given = await give(params);
    expect(await viaDeputy(asked)).toEqual(refused);
    expect(await viaDeputy(asked, [given])).not.toEqual(refused);
  });
});

describe("a deputy that may reach this machine by http-client", () => {
  async function ready(cares: boolean) {
    server = createServer((_, response) => response.end("internal"));
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return cast("http-client:distro:sys", httpClientProcess(), cares, [{ local: true }]);
  }
  const get = (): Case["asked"] => [{ Http: { method: "GET", version: null, url, headers: {} } }];

  test("and is careless fetches the inside for anybody", async () => {
    const { viaDeputy } = await ready(false);
    expect(await viaDeputy(get())).toMatchObject({ Ok: { Http: { status: 200 } } });
  });

  test("and asks on behalf of its client is refused, unless the client attached the right", async () => {
    const { viaDeputy, give } = await ready(true);
    expect(await viaDeputy(get())).toMatchObject({ Err: { Denied: {} } });
    const given = await give({ local: true });
    expect(await viaDeputy(get())).toMatchObject({ Err: { Denied: {} } });
    expect(await viaDeputy(get(), [given])).toMatchObject({ Ok: { Http: { status: 200 } } });
  });
});
