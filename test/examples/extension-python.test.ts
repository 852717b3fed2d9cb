/**
 * examples/extension-python: the process in the harness, and with its Python program on a real node.
 *
 * The program needs Debian's python3-websocket and python3-msgpack. CI installs them; where they are missing otherwise,
 * the test plays the program itself, so that all but those 30 lines is looked at everywhere.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import numbers from "../../examples/extension-python/numbers.ts";
import { startProcess } from "../../lib/process/harness.ts";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import { until } from "../support/channels.ts";
import type { TestNode } from "../support/node.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";
import { exampleFolder, nodeWith } from "./support.ts";

const NUMBERS = "numbers:extension-python:template.os";
const FOLDER = exampleFolder("extension-python");
/** Debian's own first: its packages are for that one alone. */
const PYTHON = ["/usr/bin/python3", "python3"].find(
  (python) => spawnSync(python, ["-c", "import msgpack, websocket"]).status === 0,
);
const ANSWER = { mean: 5, median: 4.5, stdev: 2.138089935299395, quartiles: [4, 4.5, 6.5] };

const start = () => startProcess(numbers, { our: NUMBERS, folder: FOLDER });

describe("in the harness", () => {
  test("passes on what it is asked by HTTP and by message, and answers with what Python says", async () => {
    const harness = await start();
    await harness.open({ path: "/python" });
    for (const ask of [
      async () => (await harness.http({ method: "POST", path: "/ask", body: "[1,2]" })).data,
      async () => (await harness.request([1, 2])).body,
    ]) {
      const answered = ask();
      const asked = await harness.nextSent();
      expect(asked.data).toEqual([1, 2]);
      await asked.answer(null, { blob: '{"mean":1.5}' });
      expect(await answered).toEqual({ mean: 1.5 });
    }
  });

  test("says so when there is no Python: none came, or it left, or it leaves meanwhile, or says nothing", async () => {
    const harness = await start();
    const ask = () => harness.http({ method: "POST", path: "/ask", body: "[1,2]" });
    const none = { status: 503, data: { error: "no Python is here: start extension.py" } };
    expect(await ask()).toMatchObject(none);
    await harness.open({ path: "/" }); // somebody who registered, and is no extension
    expect(await ask()).toMatchObject(none);
    const channel = await harness.open({ path: "/python" });
    const answered = ask();
    await (await harness.nextSent()).fail("Offline");
    expect(await answered).toMatchObject({
      status: 503,
      data: { error: expect.stringMatching("Cannot get an answer") },
    });
    const silence = ask();
    await harness.nextSent();
    await harness.advance(5000);
    expect((await silence).status).toBe(503);
    await harness.close(channel);
    expect(await ask()).toMatchObject(none);
  });

  test.each([
    ["nothing", ""],
    ["one", "[1]"],
    ["no list", '{"a":1}'],
    ["a text", '[1,"2"]'],
    ["no end", "[1,1e999]"],
    ["10,001", `[${"1,".repeat(10_000)}1]`],
  ])("refuses what is no list of 2 to 10,000 numbers: %s", async (_, body) => {
    const harness = await start();
    await harness.open({ path: "/python" });
    const { status, data } = await harness.http({ method: "POST", path: "/ask", body });
    expect([status, data]).toEqual([422, { error: "send a list of 2 to 10000 numbers" }]);
  });
});

describe("on a node", () => {
  let node: TestNode | undefined;
  let program: ChildProcess | undefined;
  afterEach(async () => {
    program?.kill();
    destroyAll();
    await node?.stop();
  });

  test("Python is there, where it has to be", () => {
    expect(process.env.CI === undefined || PYTHON !== undefined).toBe(true);
  });

  test("the page's question is answered, by a program that may leave and come again", async () => {
    const on = await nodeWith("extension-python");
    node = on;
    await until(() => on.server.bindings.matchHttp(`/${NUMBERS}/numbers.js`, () => false)?.value.content != null); // its init is done
    const page = await fetch(`${on.url}/${NUMBERS}/`, { headers: { cookie: on.cookie } });
    expect(await page.text()).toContain("numbers.js");
    const ask = async (list: readonly number[] = [2, 4, 4, 4, 5, 5, 7, 9]): Promise<unknown> => {
      const url = `${on.url}/${NUMBERS}/ask`;
      const answer = await fetch(url, { method: "POST", headers: { cookie: on.cookie }, body: JSON.stringify(list) });
      return [answer.status, await answer.json()];
    };
    for (let life = 0; life < 2; life++) {
      const leave = await come(on.port);
      await until(() => on.server.channels.size === 1);
      expect([await ask(), await ask()]).toEqual([
        [200, ANSWER],
        [200, ANSWER],
      ]);
      if (PYTHON !== undefined) expect(await ask([1e308, 1.5e308])).toEqual([200, { error: expect.any(String) }]);
      leave();
      await until(() => on.server.channels.size === 0);
      expect(await ask()).toEqual([503, { error: "no Python is here: start extension.py" }]);
    }
  });

  /** @returns makes it leave */
  async function come(port: number): Promise<() => void> {
    if (PYTHON === undefined) return await standIn(port);
    const child = spawn(PYTHON, [join(FOLDER, "extension.py"), `ws://127.0.0.1:${port}`], { stdio: "inherit" });
    program = child;
    return () => void child.kill();
  }
});

/** What extension.py says to each question, without Python. */
async function standIn(port: number): Promise<() => void> {
  const client = await RawSocket.connect(port);
  await client.upgrade({ path: `/${NUMBERS}/python` });
  const answerAll = async (): Promise<void> => {
    for (;;) {
      const { WebSocketExtPushData: asked } = unpackMessage(await client.nextBinary()) as {
        WebSocketExtPushData: object;
      };
      client.sendBinary(packMessage({ WebSocketExtPushData: { ...asked, blob: Buffer.from(JSON.stringify(ANSWER)) } }));
    }
  };
  answerAll().catch(() => undefined); // it was made to leave
  return () => client.destroy();
}
