/** The usage snippet of lib/client/README.md, run as it stands there. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { leavePage, setPage } from "./fake-page.ts";
import { dataOf, fakeSockets, register } from "./fake-socket.ts";

afterEach(leavePage);

const README = fileURLToPath(new URL("../../lib/client/README.md", import.meta.url));
const CLIENT = new URL("../../lib/client/index.ts", import.meta.url).href;

test("the README's snippet sends, asks and iterates", async () => {
  const [, snippet = ""] = /```js\n([\s\S]*?)```/.exec(await readFile(README, "utf8")) ?? [];
  const folder = await mkdtemp(join(tmpdir(), "jackfield-readme-"));
  const file = join(folder, "snippet.mjs");
  const { sockets, WebSocket } = fakeSockets();
  const shown: unknown[] = [];
  const page = globalThis as unknown as { show?: (value: unknown) => void };
  page.show = (value) => void shown.push(value);
  setPage({ href: "http://localhost:8080/", node: "alice.os", cookie: "kinode-auth_alice.os=a.b.c", WebSocket });
  try {
    await writeFile(file, snippet.replace(`"/client.js"`, JSON.stringify(CLIENT)));
    const running = import(pathToFileURL(file).href);
    while (sockets.all.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const socket = sockets.last;
    register(socket, 7);
    expect(dataOf(socket)).toEqual([`{"say":"hello"}`, `{"request":1,"body":{"list":"members"}}`]);
    socket.text({ response: 1, body: ["ann"] });
    while (shown.length < 3) await new Promise((resolve) => setImmediate(resolve));
    socket.text({ said: "hi" });
    while (shown.length < 4) await new Promise((resolve) => setImmediate(resolve));
    socket.end(1000); // ends the iteration, and with it the snippet
    await running;
    expect(shown).toEqual(["registering", "open", ["ann"], { said: "hi" }, "closed"]);
  } finally {
    delete page.show;
    await rm(folder, { recursive: true });
  }
});
