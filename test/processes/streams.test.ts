/** streams:distro:sys over the kernel, with processes that declare, publish, listen, end and come back. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lazyProgram } from "../../kernel/index.ts";
import { type StreamEntry, StreamError } from "../../lib/process/index.ts";
import { Envelope, ProcessId, RPC_ORIGIN, toAddress } from "../../lib/protocol/index.ts";
import { STREAM_LIMITS, type StreamLimits } from "../../processes/streams/limits.ts";
import { streamsProcess } from "../../processes/streams/streams.ts";
import { deferred } from "../support/deferred.ts";
import { request, settle, startKernel, type TestKernel } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";
import { Streamer } from "../support/streamer.ts";

const STREAMS = "streams:distro:sys";
const SOURCE = "source:device:me.os";
const SIBLING = "sibling:device:me.os";
const OTHER = "other:other:you.os";

let kernel: TestKernel;

function start(limits: Partial<StreamLimits> = {}, loaded: Promise<void> = Promise.resolve()): void {
  kernel = startKernel();
  const program = streamsProcess({ ...STREAM_LIMITS, ...limits });
  const made = lazyProgram(() => loaded.then(() => program));
  kernel.node.addSystemProcess({ id: ProcessId.parse(STREAMS), program: made, public: true, trusted: true });
}

/** Not public: nobody may message it but who is trusted. */
function add(id: string, onExit: "Restart" | "None" = "Restart", onInit?: Streamer["onInit"]): Streamer {
  const streamer = new Streamer();
  if (onInit !== undefined) streamer.onInit = onInit;
  kernel.add(id, streamer.program, { onExit, restart: { max: 100, seconds: 60 } });
  return streamer;
}

function poke(id: string, body: "crash" | "exit"): void {
  const address = toAddress(id, "alice.os");
  kernel.node.kernel.registry.get(ProcessId.parse(id))?.post(new Envelope("request", address, address, body, null));
}

/** Until its next incarnation has begun. */
async function comesBack(id: string): Promise<void> {
  await settle();
  const process = kernel.node.kernel.registry.get(ProcessId.parse(id));
  for (let waited = 0; process?.state !== "running" && waited < 60_000; waited += 100) await kernel.advance(100);
}

async function faultOf(work: Promise<unknown>): Promise<StreamError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof StreamError) return thrown;
  throw new Error(`no StreamError but ${String(thrown)}`);
}

async function entry(by: Streamer, name: string): Promise<StreamEntry | undefined> {
  return (await by.streams.names()).find((each) => each.name === name);
}

beforeEach(() => start());
afterEach(() => kernel.stop());

describe("outputs", () => {
  test("a sample goes to all that listen, stamped with when it was published", async () => {
    const source = add(SOURCE);
    const [one, two, three] = [add(SIBLING), add(OTHER), add("third:third:me.os")];
    const out = await source.streams.output("device.stream1");
    await one.streams.listen("device.stream1");
    await two.streams.listen("device.stream1");
    await kernel.advance(250);
    out.publish([1, 2, 3]);
    out.publish("then", 1.25);
    await settle();
    const now = kernel.clock.now() / 1000;
    expect(one.samples).toEqual([
      { name: "device.stream1", data: [1, 2, 3], producedTimestampS: now },
      { name: "device.stream1", data: "then", producedTimestampS: 1.25 },
    ]);
    expect(two.samples).toEqual(one.samples);
    expect(two.samples[0]?.data).toBe(one.samples[0]?.data); // one for all
    expect(three.samples).toEqual([]);
  });

  test("what nobody listens to is dropped: who comes later hears from then on", async () => {
    const [source, listener] = [add(SOURCE), add(OTHER)];
    const out = await source.streams.output("a");
    out.publish(1);
    await listener.streams.listen("a");
    out.publish(2);
    await listener.streams.unlisten("a");
    out.publish(3);
    await listener.streams.listen("a");
    await listener.streams.listen("a"); // twice: heard once
    out.publish(4);
    await settle();
    expect(listener.data).toEqual([2, 4]);
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });

  test("only what its owner publishes counts", async () => {
    const [source, sibling, listener] = [add(SOURCE), add(SIBLING), add(OTHER)];
    const out = await source.streams.output("a");
    await source.streams.input("b");
    await listener.streams.listen("a");
    const publish = { Publish: { name: "a", data: "not mine" } };
    for (const by of [sibling, listener]) by.ctx.request(STREAMS).body(publish).send();
    source.ctx
      .request(STREAMS)
      .body({ Publish: { name: "b", data: "an input" } })
      .send();
    await settle();
    out.publish("mine");
    await settle();
    expect(listener.data).toEqual(["mine"]);
  });

  test("its owner is told how many listen", async () => {
    const [source, one, two] = [add(SOURCE), add(OTHER), add("two:two:me.os", "None")];
    const out = await source.streams.output("a");
    expect(out.listeners).toBe(0);
    await one.streams.listen("a");
    await two.streams.listen("a");
    await two.streams.listen("a");
    await settle();
    expect(out.listeners).toBe(2);
    poke("two:two:me.os", "crash");
    await settle();
    await one.streams.unlisten("a");
    await one.streams.unlisten("a");
    await settle();
    expect(source.listeners).toEqual(["a 1", "a 2", "a 1", "a 0"]);
    expect(out.listeners).toBe(0);
  });

  test("one that is not ready is not listened to, but who listens already goes on", async () => {
    const [source, one, two] = [add(SOURCE), add(OTHER), add(SIBLING)];
    const out = await source.streams.output("a", { ready: false });
    expect((await faultOf(one.streams.listen("a"))).kind).toBe("NotReady");
    out.ready(true);
    await one.streams.listen("a");
    out.ready(false);
    expect((await faultOf(two.streams.listen("a"))).kind).toBe("NotReady");
    out.publish(1);
    await settle();
    expect(one.data).toEqual([1]);
  });

  test("a private one is for its package, and for who brings a capability", async () => {
    const [source, sibling, other] = [add(SOURCE), add(SIBLING), add(OTHER)];
    const guest = new Streamer();
    const cap = { process: STREAMS, params: { kind: "listen", name: "secret" } };
    kernel.add("guest:guest:me.os", guest.program, { requestCapabilities: [cap] });
    const out = await source.streams.output("secret", { private: true });
    await sibling.streams.listen("secret");
    await guest.streams.listen("secret");
    expect((await faultOf(other.streams.listen("secret"))).kind).toBe("NoListenCap");
    const asDeputy = faultOf(sibling.streams.listen("secret", { onBehalfOf: { capabilities: [] } }));
    expect((await asDeputy).kind).toBe("NoListenCap");
    out.publish(1);
    await settle();
    expect([sibling.data, guest.data, other.data]).toEqual([[1], [1], []]);
  });

  test("one that becomes private loses those whom it would not have let in", async () => {
    const [source, sibling, other] = [add(SOURCE), add(SIBLING), add(OTHER)];
    const out = await source.streams.output("a");
    await sibling.streams.listen("a");
    await other.streams.listen("a");
    await source.streams.output("a", { private: true });
    await settle();
    expect(out.listeners).toBe(1);
    out.publish(1);
    await settle();
    expect([sibling.data, other.data]).toEqual([[1], []]);
    await source.streams.output("b");
    await other.streams.listen("b");
    const b = await source.streams.output("b", { private: true });
    await settle();
    expect(b.listeners).toBe(0);
  });

  test("a private one declared anew keeps those let in by a capability, not those of the package before", async () => {
    const [source, sibling, other] = [add(SOURCE), add(SIBLING), add(OTHER)];
    const guest = new Streamer();
    const cap = { process: STREAMS, params: { kind: "listen", name: "a" } };
    kernel.add("guest:guest:me.os", guest.program, { requestCapabilities: [cap] });
    await source.streams.output("a", { private: true });
    await sibling.streams.listen("a");
    await guest.streams.listen("a");
    await source.streams.output("a", { private: true });
    await settle();
    expect(await entry(source, "a")).toMatchObject({ listeners: 2 });
    await source.streams.withdraw("a");
    (await other.streams.output("a", { private: true })).publish("theirs");
    await settle();
    expect([sibling.data, guest.data]).toEqual([[], ["theirs"]]);
  });
});

describe("owners that end", () => {
  test("names and listeners stay; the next incarnation declares again, and they hear on", async () => {
    let isDeclared = true;
    const source = add(SOURCE, "Restart", async (ctx) => {
      if (isDeclared) await ctx.streams.output("a");
    });
    const [listener, late] = [add(OTHER), add(SIBLING)];
    await settle();
    await listener.streams.listen("a");
    isDeclared = false;
    poke(SOURCE, "crash");
    await comesBack(SOURCE);
    expect(await entry(listener, "a")).toMatchObject({ owner: `alice.os@${SOURCE}`, alive: false, listeners: 1 });
    for (const by of [late, listener]) expect((await faultOf(by.streams.listen("a"))).kind).toBe("NonExistentStream");
    source.ctx
      .request(STREAMS)
      .body({ Publish: { name: "a", data: "undeclared" } })
      .send();
    await settle();
    expect(listener.data).toEqual([]);
    const out = await source.streams.output("a");
    await settle();
    expect(out.listeners).toBe(1); // told again: the incarnation is new
    out.publish("back");
    await settle();
    expect(listener.data).toEqual(["back"]);
  });

  test("gone for good, the name is its package's: another of it goes on, strangers do not get it", async () => {
    const [source, sibling, other] = [add(SOURCE, "None"), add(SIBLING), add(OTHER)];
    const listener = add("listener:listener:me.os");
    await source.streams.output("a");
    await listener.streams.listen("a");
    expect((await faultOf(sibling.streams.output("a"))).kind).toBe("NameTaken"); // its owner lives
    poke(SOURCE, "exit");
    await settle();
    expect((await faultOf(other.streams.output("a"))).facts).toEqual({ name: "a", owner: `alice.os@${SOURCE}` });
    const out = await sibling.streams.output("a");
    out.publish(1);
    await settle();
    expect(listener.data).toEqual([1]);
    expect(await entry(listener, "a")).toMatchObject({ owner: `alice.os@${SIBLING}`, alive: true });
  });

  test("while it is to come back, its name is not even for its package", async () => {
    const [source, sibling] = [add(SOURCE), add(SIBLING)];
    await source.streams.output("a");
    poke(SOURCE, "crash");
    await settle();
    expect((await faultOf(sibling.streams.output("a"))).kind).toBe("NameTaken");
  });

  test("one that was withdrawn is anybody's, and keeps its listeners", async () => {
    const [source, other, listener] = [add(SOURCE), add(OTHER), add(SIBLING)];
    await source.streams.output("a");
    await source.streams.output("unheard");
    await listener.streams.listen("a");
    await source.streams.withdraw("a");
    await source.streams.withdraw("unheard");
    expect(await listener.streams.names()).toEqual([
      { name: "a", kind: "output", owner: null, ready: true, private: false, alive: false, listeners: 1 },
    ]);
    (await other.streams.output("a")).publish(1);
    await settle();
    expect(listener.data).toEqual([1]);
    await other.streams.withdraw("a");
    await listener.streams.unlisten("a");
    expect(await listener.streams.names()).toEqual([]);
  });

  test("a listener that ends is forgotten: its next incarnation hears nothing it has not asked for", async () => {
    const [source, listener] = [add(SOURCE), add(OTHER)];
    const out = await source.streams.output("a");
    await listener.streams.listen("a");
    out.publish(1);
    await settle();
    poke(OTHER, "crash");
    await comesBack(OTHER);
    out.publish(2);
    await settle();
    expect(listener.data).toEqual([1]);
    expect(await entry(listener, "a")).toMatchObject({ listeners: 0 });
  });

  test("one that comes back as an input has no listeners any more, and the other way round no session", async () => {
    const [source, other] = [add(SOURCE), add(OTHER)];
    await source.streams.output("a");
    await source.streams.input("b");
    await other.streams.listen("a");
    const feed = await other.streams.openInput("b", { session: 1, streamId: "X" });
    poke(SOURCE, "crash");
    await comesBack(SOURCE);
    await source.streams.input("a");
    await source.streams.output("b");
    feed.feed(["to nobody"]);
    await settle();
    expect(await source.streams.names()).toMatchObject([
      { name: "a", kind: "input", listeners: 0 },
      { name: "b", kind: "output", listeners: 0 },
    ]);
    expect(source.inputs.map(({ name, type }) => [name, type])).toEqual([["b", "opened"]]);
    await other.streams.openInput("a", { session: 1, streamId: "X" });
    await other.streams.listen("b");
  });

  test("who has nothing to do with streams any more is not watched", async () => {
    const [source, other] = [add(SOURCE), add(OTHER)];
    await source.streams.output("a");
    await source.streams.input("in");
    await other.streams.listen("a");
    const feed = await other.streams.openInput("in", { session: 1, streamId: "X" });
    const { monitors } = kernel.node.kernel;
    expect(monitors.size).toBe(3); // the watcher, and two that it watches
    await other.streams.unlisten("a");
    await settle();
    expect(monitors.size).toBe(3);
    feed.close();
    await settle();
    expect(monitors.size).toBe(2);
    await other.streams.listen("a");
    poke(OTHER, "crash"); // and it has nothing to do with streams when it comes back
    await settle();
    expect(monitors.size).toBe(2);
    for (const name of ["a", "in"]) await source.streams.withdraw(name);
    await settle();
    expect(monitors.size).toBe(0);
  });

  test("when streams:distro:sys itself crashes, nobody has to ask again", async () => {
    const [source, listener] = [add(SOURCE), add(OTHER)];
    const out = await source.streams.output("a");
    await listener.streams.listen("a");
    const registry = kernel.node.kernel.registry.get(ProcessId.parse(STREAMS));
    registry?.post(new Envelope("timer", registry.address, registry.address, null, null)); // without what is due: it throws
    await comesBack(STREAMS);
    expect(registry?.incarnation).toBe(2);
    out.publish("still");
    await settle();
    expect(listener.data).toEqual(["still"]);
    poke(OTHER, "crash"); // and is watched by the new incarnation
    await comesBack(OTHER);
    expect(await entry(source, "a")).toMatchObject({ listeners: 0 });
  });
});

describe("inputs", () => {
  test("the owner is told of open, samples in order, and close", async () => {
    const [source, server] = [add(SOURCE), add(OTHER)];
    await source.streams.input("device.command");
    const feed = await server.streams.openInput("device.command", { session: 7, streamId: "X", appId: "acc" });
    feed.feed([1, { two: 2 }]);
    feed.feed(["three"]);
    feed.close();
    feed.feed(["late"]);
    await settle();
    const session = { name: "device.command", session: 7, streamId: "X", appId: "acc" };
    expect(source.inputs).toEqual([
      { type: "opened", ...session, samples: [] },
      { type: "samples", ...session, samples: [1, { two: 2 }] },
      { type: "samples", ...session, samples: ["three"] },
      { type: "closed", ...session, samples: [] },
    ]);
  });

  test("one session has it at a time, and is its opener's alone", async () => {
    const [source, server, thief] = [add(SOURCE), add(OTHER), add(SIBLING)];
    await source.streams.input("in");
    const feed = await server.streams.openInput("in", { session: 1, streamId: "X" });
    const again = { session: 1, streamId: "X" };
    for (const by of [server, thief])
      expect((await faultOf(by.streams.openInput("in", again))).kind).toBe("InputTaken");
    const key = { name: "in", session: 1, stream_id: "X" };
    for (const body of [{ Feed: { ...key, samples: ["stolen"] } }, { CloseInput: key }]) {
      thief.ctx.request(STREAMS).body(body).send();
    }
    for (const wrong of [
      { ...key, session: 2 },
      { ...key, stream_id: "Y" },
    ])
      server.ctx.request(STREAMS).body({ CloseInput: wrong }).send();
    await settle();
    feed.feed(["own"]);
    await settle();
    expect(source.inputs.map(({ type, samples }) => [type, ...samples])).toEqual([["opened"], ["samples", "own"]]);
    feed.close();
    await thief.streams.openInput("in", again);
  });

  test("one whose opener was answered too late is nobody's", async () => {
    await kernel.stop();
    const { promise: loaded, resolve: load } = deferred();
    start({}, loaded);
    const [source, server, other] = [add(SOURCE), add(OTHER), add(SIBLING)];
    await settle();
    const late = [source.streams.input("in"), server.streams.openInput("in", { session: 1, streamId: "X" })];
    const told = Promise.allSettled(late);
    await kernel.advance(6_000);
    expect(await told).toMatchObject([{ reason: { kind: "Timeout" } }, { reason: { kind: "Timeout" } }]);
    load();
    await settle();
    await other.streams.openInput("in", { session: 1, streamId: "X" });
    expect(source.inputs.map(({ type }) => type)).toEqual(["opened", "closed", "opened"]);
  });

  test("declared again by who has it, it goes on: nothing is told twice", async () => {
    const [source, server] = [add(SOURCE), add(OTHER)];
    await source.streams.input("in");
    const feed = await server.streams.openInput("in", { session: 1, streamId: "X" });
    await source.streams.input("in");
    feed.feed([1]);
    await settle();
    expect(source.inputs.map(({ type }) => type)).toEqual(["opened", "samples"]);
  });

  test("one that is closed while its owner is down is not told of", async () => {
    const source = add(SOURCE, "Restart", (ctx) => ctx.streams.input("in"));
    const server = add(OTHER);
    await settle();
    const feed = await server.streams.openInput("in", { session: 1, streamId: "X" });
    await settle();
    poke(SOURCE, "crash");
    await settle();
    feed.close();
    await comesBack(SOURCE);
    expect(source.inputs.map(({ type }) => type)).toEqual(["opened"]);
    await server.streams.openInput("in", { session: 2, streamId: "X" });
    await settle();
    expect(source.inputs.at(-1)).toMatchObject({ type: "opened", session: 2 });
  });

  test("an opener that ends closes it", async () => {
    const [source, server] = [add(SOURCE), add(OTHER)];
    await source.streams.input("in");
    await server.streams.openInput("in", { session: "s", streamId: "X" });
    poke(OTHER, "crash");
    await settle();
    expect(source.inputs.map(({ type }) => type)).toEqual(["opened", "closed"]);
    expect(await entry(source, "in")).toMatchObject({ kind: "input", listeners: 0 });
  });

  test("an owner that comes back is told anew of the session; what was fed meanwhile is lost", async () => {
    const source = add(SOURCE, "Restart", (ctx) => ctx.streams.input("in"));
    const server = add(OTHER);
    await settle();
    const feed = await server.streams.openInput("in", { session: "s", streamId: "X", appId: "acc" });
    await settle();
    poke(SOURCE, "crash");
    await settle();
    feed.feed(["lost"]);
    expect((await faultOf(server.streams.openInput("in", { session: 2, streamId: "Y" }))).kind).toBe(
      "NonExistentStream",
    );
    await comesBack(SOURCE);
    feed.feed(["heard"]);
    await settle();
    expect(source.inputs.map(({ type, appId, samples }) => [type, appId, ...samples])).toEqual([
      ["opened", "acc"],
      ["opened", "acc"],
      ["samples", "acc", "heard"],
    ]);
  });
});

describe("what is refused", () => {
  const withText = (kind: string, text: string): unknown =>
    expect.objectContaining({ name: "StreamError", kind, code: kind, message: text });

  test("each error, with its text", async () => {
    const [source, other] = [add(SOURCE), add(OTHER)];
    await source.streams.output("a", { ready: false });
    await source.streams.input("in");
    await source.streams.output("mine", { private: true });
    await other.streams.openInput("in", { session: 1, streamId: "X" });
    const owner = `alice.os@${SOURCE}`;
    expect(await faultOf(other.streams.output("a"))).toEqual(
      withText(
        "NameTaken",
        `Cannot declare output "a" as streams:distro:sys says NameTaken {"name":"a","owner":"${owner}"}: take another name, or have its owner withdraw it`,
      ),
    );
    expect(await faultOf(other.streams.input("a"))).toMatchObject({ kind: "NameTaken" }); // either kind
    expect(await faultOf(source.streams.input("a"))).toMatchObject({ kind: "NameTaken" }); // even of its own
    expect(await faultOf(other.streams.withdraw("a"))).toEqual(
      withText("NotOwner", `Cannot withdraw "a" as streams:distro:sys says NotOwner {"name":"a","owner":"${owner}"}`),
    );
    expect(await faultOf(other.streams.listen("b"))).toEqual(
      withText(
        "NonExistentStream",
        'Cannot listen to "b" as streams:distro:sys says NonExistentStream {"name":"b"}: its owner has to declare it first',
      ),
    );
    expect(await faultOf(other.streams.listen("in"))).toMatchObject({ kind: "NonExistentStream" });
    expect(await faultOf(other.streams.withdraw("b"))).toMatchObject({ kind: "NonExistentStream" });
    expect(await faultOf(other.streams.openInput("a", { session: 1, streamId: "X" }))).toMatchObject({
      kind: "NonExistentStream",
    });
    expect(await faultOf(other.streams.listen("a"))).toEqual(
      withText(
        "NotReady",
        'Cannot listen to "a" as streams:distro:sys says NotReady {"name":"a"}: its owner has to say that it is ready',
      ),
    );
    expect(await faultOf(other.streams.listen("mine"))).toEqual(
      withText(
        "NoListenCap",
        'Cannot listen to "mine" as streams:distro:sys says NoListenCap {"name":"mine"}: it is private; others than its package need a capability of kind "listen" for it',
      ),
    );
    expect(await faultOf(other.streams.openInput("in", { session: 2, streamId: "Y" }))).toEqual(
      withText(
        "InputTaken",
        'Cannot open input "in" as streams:distro:sys says InputTaken {"name":"in"}: one session has it at a time',
      ),
    );
  });

  test.each([
    ["", "a name has 1 to 256 characters, this one 0"],
    ["257 characters", "a name has 1 to 256 characters, this one 257"],
    ["\ud800", "half a surrogate pair is no text"],
    ["stream_id", "stream_id and app_id stand beside the name in what LabGraph's clients send"],
    ["app_id", "stream_id and app_id stand beside the name in what LabGraph's clients send"],
  ])("%j is a bad name", async (label, rule) => {
    const name = label === "257 characters" ? "x".repeat(257) : label;
    const source = add(SOURCE);
    for (const declare of [source.streams.output(name), source.streams.input(name)]) {
      expect((await faultOf(declare)).facts).toEqual({ name: name.slice(0, 256), rule });
    }
    expect(await source.streams.names()).toEqual([]);
  });

  test.each(["__proto__", "constructor", "0", "device.stream1", "é", "256 characters"])(
    "%j is a name like any other",
    async (label) => {
      const name = label === "256 characters" ? "x".repeat(256) : label;
      const [source, listener] = [add(SOURCE), add(OTHER)];
      const out = await source.streams.output(name);
      await listener.streams.listen(name);
      out.publish(1);
      await settle();
      expect(listener.samples).toMatchObject([{ name, data: 1 }]);
      expect(await entry(source, name)).toMatchObject({ name, listeners: 1 });
    },
  );

  test("limits, each with its name", async () => {
    await kernel.stop();
    start({ names: 4, namesOfProcess: 2, listenersOfName: 1, namesHeard: 1, inputsOpen: 1, processes: 3 });
    const [one, two, three, four] = [add("a:a:me.os", "None"), add("b:b:me.os"), add("c:c:me.os"), add("d:d:me.os")];
    const limitOf = async (work: Promise<unknown>): Promise<unknown> => (await faultOf(work)).facts;
    await one.streams.output("a1");
    await one.streams.output("a2");
    expect(await limitOf(one.streams.output("a3"))).toEqual({ limit: "namesOfProcess", max: 2 });
    await one.streams.output("a1"); // its own again
    await two.streams.input("b1");
    await two.streams.input("b2");
    expect(await limitOf(three.streams.output("c1"))).toEqual({ limit: "names", max: 4 });
    expect((await faultOf(three.streams.output("c1"))).message).toBe(
      'Cannot declare output "c1" as streams:distro:sys says LimitReached {"limit":"names","max":4}: withdraw, unlisten or close some',
    );
    await three.streams.listen("a1");
    expect(await limitOf(two.streams.listen("a1"))).toEqual({ limit: "listenersOfName", max: 1 });
    expect(await limitOf(three.streams.listen("a2"))).toEqual({ limit: "namesHeard", max: 1 });
    await three.streams.openInput("b1", { session: 1, streamId: "X" });
    expect(await limitOf(three.streams.openInput("b2", { session: 1, streamId: "Y" }))).toEqual({
      limit: "inputsOpen",
      max: 1,
    });
    expect(await limitOf(four.streams.listen("a2"))).toEqual({ limit: "processes", max: 3 });
    expect(await limitOf(four.streams.openInput("b2", { session: 1, streamId: "X" }))).toMatchObject({ max: 3 });
    await three.streams.unlisten("a1");
    expect(await limitOf(four.streams.output("d1"))).toEqual({ limit: "processes", max: 3 }); // three has an input
    poke("a:a:me.os", "exit"); // there is room: a1 and a2 are nobody's any more
    await settle();
    await four.streams.output("d1");
    expect((await four.streams.names()).map(({ name }) => name)).toEqual(["a2", "b1", "b2", "d1"]);
    await four.streams.listen("d1"); // its own, at its limit
    await four.streams.output("d2"); // and a2 goes
    poke("d:d:me.os", "crash");
    await settle();
    expect((await two.streams.names()).map(({ name }) => name)).toEqual(["b1", "b2", "d1", "d2"]);
    expect(await limitOf(three.streams.output("c1"))).toEqual({ limit: "names", max: 4 }); // d is to come back
  });

  test("room is made of a name that nobody has and nobody uses, and of no other", async () => {
    await kernel.stop();
    start({ names: 1 });
    const [source, listener, other] = [add(SOURCE, "None"), add(SIBLING), add(OTHER)];
    await source.streams.output("a");
    await listener.streams.listen("a");
    poke(SOURCE, "exit");
    await settle();
    expect((await faultOf(other.streams.output("b"))).facts).toEqual({ limit: "names", max: 1 });
    await listener.streams.unlisten("a");
    await other.streams.output("b");
    expect((await other.streams.names()).map(({ name }) => name)).toEqual(["b"]);
  });

  test("what is not understood is MalformedRequest, and does nothing", async () => {
    const asker = new Recorder();
    kernel.add(OTHER, asker.program);
    const bodies: unknown[] = [
      null,
      7,
      "Nothing",
      [],
      {},
      { Nothing: {} },
      { Listen: "a" },
      { Unlisten: { name: "a" }, Withdraw: { name: "a" } },
      { Listen: { name: 7 } },
      { Unlisten: {} },
      { DeclareOutput: { name: null } },
      { DeclareOutput: { name: "a", ready: "yes" } },
      { DeclareOutput: { name: "a", private: 1 } },
      { SetReady: { name: "a" } },
      { Publish: {} },
      { OpenInput: { name: "a", session: 1 } },
      { OpenInput: { name: "a", session: 1.5, stream_id: "X" } },
      { OpenInput: { name: "a", session: "x".repeat(257), stream_id: "X" } },
      { OpenInput: { name: "a", session: 1, stream_id: "X", app_id: 7 } },
      { Feed: { name: "a", session: 1, stream_id: "X", samples: "none" } },
      { CloseInput: { name: "a" } },
    ];
    for (const body of bodies)
      expect([body, await asker.ask(body, null, STREAMS)]).toEqual([body, { Err: "MalformedRequest" }]);
    expect(await asker.ask("Names", null, STREAMS)).toEqual({ Names: [] });
  });

  test("the http-server asks for a person: that may see the names, and no more", async () => {
    const recorder = new Recorder();
    const id = ProcessId.parse("http-server:distro:sys");
    kernel.node.addSystemProcess({ id, program: recorder.program });
    await add(SOURCE).streams.output("a");
    const address = "alice.os@http-server:distro:sys";
    const rpc = async (body: unknown): Promise<unknown> => {
      const { host } = recorder;
      if (host === undefined) throw new Error("the process has not started");
      const call = request(host, STREAMS, body, { expects: 5 });
      call.origin = RPC_ORIGIN;
      return (await host.call(call)).body;
    };
    for (const action of ["Listen", "DeclareOutput", "DeclareInput", "Withdraw"])
      expect(await rpc({ [action]: { name: "a" } })).toEqual({ Err: { NotAProcess: { address } } });
    expect(await rpc("Names")).toMatchObject({ Names: [{ name: "a", listeners: 0 }] });
  });
});

test("samples of one owner come to every listener in order, whoever else publishes, listens, leaves or crashes", async () => {
  await kernel.stop();
  const step = fc.record({
    act: fc.constantFrom("publish", "publish", "publish", "listen", "unlisten", "crash", "settle"),
    who: fc.nat(2),
    name: fc.nat(1),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      start();
      const names = ["a", "b"];
      const sources = names.map((name) =>
        add(`${name}:${name}:me.os`, "Restart", async (ctx) => void (await ctx.streams.output(name))),
      );
      const listeners = [0, 1, 2].map((at) => add(`l${at}:l${at}:me.os`));
      const published = new Map<string, number>();
      await settle();
      for (const { act, who, name: at } of steps) {
        const [name, source, listener] = [names[at] ?? "a", sources[at], listeners[who]];
        if (act === "publish") {
          const next = (published.get(name) ?? 0) + 1;
          published.set(name, next);
          source?.ctx
            .request(STREAMS)
            .body({ Publish: { name, data: next } })
            .send();
        } else if (act === "listen") listener?.streams.listen(name).catch(() => undefined);
        else if (act === "unlisten") listener?.streams.unlisten(name).catch(() => undefined);
        else if (act === "crash") {
          poke(`${name}:${name}:me.os`, "crash");
          await comesBack(`${name}:${name}:me.os`);
        } else await settle();
      }
      await settle();
      for (const { samples } of listeners) {
        for (const name of names) {
          const heard = samples.filter((sample) => sample.name === name).map(({ data }) => Number(data));
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
        }
      }
      const all = listeners[0];
      for (const name of names) await all?.streams.listen(name);
      const before = all?.samples.length;
      for (const [at, source] of sources.entries())
        for (const data of [1, 2, 3])
          source.ctx
            .request(STREAMS)
            .body({ Publish: { name: names[at], data } })
            .send();
      await settle();
      expect(all?.data.slice(before)).toEqual([1, 2, 3, 1, 2, 3]); // and nobody is left out
      await kernel.stop();
    }),
    { numRuns: 40 },
  );
  start();
});
