/** What of capabilities a node that starts again knows (contract kinode §4, its third hole; docs/adr/0021). */
import { describe, expect, test } from "@jest/globals";
import type { CapabilityFacts, CapabilityStore } from "../../kernel/index.ts";
import { type Capability, capability, type HostCommand, MESSAGING, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, KERNEL, withA } from "../support/cast.ts";
import { program, settle, silent, started, type TestKernel, type TestKernelOptions, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const READ = '{"kind":"read"}';
const own = (params: string): Capability => capability(`alice.os@${A}`, params);

/** What a disk is to the kernel: texts that outlive it. */
class Disk implements CapabilityStore {
  readonly texts = new Map<string, string>();
  writes = 0;
  fails: Error | null = null;

  *load(): Iterable<readonly [string, CapabilityFacts]> {
    for (const [id, text] of this.texts) yield [id, JSON.parse(text) as CapabilityFacts];
  }

  async set(id: string, facts: CapabilityFacts | null): Promise<void> {
    if (this.fails !== null) throw this.fails;
    this.writes++;
    if (facts === null) this.texts.delete(id);
    else this.texts.set(id, JSON.stringify(facts));
  }
}

type Started = TestKernel & { readonly a: Recorder; readonly b: Recorder };

/** A, B who restarts when it crashes, and what a manifest would give B. */
function start(
  disk: Disk,
  manifest: readonly { process: string; params: unknown }[] = [],
  more: TestKernelOptions = {},
): Started {
  const cast = withA({ onExit: "Restart" }, { capabilityStore: disk, ...more });
  const b = new Recorder();
  cast.add(B, b.program, { public: true, onExit: "Restart", requestCapabilities: manifest });
  return { ...cast, b };
}

const command = (of: Recorder, given: HostCommand): Promise<unknown> => started(of.host).command(given);
const issue = (of: Recorder, to: string, params: string): Promise<unknown> => command(of, { Issue: { to, params } });
const held = (of: Recorder): readonly string[] =>
  started(of.host)
    .capabilities.list()
    .map(({ params }) => params);
const kill = ({ node }: TestKernel, id: string): void => node.kernel.registry.get(ProcessId.parse(id))?.kill();

describe("after the node was stopped and started", () => {
  test("comes back what was issued, saved, and granted by a person", async () => {
    const disk = new Disk();
    const first = start(disk);
    await issue(first.a, B, "1");
    tell(first.a.host, B, "take", { capabilities: [own("2")] });
    await settle();
    started(first.b.host).capabilities.save([own("2")]);
    const asker = new Recorder();
    first.add(C, asker.program, { requestCapabilities: [KERNEL] });
    tell(asker.host, KERNEL, { GrantCapabilities: { target: B, capabilities: [own("3")] } });
    await settle();
    await first.stop();
    expect(held(start(disk).b)).toEqual(["1", "2", "3"]);
  });

  test("comes back with its end, and not past it", async () => {
    const disk = new Disk();
    const first = start(disk);
    await command(first.a, { Issue: { to: B, params: "1", expires: first.clock.now() + 1000 } });
    await command(first.a, { Issue: { to: B, params: "2", expires: first.clock.now() + 9000 } });
    await first.stop();
    const second = start(disk);
    expect(held(second.b)).toEqual(["1", "2"]);
    await second.advance(1010);
    expect(held(second.b)).toEqual(["2"]);
    await second.stop();
    expect([...disk.texts.values()].join()).not.toContain('"1"');
  });

  test("lets message whom it let message", async () => {
    const disk = new Disk();
    const first = start(disk);
    const c = new Recorder();
    first.add(C, c.program, { onExit: "Restart" });
    await issue(c, B, MESSAGING).catch(() => undefined); // C may message B, who is public
    await first.stop();
    const second = start(disk);
    const again = new Recorder();
    second.add(C, again.program);
    tell(second.b.host, C, "hi");
    expect((await again.next()).body).toBe("hi");
  });

  test("is gone what was dropped, revoked, or taken, also when the manifest gives it again", async () => {
    const disk = new Disk();
    const manifest = ["dropped", "revoked", "taken", "kept"].map((params) => ({ process: A, params }));
    const first = start(disk, manifest);
    for (const params of ["1", "2"]) await issue(first.a, B, params);
    started(first.b.host).capabilities.drop([own("1"), own('"dropped"')]);
    await command(first.a, { Revoke: { capability: own("2") } });
    await command(first.a, { Revoke: { capability: own('"revoked"') } });
    const holder = first.node.kernel.registry.get(ProcessId.parse(B));
    if (holder !== undefined) first.node.kernel.takeFrom(holder, own('"taken"'));
    await first.stop();
    const second = start(disk, manifest);
    expect(held(second.b)).toEqual(['"kept"']);
    await issue(second.a, B, '"dropped"'); // given anew it is there, and stays
    await second.stop();
    expect(held(start(disk, manifest).b)).toEqual(['"dropped"', '"kept"']);
  });

  test("the manifest's own comes from the manifest: what that no longer asks for is gone", async () => {
    const disk = new Disk();
    const first = start(disk, [{ process: A, params: "once" }]);
    expect(held(first.b)).toEqual(['"once"']);
    await first.stop();
    expect([...disk.texts]).toEqual([]);
    expect(held(start(disk).b)).toEqual([]);
  });

  test("a derived one is revoked by who derived it, and by who issued what it is from", async () => {
    for (const by of ["a", "b"] as const) {
      const disk = new Disk();
      const first = start(disk);
      const c = new Recorder();
      first.add(C, c.program, { public: true, onExit: "Restart" });
      await issue(first.a, B, READ);
      const derived = (await command(first.b, { Derive: { capability: own(READ), only: { n: 1 } } })) as Capability;
      tell(first.b.host, C, "take", { capabilities: [derived] });
      await settle();
      started(c.host).capabilities.save([derived]);
      await first.stop();
      const second = start(disk);
      const again = new Recorder();
      second.add(C, again.program, { public: true });
      expect(held(again)).toEqual([derived.params]);
      await command(second[by], { Revoke: { capability: by === "a" ? own(READ) : derived } });
      expect(held(again)).toEqual([]);
    }
  });
});

describe("what a killed process issued", () => {
  test("is revoked after a restart of the node as before it, and does not come back with the next", async () => {
    const disk = new Disk();
    const first = start(disk);
    await issue(first.a, B, READ);
    await first.stop();
    const second = start(disk);
    expect(held(second.b)).toEqual([READ]);
    kill(second, A);
    expect(held(second.b)).toEqual([]);
    await second.stop();
    expect(held(start(disk).b)).toEqual([]);
  });

  test("is struck from the record of a process that is not there", async () => {
    const disk = new Disk();
    const first = start(disk);
    const c = new Recorder();
    first.add(C, c.program, { public: true, onExit: "Restart" });
    await issue(first.a, C, READ);
    await first.stop();
    const second = start(disk); // without C
    kill(second, A);
    await second.stop();
    const third = start(disk);
    const again = new Recorder();
    third.add(C, again.program);
    expect(held(again)).toEqual([]);
  });

  test("is revoked under today's name, whatever it was called when it was given", async () => {
    const cast = withA();
    const VFS = "vfs:distro:sys";
    const vfs = cast.node.addSystemProcess({ id: ProcessId.parse(VFS), program: silent });
    const b = new Recorder();
    cast.add(B, b.program, { requestCapabilities: [{ process: "vfs:sys:uqbar", params: { root: true } }] });
    expect(held(b)).toEqual(['{"root":true}']);
    vfs.kill();
    expect(held(b)).toEqual([]);
  });

  test("and what it held itself is forgotten: another of its name begins with nothing", async () => {
    const disk = new Disk();
    const first = start(disk);
    await issue(first.a, B, READ);
    kill(first, B);
    const again = new Recorder();
    first.add(B, again.program, { onExit: "Restart" });
    expect(held(again)).toEqual([]);
    await first.stop();
    expect(held(start(disk).b)).toEqual([]);
    expect([...disk.texts]).toEqual([]);
  });
});

describe("a process that", () => {
  test("crashes and is restarted keeps what it holds, and so do others what it issued", async () => {
    const cast = withA();
    const b = new Recorder();
    b.onMessage = ({ body }) => {
      if (body === "crash") throw new Error("asked to");
    };
    cast.add(B, b.program, { public: true, onExit: "Restart" });
    await issue(cast.a, B, READ);
    await issue(b, A, READ);
    tell(cast.a.host, B, "crash");
    await cast.advance(1000);
    expect([held(b), held(cast.a)]).toEqual([[READ], [READ]]);
  });

  test("is given up after too many crashes has its own, and others what it issued, at the next start", async () => {
    const disk = new Disk();
    const first = start(disk, [], { limits: { restarts: 0 } });
    first.a.onMessage = () => {
      throw new Error("always");
    };
    await issue(first.a, B, READ);
    await issue(first.b, A, READ);
    tell(first.b.host, A, "crash");
    await first.advance(1000);
    expect([first.node.kernel.registry.get(ProcessId.parse(A)), held(first.b)]).toEqual([undefined, []]);
    await first.stop();
    const second = start(disk);
    expect([held(second.a), held(second.b)]).toEqual([[READ], [READ]]);
  });

  test("ends by itself, with on_exit None, is forgotten as one that was killed", async () => {
    const disk = new Disk();
    const first = start(disk);
    first.add(
      C,
      program((_, host) => host.exit()),
      { public: true },
    );
    await issue(first.a, C, READ);
    tell(first.a.host, C, "exit");
    await settle();
    await first.node.kernel.capabilityRecords.flushed();
    expect([...disk.texts]).toEqual([]);
  });

  test("was not started, as its package did not load, keeps what it had", async () => {
    const disk = new Disk();
    const first = start(disk);
    await issue(first.a, B, READ);
    await first.stop();
    const second = withA({}, { capabilityStore: disk });
    expect(() => second.add(B, silent, { requestCapabilities: ["no process id"] })).toThrow();
    await second.stop();
    expect(held(start(disk).b)).toEqual([READ]);
  });

  test("got a random name leaves nothing on the disk", async () => {
    const disk = new Disk();
    const cast = start(disk);
    const child = new Recorder();
    const id = await started(cast.b.host).spawn({ program: child.program, public: true });
    await issue(cast.a, id.text, READ);
    expect(held(child)).toContain(READ);
    expect(disk.writes).toBe(0);
  });
});

describe("the disk", () => {
  test("is written once for what changes in one moment, and not at all for what changes nothing", async () => {
    const disk = new Disk();
    const cast = start(disk);
    tell(cast.a.host, B, "take", { capabilities: ["1", "2", "3"].map(own) });
    await settle();
    const { capabilities } = started(cast.b.host);
    for (const params of ["1", "2", "3"]) capabilities.save([own(params)]);
    await settle();
    expect(disk.writes).toBe(1);
    capabilities.save([own("1")]);
    capabilities.drop([own("4")]);
    await settle();
    expect(disk.writes).toBe(1);
  });

  test("that fails is told as a fault, and the node goes on", async () => {
    const disk = new Disk();
    const cast = start(disk);
    disk.fails = new Error("no space left on device");
    await issue(cast.a, B, READ);
    expect(cast.events.filter(({ type }) => type === "fault")).toEqual([
      { type: "fault", process: KERNEL, error: disk.fails },
    ]);
    disk.fails = null;
    await issue(cast.b, A, "2"); // the next write of any takes along what was not kept
    await cast.stop();
    expect(held(start(disk).b)).toEqual([READ]);
  });
});
