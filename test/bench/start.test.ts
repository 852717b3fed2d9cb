/** bench/start: what it reads off texts, folders and answers. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { bytesBelow, PACKAGES, packagesIn, specsOf } from "../../bench/installed.ts";
import { ask } from "../../bench/load/ask.ts";
import { nanoseconds, statusOf } from "../../bench/load/start-figures.ts";

const ROOT = resolve(import.meta.dirname, "../..");

describe("processor time", () => {
  test("is the first number of each thread, added up", () => {
    expect(nanoseconds(["1500000 70 3\n", "250000 0 1\n"])).toBe(1_750_000);
  });

  test("is 0 without threads", () => {
    expect(nanoseconds([])).toBe(0);
  });
});

describe("the status of an answer", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\nuWebSockets: 20\r\n", 200],
    ["HTTP/1.1 503 Service Unavailable\r\n", 503],
  ])("%j is %i", (head, status) => {
    expect(statusOf(head)).toBe(status);
  });

  test.each(["", "HTTP/2 200", "SSH-2.0-OpenSSH"])("%j has none", (head) => {
    expect(() => statusOf(head)).toThrow(/^Cannot read a status as an answer starts with HTTP\/1\.1: got /);
  });
});

describe("ask()", () => {
  test("has the status of the page it asks for", async () => {
    let asked = "";
    const server = await listen((socket) => {
      socket.once("data", (head) => {
        asked = head.toString("latin1");
        socket.write("HTTP/1.1 404 Not Found\r\n\r\n");
      });
    });
    expect(await ask(portOf(server), "/login")).toBe(404);
    expect(asked).toMatch(/^GET \/login HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n\r\n$/);
    server.close();
  });

  test.each([
    ["closes in order", (socket: Socket) => socket.resume().end()],
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
  ])("has undefined when who listens %s without an answer", async (_, hangUp) => {
    const server = await listen(hangUp);
    expect(await ask(portOf(server), "/")).toBeUndefined();
    server.close();
  });

  test("has undefined when nobody listens", async () => {
    const server = await listen(() => undefined);
    const port = portOf(server);
    await new Promise((closed) => server.close(closed));
    expect(await ask(port, "/")).toBeUndefined();
  });
});

function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket);
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port; // it listens on a port, not on a pipe
}

describe("what is installed", () => {
  test("is each package of a contender at the version given, under the name it is imported by", () => {
    const versions = { "socket.io": "4.8.4", "uWebSockets.js": "npm:uws-pack@20.0.8", ws: "8.23.0" };
    expect(specsOf(PACKAGES["socketio-uws"], versions)).toEqual([
      "socket.io@4.8.4",
      "uWebSockets.js@npm:uws-pack@20.0.8",
    ]);
  });

  test("is none whose version nobody says", () => {
    const refusal = 'Cannot install "@colyseus/core" as a package.json must name its version';
    expect(() => specsOf(PACKAGES.colyseus, { ws: "8.23.0" })).toThrow(refusal);
  });

  test("is at an exact version, which this repository or bench/peers says, of every contender", async () => {
    const texts = ["package.json", "bench/peers/package.json"].map((file) => readFile(join(ROOT, file), "utf8"));
    const packages = (await Promise.all(texts)).map((text) => JSON.parse(text) as { readonly dependencies: object });
    const versions = Object.assign({}, ...packages.map(({ dependencies }) => dependencies));
    for (const spec of Object.values(PACKAGES).flatMap((each) => specsOf(each, versions)))
      expect(spec).toMatch(/@\d+\.\d+\.\d+$/);
  });

  test("counts packages as npm wrote them down, nested ones too", () => {
    const packages = { "node_modules/lmdb": {}, "node_modules/lmdb/node_modules/msgpackr": {}, "node_modules/ws": {} };
    expect(packagesIn(JSON.stringify({ name: "ours", lockfileVersion: 3, packages }))).toBe(3);
  });

  test("counts the bytes of files at any depth; a link counts nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "jackfield-test-"));
    try {
      await mkdir(join(folder, "deep/er"), { recursive: true });
      await writeFile(join(folder, "a"), "12345");
      await writeFile(join(folder, "deep/er/b"), "123");
      await symlink(join(folder, "a"), join(folder, "link"));
      expect(await bytesBelow(folder)).toBe(8);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
