/**
 * Jackfield: a node whose process does the work, inline or where it is told to run, on either transport.
 *
 * Everything is as shipped but one limit: a channel may send 10,000 messages a second by default, and this load sends
 * more on each.
 */
import { createRequire } from "node:module";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type Program } from "../../lib/protocol/index.ts";
import ask from "../programs/ask.ts";
import echo from "../programs/echo.ts";
import json from "../programs/json.ts";
import { announce } from "./announce.ts";
import { placedPackage } from "./placed-package.ts";
import { told, type Work } from "./told.ts";

createRequire(import.meta.url)("../../bin/v8-flags.cjs"); // as the command does

const MESSAGES_PER_SECOND = 100_000_000; // per channel: the limit's own maximum
const SECOND = ProcessId.parse("second:bench:sys");

const PROGRAMS: Readonly<Record<Exclude<Work, "app">, Program>> = { echo, json, ask };

const { work, transport, placement } = told();
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
if (placement === "inline") {
  node.addProcess(ProcessId.parse("first:bench:sys"), PROGRAMS[work], {
    requestCapabilities: ["http-server:distro:sys"],
    grantCapabilities: ["http-server:distro:sys"],
  });
} else await node.addPackage(placedPackage([{ process: "first", program: work, placement }]));
announce({ port: server.port, token: server.issueToken() });
