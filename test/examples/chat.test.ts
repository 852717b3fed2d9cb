/** examples/chat: both rooms, the process and the machine, in the harness and on a real node over real sockets. */
import { afterEach, describe, expect, test } from "@jest/globals";
import chat from "../../examples/chat/chat.ts";
import chatMachine from "../../examples/chat/chat-machine.ts";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import type { TestNode } from "../support/node.ts";
import { destroyAll } from "../support/sockets.ts";
import { exampleFolder, nextJson, nodeWith, register } from "./support.ts";

const CHAT = "chat:chat:template.os";
const CHAT_MACHINE = "chat-machine:chat:template.os";
const DAY_MS = 24 * 3600 * 1000;

const rooms = [
  { id: CHAT, program: chat },
  { id: CHAT_MACHINE, program: chatMachine },
];

describe.each(rooms)("$id in the harness", ({ id, program }) => {
  const start = (): Promise<Harness> => startProcess(program, { our: id, folder: exampleFolder("chat") });

  test("serves its page and takes WebSockets on its own path", async () => {
    const room = await start();
    const page = await room.http({ path: "/" });
    expect(page.headers).toEqual({ "Content-Type": "text/html; charset=utf-8" });
    expect(room.files.has("/chat.js")).toBe(true);
    expect(room.bound.ws).toEqual(["/"]);
  });

  test("a newcomer is welcomed and shown what was said; the others hear who comes, speaks and leaves", async () => {
    const room = await start();
    const ann = await room.open();
    await room.push(ann, { type: "say", text: "anybody?" });
    const bob = await room.open();
    await room.push(bob, new TextEncoder().encode('{"type":"say","text":"me"}')); // @kinode/client-api sends binary
    await room.close(bob);
    const at = room.now();
    const anybody = { type: "said", from: "guest-1", text: "anybody?", at };
    const me = { type: "said", from: "guest-2", text: "me", at };
    expect(room.pushes(ann)).toEqual([
      { type: "welcome", you: "guest-1", members: 1 },
      anybody,
      { type: "joined", who: "guest-2", members: 2 },
      me,
      { type: "left", who: "guest-2", members: 1 },
    ]);
    expect(room.pushes(bob)).toEqual([{ type: "welcome", you: "guest-2", members: 2 }, anybody, me]);
  });

  test("a name is taken once", async () => {
    const room = await start();
    const [ann, bob] = [await room.open(), await room.open()];
    await room.push(ann, { type: "name", name: "Ann" });
    await room.push(bob, { type: "name", name: "Ann" });
    await room.push(ann, { type: "name", name: "Ann" });
    expect(room.pushes(bob).slice(1)).toEqual([
      { type: "renamed", from: "guest-1", to: "Ann" },
      { type: "refused", reason: "somebody here is called Ann" },
    ]);
    await room.push(ann, { type: "say", text: "hi" });
    expect(room.pushes(bob).at(-1)).toMatchObject({ from: "Ann", text: "hi" });
  });

  test.each([
    "hello",
    "{",
    "null",
    "[]",
    '{"type":"say"}',
    '{"type":"say","text":" "}',
    `{"type":"say","text":"${"x".repeat(501)}"}`,
    `{"type":"name","name":"${"x".repeat(25)}"}`,
    new Uint8Array([0xff]),
  ])("%p is refused, to its sender alone", async (frame) => {
    const room = await start();
    const [ann, bob] = [await room.open(), await room.open()];
    await room.push(bob, frame);
    expect(room.pushes(bob).at(-1)).toMatchObject({ type: "refused" });
    expect(room.pushes(ann)).toHaveLength(2);
    expect(room.status).toBe("running");
  });

  test("a text of 500 characters is said; pings are nobody's business", async () => {
    const room = await start();
    const ann = await room.open();
    await room.push(ann, { type: "say", text: "x".repeat(500) });
    await room.push(ann, "beat", "Ping");
    await room.push(ann, "", "Pong");
    expect(room.pushes(ann)).toHaveLength(2);
  });

  test("after a restart the last 50 messages are there, and those who are still connected", async () => {
    const room = await start();
    const ann = await room.open();
    const gone = await room.open();
    for (let n = 1; n <= 51; n++) await room.push(ann, { type: "say", text: String(n) });
    await room.close(gone);
    await room.restart();
    const bob = await room.open();
    const [welcome, ...history] = room.pushes(bob) as readonly { readonly text: string }[];
    expect(welcome).toEqual({ type: "welcome", you: "guest-3", members: 2 });
    expect(history.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, n) => String(n + 2)));
  });
});

describe(`${CHAT_MACHINE} in the harness`, () => {
  test("a room that was empty for a day forgets, also across a restart; one with somebody in it does not", async () => {
    const room = await startProcess(chatMachine, { our: CHAT_MACHINE, folder: exampleFolder("chat") });
    const ann = await room.open();
    await room.push(ann, { type: "say", text: "remember me" });
    await room.advance(DAY_MS);
    await room.close(ann);
    await room.advance(DAY_MS / 2);
    await room.restart();
    const bob = await room.open();
    expect(room.pushes(bob)).toHaveLength(2);
    await room.close(bob);
    await room.advance(DAY_MS / 2);
    await room.restart();
    await room.advance(DAY_MS / 2);
    expect(room.pushes(await room.open())).toHaveLength(1);
  });
});

describe("on a node", () => {
  let node: TestNode | undefined;
  afterEach(async () => {
    destroyAll();
    await node?.stop();
  });

  test.each(rooms)("$id: two clients hear each other", async ({ id }) => {
    node = await nodeWith("chat");
    const ann = await register(node, id);
    const annName = `guest-${ann.channelId % 10_000}`;
    expect(await nextJson(ann.socket)).toEqual({ type: "welcome", you: annName, members: 1 });
    const bob = await register(node, id);
    const bobName = `guest-${bob.channelId % 10_000}`;
    expect(await nextJson(bob.socket)).toEqual({ type: "welcome", you: bobName, members: 2 });
    expect(await nextJson(ann.socket)).toEqual({ type: "joined", who: bobName, members: 2 });
    bob.socket.sendText('{"type":"say","text":"hello"}');
    const said = { type: "said", from: bobName, text: "hello", at: expect.any(Number) };
    expect([await nextJson(ann.socket), await nextJson(bob.socket)]).toEqual([said, said]);
    bob.socket.sendClose(1000);
    expect(await nextJson(ann.socket)).toEqual({ type: "left", who: bobName, members: 1 });
  });

  test.each(rooms)("$id: its page is served to who is logged in", async ({ id }) => {
    node = await nodeWith("chat");
    await nextJson((await register(node, id)).socket); // welcomed: its init is done
    const page = await fetch(`${node.url}/${id}/`, { headers: { cookie: node.cookie, accept: "text/html" } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("chat.js");
  });
});
