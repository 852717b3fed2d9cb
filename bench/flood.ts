/**
 * `npm run --silent flood -- [--seconds 60] [--json]`: a producer ten times too fast, and whether memory stays bounded.
 *
 * 1. The consumer handles one message a millisecond; the producer sends ten, each with a blob of 1 KiB, half of them
 *    requests that expect an answer. What does not fit is told Overloaded, or is a dead letter: every message is counted.
 * 2. The heap is read after collecting garbage, once the mailbox is full and then every tenth of the time.
 * 3. Exit 1: a message is not accounted for, or the heap has grown by more than HEAP_GROWTH. Exit 2: a flag.
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createNode } from "../kernel/index.ts";
import { Blob, Envelope, type Host, OptionError, ProcessId, type Program, toAddress } from "../lib/protocol/index.ts";
import { readNumber } from "./number-flag.ts";

const SECONDS = { value: 60, min: 1, max: 86_400 };
const TICK = 10; // ms between bursts of the producer
const TIMES = 10; // what it sends for each that is handled
const BLOB_BYTES = 1024;
const HEAP_GROWTH = 4 * 2 ** 20; // bytes: what V8 itself takes and gives back; a tenth of what is sent in one second
const LOOKS = 10;

type Counts = { sent: number; handled: number; answered: number; overloaded: number; otherErrors: number };

type Report = Counts & {
  readonly ok: boolean;
  readonly seconds: number;
  readonly deadLetters: number;
  readonly unaccounted: number;
  readonly mailboxLimit: number;
  readonly waitedAtMost: number;
  readonly notices: number;
  readonly heapStart: number;
  readonly heapEnd: number;
  readonly heapMost: number;
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function flood(seconds: number): Promise<Report> {
  const node = createNode();
  const counts: Counts = { sent: 0, handled: 0, answered: 0, overloaded: 0, otherErrors: 0 };
  let notices = 0;
  node.kernel.events.listen(({ type }) => {
    if (type === "process-overloaded") notices++;
  });
  const add = (name: string, program: Program): ReturnType<typeof node.addProcess> =>
    node.addProcess(ProcessId.parse(`${name}:flood:bench`), program);
  const consumer = add("consumer", consumerOf(counts));
  let producer: Host | undefined;
  add("producer", {
    start: (host) => {
      producer = host;
      return {
        handle: ({ error }) => {
          if (error === null) counts.answered++;
          else if (error === "Overloaded") counts.overloaded++;
          else counts.otherErrors++; // none is expected
        },
      };
    },
  });
  const heaps: number[] = [];
  const from = performance.now();
  const end = from + seconds * 1000;
  let look = from;
  while (performance.now() < end) {
    if (producer !== undefined) burst(producer, counts);
    if (performance.now() >= look && consumer.mailbox.refused > 0) {
      collect();
      heaps.push(process.memoryUsage().heapUsed);
      look = performance.now() + (seconds * 1000) / LOOKS;
    }
    await sleep(TICK);
  }
  const waiting = consumer.mailbox.length + (consumer.idle ? 0 : 1); // and the one in hand
  const deadLetters = node.kernel.deadLetters.total;
  await null; // the last outcomes are on their way
  const unaccounted = counts.sent - counts.handled - counts.overloaded - deadLetters - waiting;
  const [heapStart = 0] = heaps;
  const heapEnd = heaps.at(-1) ?? 0;
  const { waitedAtMost, capacity: mailboxLimit } = consumer.mailbox;
  const isBounded = heapEnd - heapStart <= HEAP_GROWTH && heaps.length > 1;
  const report: Report = {
    ok: unaccounted === 0 && counts.otherErrors === 0 && isBounded,
    seconds,
    ...counts,
    deadLetters,
    unaccounted,
    mailboxLimit,
    waitedAtMost,
    notices,
    heapStart,
    heapEnd,
    heapMost: Math.max(...heaps),
  };
  consumer.kill(); // or the stop would drain for as long as it may
  await node.stop();
  return report;
}

/** As fast as its clock: a message for each millisecond that has gone by. */
function consumerOf(counts: Counts): Program {
  return {
    start: (host) => {
      const from = performance.now();
      return {
        async handle(message) {
          const due = from + counts.handled;
          if (performance.now() < due) await sleep(Math.ceil(due - performance.now()));
          counts.handled++;
          if (message.rsvp !== null) host.respond({ body: null }, message);
        },
      };
    },
  };
}

function burst(host: Host, counts: Counts): void {
  const consumer = toAddress("consumer:flood:bench", host.our.node);
  for (let n = 0; n < TICK * TIMES; n++) {
    const request = new Envelope("request", host.our, consumer, { n }, Blob.of(new Uint8Array(BLOB_BYTES)));
    if (n % 2 === 0) request.expectsResponse = 5;
    counts.sent++;
    host.send(request);
  }
}

function table(report: Report): string {
  return Object.entries(report)
    .map(([name, value]) => `${name.padEnd(14)} ${typeof value === "number" ? value.toLocaleString("en") : value}`)
    .join("\n");
}

try {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, json: { type: "boolean", default: false } } });
  const report = await flood(readNumber("seconds", SECONDS, values.seconds, false));
  process.stdout.write(`${values.json ? JSON.stringify(report) : table(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  const isFlag = error instanceof OptionError || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${error instanceof Error ? (isFlag ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isFlag ? 2 : 1;
}
