/** state:distro:sys: one value per process, its own only, in memory or on disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import {
  Blob,
  capability,
  Envelope,
  type Host,
  MESSAGING,
  ON_BEHALF,
  ProcessId,
  toAddress,
} from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { diskStore, memoryStore, type StateStore } from "../../processes/state/store.ts";
import { P, Q } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";

const STATE = "state:distro:sys";
const nodes: Node[] = [];

function nodeWith(store: StateStore): Node {
  const node = createNode({ name: "alice.os" });
  nodes.push(node);
  node.addSystemProcess({ id: ProcessId.parse(STATE), program: stateProcess(store), public: true, trusted: true });
  return node;
}

function hostOf(node: Node, id: string): Host {
  const recorder = new Recorder();
  node.addProcess(ProcessId.parse(id), recorder.program);
  if (recorder.host === undefined) throw new Error("the process has not started");
  return recorder.host;
}

async function ask(host: Host, body: unknown, blob: string | null = null): Promise<[unknown, string | undefined]> {
  const request = new Envelope(
    "request",
    host.our,
    toAddress(STATE, "alice.os"),
    body,
    blob === null ? null : Blob.of(blob),
  );
  request.expectsResponse = 5;
  const answer = await host.call(request);
  return [answer.body, answer.blob?.text()];
}

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

describe("state:distro:sys", () => {
  test("gives back what was set, and nothing before and after", async () => {
    const host = hostOf(nodeWith(memoryStore()), P);
    expect(await ask(host, { GetState: P })).toEqual(["GetState", undefined]);
    expect(await ask(host, { SetState: P }, "one")).toEqual(["SetState", undefined]);
    expect(await ask(host, { SetState: P }, "two")).toEqual(["SetState", undefined]);
    expect(await ask(host, { GetState: P })).toEqual(["GetState", "two"]);
    expect(await ask(host, { DeleteState: P })).toEqual(["DeleteState", undefined]);
    expect(await ask(host, { GetState: P })).toEqual(["GetState", undefined]);
  });

  test("lets no process reach another's", async () => {
    const node = nodeWith(memoryStore());
    await ask(hostOf(node, P), { SetState: P }, "mine");
    const other = hostOf(node, Q);
    for (const action of ["GetState", "SetState", "DeleteState"]) {
      expect(await ask(other, { [action]: P }, "theirs")).toEqual([{ Err: "NotYourState" }, undefined]);
    }
    expect(await ask(other, { GetState: Q })).toEqual(["GetState", undefined]);
  });

  test("gives a deputy that asks on behalf of another nothing of its own, whatever the other attached", async () => {
    const node = nodeWith(memoryStore());
    const deputy = hostOf(node, P);
    await ask(deputy, { SetState: P }, "the deputy's");
    for (const params of [ON_BEHALF, MESSAGING]) {
      // Somebody asks the deputy: {"GetState": P}. It passes that on as it came.
      const request = new Envelope("request", deputy.our, toAddress(STATE, "alice.os"), { GetState: P }, null);
      request.expectsResponse = 5;
      request.capabilities = [capability(deputy.our, params), capability(deputy.our, ON_BEHALF)];
      expect((await deputy.call(request)).body).toEqual({ Err: "NotYourState" });
    }
    expect(await ask(deputy, { GetState: P })).toEqual(["GetState", "the deputy's"]);
  });

  test.each([
    [{ SetState: P }, "NoBlob"],
    [{ Forget: P }, "MalformedRequest"],
  ])("answers %j without a blob with %s", async (body, error) => {
    expect(await ask(hostOf(nodeWith(memoryStore()), P), body)).toEqual([{ Err: error }, undefined]);
  });

  test.each([["GetState"], [null], [{}], [[]]])("answers %j, which names nobody, with NotYourState", async (body) => {
    expect(await ask(hostOf(nodeWith(memoryStore()), P), body)).toEqual([{ Err: "NotYourState" }, undefined]);
  });
});

describe("state on disk", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-state-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test("is there again after the node was stopped and started", async () => {
    const counter = defineProcess<number>({
      init: async (ctx) => {
        const count = ((await ctx.getState<number>()) ?? 0) + 1;
        await ctx.setState(count);
        return count;
      },
      onRequest: (count, _, ctx) => ctx.respond(count),
    });
    const counts: unknown[] = [];
    for (let start = 0; start < 3; start++) {
      const node = nodeWith(diskStore(join(folder, "alice.os")));
      node.addProcess(ProcessId.parse(P), counter, { public: true });
      const host = hostOf(node, Q);
      const request = new Envelope("request", host.our, toAddress(P, "alice.os"), "count", null);
      request.expectsResponse = 5;
      counts.push((await host.call(request)).body);
      await node.stop();
    }
    expect(counts).toEqual([1, 2, 3]);
  });

  test("is refused once the store is closed, or is about to be", async () => {
    const store = diskStore(folder);
    const closed = store.close();
    for (const _ of [1, 2]) {
      const changes: [string, Uint8Array | null][] = [
        [P, Uint8Array.of(1)],
        [Q, null],
      ];
      await expect(store.write(changes)).rejects.toThrow("Cannot keep it as the store is closed: the node stops");
      await closed;
    }
  });

  test("is written when the node stops while a write is in hand, and nobody waited for it", async () => {
    const node = nodeWith(diskStore(folder));
    node.addProcess(
      ProcessId.parse(P),
      defineProcess({
        init: (ctx) =>
          void ctx.setState({ in: "hand", bytes: new Uint8Array(3_000_000).fill(7) }).catch(() => undefined),
      }),
    );
    await node.stop();
    const store = diskStore(folder);
    expect(store.get(P)?.length).toBeGreaterThan(3_000_000);
    await store.close();
  });
});

describe.each([["in memory"], ["on disk"]])("a store %s", (where) => {
  let folder = "";
  let store: StateStore;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-state-"));
    store = where === "on disk" ? diskStore(folder) : memoryStore();
  });

  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const text = (value: Uint8Array | undefined): string | undefined =>
    value === undefined ? undefined : new TextDecoder().decode(value);
  const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

  test("gives what was set last, also while it is on its way", async () => {
    const writes = [store.set("a", bytes("one")), store.set("a", bytes("two"))];
    expect(text(store.get("a"))).toBe("two");
    writes.push(store.delete("a"));
    expect(store.get("a")).toBeUndefined();
    writes.push(store.set("a", bytes("three")));
    await Promise.all(writes);
    expect(text(store.get("a"))).toBe("three");
  });

  test("keeps a key that is longer than lmdb takes apart from others that begin so", async () => {
    const long = "k".repeat(5000);
    await Promise.all([
      store.set(`${long}1`, bytes("one")),
      store.set(`${long}2`, bytes("two")),
      store.set(long, bytes("three")),
    ]);
    expect([text(store.get(`${long}1`)), text(store.get(`${long}2`)), text(store.get(long))]).toEqual([
      "one",
      "two",
      "three",
    ]);
    await store.delete(`${long}1`);
    expect([text(store.get(`${long}1`)), text(store.get(`${long}2`))]).toEqual([undefined, "two"]);
  });

  test.each([[1900], [1901], [1978], [1979]])("keeps a key of %i bytes", async (length) => {
    const key = "é".repeat(length / 2) + "k".repeat(length % 2);
    await store.set(key, bytes("kept"));
    expect(text(store.get(key))).toBe("kept");
  });

  test("lists the keys that begin so, with their values", async () => {
    for (const key of ["a 1", "a 2", "b 1", "a"]) await store.set(key, bytes(key));
    expect([...store.entries("a ")].map(([key, value]) => [key, text(value)])).toEqual([
      ["a 1", "a 1"],
      ["a 2", "a 2"],
    ]);
  });
});

describe("a write", () => {
  /** A store whose writes end when the test says so. */
  function slowStore(): { readonly store: StateStore; readonly writes: ((error?: Error) => void)[] } {
    const writes: ((error?: Error) => void)[] = [];
    const set = (): Promise<void> =>
      new Promise((resolve, reject) => writes.push((error) => (error === undefined ? resolve() : reject(error))));
    return { store: { ...memoryStore(), set }, writes };
  }

  test("does not hold up what others ask meanwhile", async () => {
    const { store, writes } = slowStore();
    const host = hostOf(nodeWith(store), P);
    const slow = ask(host, { SetState: P }, "one");
    expect(await ask(host, { GetState: P })).toEqual(["GetState", undefined]);
    writes[0]?.();
    expect(await slow).toEqual(["SetState", undefined]);
  });

  test("that the disk does not take is NotKept, and the state process lives", async () => {
    const { store, writes } = slowStore();
    const node = nodeWith(store);
    const host = hostOf(node, P);
    const full = ask(host, { SetState: P }, "one");
    await ask(host, { GetState: P });
    writes[0]?.(new Error("no space left on device"));
    expect(await full).toEqual([{ Err: "NotKept: no space left on device" }, undefined]);
    expect(node.kernel.registry.get(ProcessId.parse(STATE))?.incarnation).toBe(1);
  });

  test("waits while 256 are on their way, and so does what is asked behind it", async () => {
    const { store, writes } = slowStore();
    const host = hostOf(nodeWith(store), P);
    const asked = Array.from({ length: 257 }, () => ask(host, { SetState: P }, "one"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toHaveLength(256);
    writes[0]?.();
    await asked[0];
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toHaveLength(257);
    for (const end of writes) end();
    await Promise.all(asked);
  });

  test("waits while more than 128 MiB are on their way, and so does what is asked behind it", async () => {
    const { store, writes } = slowStore();
    const host = hostOf(nodeWith(store), P);
    const value = "x".repeat(60 * 1024 * 1024);
    const asked = Array.from({ length: 5 }, () => ask(host, { SetState: P }, value));
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toHaveLength(3);
    writes[0]?.();
    await asked[0];
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toHaveLength(4);
    const rest = Promise.all(asked);
    for (let ended = 1; ended < 5; ended++) {
      writes[ended]?.();
      await asked[ended];
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rest;
  });

  test("of 64 MiB is taken, one byte more is TooLarge", async () => {
    const host = hostOf(nodeWith(memoryStore()), P);
    const value = "x".repeat(64 * 1024 * 1024);
    expect(await ask(host, { SetState: P }, value)).toEqual(["SetState", undefined]);
    expect(await ask(host, { SetState: P }, `${value}x`)).toEqual([
      { Err: "TooLarge: at most 67108864 bytes, got 67108865: keep so much in files" },
      undefined,
    ]);
  });
});
