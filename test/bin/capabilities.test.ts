/** What a person grants with the command line outlives the node, stopped or killed. */
import { afterEach, expect, test } from "@jest/globals";
import {
  endJackfields,
  Jackfield,
  manifest,
  type RunningNode,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";

const HELLO = "hello:my-app:me.os";
const TEST_MS = 120_000; // four nodes and nine commands, one after the other
const CAPABILITY = { issuer: "localhost@vfs:distro:sys", params: '{"kind":"read","drive":"/a:b/pictures"}' };

afterEach(endJackfields);

async function command(node: RunningNode, body: unknown, expect_ = "5"): Promise<unknown> {
  const args = ["send", "--node-url", node.url, "kernel:distro:sys", JSON.stringify(body), "--expect", expect_];
  const { code, stdout, stderr } = await new Jackfield({ args }).ended;
  expect([code, stderr]).toEqual([0, ""]);
  return stdout === "" ? undefined : JSON.parse(stdout);
}

const isHeld = async (node: RunningNode): Promise<unknown> =>
  await command(node, { Debug: { HasCap: { on: HELLO, cap: CAPABILITY } } });

test(
  "a capability granted by a person is there after a stop and after a kill, until a person drops it",
  async () => {
    const hello = writePackage({
      "manifest.json": manifest(),
      "hello.js": 'import { defineProcess } from "jackfield/process";\nexport default defineProcess({});\n',
    });
    const args = ["--data", temporaryFolder(), "--package", hello];
    const first = await startNode({ args });
    expect(await isHeld(first)).toEqual({ Debug: { HasCap: false } });
    await command(first, { GrantCapabilities: { target: HELLO, capabilities: [CAPABILITY] } }, "0");
    expect(await isHeld(first)).toEqual({ Debug: { HasCap: true } });
    expect((await first.stop()).code).toBe(0);
    const second = await startNode({ args });
    expect(await isHeld(second)).toEqual({ Debug: { HasCap: true } });
    second.command.kill("SIGKILL");
    await second.command.ended;
    const third = await startNode({ args });
    expect(await isHeld(third)).toEqual({ Debug: { HasCap: true } });
    await command(third, { DropCapabilities: { target: HELLO, capabilities: [CAPABILITY] } }, "0");
    await third.stop();
    expect(await isHeld(await startNode({ args }))).toEqual({ Debug: { HasCap: false } });
  },
  TEST_MS,
);
