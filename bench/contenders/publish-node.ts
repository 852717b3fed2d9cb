/**
 * A node of bench/publish-cluster: `publish-node.js <way> <url of nats> <name>`; prints its port, and a token where clients
 * want one. Asked for `subscribed`, it says how many channels it has subscribed.
 *
 * 1. `hall` publishes what its one channel sends; all others have the receivers.
 * 2. `limit`: bare uWebSockets.js and the bare NATS client: a publish is one message to NATS, and each process that gets
 *    it publishes it to its own sockets.
 * 3. `jackfield`: the process of hall has the channels of all nodes, each subscribed to one topic. As shipped, but for how
 *    much a channel may send.
 */

import { App, us_socket_local_port } from "uWebSockets.js";
import { connect } from "@nats-io/transport-node";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { answer } from "../conversation.ts";

const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum
const TOPIC = "room";
const SUBJECT = "t.hall.room";

let subscribed = 0;

const [, , way = "", url = "", name = ""] = process.argv;

async function limit(): Promise<object> {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  const app = App();
  app.ws("/*", {
    maxBackpressure: 4 * 1024 * 1024, // bytes: as in uwebsockets.ts
    open: (ws) => {
      ws.subscribe(TOPIC);
      subscribed++;
    },
    message: (_ws, message) => nc.publish(SUBJECT, new Uint8Array(message.slice(0))), // its memory is lent
  });
  nc.subscribe(SUBJECT, { callback: (_, { data }) => void app.publish(TOPIC, data, false) });
  await nc.flush();
  let port = 0;
  app.listen("127.0.0.1", 0, (listening) => {
    if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
    port = us_socket_local_port(listening);
  }); // at once, not later
  return { port };
}

const hall = defineProcess({
  onOpen(_state, open, ctx) {
    ctx.subscribe(open, TOPIC);
    subscribed++;
  },
  onPush: (_state, _push, blob, ctx) => ctx.publish(TOPIC, blob),
});

async function jackfield(): Promise<object> {
  const node = createNode({ name });
  const server = await startHttpServer(node, {
    listeners: [{ host: "127.0.0.1", port: 0 }],
    limits: { messagesPerSecond: MESSAGES_PER_SECOND },
  });
  await node.linkByNats({ servers: [url] });
  if (name === "hall") {
    const server = "http-server:distro:sys";
    node.addProcess(ProcessId.parse("hall:bench:sys"), hall, {
      requestCapabilities: [server, { process: "kernel:distro:sys", params: "network" }],
      grantCapabilities: [server],
      public: true,
    });
  }
  return { port: server.port, token: server.issueToken() };
}

process.stdout.write(`${JSON.stringify(await (way === "limit" ? limit() : jackfield()))}\n`);
answer({ subscribed: () => subscribed });
