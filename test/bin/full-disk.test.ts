/** A node whose disk takes no more: who writes is told why, what was kept is there, and the node goes on. */
import { afterEach, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, manifest, startNode, temporaryFolder, writePackage } from "../support/jackfield.ts";

afterEach(endJackfields);

/** Writes 100 kB at a time until that fails, and then goes on asking. */
const PROGRAM = `
import { defineProcess } from "jackfield/process";

const BLOCK = new Uint8Array(100_000).fill(7);

async function fill(write) {
  for (let count = 0; count < 100; count++) {
    const error = await write(count).then(() => null, (thrown) => thrown);
    if (error !== null) return { count, error: error.message };
  }
  return { count: 100, error: null };
}

export default defineProcess({
  init: (ctx) => ctx.bindHttp("/", { authenticated: false }),
  async onHttp(_, request, ctx) {
    const kv = await ctx.kv.open("filled");
    const inKv = await fill((count) => kv.set(String(count), BLOCK));
    const opened = await ctx.kv.open("late").then(() => "opened", (thrown) => thrown.message);
    const again = await ctx.kv.open("late").then(() => "opened", (thrown) => thrown.message);
    const kept = (await kv.get("0")).byteLength;
    let state = 0;
    const inState = await fill(async (count) => {
      await ctx.setState(new Uint8Array(100_000 * (count + 1)));
      state = 100_000 * (count + 1);
    });
    request.reply({ inKv, opened, again, kept, inState, isState: (await ctx.getState()).byteLength === state });
  },
});
`;

test("kv:distro:sys and state:distro:sys say so, keep what they had, and the node serves on", async () => {
  const capabilities = ["http-server:distro:sys", "kv:distro:sys"];
  const hello = { process_name: "hello", file: "hello.js", on_exit: "Restart" };
  const processes = [{ ...hello, request_capabilities: capabilities, grant_capabilities: capabilities }];
  const folder = writePackage({ "hello.js": PROGRAM, "manifest.json": manifest({ processes }) });
  const node = await startNode({ args: ["--data", temporaryFolder(), "--package", folder], fileBlocks: 2000 });
  const { status, body } = await askHttp(node.port, { path: "/hello:my-app:me.os/" });
  expect(status).toBe(200);
  const { inKv, inState, ...rest } = JSON.parse(String(body)) as Record<string, { count: number; error: string }>;
  expect(inKv?.count).toBeGreaterThan(0);
  expect(inKv?.error).toMatch(/^Cannot use database .* IOError "(?:Input\/output error|File too large|No space left)/);
  expect(inState?.count).toBeGreaterThan(0);
  expect(inState?.error).toMatch(/NotKept: (?:Input\/output error|File too large|No space left)/);
  expect(rest).toMatchObject({ kept: 100_000, isState: true });
  expect(rest.again).toBe(rest.opened); // what could not be made is not there: nothing would come back from it
  expect((await node.stop()).code).toBe(0);
});
