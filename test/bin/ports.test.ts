/** Which port a node gets, and what it says when it gets none. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ListenError, parseMount, startHttpServer } from "../../http-server/index.ts";
import { createNode, type Node } from "../../kernel/index.ts";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, freePort, run, startNode } from "../support/jackfield.ts";

const nodes: Node[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});
afterEach(endJackfields);

/** @returns the port that an http-server on `port` to `lastPort` gets */
async function listen(port: number, lastPort: number): Promise<number> {
  const node = createNode();
  nodes.push(node);
  return (await startHttpServer(node, { listeners: [{ host: "127.0.0.1", port, lastPort }] })).port;
}

describe("jackfield start", () => {
  test("listens on the port it is given", async () => {
    const port = await freePort();
    const node = await startNode({ args: ["--memory", "--port", String(port)] });
    expect(node.port).toBe(port);
    expect((await askHttp(port, { path: "/login" })).status).toBe(200);
  });

  test("on a port that is taken ends with exit code 1 and says which", async () => {
    const { port } = await startNode({ args: ["--memory"] });
    expect(await run("start", "--memory", "--port", String(port)).ended).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `Cannot listen on "127.0.0.1:${port}" as the port is taken or not allowed, or the address is not this machine's: choose another with --port, --mount or --host\n`,
    });
  });

  test("on an address that is not this machine's ends with exit code 1 and says which", async () => {
    const host = "192.0.2.1"; // RFC 5737: nobody's
    const { code, stderr } = await run("start", "--memory", "--port", "0", "--host", host).ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`Cannot listen on "${host}:0" as `) });
  });

  test("without --port takes 8080 or one after it, and two nodes do not share one", async () => {
    const ports = await Promise.all([0, 1].map(() => portByDefault()));
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(8080);
      expect(port).toBeLessThanOrEqual(8999);
    }
    expect(new Set(ports).size).toBe(2);
  });
});

describe("a listener with a last port", () => {
  test("takes its first port when that is free", async () => {
    const port = await freePort();
    expect(await listen(port, port + 1)).toBe(port);
  });

  test("takes the next free one when its first is taken", async () => {
    const { port } = await startNode({ args: ["--memory"] });
    const next = await listen(port, port + 50);
    expect(next).toBeGreaterThan(port);
    expect(next).toBeLessThanOrEqual(port + 50);
  });

  test("fails when all up to its last are taken", async () => {
    const { port } = await startNode({ args: ["--memory"] });
    await expect(listen(port, port)).rejects.toBeInstanceOf(ListenError);
  });
});

describe("jackfield start --mount", () => {
  test("of a process that no package has ends with exit code 2 and names those there are", async () => {
    const { code, stderr } = await run("start", "--memory", "--port", "0", "--mount", "0=no:such:process").ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Cannot mount "no:such:process" as no package has that process: known are .*echo:echo:sys/);
  });

  test.each(["9000", "9000=", "=a:b:c", "9000=a:b", "65536=a:b:c", "-1=a:b:c", "80.5=a:b:c"])("refuses %s", (mount) => {
    expect(() => parseMount(mount, "127.0.0.1")).toThrow(`Cannot mount "${mount}" as `);
  });
});

/** Starts a node as `jackfield start` alone does. */
async function portByDefault(): Promise<number> {
  return (await startNode({ args: ["--memory", "--port", ""] })).port; // empty: as if left out
}
