/**
 * Jackfield: a sender and a receiver of one package, each in its placement, on a node without a port.
 *
 * Processor time is that of all operating-system processes that take part: each says its own, once.
 */
import { createNode } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { type Placement, ProcessId } from "../../lib/protocol/index.ts";
import { cpuMicroseconds, type PlacementJob, type Sent, type Spent } from "../programs/spent.ts";
import { placedPackage } from "./placed-package.ts";
import type { MeterOutcome } from "./request-meter.ts";

type Told = PlacementJob & { readonly sender: Placement & string; readonly receiver: Placement & string };

const SPARE_SECONDS = 30; // to start, on top of its warm-up and window
const { sender, receiver, ...job } = JSON.parse(process.argv[2] ?? "") as Told; // placements.ts wrote it

const node = createNode({ name: "bench" });
node.kernel.events.listen((event) => {
  if (event.type !== "process-crashed") return;
  process.stderr.write(`${event.report.process}: ${event.report.error}\n${event.report.stack}\n`);
  process.exit(1);
});
await node.addPackage(
  placedPackage([
    { process: "receiver", program: "receiver", placement: receiver },
    { process: "sender", program: "sender", placement: sender },
  ]),
);

const RECEIVER = "receiver:bench:sys";
const MAIN = ProcessId.parse("main:bench:sys");

/** Of this process, of `sender` where that is another, and of the receiver's. Microseconds. */
async function spentByAll(ctx: Context<number>, sender: Spent): Promise<number> {
  const { body } = await ctx.request(RECEIVER).body("spent").sendAndAwaitResponse(SPARE_SECONDS);
  const all = new Map(
    [{ pid: process.pid, cpu: cpuMicroseconds() }, sender, body as Spent].map(({ pid, cpu }) => [pid, cpu]),
  );
  return [...all.values()].reduce((sum, cpu) => sum + cpu, 0);
}

/** Its state is what had been spent when the window began. */
const main = defineProcess<number>({
  init(ctx) {
    const seconds = (job.warmupMs + job.measureMs) / 1000 + SPARE_SECONDS;
    ctx.request("sender:bench:sys").body(job).expectsResponse(seconds).send();
    return 0;
  },
  onRequest: (_none, { body }, ctx) => spentByAll(ctx, body as Spent), // of the sender: the window begins
  async onResponse(before, { body }, ctx) {
    const { messages, ms, spent } = body as Sent;
    const cpu = (await spentByAll(ctx, spent)) - before;
    const outcome: MeterOutcome = {
      perSecond: Math.round((messages * 1000) / ms),
      cpuNsPerMessage: Math.round((cpu * 1000 * 10) / messages) / 10,
    };
    process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
  },
});
node.addProcess(MAIN, main);
process.stdin.on("end", () => process.exit(0)).resume(); // the bench is gone: so is whatever was started here
