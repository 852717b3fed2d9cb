/** state:distro:sys: one value per process, its own only, in memory or on disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { Blob, Envelope, type Host, ProcessId, toAddress } from "../../lib/protocol/index.ts";
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
});
