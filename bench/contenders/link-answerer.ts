/** Who answers, of two processes that speak over a nats-server: `link-answerer.js <way> <url>`; prints `{}` when it does. */
import { connect } from "@nats-io/transport-node";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";

const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const HEAD = 8; // bytes of an id: what an answer has

const [, , way = "", url = ""] = process.argv;
if (way === "jackfield") {
  const node = createNode({ name: "answerer" });
  await node.linkByNats({ servers: [url] });
  const program = defineProcess({ onRequest: (_state, _message, ctx) => ctx.respond(1) });
  node.addProcess(ProcessId.parse("answerer:bench:sys"), program, { requestCapabilities: NETWORK });
} else {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  const isBare = way === "limit";
  nc.subscribe("n.answerer.>", {
    callback: (_, message) => {
      if (isBare) nc.publish("n.asker.answerer.r", message.data.slice(0, HEAD));
      else message.respond(message.data.slice(0, HEAD));
    },
  });
  await nc.flush();
}
process.stdout.write("{}\n");
process.stdin.on("end", () => process.exit(0)).resume(); // the bench has ended, however it did
