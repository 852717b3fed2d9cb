/** Runs cases against one node: an echo process on a plain path and on one that compresses. */

import type { TransportName } from "../../http-server/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { startNode, until } from "../support/channels.ts";
import { OFFER } from "../support/deflate.ts";
import { P, type TestNode } from "../support/node.ts";
import { type Frame, RawSocket } from "../support/sockets.ts";
import type { Case, Outcome, Script } from "./case.ts";
import { close, describeFrame } from "./frames.ts";

export type Server = {
  readonly on: TestNode;
  /** Runs one case after the other. */
  run(of: Case): Promise<Outcome>;
};

export async function startServer(transport: TransportName): Promise<Server> {
  const on = await startNode(transport, { limits: { messagesPerSecond: 1_000_000 } });
  const closes: number[] = [];
  let bound = false;
  const echo = defineProcess({
    async init(ctx) {
      await ctx.bindWs("/plain", { authenticated: false });
      await ctx.bindWs("/deflate", { authenticated: false, compress: true });
      bound = true;
    },
    onPush(_, { channelId, messageType }, blob, ctx) {
      if (messageType === "Text" || messageType === "Binary") ctx.push(channelId, blob, messageType);
    },
    onClose: (_, { code }) => void closes.push(code),
  });
  on.add(P, echo);
  await until(() => bound);
  return {
    on,
    async run(of) {
      closes.length = 0;
      const client = await RawSocket.connect(on.port);
      const headers = of.compress ? { "sec-websocket-extensions": OFFER } : {};
      await client.upgrade({ path: `/${P}/${of.compress ? "deflate" : "plain"}`, headers });
      const frames: string[] = [];
      await send(client, of, frames);
      for (let next = await nextFrame(client); next !== null; next = await nextFrame(client))
        frames.push(describeFrame(next));
      client.destroy();
      await until(() => closes.length > 0);
      return { frames, told: closes[0] ?? 0 };
    },
  };
}

async function send(client: RawSocket, of: Case, frames: string[]): Promise<void> {
  const script: Script = of.ends === true ? of.send : [...of.send, close(1000)];
  const pieces: Script = of.chop === undefined ? joined(script) : chopped(script, of.chop);
  for (const piece of pieces) {
    if (typeof piece !== "number") {
      await written(client, piece, of.chop !== undefined);
      continue;
    }
    for (let count = 0; count < piece; count++) {
      const next = await nextFrame(client);
      if (next === null) return;
      frames.push(describeFrame(next));
    }
  }
}

/** What stands between two waits leaves in one write. */
function joined(script: Script): Script {
  const pieces: (Uint8Array | number)[] = [];
  let waiting: Uint8Array[] = [];
  for (const piece of script) {
    if (typeof piece !== "number") waiting.push(piece);
    else {
      pieces.push(Buffer.concat(waiting), piece);
      waiting = [];
    }
  }
  return [...pieces, Buffer.concat(waiting)];
}

function chopped(script: Script, size: number): Script {
  return joined(script).flatMap((piece): Script => {
    if (typeof piece === "number") return [piece];
    const count = Math.ceil(piece.byteLength / size);
    return Array.from({ length: count }, (_, at) => piece.subarray(at * size, (at + 1) * size));
  });
}

/** One system call each, when `alone`: Node would join what waits. A server that has ended meanwhile takes no more. */
async function written(client: RawSocket, bytes: Uint8Array, alone: boolean): Promise<void> {
  if (!alone) client.write(bytes);
  else await new Promise<void>((resolve) => void client.net.write(bytes, () => resolve()));
}

/** null: the server has ended the connection. @throws {Error} in the middle of a frame */
async function nextFrame(client: RawSocket): Promise<Frame | null> {
  try {
    return await client.nextFrame();
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('left over: ""')) return null;
    throw error;
  }
}
