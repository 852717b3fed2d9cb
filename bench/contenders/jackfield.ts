/**
 * Jackfield: a node whose inline process pushes back the lent bytes of each frame.
 *
 * Everything is as shipped but one limit: a channel may send 10,000 messages a second by default, and this load sends
 * more on each.
 */
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { announce } from "./announce.ts";

const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum

const node = createNode({ name: "bench" });
const server = await startHttpServer(node, { limits: { messagesPerSecond: MESSAGES_PER_SECOND } });
node.addProcess(
  ProcessId.parse("echo:echo:sys"),
  defineProcess({
    onPush(_state, { channelId, messageType }, blob, ctx) {
      ctx.push(channelId, blob, messageType);
    },
  }),
  { requestCapabilities: ["http-server:distro:sys"], grantCapabilities: ["http-server:distro:sys"] },
);
announce({ port: server.port, token: server.issueToken() });
