/**
 * Jackfield: a node whose inline process does the work, on either transport.
 *
 * Everything is as shipped but one limit: a channel may send 10,000 messages a second by default, and this load sends
 * more on each.
 */
import { createRequire } from "node:module";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type Program } from "../../lib/protocol/index.ts";
import { announce } from "./announce.ts";
import { count, type Said } from "./said.ts";
import { told, type Work } from "./told.ts";

createRequire(import.meta.url)("../../bin/v8-flags.cjs"); // as the command does

const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum
const SECOND = ProcessId.parse("second:bench:sys");

const PROGRAMS: Readonly<Record<Exclude<Work, "app">, Program>> = {
  /** Pushes back the lent bytes. */
  echo: defineProcess({
    onPush(_state, { channelId, messageType }, blob, ctx) {
      ctx.push(channelId, blob, messageType);
    },
  }),
  json: defineProcess({
    onPush(_state, { channelId }, blob, ctx) {
      ctx.push(channelId, count(blob.json() as Said)); // the load sends nothing else
    },
  }),
  /** Pushes what the second process makes of the text: its answer is what the client compares. */
  ask: defineProcess({
    async onPush(_state, { channelId }, blob, ctx) {
      const { body } = await ctx.request(SECOND).body(blob.text()).sendAndAwaitResponse();
      ctx.push(channelId, body);
    },
  }),
};

const { work, transport } = told();
if (work === "app") throw new Error("Cannot be an application: contenders/app.ts is one");
const node = createNode({ name: "bench" });
const server = await startHttpServer(node, { transport, limits: { messagesPerSecond: MESSAGES_PER_SECOND } });
node.addProcess(
  SECOND,
  defineProcess({
    onRequest(_state, { body }, ctx) {
      ctx.respond(body);
    },
  }),
  { public: true },
);
node.addProcess(ProcessId.parse("first:bench:sys"), PROGRAMS[work], {
  requestCapabilities: ["http-server:distro:sys"],
  grantCapabilities: ["http-server:distro:sys"],
});
announce({ port: server.port, token: server.issueToken() });
