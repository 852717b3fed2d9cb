/**
 * Jackfield: inline processes of one program with one handler, on a node without a port.
 *
 * - `add`: made by the node; - `spawn`: children of one process, which awaits each; - `keyed`: instances of a family, each
 *   started by the first message to its name, which it has in hand from then on.
 */
import { createNode } from "../../kernel/index.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { answer, measure, way } from "./processes-meter.ts";

const node = createNode({ name: "bench" });
const program = defineProcess({ onRequest() {} });
const { kernel } = node;
let parent: Context | undefined;
node.addProcess(
  ProcessId.parse("parent:bench:sys"),
  defineProcess({
    init(ctx) {
      parent = ctx as Context;
    },
  }),
);
await node.addClusterProcess(ProcessId.parse("room:bench:sys"), "keyed", program);
node.joinsNobody();

const ID: Readonly<Record<string, (index: number) => string>> = {
  add: (index) => `added-${index}`,
  spawn: (index) => `child-${index}`,
  keyed: (index) => `room/${index}`,
};
const nameOf = ID[way()] ?? String;

async function make(index: number): Promise<void> {
  const name = nameOf(index);
  if (way() === "add") node.addProcess(ProcessId.parse(`${name}:bench:sys`), program);
  else if (way() === "spawn") await parent?.spawn({ name, program });
  else parent?.request(`*@${name}:bench:sys`).body("begin").send();
}

function end(index: number): void {
  kernel.registry.get(ProcessId.parse(`${nameOf(index)}:bench:sys`))?.kill();
}

answer(await measure(make, end));
