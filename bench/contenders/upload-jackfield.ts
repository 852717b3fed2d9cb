/** Hanami's uploads on a node as shipped: the handshake, a process for the part, its file in a drive of vfs:distro:sys. */
import { createRequire } from "node:module";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type Program, resolveLimits } from "../../lib/protocol/index.ts";
import { Handshakes } from "../../processes/hanami/handshake.ts";
import { UPLOAD_LIMITS, type UploadLimits } from "../../processes/hanami/uploads/limits.ts";
import { Parts } from "../../processes/hanami/uploads/parts.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { memoryStore } from "../../processes/state/store.ts";
import { vfsProcess } from "../../processes/vfs/vfs.ts";
import { announce } from "./announce.ts";

createRequire(import.meta.url)("../../bin/v8-flags.cjs"); // as the command does

const HANAMI = "hanami:hanami:sys";
const CAPABILITIES = ["http-server:distro:sys", "vfs:distro:sys"];
const { folder, uuid, bytes } = JSON.parse(process.argv[2] ?? "") as {
  readonly folder: string;
  readonly uuid: string;
  readonly bytes: number;
}; // bench/upload.ts wrote it
const limits: UploadLimits = resolveLimits(UPLOAD_LIMITS);

const hanami = (ready: () => void): Program =>
  defineProcess<{ readonly parts: Parts; readonly handshakes: Handshakes<string> }>({
    async init(ctx) {
      const parts = new Parts(ctx, limits);
      await parts.restore(() => undefined);
      await parts.createPart(uuid, bytes);
      const doors = { verify: (token: string) => token, targetFor: (_: string, part: string) => parts.taker(part) };
      await ctx.bindWs("/", { authenticated: false });
      ready();
      return { parts, handshakes: new Handshakes(doors, limits) };
    },
    onOpen: ({ handshakes }, { channelId }, ctx) => handshakes.open(channelId, ctx),
    onPush: ({ handshakes }, { channelId, messageType }, blob, ctx) =>
      handshakes.push(channelId, messageType, blob, ctx),
    onClose: ({ handshakes }, { channelId }) => handshakes.closed(channelId),
    onRequest({ parts }, message, ctx) {
      const answer = parts.take(message);
      if (ctx.asked) ctx.respond(answer);
    },
  });

const node = createNode({ name: "bench" });
const system = { public: true, trusted: true };
node.addSystemProcess({
  id: ProcessId.parse("state:distro:sys"),
  program: stateProcess(memoryStore()),
  ...system,
});
node.addSystemProcess({ id: ProcessId.parse("vfs:distro:sys"), program: vfsProcess({ folder }) });
const server = await startHttpServer(node, {});
await new Promise<void>((resolve) => {
  node.addProcess(ProcessId.parse(HANAMI), hanami(resolve), {
    requestCapabilities: CAPABILITIES,
    grantCapabilities: CAPABILITIES.slice(0, 1),
  });
});
announce({ port: server.port, path: `/${HANAMI}/` });
