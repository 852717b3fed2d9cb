/** examples/echo: in the harness, and on a real node over a real socket. */
import { afterEach, describe, expect, test } from "@jest/globals";
import echo from "../../examples/echo/echo.ts";
import { startProcess } from "../../lib/process/harness.ts";
import type { TestNode } from "../support/node.ts";
import { destroyAll } from "../support/sockets.ts";
import { nodeWith, register } from "./support.ts";

const ECHO = "echo:echo:sys";

test("in the harness, every frame goes back to its own channel, as the kind it came as", async () => {
  const harness = await startProcess(echo, { our: ECHO });
  const [a, b] = [await harness.open(), await harness.open()];
  await harness.push(a, "text");
  await harness.push(b, new Uint8Array([0xff, 0]));
  await harness.push(a, "");
  expect(harness.frames(a)).toEqual([
    { messageType: "Text", data: "text" },
    { messageType: "Text", data: "" },
  ]);
  expect(harness.frames(b)).toEqual([{ messageType: "Binary", data: new Uint8Array([0xff, 0]) }]);
});

describe("on a node", () => {
  let node: TestNode | undefined;
  afterEach(async () => {
    destroyAll();
    await node?.stop();
  });

  test("every frame goes back to its own socket, in order", async () => {
    node = await nodeWith("echo");
    const [a, b] = [await register(node, ECHO), await register(node, ECHO)];
    a.socket.sendText("one");
    a.socket.sendText("two");
    b.socket.sendBinary(new Uint8Array([0xff, 0]));
    expect([await a.socket.nextText(), await a.socket.nextText()]).toEqual(["one", "two"]);
    expect(await b.socket.nextBinary()).toEqual(Buffer.from([0xff, 0]));
  });
});
