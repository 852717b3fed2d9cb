/**
 * Jackfield: a node whose inline process takes every channel of the crowd, and echoes or publishes what comes, or
 * publishes by the clock.
 *
 * Everything is as shipped but two limits: a channel may send 10,000 messages a second by default, and an echo or the
 * sender of a small fan-out sends more; and tokens found right before are remembered, where here each is checked in full.
 * V8 has its own flags: with bin/v8-flags.cjs it takes 6 to 8 MB once to compile what it inlines, which bench/idle would
 * spread over its channels.
 */
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { announce } from "./announce.ts";
import { answerCrowd, portsFor, toldCrowd } from "./crowd.ts";

const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum
const TOKENS = 64; // users, each with many channels
const TOPIC = "room";
const TICKS_PER_SECOND = 30; // frames of telemetry: those of Soundlab
const POLL_MS = 3; // a tick is at most so late

const told = toldCrowd();

const echo = defineProcess({
  onPush(_state, { channelId, messageType }, blob, ctx) {
    ctx.push(channelId, blob, messageType);
  },
});

const publish = defineProcess({
  onOpen(_state, { channelId }, ctx) {
    ctx.subscribe(channelId, TOPIC);
  },
  onPush(_state, _push, blob, ctx) {
    ctx.publish(TOPIC, blob);
  },
});

const tick = defineProcess({
  init(ctx) {
    const text = "jackfield ".repeat(Math.ceil(told.bytes / 10)).slice(0, told.bytes);
    const tickMs = 1000 / TICKS_PER_SECOND;
    let next = performance.now();
    ctx.every(POLL_MS, () => {
      const now = performance.now();
      if (now < next) return;
      next = Math.max(next, now - tickMs) + tickMs; // what it was too late for is not made up in a burst
      ctx.publish(TOPIC, text);
    });
  },
  onOpen(_state, { channelId }, ctx) {
    ctx.subscribe(channelId, TOPIC);
  },
});

const PROGRAMS = { echo, publish, tick };

const node = createNode({ name: "bench" });
const server = await startHttpServer(node, {
  transport: told.transport,
  listeners: Array.from({ length: portsFor(told) }, () => ({ host: "127.0.0.1", port: 0 })),
  limits: { messagesPerSecond: MESSAGES_PER_SECOND, verifiedTokens: 0 },
});
node.addProcess(ProcessId.parse("crowd:bench:sys"), PROGRAMS[told.does], {
  requestCapabilities: ["http-server:distro:sys"],
  grantCapabilities: ["http-server:distro:sys"],
});
const tokens = Array.from({ length: TOKENS }, () => server.issueToken());
announce({ port: server.port, ports: server.ports.map(String), tokens });
answerCrowd(() => ({ sockets: server.openSockets, channels: server.channels.size }));
