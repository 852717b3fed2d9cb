/** Ten thousand idle channels come and go. The clients are in a process of their own: each may open 20,000 files here. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startNode, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { P } from "../../support/node.ts";

const COUNT = 10_000;
const CLIENTS = fileURLToPath(new URL("../../support/many-clients.mjs", import.meta.url));

/** Open files of this process; 0 where that cannot be asked. */
function descriptors(): number {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
}

async function told(child: ChildProcess): Promise<{ readonly ids?: readonly number[]; readonly closed?: number }> {
  const [message] = (await once(child, "message")) as [{ ids?: number[]; closed?: number }];
  return message;
}

describe.each(TRANSPORTS)("%s, 10,000 channels", (transport) => {
  let child: ChildProcess | undefined;

  afterEach(async () => {
    child?.kill();
    await stopNodes();
  });

  test("open and close, and leave nothing behind", async () => {
    const on = await startNode(transport);
    const opened = new Set<number>();
    const closed = new Set<number>();
    const wrong: string[] = [];
    on.add(P, {
      start: () => ({
        handle({ body }) {
          const { WebSocketOpen: open, WebSocketClose: close } = body as {
            readonly WebSocketOpen?: { readonly channel_id: number };
            readonly WebSocketClose?: number;
          };
          const id = open?.channel_id ?? close ?? 0;
          const seen = open === undefined ? closed : opened;
          if (seen.has(id) || (close !== undefined && !opened.has(id))) wrong.push(JSON.stringify(body));
          seen.add(id);
        },
      }),
    });
    const before = descriptors();
    child = fork(CLIENTS, [String(on.port), String(COUNT), on.token, P], { execArgv: [] });
    const { ids } = await told(child);
    expect(new Set(ids).size).toBe(COUNT);
    expect(on.server.openSockets).toBe(COUNT);
    expect(on.server.channels.size).toBe(COUNT);
    expect(opened).toEqual(new Set(ids));
    expect(on.node.kernel.wheel.size).toBe(0); // no deadline of a registered channel runs on

    child.send("close");
    expect(await told(child)).toEqual({ closed: COUNT });
    await until(() => on.server.openSockets === 0 && descriptors() <= before + 16);
    expect(on.server.channels.size).toBe(0);
    expect(closed).toEqual(opened);
    expect(wrong).toEqual([]);
    expect(on.node.kernel.wheel.size).toBe(0);
    expect(on.node.kernel.deadLetters.total).toBe(0);
  }, 60_000);
});
