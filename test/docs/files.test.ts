/** README's mirror, run as it stands there: it fetches a page and keeps it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { noDataFolder } from "../../bin/data-folder.ts";
import { systemProcesses } from "../../bin/system-processes.ts";
import { startServer, type TestServer } from "../support/client-node.ts";
import { startTestNode, type TestNode } from "../support/node.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const ASKED = '["http-server:distro:sys", "vfs:distro:sys", "http-client:distro:sys"]';
const LOCAL = { process: "http-client:distro:sys", params: { local: true } }; // the test's page is on this machine

let folder = "";
let node: TestNode;
let server: TestServer;

beforeEach(async () => {
  mkdirSync(join(ROOT, ".jackfield"), { recursive: true }); // inside the repository, where its packages are found
  folder = mkdtempSync(join(ROOT, ".jackfield/files-"));
  node = await startTestNode();
  server = await startServer((_, response) => response.end("<p>the page</p>"));
  for (const process of systemProcesses(noDataFolder()))
    if (["vfs", "http-client"].includes(process.id.process)) node.node.addSystemProcess(process);
});
afterEach(async () => {
  await node.stop();
  await server.close();
  rmSync(folder, { recursive: true });
});

test("its mirror keeps what it fetched", async () => {
  const [, program = ""] = /```js\n(\/\/ mirror\.js[\s\S]*?)```/.exec(README) ?? [];
  const [, manifest = ""] = /```json\n([\s\S]*?)```/.exec(README) ?? [];
  expect(README).toContain(`"request_capabilities": ${ASKED}`);
  const asked = JSON.stringify([...JSON.parse(ASKED), LOCAL]);
  writeFileSync(join(folder, "mirror.ts"), program); // jest transforms TypeScript only
  writeFileSync(
    join(folder, "manifest.json"),
    manifest
      .replaceAll("counter", "mirror")
      .replace('"request_capabilities": ["http-server:distro:sys"]', `"request_capabilities": ${asked}`),
  );
  await node.node.addPackage(folder);
  const visit = async (query = ""): Promise<string> => {
    const url = `${node.url}/mirror:mirror:me.os/${query}`;
    return await (await fetch(url, { headers: { cookie: node.cookie } })).text();
  };
  expect(await visit()).toBe("nothing yet");
  expect(await visit(`?url=http://${server.host}/page`)).toBe("<p>the page</p>");
  await server.close();
  server = await startServer((_, response) => response.end("another"));
  expect(await visit()).toBe("<p>the page</p>");
});
