/** A whole node as a process of its own: `node node-with-children.mjs <package>`. Prints what each of its processes answers to "Pid". */
import { createNode } from "jackfield";
import { defineProcess } from "jackfield/process";
import { ProcessId } from "jackfield/protocol";

const node = createNode({ name: "alice.os" });
const { processes } = await node.addPackage(process.argv[2]);
node.addProcess(
  ProcessId.parse("asker:other:sys"),
  defineProcess({
    async init(ctx) {
      const pids = [];
      for (const { id } of processes) pids.push((await ctx.request(id).body("Pid").sendAndAwaitResponse(30)).body);
      for (const { id } of processes.slice(1)) ctx.request(id).body({ Loop: null }).send();
      process.stdout.write(`${JSON.stringify(pids)}\n`);
    },
  }),
);
setInterval(() => undefined, 1000); // until it is killed
