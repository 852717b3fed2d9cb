/**
 * DESIGN §3.10, on the built command with real sockets: what a SIGTERM ends, what it finishes first, and that all of it
 * is there again after the next start.
 */
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { connect } from "../../lib/client/index.ts";
import {
  endJackfields,
  freePort,
  logIn,
  type RunningNode,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const CHANNELS = 1_000;
const COUNTERS = 4;
const AT_ONCE = 50; // connections under way: the backlog of a listening socket is limited
const DRAIN = 60_000; // ms: more than 250 flushes take on a slow disk; the stop waits no longer than it must
const SHORT_DRAIN = 300; // ms
const TEST_MS = 120_000;

afterEach(endJackfields);
afterEach(destroyAll);

/** Counts its frames, slowly and durably, while timers run; its farewell writes once more. */
const COUNTER = `
  import { defineProcess } from "jackfield/process";

  export default defineProcess({
    async init(ctx) {
      ctx.every(10, () => undefined);
      return (await ctx.getState()) ?? { count: 0, left: 0 };
    },
    onOpen(state, { channelId }, ctx) {
      ctx.push(channelId, state);
    },
    async onPush(state, { messageType }, blob, ctx) {
      if (messageType !== "Text") return undefined;
      await new Promise((resolve) => setTimeout(resolve, 2));
      const next = { ...state, count: state.count + 1 };
      await ctx.setState(next);
      return next;
    },
    async onExit(state, ctx) {
      await ctx.setState({ ...state, left: state.left + 1 });
    },
  });`;

/** Never done with its first frame. */
const STUCK = `
  import { defineProcess } from "jackfield/process";

  export default defineProcess({
    onPush: () => new Promise(() => undefined),
    onExit: (_, ctx) => ctx.log("farewell"),
  });`;

const http = ["http-server:distro:sys"];
/** Two counters run elsewhere, as busy as the others. */
const PLACED: Readonly<Record<string, string>> = { "counter-1": "worker", "counter-2": "isolated" };
const names = [...Array.from({ length: COUNTERS }, (_, n) => `counter-${n}`), "stuck"];
const processes = names.map((process_name) => ({
  process_name,
  file: process_name === "stuck" ? "stuck.js" : "counter.js",
  on_exit: "Restart",
  placement: PLACED[process_name] ?? "inline",
  request_capabilities: http,
  grant_capabilities: http,
}));
const files = {
  "manifest.json": JSON.stringify({ package: "stop", publisher: "me.os", processes }),
  "counter.js": COUNTER,
  "stuck.js": STUCK,
};
const id = (name: string): string => `${name}:stop:me.os`;

type State = { readonly count: number; readonly left: number };
type Client = { readonly socket: RawSocket; readonly state: State };

/** A registered channel of `name`, once it has read what it was greeted with. */
async function enter(port: number, cookie: string, name: string): Promise<RawSocket> {
  const socket = await RawSocket.connect(port);
  await socket.upgrade({ path: "/", headers: { cookie } });
  socket.sendText(JSON.stringify({ target_process: id(name), encrypted: false }));
  expect(JSON.parse(await socket.nextText())).toEqual({ channel_id: expect.any(Number) });
  return socket;
}

/** Channels of all counters in turn. */
async function enterAll(port: number, cookie: string): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < CHANNELS) {
    const first = clients.length;
    const some = Array.from({ length: AT_ONCE }, async (_, n) => {
      const socket = await enter(port, cookie, `counter-${(first + n) % COUNTERS}`);
      return { socket, state: JSON.parse(await socket.nextText()) as State };
    });
    clients.push(...(await Promise.all(some)));
  }
  return clients;
}

/** The server answers a ping when it has read all that came before it. */
async function readByServer(socket: RawSocket): Promise<void> {
  socket.sendPing("read?");
  for (;;) if ((await socket.nextFrame()).kind === "pong") return;
}

describe.each(["uws", "ws"])("over %s", (transport) => {
  test(
    "SIGTERM closes a thousand channels with 1001, handles all that waits and keeps it; a start has it all again",
    async () => {
      const port = await freePort();
      const folder = writePackage(files);
      const cwd = temporaryFolder();
      const start = (): Promise<RunningNode> =>
        startNode({
          cwd,
          args: ["--password", "correct horse", "--transport", transport, "--port", String(port)].concat([
            ...["--limit", `drain=${DRAIN}`, "--package", folder, "--data", cwd],
          ]),
        });
      const first = await start();
      const cookie = await logIn(port, "correct horse");
      const token = /kinode-auth_localhost=([^;]+)/.exec(cookie)?.[1] ?? "";
      const lasting = connect({ process: id("counter-0"), url: `ws://127.0.0.1:${port}/`, token, WebSocket });
      const opened: boolean[] = [];
      const again = new Promise<void>((resolve) => {
        lasting.on("open", (event) => {
          opened.push(event.again);
          if (event.again) resolve();
        });
      });
      const clients = await enterAll(port, cookie);
      expect(opened).toEqual([false]);
      expect(clients.map(({ state }) => state)).toEqual(Array(CHANNELS).fill({ count: 0, left: 0 }));
      for (const { socket } of clients) socket.sendText("count me");
      await Promise.all(clients.map(({ socket }) => readByServer(socket)));

      first.command.kill("SIGTERM");
      const ends = await Promise.all(
        clients.map(async ({ socket }) => {
          const { code } = await socket.nextClose();
          socket.sendClose(code);
          await socket.ended;
          return code;
        }),
      );
      expect(ends).toEqual(Array(CHANNELS).fill(1001));
      await expect(RawSocket.connect(port)).rejects.toThrow("ECONNREFUSED");
      expect(await first.command.ended).toMatchObject({ code: 0, signal: null, stderr: "" });

      await start();
      await again;
      lasting.close();
      const back = await enterAll(port, cookie); // the login is good for the node that has its data
      const perCounter = { count: CHANNELS / COUNTERS, left: 1 };
      expect(back.map(({ state }) => state)).toEqual(Array(CHANNELS).fill(perCounter));
    },
    TEST_MS,
  );
});

test("a handler that never ends, and what waits behind it, hold a stop up no longer than limits.drain", async () => {
  const cwd = temporaryFolder();
  const folder = writePackage(files);
  const args = ["--password", "correct horse", "--limit", `drain=${SHORT_DRAIN}`, "--limit", "mailbox=20"];
  const { command, port } = await startNode({ cwd, args: [...args, "--package", folder, "--data", cwd] });
  const cookie = await logIn(port, "correct horse");
  const stuck = await enter(port, cookie, "stuck");
  for (let n = 0; n < 15; n++) stuck.sendText("one more");
  const counter = await enter(port, cookie, "counter-0");
  for (const socket of [stuck, counter]) await readByServer(socket);
  const tooMany = await enter(port, cookie, "stuck");
  for (let n = 0; n < 30; n++) tooMany.sendText("more than fit");
  expect(await tooMany.nextClose()).toMatchObject({ code: 1013, reason: "the process is overloaded" });
  command.kill("SIGTERM");
  for (const socket of [stuck, counter]) {
    expect(await socket.nextClose()).toMatchObject({ code: 1001 });
    socket.sendClose(1001);
  }
  expect(await command.ended).toMatchObject({
    code: 0,
    signal: null,
    stdout: expect.stringContaining("farewell"),
    stderr: `${id("stuck")} is overloaded: 20 messages wait, 1 were refused so far\n`,
  });
});
