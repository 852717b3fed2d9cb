/**
 * Who asks, of two processes that speak over a nats-server: `link-asker.js <way> <url> <LinkJob>`; prints a LinkOutcome.
 *
 * - `limit`: the bare client: one publish each way, one wildcard subscription each, answers found by id.
 * - `client-request`: the client's own request() and respond().
 * - `jackfield`: a process of a node asks a process of another by the link.
 */
import { connect } from "@nats-io/transport-node";
import { createNode } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId, toAddress } from "../../lib/protocol/index.ts";
import type { LinkJob, LinkOutcome } from "../link.ts";

const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const EXPECT_SECONDS = 10;
const HEAD = 8; // bytes of an id

type Ask = () => Promise<unknown>;

const [, , way = "", url = "", jobText = "{}"] = process.argv;
const { work, warmupMs, measureMs } = JSON.parse(jobText) as LinkJob; // from our own bench

/** @returns a way to ask once, with so many bytes */
async function asking(): Promise<(bytes: number) => Ask> {
  if (way === "jackfield") {
    const node = createNode({ name: "asker" });
    await node.linkByNats({ servers: [url] });
    let ctx: Context | undefined;
    const program = defineProcess({
      init: (own) => {
        ctx = own as Context;
      },
    });
    node.addProcess(ProcessId.parse("asker:bench:sys"), program, { requestCapabilities: NETWORK });
    await null;
    if (ctx === undefined) throw new Error("its init has not run");
    const own = ctx;
    const target = toAddress("answerer@answerer:bench:sys", "asker");
    return (bytes) => {
      const blob = Buffer.alloc(bytes, 7);
      return () => own.request(target).body(1).blob(blob).expectsResponse(EXPECT_SECONDS).sendAndAwaitResponse();
    };
  }
  const nc = await connect({ servers: url, noAsyncTraces: true });
  if (way === "client-request")
    return (bytes) => {
      const payload = Buffer.alloc(bytes, 7);
      return () => nc.request("n.answerer.asker.q", payload, { timeout: EXPECT_SECONDS * 1000 });
    };
  const waiting = new Map<number, () => void>();
  nc.subscribe("n.asker.>", {
    callback: (_, { data }) => {
      const id = Buffer.from(data.buffer, data.byteOffset, HEAD).readUIntLE(0, 6);
      const resolve = waiting.get(id);
      waiting.delete(id);
      resolve?.();
    },
  });
  await nc.flush();
  let last = 0;
  return (bytes) => () =>
    new Promise<void>((resolve) => {
      const id = ++last;
      const payload = Buffer.allocUnsafe(HEAD + bytes);
      payload.fill(7, HEAD);
      payload.writeUIntLE(id, 0, 6);
      waiting.set(id, resolve);
      nc.publish("n.answerer.asker.q", payload);
    });
}

/** `depth` at once, each followed by the next. @returns requests a second */
async function rate(ask: Ask, depth: number): Promise<number> {
  let [count, isOver] = [0, false];
  const lane = async (): Promise<void> => {
    while (!isOver) {
      await ask();
      count++;
    }
  };
  const lanes = Array.from({ length: depth }, lane);
  await pause(warmupMs);
  const [from, before] = [performance.now(), count];
  await pause(measureMs);
  const perSecond = ((count - before) * 1000) / (performance.now() - from);
  isOver = true;
  await Promise.all(lanes);
  return Math.round(perSecond);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const askOf = await asking();
const outcome: Record<string, number> = {};
for (const { name, depth, bytes } of work) outcome[name] = await rate(askOf(bytes), depth);
process.stdout.write(`${JSON.stringify(outcome satisfies LinkOutcome)}\n`, () => process.exit(0));
