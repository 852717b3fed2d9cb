/**
 * A node takes the port over from another, under load, and no client notices but by the 1001 that its channel is told.
 *
 * In a network of its own, where the kernel is told to move connections from a port that closes to the next
 * (`net.ipv4.tcp_migrate_req`, docs/operations.md), nothing at all is lost. Where this may not be had, connections that
 * the older node had not accepted when it closed its port are reset, and only those (docs/adr/0009).
 */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startHttpServer } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import { VirtualClock } from "../../lib/protocol/index.ts";
import { endJackfields, freePort, run, startNode, temporaryFolder } from "../support/jackfield.ts";
import { destroyAll, RawSocket, requestHead } from "../support/sockets.ts";
import { nextLoop } from "../support/until.ts";

const exec = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("../support/hand-over.mjs", import.meta.url));
const COMMAND = fileURLToPath(new URL("../../dist/bin/jackfield.js", import.meta.url));
const HAND_OVERS = 4;
const OWN_NETWORK = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req"; // Linux 5.14
const TEST_MS = 120_000; // four nodes start, one after the other
const RESETS_MAX = 0.01; // of all connections, where the kernel does not move them

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const wsShares = major > 22 || (major === 22 && minor >= 12);
const lacksTools = ["ip", "unshare"].filter((tool) => spawnSync(tool, ["-V"]).error !== undefined);
if (process.env.CI !== undefined && lacksTools.length > 0)
  throw new Error(`CI must have ${lacksTools.join(" and ")}: apt-get install iproute2 util-linux`);
const mayUnshare = spawnSync("unshare", ["-rn", "sh", "-c", OWN_NETWORK]).status === 0;

afterEach(destroyAll);
afterEach(endJackfields);

type Report = {
  readonly migrates: boolean;
  readonly handOvers: number;
  readonly answered: number;
  readonly registered: number;
  readonly told: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly exits: readonly (number | string)[];
  readonly stderr: string;
};

async function handOver(...args: readonly string[]): Promise<Report> {
  const all = [SCRIPT, COMMAND, temporaryFolder(), String(await freePort()), String(HAND_OVERS), ...args];
  const { stdout } = mayUnshare
    ? await exec("unshare", ["-rn", "sh", "-c", `${OWN_NETWORK} && exec "$0" "$@"`, process.execPath, ...all], {
        timeout: TEST_MS,
      })
    : await exec(process.execPath, all, { timeout: TEST_MS });
  return JSON.parse(stdout) as Report;
}

describe.each(wsShares ? ["uws", "ws"] : ["uws"])("a hand-over under load, over %s", (transport) => {
  test(
    "loses nobody",
    async () => {
      const report = await handOver("--transport", transport);
      expect(report).toMatchObject({ handOvers: HAND_OVERS, exits: Array(HAND_OVERS).fill(0), migrates: mayUnshare });
      expect(report.answered).toBeGreaterThan(100);
      expect(report.registered).toBeGreaterThan(100);
      expect(report.told).toBeGreaterThanOrEqual(HAND_OVERS); // those that stay
      if (report.migrates) expect(report.lost).toEqual({});
      else {
        const { ECONNRESET: resets = 0, ...others } = report.lost;
        expect(others).toEqual({});
        expect(resets).toBeLessThan((report.answered + report.registered) * RESETS_MAX);
      }
    },
    TEST_MS + 5_000,
  );
});

describe.each(wsShares ? (["uws", "ws"] as const) : (["uws"] as const))("with a shared port, over %s", (transport) => {
  test("who had connected before the stop is still answered, and told that the connection ends", async () => {
    const clock = new VirtualClock(); // `handOver` passes when both have been answered
    const node = createNode({ clock });
    const server = await startHttpServer(node, { transport, reusePort: true });
    const client = await RawSocket.connect(server.port);
    expect((await client.request({ path: "/our" })).headers).not.toHaveProperty("connection", "close");
    const silent = await RawSocket.connect(server.port);
    let isOver = false;
    const stop = node.stop().finally(() => {
      isOver = true;
    });
    for (;;) {
      const late = await RawSocket.connect(server.port).catch(() => undefined);
      if (late === undefined) break; // the port is closed: from here on these two have `handOver`
      late.destroy();
    }
    for (const early of [client, silent]) {
      early.write(requestHead({ path: "/our" }));
      expect(await early.answer()).toMatchObject({ status: 200, headers: { connection: "close" } });
    }
    expect(isOver).toBe(false);
    for (; !isOver; await nextLoop()) clock.advance(10);
    await stop;
  });

  test("a node without --reuse-port does not get in beside one that has it", async () => {
    const node = createNode();
    const { port } = await startHttpServer(node, { transport, reusePort: true });
    const { code, stderr } = await run("start", "--memory", "--port", String(port)).ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`Cannot listen on "127.0.0.1:${port}" as `),
    });
    await node.stop();
  });
});

test("a node with --reuse-port does not get in beside one without", async () => {
  const { port } = await startNode({ args: ["--memory"] });
  const { code, stderr } = await run("start", "--memory", "--port", String(port), "--reuse-port").ended;
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining(`Cannot listen on "127.0.0.1:${port}" as `),
  });
});

test("ws shares no port before Node 22.12, and says so", async () => {
  const started = startNode({
    args: ["--memory", "--port", String(await freePort()), "--reuse-port", "--transport", "ws"],
  });
  if (wsShares) return void (await started);
  await expect(started).rejects.toThrow(
    /Cannot share port "127.0.0.1:\d+" as --reuse-port needs Node 22.12 with transport "ws": this is [\d.]+, leave it out or use --transport uws/,
  );
});
