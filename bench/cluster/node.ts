/**
 * A node of a cluster's soak, in a process of its own: `node node.js <name> <others, by comma> <urls, by comma> <folder>`.
 *
 *   start → when it is linked    quiet → stops asking, and waits for what is open    report → NodeReport
 *
 * Its asker asks each other node's answerer, in numbered streams; the answerer keeps, per asking process life, the last
 * number of each stream: one that comes again, or after a later one, is a breach. Durable messages: durable.ts.
 */
import { createNode, DirectoryError, DurableError } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId, SendError } from "../../lib/protocol/index.ts";
import { answer } from "../conversation.ts";
import { DurableLoad } from "./durable.ts";
import type { NodeReport } from "./report.ts";

const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const EXPECT_SECONDS = 3;
const QUIET_MS = (EXPECT_SECONDS + 5) * 1000; // every time-out has passed
const EVERY_MS = 10;
const BURST = 8; // requests to each other node in that time: some 1,600 a second in all
const LARGE_EVERY = 500; // one of these many goes in pieces
const LARGE_BYTES = 300 * 1024; // above the 256 KiB of one frame
const LIVES_MAX = 10_000;

type Numbered = { readonly life: number; readonly n: number; readonly bytes: number };

const [, , name = "", others = "", urls = "", folder = ""] = process.argv;
const life = Date.now();
const durable = new DurableLoad(folder, life);
const outcomes: Record<string, number> = {};
const breaches: Record<string, number> = {};
const seen = new Map<string, number>(); // last number, by asking node and its life
let [asked, open, handled, isAsking] = [0, 0, 0, true];

const count = (counts: Record<string, number>, what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

const answerer = defineProcess({
  onRequest(_state, { body, source, blob }, ctx) {
    const { life, n, bytes } = body as Numbered; // our own
    const key = `${source.node} ${life}`;
    const last = seen.get(key) ?? -1;
    if (n === last) count(breaches, "duplicated");
    else if (n < last) count(breaches, "reordered or duplicated");
    else if (seen.size < LIVES_MAX || seen.has(key)) seen.set(key, n);
    if ((blob?.bytes().byteLength ?? 0) !== bytes) count(breaches, "not whole");
    handled++;
    ctx.respond(n);
  },
});

let asker: Context | undefined;
const asking = defineProcess({
  init(ctx) {
    asker = ctx as Context;
  },
});

async function ask(to: string, n: number): Promise<void> {
  if (asker === undefined) return;
  const bytes = n % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE_BYTES : 0;
  const body: Numbered = { life, n, bytes };
  const request = asker.request(`${to}@answerer:soak:sys`).body(body).expectsResponse(EXPECT_SECONDS);
  asked++;
  open++;
  try {
    const { body: said } = await (bytes === 0 ? request : request.blob(new Uint8Array(bytes))).sendAndAwaitResponse();
    count(outcomes, said === n ? "Response" : "WrongAnswer");
    if (said !== n) count(breaches, "answered with another's");
  } catch (error) {
    count(outcomes, error instanceof SendError ? error.kind : String(error));
  }
  open--;
}

const node = createNode({ name, durableStore: durable.store, limits: { drain: 500 } });
node.kernel.events.listen((event) => {
  if (event.type !== "fault" || event.error instanceof DurableError) return; // that one's way is gone with the servers
  if (!(event.error instanceof DirectoryError)) count(breaches, `fault: ${String(event.error)}`); // likewise
});

async function start(): Promise<object> {
  durable.add(node, others.split(","));
  await node.linkByNats({ servers: urls.split(",") });
  await node.joinByNats({ servers: urls.split(",") }, () => ({ address: null, version: null }));
  node.addProcess(ProcessId.parse("answerer:soak:sys"), answerer, { requestCapabilities: NETWORK });
  node.addProcess(ProcessId.parse("asker:soak:sys"), asking, { requestCapabilities: NETWORK });
  const next = new Map(others.split(",").map((to) => [to, 0]));
  setInterval(() => {
    if (!isAsking) return;
    for (const [to, n] of next) {
      for (let i = 0; i < BURST; i++) void ask(to, n + i);
      next.set(to, n + BURST);
    }
  }, EVERY_MS);
  return {};
}

async function quiet(): Promise<object> {
  isAsking = false;
  durable.quiet();
  const end = performance.now() + QUIET_MS;
  while (open > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return { open };
}

const report = (): NodeReport => ({
  name,
  asked,
  outcomes,
  unaccounted: open,
  handled,
  breaches,
  link: node.kernel.link?.describe() ?? null,
  durable: durable.report(node),
});

answer({ start, quiet, report });
