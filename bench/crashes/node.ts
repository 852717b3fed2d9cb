/**
 * The node of a soak, in a process of its own: `node node.js <data folder>`, asked by index.ts (conversation.ts).
 *
 *   start → { port, token }    crash → the kind and the victim    heap → bytes, after collecting garbage
 *   quiet → what is still open, once drivers have stopped asking    report → NodeCounts
 *
 * SIGTERM stops it as a node is stopped; exit code 0.
 */
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { Envelope, type Host, ProcessId, toAddress } from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { diskStore } from "../../processes/state/store.ts";
import { answer } from "../conversation.ts";
import type { OwnCrash } from "./break-down.ts";
import { CRASH_KINDS, isPlaced } from "./crash-kinds.ts";
import { Ledger } from "./ledger.ts";
import { driving, id, KINDS, namesOf } from "./programs.ts";

const HTTP_SERVER = "http-server:distro:sys";
const RESTARTS = 1000; // in a minute: that a process is given up is not what a soak is to find
const HANDLER_SECONDS = 1; // five would leave who blocks out of most of a short soak
const QUIET_MS = 15_000; // far above every time-out of the processes
const POLL_MS = 20;

const [, , folder = ""] = process.argv;
const { gc } = globalThis;
const ledger = new Ledger();
const node = createNode({ name: "soak", limits: { restarts: RESTARTS, handlerSeconds: HANDLER_SECONDS } });
node.kernel.events.listen((event) => {
  if (event.type === "fault") ledger.breaches.add("fault", `${event.process}: ${String(event.error)}`);
  if (event.type === "process-gave-up") ledger.breaches.add("given up", event.process);
  if (event.type === "process-started" && isPlaced(event.process) && event.incarnation > 1) ledger.restarts++;
  if (event.type === "process-crashed" && !isMeant(event.report))
    ledger.breaches.add("crash", `${event.report.process}: ${event.report.stack ?? event.report.error}`);
});
process.on("unhandledRejection", (reason) => ledger.breaches.add("unhandled rejection", String(reason)));
process.on("SIGTERM", () => void node.stop().then(() => process.exit(0)));

node.addSystemProcess({
  id: ProcessId.parse("state:distro:sys"),
  program: stateProcess(diskStore(folder)),
  public: true,
  trusted: true,
});
const server = await startHttpServer(node, { listeners: [{ host: "127.0.0.1", port: 0 }] });

let host: Host | undefined;
node.addProcess(ProcessId.parse(id("crasher")), {
  start: (given) => {
    host = given;
    return { handle: () => undefined };
  },
});

const victims = KINDS.filter(({ victim }) => victim).flatMap((kind) => namesOf(kind));

/** By us, or with its thread or process, which we ended. */
function isMeant({ process, error }: { readonly process: string; readonly error: string }): boolean {
  return error.startsWith("Error: soak:") || (isPlaced(process) && error.startsWith("RealmEndedError:"));
}

function add(name: string): void {
  const kind = KINDS.find((each) => namesOf(each).includes(name));
  if (kind === undefined) throw new Error(`Cannot start "${name}" as there is no such kind`);
  const mayHttp = { requestCapabilities: [HTTP_SERVER], grantCapabilities: [HTTP_SERVER] };
  node.addProcess(ProcessId.parse(id(name)), kind.program(name, ledger), { ...mayHttp, onExit: "Restart" });
}

function tell(victim: string, crash: OwnCrash): void {
  if (host === undefined) return;
  host.send(new Envelope("request", host.our, toAddress(id(victim), node.name), { crash }, null));
}

function kill(victim: string, ms: number): void {
  node.kernel.registry.get(ProcessId.parse(id(victim)))?.kill();
  setTimeout(() => {
    if (!node.kernel.stopping) add(victim);
  }, ms);
}

function crash(): object {
  const victim = pick(victims);
  const kind = pick(CRASH_KINDS.filter(({ hits }) => hits?.(victim) ?? true));
  ledger.crashes[kind.name] = (ledger.crashes[kind.name] ?? 0) + 1;
  kind.make({ tell, kill }, victim);
  return { victim, kind: kind.name };
}

function pick<Value>(values: readonly Value[]): Value {
  const value = values[Math.floor(Math.random() * values.length)];
  if (value === undefined) throw new Error("Cannot choose as there is nothing to choose from");
  return value;
}

async function quiet(): Promise<object> {
  driving.on = false;
  const end = performance.now() + QUIET_MS;
  while (ledger.open > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return { open: ledger.open };
}

answer({
  start: () => {
    for (const kind of KINDS) for (const name of namesOf(kind)) add(name);
    return { port: server.port, token: server.issueToken() };
  },
  crash,
  heap: () => {
    gc?.();
    return { bytes: process.memoryUsage().heapUsed };
  },
  quiet,
  report: () => ledger.counts({ deadLetters: node.kernel.deadLetters.counts(), processes: node.kernel.registry.size }),
});
