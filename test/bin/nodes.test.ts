/** `jackfield nodes`: of two nodes that are processes of their own, and of one that is alone. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { version } from "../../bin/version.ts";
import { endJackfields, run, startNode, temporaryFolder } from "../support/jackfield.ts";
import { startNatsServer, stopNatsServers } from "../support/nats-server.ts";

afterEach(async () => {
  await endJackfields();
  await stopNatsServers();
});

test("it lists the nodes, the one that was asked with a star; one that stopped is gone", async () => {
  const { url } = await startNatsServer();
  const start = (name: string, ...more: readonly string[]) =>
    startNode({ args: ["--memory", "--node", name, "--link", url, ...more] });
  const [alice, bob] = await Promise.all([start("alice.os"), start("bob.os", "--host", "0.0.0.0")]);
  expect(alice.command.stdout).toContain("  directory     jackfield nodes lists who is there\n");
  const { code, stdout, stderr } = await run("nodes", "--node-url", alice.url).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const rows = stdout.split("\n");
  expect(rows[0]).toMatch(/^NODE +HEARD +UP +VERSION +ADDRESS$/);
  expect(rows[1]).toMatch(/^alice\.os \* +\d+ s ago +\d+ s +\S+ +-$/);
  expect(rows[2]).toMatch(/^bob\.os +\d+ s ago +\d+ s +\S+ +http:\/\/\S+:\d+\/$/);
  const asJson = await run("nodes", "--json", "--node-url", alice.url).ended;
  expect(JSON.parse(asJson.stdout)).toEqual([
    expect.objectContaining({ node: "alice.os", here: true, address: null, version: version() }),
    expect.objectContaining({ node: "bob.os", here: false, address: expect.any(String), heard_ms: expect.any(Number) }),
  ]);
  await bob.stop();
  expect((await run("nodes", "--node-url", alice.url).ended).stdout).not.toContain("bob.os");
});

test("one that is alone has none to list", async () => {
  const node = await startNode({ args: ["--memory"] });
  expect(await run("nodes", "--node-url", node.url).ended).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "Cannot list nodes as the node refuses: it has joined no others: jackfield start --link does\n",
  });
});

test("a node whose servers have no JetStream starts, and says why there is no directory", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "nats.conf");
  writeFileSync(file, "accounts { BUS { users: [ { user: a, password: b } ] } }\nno_auth_user: a\n");
  const { url } = await startNatsServer(file);
  const network = { process: "kernel:distro:sys", params: "network" };
  const room = { process_name: "room", file: "room.mjs", cluster: "keyed", request_capabilities: [network] };
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify({ package: "app", publisher: "me.os", processes: [room] }),
  );
  writeFileSync(join(folder, "room.mjs"), "export default { start: () => ({ handle: () => undefined }) };");
  const node = await startNode({ args: ["--memory", "--node", "alice.os", "--link", url, "--package", folder] });
  const [line] = node.command.stdout.split("\n").filter((text) => text.startsWith("  directory "));
  expect(line).toContain(`  directory     not yet: Cannot keep a directory in "${url}" as JetStream does not`);
  expect(line).toMatch(/; each process of the cluster is Offline until there is one: room:app:me\.os$/);
  const { code, stderr } = await run("nodes", "--node-url", node.url).ended;
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("JetStream does not answer") });
});

test("a node that stops after its servers says for how long it is listed, in one line: it is no defect", async () => {
  const server = await startNatsServer();
  const node = await startNode({ args: ["--memory", "--node", "alice.os", "--link", server.url] });
  server.kill("SIGKILL");
  const { code, stderr } = await node.stop();
  expect(code).toBe(0);
  const lines = stderr.trimEnd().split("\n");
  expect(lines).toContain(
    `kernel:distro:sys: Cannot keep a directory in "${server.url}" as it was not told that this node leaves: others list it for up to 30000 ms more`,
  );
  expect(lines.filter((line) => !line.startsWith("kernel:distro:sys: Cannot "))).toEqual([]); // a stack, say
});
