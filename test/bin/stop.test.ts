/** How a node ends when it is asked to: in peace, and its clients hear why. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  endJackfields,
  freePort,
  logIn,
  manifest,
  type RunningNode,
  startNode,
  writePackage,
} from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const CHAT = "chat:chat:template.os";

afterEach(endJackfields);
afterEach(destroyAll);

/** A client in the chat, registered on the main route, that has read what it was greeted with. */
async function enter(node: RunningNode): Promise<RawSocket> {
  const cookie = await logIn(node.port, "correct horse");
  const client = await RawSocket.connect(node.port);
  await client.upgrade({ path: "/", headers: { cookie } });
  client.sendText(JSON.stringify({ target_process: CHAT, encrypted: false }));
  expect(JSON.parse(await client.nextText())).toEqual({ channel_id: expect.any(Number) });
  expect(JSON.parse(await client.nextText())).toMatchObject({ type: "welcome" });
  return client;
}

describe.each(["uws", "ws"])("over %s", (transport) => {
  const start = (...args: readonly string[]): Promise<RunningNode> =>
    startNode({ args: ["--memory", "--password", "correct horse", "--transport", transport, ...args] });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends a node with exit code 0; its clients hear 1001",
    async (signal) => {
      const node = await start();
      const client = await enter(node);
      node.command.kill(signal);
      expect(await client.nextClose()).toMatchObject({ code: 1001 });
      client.sendClose(1001);
      await client.ended;
      expect(await node.command.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
    },
  );

  test("a client that does not answer holds nobody up", async () => {
    const node = await start();
    const client = await enter(node);
    client.pause();
    expect(await node.stop()).toMatchObject({ code: 0, signal: null });
  });

  test("the port is free again at once, also where clients were on it", async () => {
    const port = String(await freePort());
    const first = await start("--port", port);
    const client = await enter(first);
    await first.stop();
    await client.ended;
    const second = await start("--port", port);
    expect(second.port).toBe(first.port);
  });
});

test("a second Ctrl-C, as npm passes on, does not cut a stop short", async () => {
  const folder = writePackage({
    "manifest.json": manifest(),
    "hello.js": `
      import { existsSync } from "node:fs";
      import { defineProcess } from "jackfield/process";

      export default defineProcess({
        onExit: async (_, ctx) => {
          ctx.log("leaving");
          while (!existsSync(new URL("go", import.meta.url))) await new Promise((resolve) => setTimeout(resolve, 5));
        },
      });`,
  });
  const { command } = await startNode({ args: ["--memory", "--package", folder] });
  command.kill("SIGINT");
  await command.printed(/leaving/);
  command.kill("SIGINT");
  writeFileSync(join(folder, "go"), "");
  expect(await command.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
});
