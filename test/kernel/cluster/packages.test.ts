/** Processes of the cluster that come with packages, on a node that is alone: what a manifest says, and what a new version changes. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createNode, type Node } from "../../../kernel/index.ts";
import { Address, Envelope, type Host, ProcessId, SendError } from "../../../lib/protocol/index.ts";

const REALM_ENTRY = new URL("../../../dist/bin/realm.js", import.meta.url); // what is built
const NETWORK = { process: "kernel:distro:sys", params: "network" };
const ROOM = "room:app:me.os";
const SCHEDULER = "scheduler:app:me.os";
const STRANGER = "stranger:other:me.os";

/** Answers who it is, which version, and how many of its file have been started. */
const program = (version: number): string => `let runs = 0;
export default { start: (host) => { const run = ++runs; return {
  handle: (message) => {
    if (message.body === "exit") host.exit();
    if (message.rsvp) host.respond({ body: { id: host.our.id.text, version: ${version}, run } });
  },
}; } };`;

const room = { process_name: "room", file: "app.mjs", cluster: "keyed", request_capabilities: [NETWORK] };
const scheduler = { ...room, process_name: "scheduler", cluster: "singleton" };
const ordinary = { process_name: "front", file: "app.mjs", on_exit: "Restart" };

let root: string;
let node: Node;
let count = 0;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "jackfield-cluster-packages-")));
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => node.stop());

async function folder(number: number, processes: readonly object[]): Promise<string> {
  const made = join(root, String(count++));
  await mkdir(made);
  await writeFile(join(made, "manifest.json"), JSON.stringify({ package: "app", publisher: "me.os", processes }));
  await writeFile(join(made, "app.mjs"), program(number));
  return made;
}

/** @returns what `target` answers to a process of its package, or of that name; or the kind of the error */
async function ask(target: string, body: unknown = null, from = "asker:app:me.os"): Promise<unknown> {
  let answer: Promise<Envelope> | undefined;
  const asking = {
    start: (host: Host) => ({
      init: () => {
        const to = target.includes("@") ? Address.parse(target) : node.kernel.address(ProcessId.parse(target));
        const request = new Envelope("request", host.our, to, body, null);
        request.expectsResponse = 5;
        answer = host.call(request);
      },
      handle: () => undefined,
    }),
  };
  const process = node.addProcess(ProcessId.parse(from), asking);
  const outcome = await answer?.then(
    (message) => message.body,
    (error: unknown) => (error instanceof SendError ? error.kind : error),
  );
  process.kill();
  return outcome;
}

test("alone, an instance starts when it is asked, by either address, and a singleton at once", async () => {
  node = createNode();
  await node.addPackage(await folder(1, [ordinary, room, scheduler]));
  await null; // it runs in a later microtask
  expect(node.kernel.cluster?.describe()).toMatchObject({
    claims: null,
    life: null,
    lease_ms: null,
    held: [SCHEDULER],
  });
  expect(await ask("room/42:app:me.os")).toEqual({ id: "room/42:app:me.os", version: 1, run: 3 });
  expect(await ask("*@room/42:app:me.os")).toEqual({ id: "room/42:app:me.os", version: 1, run: 3 });
  expect(await ask("*@room/43:app:me.os")).toEqual({ id: "room/43:app:me.os", version: 1, run: 4 });
  expect(await ask(`*@${SCHEDULER}`)).toMatchObject({ id: SCHEDULER, run: 2 });
  expect(await ask("*@front:app:me.os")).toBe("Offline");
  expect(await ask("room/42:app:me.os", "exit")).toMatchObject({ run: 3 });
  expect(await ask("room/42:app:me.os")).toMatchObject({ run: 5 });
  expect(await ask("room/42:app:me.os", null, STRANGER)).toBe("Denied");
  expect(await ask("room/44:app:me.os", null, STRANGER)).toBe("Denied");
});

test("without one no such name is known, and nothing of it is loaded", async () => {
  node = createNode();
  await node.addPackage(await folder(1, [ordinary]));
  expect(await ask("*@front:app:me.os")).toBe("Offline");
  expect(await ask("room/42:app:me.os")).toBe("Offline");
  expect(node.kernel.cluster).toBeNull();
});

test("before it is known whether it joins others messages wait", async () => {
  node = createNode();
  node.awaitJoin();
  await node.addPackage(await folder(1, [room, scheduler]));
  const asked = ask("room/42:app:me.os");
  await null;
  expect(node.kernel.cluster?.describe()).toMatchObject({
    held: [],
    finding: [{ name: "room/42:app:me.os", waiting: 1 }],
  });
  node.joinsNobody();
  const next = ask("room/42:app:me.os", null, "next:app:me.os"); // in the same turn: it waits behind the first
  expect(await asked).toMatchObject({ id: "room/42:app:me.os" });
  expect(await next).toMatchObject({ id: "room/42:app:me.os" });
  expect(node.kernel.cluster?.describe().held).toEqual([SCHEDULER, "room/42:app:me.os"]);
});

test("instances run in threads as any process does", async () => {
  node = createNode({ realmEntry: REALM_ENTRY });
  await node.addPackage(await folder(1, [{ ...room, placement: "worker" }]));
  const [one, two] = await Promise.all([ask("room/1:app:me.os"), ask("room/2:app:me.os", null, "b:app:me.os")]);
  expect([one, two]).toMatchObject([{ id: "room/1:app:me.os" }, { id: "room/2:app:me.os" }]);
});

test.each([
  [{ ...room, cluster: "many" }, `"${ROOM}" cluster must be "singleton" or "keyed", or left out: got "many"`],
  [
    { ...room, request_capabilities: ["http-server:distro:sys"] },
    `"${ROOM}" is one of the cluster, and others may ask it from another node: add {"process":"kernel:distro:sys","params":"network"} to its request_capabilities`,
  ],
])("a manifest that is wrong says so: %#", async (entry, rule) => {
  node = createNode();
  const made = await folder(1, [entry]);
  await expect(node.addPackage(made)).rejects.toThrow(`Cannot load package "${made}" as ${rule}`);
});

test("a package is added whole or not at all", async () => {
  node = createNode();
  node.addProcess(ProcessId.parse(SCHEDULER), { start: () => ({ handle: () => undefined }) });
  await expect(node.addPackage(await folder(1, [ordinary, room, scheduler]))).rejects.toThrow(
    `Cannot start process "${SCHEDULER}" as a process of that name exists: choose another, or kill it first`,
  );
  expect(node.kernel.cluster?.describe()).toMatchObject({ programs: [], held: [] });
  expect(node.kernel.registry.get(ProcessId.parse("front:app:me.os"))).toBeUndefined();
});

test("a new version runs in what runs, and in what starts later; what is no more in it is gone", async () => {
  node = createNode();
  await node.addPackage(await folder(1, [{ ...room, grant_capabilities: [STRANGER] }, scheduler]));
  await ask("room/1:app:me.os");
  await node.changePackage(await folder(2, [ordinary, { ...room, public: true }]));
  expect(node.kernel.cluster?.describe()).toMatchObject({ programs: [{ id: ROOM }], held: ["room/1:app:me.os"] });
  expect(await ask("room/1:app:me.os", null, STRANGER)).toMatchObject({ version: 2 });
  expect(await ask("room/2:app:me.os", null, STRANGER)).toMatchObject({ version: 2 });
  expect(await ask(SCHEDULER)).toBe("Offline");
  await node.changePackage(await folder(3, [ordinary, room, scheduler]));
  expect(await ask("room/2:app:me.os", null, STRANGER)).toBe("Denied");
  expect(await ask(SCHEDULER)).toMatchObject({ version: 3 });
});

test("what a new version grants no more, nobody holds of the instances that run", async () => {
  node = createNode();
  const holder = node.addProcess(ProcessId.parse(STRANGER), { start: () => ({ handle: () => undefined }) });
  const held = (): readonly string[] => holder.capabilities.list().map(({ issuer, params }) => `${issuer} ${params}`);
  const grants = (params: string): object => ({ ...room, grant_capabilities: [{ process: STRANGER, params }] });
  await node.addPackage(await folder(1, [grants("one")]));
  await ask("room/1:app:me.os");
  expect(held()).toEqual(['localhost@room/1:app:me.os "one"']);
  await node.changePackage(await folder(2, [grants("two")]));
  expect(held()).toEqual(['localhost@room/1:app:me.os "two"']);
});

test("a version that makes something else of a process is refused, and changes nothing", async () => {
  node = createNode();
  await node.addPackage(await folder(1, [room, scheduler]));
  const made = await folder(2, [{ ...room, cluster: "singleton" }, scheduler]);
  await expect(node.changePackage(made)).rejects.toThrow(
    `Cannot load package "${made}" as "${ROOM}" was keyed and is now singleton: remove the package first, then add it`,
  );
  const none = await folder(2, [{ ...room, cluster: undefined }, scheduler]);
  await expect(node.changePackage(none)).rejects.toThrow("was keyed and is now an ordinary process");
  expect(await ask("room/1:app:me.os")).toMatchObject({ version: 1 });
});

test("a package that is removed takes its instances along, and its names are free", async () => {
  node = createNode();
  await node.addPackage(await folder(1, [room, scheduler]));
  await ask("room/1:app:me.os");
  expect(node.removePackage("app:me.os")).toBe(true);
  expect(node.kernel.cluster?.describe()).toMatchObject({ programs: [], held: [] });
  expect(await ask("room/1:app:me.os")).toBe("Offline");
  await node.addPackage(await folder(2, [ordinary, { ...ordinary, process_name: "room" }]));
  expect(await ask(ROOM)).toMatchObject({ version: 2 });
});
