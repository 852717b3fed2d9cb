/**
 * An application of usual size: 20 rooms, each a process of its own with a page's WebSocket path, and a counter that
 * belongs to another package.
 *
 * For each message a room parses JSON, counts, tells the counter by its name (a capability is checked, nobody answers),
 * and pushes JSON. Each 64th it also publishes to everybody in the room. As shipped but for messagesPerSecond.
 */
import { createRequire } from "node:module";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type Program } from "../../lib/protocol/index.ts";
import { announce } from "./announce.ts";
import { count, type Said, TALLY } from "./said.ts";

createRequire(import.meta.url)("../../bin/v8-flags.cjs"); // as the command does

const ROOMS = 20;
const PUBLISH_EVERY = 64; // messages of a room
const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum
const COUNTER = "counter:stats:sys";
const HTTP_SERVER = "http-server:distro:sys";

const counter = defineProcess<Map<string, number>>({
  init: () => new Map(),
  onRequest(counts, { source }) {
    const room = source.id.process;
    counts.set(room, (counts.get(room) ?? 0) + 1);
  },
});

type Room = { messages: number };

/** A program of its own for each room, as twenty applications would have. */
function room(): Program {
  return defineProcess<Room>({
    async init(ctx) {
      await ctx.bindWs("/", { authenticated: false });
      return { messages: 0 };
    },
    onOpen(_room, { channelId }, ctx) {
      ctx.subscribe(channelId, "tally");
    },
    onPush(room, { channelId }, blob, ctx) {
      const said = blob.json() as Said; // the load sends nothing else
      room.messages += 1;
      ctx.request(COUNTER).body({ type: "counted", n: said.n }).send();
      ctx.push(channelId, count(said));
      if (room.messages % PUBLISH_EVERY === 0) ctx.publish("tally", TALLY);
      return room;
    },
  });
}

const node = createNode({ name: "bench" });
const server = await startHttpServer(node, { limits: { messagesPerSecond: MESSAGES_PER_SECOND } });
const names = Array.from({ length: ROOMS }, (_, i) => `room-${i}:rooms:sys`);
node.addProcess(ProcessId.parse(COUNTER), counter);
for (const name of names) {
  node.addProcess(ProcessId.parse(name), room(), {
    requestCapabilities: [HTTP_SERVER, COUNTER],
    grantCapabilities: [HTTP_SERVER],
  });
}
announce({ port: server.port, paths: names.map((name) => `/${name}/`) });
