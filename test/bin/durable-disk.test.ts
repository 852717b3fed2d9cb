/** A disk that takes no more durable messages: who sends is told why, what was kept is there, and comes after a restart. */
import { afterEach, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, startNode, temporaryFolder, writePackage } from "../support/jackfield.ts";

const TEST_MS = 120_000;

const SENDS = `
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: (ctx) => ctx.bindHttp("/", { authenticated: false }),
  async onHttp(_, request, ctx) {
    for (let count = 0; count < 100; count++) {
      const sent = ctx.request("takes:my-app:me.os").body(count).blob(new Uint8Array(100_000)).durable();
      const error = await sent.then(() => null, (thrown) => thrown);
      if (error !== null) return request.reply({ count, name: error.name, error: error.message });
    }
    request.reply({ count: 100 });
  },
});
`;

const TAKES = `
import { defineProcess } from "jackfield/process";

export default defineProcess({
  async init(ctx) {
    await ctx.bindHttp("/", { authenticated: false });
    return (await ctx.getState()) ?? [];
  },
  onHttp: (taken, request) => request.reply(taken),
  async onRequest(taken, { body, blob }, ctx) {
    const next = [...taken, [body, blob.byteLength]];
    await ctx.setState(next);
    return next;
  },
});
`;

/** @param takes whether the one that they are for is there */
function folder(takes: boolean): string {
  const http = ["http-server:distro:sys"];
  const process = (name: string): object => ({
    process_name: name,
    file: `${name}.js`,
    on_exit: "Restart",
    request_capabilities: [...http, "state:distro:sys"],
    grant_capabilities: http,
  });
  const processes = [process("sends"), ...(takes ? [process("takes")] : [])];
  const manifest = JSON.stringify({ package: "my-app", publisher: "me.os", processes });
  return writePackage({ "sends.js": SENDS, "takes.js": TAKES, "manifest.json": manifest });
}

afterEach(endJackfields);

test(
  "the sender is told the system's reason, the node serves on, and all that was kept comes after a restart",
  async () => {
    const data = temporaryFolder();
    const full = await startNode({ args: ["--data", data, "--package", folder(false)], fileBlocks: 2000 });
    const ask = async (port: number, path: string): Promise<unknown> =>
      JSON.parse(String((await askHttp(port, { path })).body)) as unknown;
    const first = (await ask(full.port, "/sends:my-app:me.os/")) as { readonly count: number };
    expect(first).toMatchObject({
      name: expect.stringMatching(/Error$/),
      error: expect.stringMatching(
        /^Cannot keep durable messages for "takes:my-app:me\.os" as the disk does not take them: (?:Input\/output error|File too large|No space left)/,
      ),
    });
    expect(first.count).toBeGreaterThan(0);
    expect(await ask(full.port, "/sends:my-app:me.os/")).toMatchObject({ count: 0 }); // it is as full, and serves on
    expect((await full.stop()).code).toBe(0);

    const again = await startNode({ args: ["--data", data, "--package", folder(true)] });
    let taken: unknown[] = [];
    for (const last = Date.now() + 50_000; taken.length < first.count && Date.now() < last; )
      taken = (await ask(again.port, "/takes:my-app:me.os/")) as unknown[];
    expect(taken).toEqual(Array.from({ length: first.count }, (_, n) => [n, 100_000]));
    expect((await again.stop()).code).toBe(0);
  },
  TEST_MS,
);
