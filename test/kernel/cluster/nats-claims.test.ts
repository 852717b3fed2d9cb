/** Claims and kept state in JetStream of real nats-servers: one, three clustered, and with permissions as cluster init writes them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import type { Claims } from "../../../kernel/cluster/claims.ts";
import { CLAIMS_BUCKET, KEPT_BUCKET } from "../../../kernel/link/nats-buckets.ts";
import { keyOf, NatsClaims, nameOfKey } from "../../../kernel/link/nats-claims.ts";
import { NatsStore } from "../../../kernel/link/nats-store.ts";
import { textOf } from "../../../lib/protocol/index.ts";
import { claimsSuite } from "../../support/claims-suite.ts";
import { type NatsServer, startNatsServer, stopNatsServers } from "../../support/nats-server.ts";

const ROOM = "room/42:chat:template.os";
const ALICE = { node: "alice.os", life: "a1" };

const stores: NatsStore[] = [];
const connections: NatsConnection[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const nc of connections.splice(0)) await nc.close();
});

function claimsOf(node: string, servers: readonly string[]): Claims {
  const store = new NatsStore({ node, servers });
  stores.push(store);
  return new NatsClaims(store);
}

describe("on one server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(stopNatsServers);

  const both = (): readonly [Claims, Claims] => [claimsOf("alice.os", [server.url]), claimsOf("bob.os", [server.url])];

  /** What an administrator does: the buckets are there, and empty. */
  async function manager() {
    const nc = await connect({ servers: server.url });
    connections.push(nc);
    return await jetstreamManager(nc);
  }

  describe("as any", () => {
    claimsSuite(async () => {
      const admin = await manager();
      for (const name of ["KV_claims", "KV_kept"]) await admin.streams.purge(name).catch(() => undefined); // the first time
      return both();
    });
  });

  test("a claim that was given back leaves nothing", async () => {
    const [alice] = both();
    const admin = await manager();
    const { state: before } = await admin.streams.info("KV_claims");
    for (let i = 0; i < 20; i++) {
      const claim = await alice.take(`leaves-${i}:chat:me.os`, ALICE, null);
      if (claim !== undefined) await alice.release(claim);
    }
    const { state: after } = await admin.streams.info("KV_claims");
    expect([after.messages, after.bytes]).toEqual([before.messages, before.bytes]);
    expect(after.last_seq).toBe(before.last_seq + 40);
  });

  test("state that is erased leaves nothing, unless another wrote since, and whoever had a revision is refused", async () => {
    const [alice, bob] = both();
    const admin = await manager();
    const name = "erased:chat:me.os";
    const { state: before } = await admin.streams.info("KV_kept");
    const first = (await alice.writeKept(name, null, 0)) ?? 0;
    const second = (await bob.writeKept(name, null, first)) ?? 0;
    await alice.eraseKept(name, first); // bob's is there
    expect((await alice.readKept(name)).revision).toBe(second);
    await bob.eraseKept(name, second);
    const { state: after } = await admin.streams.info("KV_kept");
    expect([after.messages, after.bytes]).toEqual([before.messages, before.bytes]);
    expect(await bob.writeKept(name, Buffer.from("late"), second)).toBeUndefined();
    expect(await alice.readKept(name)).toEqual({ value: null, revision: 0 });
  });

  test("what other programs leave there: a deletion is nobody's, and rubbish is taken over", async () => {
    const [alice, bob] = both();
    const admin = await manager();
    const nc = connections.at(-1);
    const extra = headers();
    extra.set("KV-Operation", "DEL");
    await nc?.request(`$KV.claims.${keyOf("deleted:chat:me.os")}`, "", { headers: extra, timeout: 2_000 });
    expect(await alice.read("deleted:chat:me.os")).toBeUndefined();
    const claim = await alice.take("deleted:chat:me.os", ALICE, null);
    expect(await bob.read("deleted:chat:me.os")).toEqual(claim);
    for (const rubbish of [
      "",
      "{",
      "[]",
      "null",
      '{"node":1,"life":2}',
      JSON.stringify({ ...ALICE, life: "x".repeat(300) }),
    ]) {
      await nc?.request(`$KV.claims.${keyOf("rubbish:chat:me.os")}`, rubbish);
      const found = await alice.read("rubbish:chat:me.os");
      expect(found).toMatchObject({ node: "", life: "" });
      expect(await bob.take("rubbish:chat:me.os", ALICE, found ?? null)).toMatchObject(ALICE);
    }
    expect((await admin.streams.info("KV_claims")).config.num_replicas).toBe(1);
  });

  test("a value of max_payload less its headers is kept, one byte more is refused by name", async () => {
    const [alice, bob] = both();
    const most = 1024 * 1024 - 1024;
    const value = Buffer.alloc(most, 7);
    const revision = await alice.writeKept("large:chat:me.os", value, 0);
    expect(Buffer.from((await bob.readKept("large:chat:me.os")).value ?? []).equals(value)).toBe(true);
    await expect(alice.writeKept("large:chat:me.os", Buffer.alloc(most + 1), revision ?? 0)).rejects.toThrow(
      `Cannot keep names of the cluster in "${server.url}" as its servers take at most ${most} bytes: got ${most + 1}`,
    );
  });

  test("a name too long for a key, or not well-formed, is refused", async () => {
    const [alice] = both();
    const most = `${"x".repeat(1024 - "=3Ac=3Ad".length)}:c:d`;
    expect(await alice.take(most, ALICE, null)).toMatchObject(ALICE);
    const found = await alice.take(`x${most}`, ALICE, null).catch(textOf);
    expect(found).toBe(
      `Cannot keep names of the cluster in "${server.url}" as a name has at most 1024 characters as a key: got 1025`,
    );
    expect(await alice.read("\ud800:c:d").catch(textOf)).toBe(
      `Cannot keep names of the cluster in "${server.url}" as a name must be well-formed Unicode: got "\\ud800:c:d"`,
    );
  });

  test("a bucket that is full refuses, and loses nothing", async () => {
    const [alice] = both();
    const admin = await manager();
    await alice.writeKept(ROOM, Buffer.from("one"), 0);
    const { revision } = await alice.readKept(ROOM);
    const { state, config } = await admin.streams.info("KV_kept");
    await admin.streams.update("KV_kept", { max_bytes: state.bytes + 10 });
    const found = await alice.writeKept("full:chat:me.os", Buffer.from("two"), 0).catch(textOf);
    await admin.streams.update("KV_kept", { max_bytes: config.max_bytes });
    expect(found).toBe(
      `Cannot keep names of the cluster in "${server.url}" as its servers refuse: maximum bytes exceeded`,
    );
    expect(await alice.readKept(ROOM)).toEqual({ value: Buffer.from("one"), revision });
    expect((await alice.readKept("full:chat:me.os")).revision).toBe(0);
  });

  test("a server that does not answer rejects, and answers again", async () => {
    const own = await startNatsServer();
    const alice = claimsOf("alice.os", [own.url]);
    const claim = await alice.take(ROOM, ALICE, null);
    await own.end();
    const why = /^Cannot keep names of the cluster in "nats:\S+" as it does not answer now: ./;
    expect(await alice.read(ROOM).catch(textOf)).toMatch(why);
    expect(await alice.take("other:chat:me.os", ALICE, null).catch(textOf)).toMatch(why);
    expect(await alice.writeKept(ROOM, null, 0).catch(textOf)).toMatch(why);
    await own.start();
    expect(await untilAnswered(() => alice.read(ROOM))).toEqual(claim);
  });

  test("nobody there at all", async () => {
    const own = await startNatsServer();
    await own.end();
    const alice = claimsOf("alice.os", [own.url]);
    expect(await alice.read(ROOM).catch(textOf)).toMatch(
      /^Cannot keep names of the cluster in "nats:\S+" as none of its servers lets it in: ./,
    );
    await own.start();
    expect(await untilAnswered(() => alice.read(ROOM))).toBeUndefined();
  });

  test("the buckets are as they are described", async () => {
    const [alice] = both();
    await alice.read(ROOM);
    const admin = await manager();
    for (const { name, valueBytes, bytes } of [CLAIMS_BUCKET, KEPT_BUCKET]) {
      const { config } = await admin.streams.info(`KV_${name}`);
      expect(config).toMatchObject({
        subjects: [`$KV.${name}.>`],
        max_msgs_per_subject: 1,
        max_msg_size: valueBytes,
        max_bytes: bytes,
        max_age: 0,
        discard: "new",
        num_replicas: 1,
      });
      expect([config.allow_direct ?? false, config.allow_rollup_hdrs ?? false]).toEqual([false, false]);
    }
  });
});

test("keys can be read by people, and back", () => {
  expect(keyOf(ROOM)).toBe("room=2F42=3Achat=3Atemplate=2Eos");
  for (const name of [ROOM, "a=2Fb:c:d", "ä*> ✓🚪:c:d", "", "%41"]) {
    expect(keyOf(name)).toMatch(/^[A-Za-z0-9_=-]*$/);
    expect(nameOfKey(keyOf(name))).toBe(name);
  }
  for (const key of ["=41", "a.b", "=ZZ", "=", "=2f", "=FF"]) expect(nameOfKey(key)).toBeUndefined();
});

/** The client takes a moment to be back with a server. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 200) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
