/** ADR 0016, decision 1: what a realm says that none of ours says ends its process with a clear error, and nobody else. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Batch, BatchWriter, BLOB_FLAGS } from "../../kernel/placement/batch-writer.ts";
import * as record from "../../kernel/placement/records.ts";
import { MESSAGE_TYPES, type Placement } from "../../lib/protocol/index.ts";
import type { Puppet } from "../support/puppet.ts";
import { RawSocket } from "../support/sockets.ts";
import { A, APART, B, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const SLOT = 1; // each puppet is alone in its realm
const TEXT = MESSAGE_TYPES.indexOf("Text");

type Opened = { readonly channelId: number };

/** A batch of what `write` writes, as numbers: it goes to a puppet. */
function said(write: (out: BatchWriter) => void): number[] {
  const out = new BatchWriter();
  write(out.section(SLOT));
  return [...(out.take() as Batch).bytes]; // something was written
}

/** Behind it, a section of somebody who is not there. */
function followed(batch: readonly number[]): number[] {
  return [...batch, ...[2, 0, 0, 0], ...[4, 0, 0, 0], ...[0, 0, 0, 0]];
}

/** As `said`, without its last bytes, its section as long as what is left. */
function cut(bytes: number, write: (out: BatchWriter) => void): number[] {
  const batch = Buffer.from(said(write).slice(0, -bytes));
  batch.writeUInt32LE(batch.length - 8, 4);
  return [...batch];
}

/** Bound by `puppet`, and open. */
async function connect(on: Stage, puppet: Puppet): Promise<{ readonly client: RawSocket; readonly channelId: number }> {
  await puppet.run((me) => me.ctx.bindWs("/", { authenticated: false }));
  const client = await RawSocket.connect(on.port);
  await client.upgrade({ path: `/${puppet.id}/` });
  const { channelId } = (await puppet.next()) as Opened;
  return { client, channelId };
}

/** Two processes with a channel each. The first, when a frame comes, says `batch` past all code of ours. */
async function startHostile(placement: Placement, batchFor: (other: number, own: number) => readonly number[]) {
  const on = await startStage(placement, { http: true });
  const [a, b] = [await on.add(A), await on.add(B)];
  const own = await connect(on, a);
  const other = await connect(on, b);
  await b.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, blob));
  await a.on(
    "push",
    (me, _, batch) => {
      void me.ctx.onExit; // asked of the node, behind what was said: the frame is in hand there
      const bytes = new Uint8Array(batch);
      const { isMainThread, workerData } = process.getBuiltinModule("node:worker_threads");
      if (!isMainThread) {
        workerData.batches.postMessage({ bytes, large: [] });
        return me.report("said");
      }
      const head = new Uint8Array(12); // stream-batches.ts: a batch, its length, no large blobs
      new DataView(head.buffer).setUint32(4, bytes.length, true);
      const { writeSync } = process.getBuiltinModule("node:fs");
      for (const part of [head, bytes]) writeSync(4, part); // FD.replies
      me.report("said");
    },
    batchFor(other.channelId, own.channelId),
  );
  own.client.sendText("hello");
  /** Nobody else has noticed. */
  const othersLive = async (): Promise<void> => {
    other.client.sendText("still there?");
    expect(await other.client.nextText()).toBe("still there?"); // and nothing before it
    expect(on.stateOf(B)).toBe("running");
  };
  return { on, a, own: own.client, othersLive };
}

const passOn = (channelId: number) => (out: BatchWriter) => void out.push(record.PASS_ON, channelId, TEXT);

const NO_FRAME = "RangeError: no frame is in hand";
const CUT = "RangeError: a record is cut short";
const NOT_READ: readonly (readonly [string, (other: number, own: number) => readonly number[], string])[] = [
  ["a frame passed on when it is handled", (_, own) => said((out) => passOn(own)(out.u8(record.DONE))), NO_FRAME],
  [
    "a frame passed on by a timer",
    (_, own) => said((out) => passOn(own)(out.u8(record.DONE).head(record.BEGIN, 0))),
    NO_FRAME,
  ],
  ["a frame passed on to nowhere", (_, own) => cut(5, passOn(own)), CUT],
  ["a frame passed on as nothing", (_, own) => cut(1, passOn(own)), CUT],
  ["a frame passed on to what stands in the next section", (_, own) => followed(cut(2, passOn(own))), CUT],
  ["a frame passed on as what stands there", (_, own) => followed(cut(1, passOn(own))), CUT],
  [
    "a push without its bytes",
    (_, own) => cut(4, (out) => out.push(record.PUSH, own, TEXT).u8(BLOB_FLAGS.isThere).u32(4)),
    CUT,
  ],
  [
    "a push that is longer than the batch",
    (_, own) => said((out) => out.push(record.PUSH, own, TEXT).u8(BLOB_FLAGS.isThere).u32(0xffff_ffff)),
    CUT,
  ],
  [
    "a push of a large blob that is not there",
    (_, own) =>
      said((out) =>
        out
          .push(record.PUSH, own, TEXT)
          .u8(BLOB_FLAGS.isThere | BLOB_FLAGS.isLarge)
          .u32(0xffff_ffff),
      ),
    "RangeError: a large blob is missing",
  ],
  [
    "a message begun that was never given",
    () => said((out) => out.u8(record.DONE).head(record.BEGIN, 0xffff_ffff)),
    "RangeError: message 4294967295 is not the next to be handled",
  ],
  [
    "a message begun beside another",
    () => said((out) => out.head(record.BEGIN, 1)),
    "RangeError: message 1 is not the next to be handled",
  ],
  [
    "a list of four thousand million",
    () =>
      said((out) =>
        out
          .u8(record.ORDER)
          .u32(1)
          .bytes(new Uint8Array([0xdd, 255, 255, 255, 255])),
      ),
    "Error: ",
  ],
  ["a record nobody knows", () => said((out) => out.u8(99)), "RangeError: no record has the type 99"],
  [
    "a section that is longer than its batch",
    () => {
      const batch = said((out) => out.u8(record.DONE));
      batch[7] = 255;
      return batch;
    },
    "RangeError: a section ends behind its batch",
  ],
  ["half a section", () => [1, 0, 0], CUT],
];

describe.each(APART)("%s: a realm that says", (placement) => {
  test.each(NOT_READ)("%s ends its process, and nobody else's", async (_, batchFor, error) => {
    const { on, own, othersLive } = await startHostile(placement, batchFor);
    await on.heard("process-crashed", A);
    const [report] = on.node.kernel.crashes.last();
    expect(report?.process).toBe(A);
    expect(report?.error).toContain(error);
    expect((await own.nextClose()).code).toBe(1001);
    await othersLive();
  });

  test("that a frame is passed on twice has it passed on twice", async () => {
    const { own, a, othersLive } = await startHostile(placement, (_, id) =>
      said((out) => {
        passOn(id)(out);
        passOn(id)(out);
      }),
    );
    expect([await own.nextText(), await own.nextText()]).toEqual(["hello", "hello"]);
    expect(await a.run(() => "lives")).toBe("lives");
    await othersLive();
  });

  test("that a frame is passed on to somebody else's channel is refused that", async () => {
    const { on, a, othersLive } = await startHostile(placement, (other) => said(passOn(other)));
    expect(await a.next()).toBe("said");
    expect(await a.run(() => "lives")).toBe("lives");
    expect(on.deadLetters().map(({ reason }) => reason)).toEqual(["refused"]);
    await othersLive();
  });
});

test.each([
  ["nothing", "null"],
  ["no batch", "({})"],
  ["more than it wrote", "1 << 30"],
  ["less than nothing", "-8"],
  ["a question that cannot be read", "({ slot: 1, question: new Uint8Array([0xdd, 9, 9, 9, 9]) })"],
])("worker: a thread that posts %s is ended, and its process with it, and nobody else", async (_, posted) => {
  const { on, own, othersLive, a } = await startHostile("worker", () => []);
  await a.on(
    "push",
    (_me, _, posted) => {
      const { workerData } = process.getBuiltinModule("node:worker_threads");
      workerData.batches.postMessage(process.getBuiltinModule("node:vm").runInThisContext(posted));
    },
    posted,
  );
  own.sendText("again");
  expect((await own.nextClose()).code).toBe(1001);
  const [report] = on.node.kernel.crashes.last();
  expect(report?.process).toBe(A);
  expect(report?.error).toMatch(/^\w*Error: ./);
  await othersLive();
});
