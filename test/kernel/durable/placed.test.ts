/** Durable messages of and to processes wherever they run: the same, and what they keep is written with the mark. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../../kernel/index.ts";
import { findProgram } from "../../../kernel/package.ts";
import type { Process } from "../../../kernel/process.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { type Placement, ProcessId } from "../../../lib/protocol/index.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { type Change, memoryStore, type StateStore } from "../../../processes/state/store.ts";
import { Gate } from "../../support/kernel.ts";
import { PLACEMENTS, PROGRAMS, started } from "../../support/placed.ts";
import { until } from "../../support/until.ts";

const ID = "durable:programs:template.os";
const REALM_ENTRY = new URL("../../../dist/bin/realm.js", import.meta.url); // built before, by npm test
const nodes: Node[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

/** A node that keeps durable messages in `store`, and a process of it there. */
async function startNode(placement: Placement, store: StateStore): Promise<{ node: Node; process: Process }> {
  const node = createNode({ name: "alice.os", durableStore: store, realmEntry: REALM_ENTRY, limits: { drain: 100 } });
  nodes.push(node);
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(store, { along: (process, metadata) => node.kernel.durable.along(process, metadata) }),
    public: true,
    trusted: true,
  });
  const process = node.kernel.register({
    id: ProcessId.parse(ID),
    program: await findProgram(PROGRAMS, "durable.mjs", ID, placement),
    folder: PROGRAMS,
    onExit: "Restart",
    public: true,
  });
  process.run();
  await started(process);
  return { node, process };
}

describe.each(PLACEMENTS.map((placement) => [placement] as const))("%s", (placement) => {
  test("it sends, is told why not, gets them in order with their ids; its state and the mark are one write", async () => {
    const memory = memoryStore();
    const writes: (readonly Change[])[] = [];
    const store = {
      ...memory,
      set: (key: string, value: Uint8Array, along: readonly Change[] = []) => {
        writes.push([[key, value], ...along]);
        return memory.set(key, value, along);
      },
    };
    const { node } = await startNode(placement, store);
    let ctx: Context | undefined;
    const asking = defineProcess({
      init: (own) => {
        ctx = own as Context;
      },
    });
    node.addProcess(ProcessId.parse("asker:programs:template.os"), asking);
    const ask = async (body: unknown): Promise<unknown> =>
      (await ctx?.request(ID).body(body).sendAndAwaitResponse(30))?.body;
    await until(() => ctx !== undefined);

    expect(await ask({ to: ID, send: [1, "crash", 2, 3] })).toEqual(["kept", "kept", "kept", "kept"]);
    expect(await ask({ to: `bob.os@${ID}`, send: [1] })).toEqual(["SendError Denied"]);
    await until(() => node.kernel.durable.facts()?.in.waiting === 0);
    const from = expect.stringMatching(/^alice\.os\//);
    const one = { from, rsvp: null, text: "bytes" };
    const got = (await ask("read")) as readonly { readonly id: number }[];
    const first = (got[0]?.id ?? 0) - 1;
    expect(got).toEqual([
      { ...one, body: 1, id: first + 1 },
      { ...one, body: 2, id: first + 3 },
      { ...one, body: 3, id: first + 4 },
    ]);
    expect(node.kernel.deadLetters.counts()).toEqual({ crashed: 1 });
    expect(writes.map((changes) => changes.map(([key, value]) => [key, value === null]))).toEqual(
      [1, 3, 4].map((row) => [
        [ID, false],
        [`durable in ${String(row).padStart(16, "0")}`, true],
      ]),
    );
  });

  test("a crash with one in hand, and another behind it, loses none of the requests that came meanwhile", async () => {
    const ASKER = "asker:programs:template.os";
    const store = memoryStore();
    const { node, process } = await startNode(placement, store);
    let ctx: Context | undefined;
    const gate = new Gate();
    let isInHand = false;
    const asking = defineProcess({
      init: (own) => {
        ctx = own as Context;
      },
      async onRequest(_state, _message, own) {
        isInHand = true;
        await gate.passed;
        own.respond("now");
      },
    });
    node.addProcess(ProcessId.parse(ASKER), asking, { public: true });
    await until(() => ctx !== undefined);
    const send = (body: unknown) => ctx?.request(ID).body(body).blob("bytes").durable();
    await Promise.all([send({ crashAfter: ASKER }), send(2)]);
    await until(() => isInHand);
    const asked = [1, 2, 3].map(() => ctx?.request(ID).body("read").sendAndAwaitResponse(10));
    await until(() => process.waiting().length === 3);
    gate.open();
    const answers = await Promise.all(asked);
    expect(answers.map((answer) => answer?.body)).toEqual([[], [], []]); // they came before what is kept
    await until(() => node.kernel.durable.facts()?.in.waiting === 0);
    expect(node.kernel.deadLetters.counts()).toEqual({ crashed: 1 });
  });
});
