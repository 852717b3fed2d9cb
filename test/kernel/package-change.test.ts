/** A package that changes while it runs: what stays, what comes and what goes. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { type CapabilityFacts, type CapabilityStore, createNode, type Node, readPackage } from "../../kernel/index.ts";
import { Envelope, type Host, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { until } from "../support/until.ts";

/** Answers with what it was loaded as. */
const program = (version: number): string => `let runs = 0;
export default { start: (host) => { runs++; return {
  handle: (message) => { if (message.rsvp) host.respond({ body: { version: ${version}, runs } }); },
}; } };`;

const A = ProcessId.parse("a:app:me.os");
const B = ProcessId.parse("b:app:me.os");
const HTTP = { issuer: "localhost@http-server:distro:sys", params: MESSAGING };

let root: string;
let node: Node;
let count = 0;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "jackfield-package-change-")));
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => node.stop());

async function version(number: number, processes: readonly object[]): Promise<string> {
  const folder = join(root, String(count++));
  await mkdir(folder);
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ package: "app", publisher: "me.os", processes }));
  await writeFile(join(folder, "app.mjs"), program(number));
  return folder;
}

/** What the process answers to somebody who may message it. */
async function answerOf(id: ProcessId): Promise<unknown> {
  const asker = ProcessId.parse("asker:asker:me.os");
  let answer: Promise<Envelope> | undefined;
  const program = {
    start: (host: Host) => ({
      init: () => {
        const request = new Envelope("request", host.our, node.kernel.address(id), null, null);
        request.expectsResponse = 5;
        answer = host.call(request);
      },
      handle: () => undefined,
    }),
  };
  const process = node.addProcess(asker, program, { requestCapabilities: [id.text] });
  const body = (await answer)?.body;
  process.kill();
  return body;
}

const a = { process_name: "a", file: "app.mjs", on_exit: "Restart" };
const b = { ...a, process_name: "b" };

test("a process that stays runs the new program in its next incarnation, with the mailbox it had", async () => {
  node = createNode({ name: "localhost" });
  await node.addPackage(await version(1, [a]));
  const process = node.kernel.registry.get(A);
  expect(await answerOf(A)).toEqual({ version: 1, runs: 1 });
  await node.changePackage(await version(2, [a]));
  expect(node.kernel.registry.get(A)).toBe(process);
  expect(await answerOf(A)).toEqual({ version: 2, runs: 1 });
  await until(() => process?.state === "running");
  expect(process?.incarnation).toBe(2);
  expect(process?.folder).toBe(node.packages.get("app:me.os")?.folder);
  expect(process?.folder).toBe(join(root, String(count - 1)));
});

test("a process comes with the manifest, and goes with it", async () => {
  node = createNode({ name: "localhost" });
  await node.changePackage(await version(1, [a])); // the first version: it is added
  await node.changePackage(await version(2, [a, b]));
  expect(node.kernel.registry.get(B)?.incarnation).toBe(1);
  await node.changePackage(await version(3, [b]));
  expect(node.kernel.registry.get(A)).toBeUndefined();
  expect(node.removePackage("app:me.os")).toBe(true);
  expect([node.kernel.registry.get(B), node.packages.size]).toEqual([undefined, 0]);
  expect(node.removePackage("app:me.os")).toBe(false);
});

test("public, on_exit and the capabilities asked for and granted are the new manifest's; others stay", async () => {
  node = createNode({ name: "localhost" });
  const other = node.addProcess(ProcessId.parse("other:other:me.os"), { start: () => ({ handle: () => undefined }) });
  const granting = {
    ...a,
    request_capabilities: ["http-server:distro:sys"],
    grant_capabilities: ["other:other:me.os"],
  };
  await node.addPackage(await version(1, [granting]));
  const process = node.kernel.registry.get(A);
  const mine = { issuer: `localhost@${A.text}`, params: '{"n":1}' };
  const messaging = { issuer: `localhost@${A.text}`, params: MESSAGING };
  process?.capabilities.add(mine);
  expect([process?.capabilities.has(HTTP), other.capabilities.has(messaging)]).toEqual([true, true]);
  await node.changePackage(
    await version(2, [{ ...a, on_exit: "None", public: true, request_capabilities: ["timer:distro:sys"] }]),
  );
  expect(process).toMatchObject({ public: true, onExit: "None" });
  expect(process?.capabilities.list()).toEqual([mine, { issuer: "localhost@timer:distro:sys", params: MESSAGING }]);
  expect(other.capabilities.has(messaging)).toBe(false);
});

test("what was taken at run time stays taken; what the manifest leaves out, and names again later, is there again", async () => {
  node = createNode({ name: "localhost" });
  const other = node.addProcess(ProcessId.parse("other:other:me.os"), { start: () => ({ handle: () => undefined }) });
  const asking = { ...a, request_capabilities: ["http-server:distro:sys"], grant_capabilities: ["other:other:me.os"] };
  const granted = { issuer: `localhost@${A.text}`, params: MESSAGING };
  await node.addPackage(await version(1, [asking]));
  const process = node.kernel.registry.get(A);
  if (process === undefined) throw new Error("it is not there");
  const held = (): boolean[] => [process.capabilities.has(HTTP), other.capabilities.has(granted)];
  const takenOf = (id: string): readonly string[] => node.kernel.capabilityRecords.of(id).facts()?.taken ?? [];
  node.kernel.takeFrom(process, HTTP);
  await node.changePackage(await version(2, [asking]));
  expect(held()).toEqual([false, true]);
  await node.changePackage(await version(3, [a]));
  expect([held(), takenOf(A.text), takenOf("other:other:me.os")]).toEqual([[false, false], [], []]);
  await node.changePackage(await version(4, [asking]));
  expect([held(), takenOf(A.text)]).toEqual([[true, true], []]);
});

test("what an earlier version granted to one that was not there yet is not given when that comes", async () => {
  node = createNode({ name: "localhost" });
  const late = ["late", "later"].map((name) => `${name}:other:me.os`);
  const granted = { issuer: `localhost@${A.text}`, params: MESSAGING };
  await node.addPackage(await version(1, [{ ...a, grant_capabilities: late }]));
  await node.changePackage(await version(2, [{ ...a, grant_capabilities: late.slice(1) }]));
  const came = late.map((id) => node.addProcess(ProcessId.parse(id), { start: () => ({ handle: () => undefined }) }));
  expect(came.map(({ capabilities }) => capabilities.has(granted))).toEqual([false, true]);
});

test("a version that does not load changes nothing", async () => {
  node = createNode({ name: "localhost" });
  const folder = await version(1, [a]);
  await node.addPackage(folder);
  const broken = await version(2, [a, b]);
  await writeFile(join(broken, "app.mjs"), "const x = ;");
  await expect(node.changePackage(broken)).rejects.toThrow(/does not load: Unexpected token ';'/);
  expect(node.packages.get("app:me.os")?.folder).toBe(folder);
  expect([node.kernel.registry.get(A)?.incarnation, node.kernel.registry.get(B)]).toEqual([1, undefined]);
});

test("one that cannot be had leaves what is recorded of the names it would have brought", async () => {
  node = createNode({ name: "localhost", limits: { processes: 3 } });
  await node.addPackage(await version(1, [a]));
  const gained = { issuer: "localhost@other:other:me.os", params: '"gained"' };
  node.kernel.capabilityRecords.of(B.text).gain("a key", gained);
  const three = [a, b, { ...a, process_name: "c" }, { ...a, process_name: "d" }];
  await expect(node.changePackage(await version(2, three))).rejects.toMatchObject({ code: "TooManyProcesses" });
  expect(node.kernel.registry.get(B)).toBeUndefined();
  expect(node.kernel.capabilityRecords.of(B.text).gained()).toEqual([gained]);
});

test("a process that has ended begins anew", async () => {
  node = createNode({ name: "localhost" });
  await node.addPackage(await version(1, [a]));
  node.kernel.registry.get(A)?.kill();
  await node.changePackage(await version(2, [a]));
  await until(() => node.kernel.registry.get(A)?.state === "running");
});

test("a capability that one version asks for, the next does not, and the one after does: held after a restart of the node too", async () => {
  const facts = new Map<string, CapabilityFacts>();
  const store: CapabilityStore = {
    load: () => [...facts],
    async set(id, given) {
      if (given === null) facts.delete(id);
      else facts.set(id, given);
    },
  };
  const asking = { ...a, request_capabilities: ["http-server:distro:sys"] };
  const granting = { ...b, grant_capabilities: ["a:app:me.os"] };
  const ofB = { issuer: `localhost@${B.text}`, params: MESSAGING };
  const held = (): readonly boolean[] | undefined => {
    const set = node.kernel.registry.get(A)?.capabilities;
    return set && [set.has(HTTP), set.has(ofB)];
  };
  node = createNode({ name: "localhost", capabilityStore: store });
  await node.addPackage(await version(1, [asking, granting]));
  expect(held()).toEqual([true, true]);
  await node.changePackage(await version(2, [a, b]));
  expect(held()).toEqual([false, false]);
  const last = await version(3, [asking, granting]);
  await node.changePackage(last);
  expect(held()).toEqual([true, true]);
  await node.stop();

  node = createNode({ name: "localhost", capabilityStore: store });
  await node.addPackage(last);
  expect(held()).toEqual([true, true]);
});

test("what a person took from a process does not come back with a version that asks for the same", async () => {
  node = createNode({ name: "localhost" });
  const asking = { ...a, request_capabilities: ["http-server:distro:sys"] };
  await node.addPackage(await version(1, [asking]));
  node.kernel.registry.get(A)?.capabilities.drop(HTTP);
  await node.changePackage(await version(2, [asking]));
  expect(node.kernel.registry.get(A)?.capabilities.has(HTTP)).toBe(false);
});

test("a manifest with two processes of one name is refused", async () => {
  node = createNode({ name: "localhost" });
  const folder = await version(1, [a, a]);
  expect(() => readPackage(folder)).toThrow(/"a:app:me\.os" is there twice/);
  await expect(node.addPackage(folder)).rejects.toThrow(/"a:app:me\.os" is there twice/);
});

test("with a package goes whom its processes spawned, whatever their lifetime", async () => {
  node = createNode({ name: "localhost" });
  const folder = await version(1, [a]);
  await writeFile(
    join(folder, "app.mjs"),
    `export default { start: (host) => ({
      init: () => void host.spawn({ name: "left", file: "left.mjs", lifetime: "node", onExit: "Restart" }),
      handle: () => undefined,
    }) };`,
  );
  await writeFile(join(folder, "left.mjs"), program(1));
  await node.addPackage(folder);
  const left = ProcessId.parse("left:app:me.os");
  await until(() => node.kernel.registry.get(left) !== undefined);
  node.removePackage("app:me.os");
  expect(node.kernel.registry.get(left)).toBeUndefined();
});

test("what one process no longer grants, another has when it asks for it by itself", async () => {
  node = createNode({ name: "localhost" });
  const ofB = { issuer: `localhost@${B.text}`, params: MESSAGING };
  await node.addPackage(await version(1, [a, { ...b, grant_capabilities: ["a:app:me.os"] }]));
  await node.changePackage(await version(2, [{ ...a, request_capabilities: ["b:app:me.os"] }, b]));
  expect(node.kernel.registry.get(A)?.capabilities.has(ofB)).toBe(true);
});
