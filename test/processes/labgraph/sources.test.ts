/** labgraph's sources: by the clock, while somebody listens; and this node drawn as LabGraph's monitor wants it. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Harness, type SentRequest, startProcess } from "../../../lib/process/harness.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { heart } from "../../../processes/labgraph/heart.ts";
import { SOURCE_LIMITS } from "../../../processes/labgraph/source-limits.ts";
import sources, { MONITOR, sourcesProcess } from "../../../processes/labgraph/sources.ts";
import { type Entry, type Picture, Topology } from "../../../processes/labgraph/topology.ts";
import { streamsProcess } from "../../../processes/streams/streams.ts";
import { settle, silent, startKernel, type TestKernel, tell } from "../../support/kernel.ts";
import { graphFaults } from "../../support/labgraph-graph.ts";
import { Recorder } from "../../support/recorder.ts";
import { Streamer } from "../../support/streamer.ts";

const SOURCES = "sources:labgraph:sys";

const ENTRY: Entry = {
  state: "running",
  incarnation: 1,
  restarts: 0,
  uptime_ms: 1000,
  handled: 0,
  waiting: 0,
  waited_at_most: 3,
  refused: 0,
};

describe("devices", () => {
  const published = (harness: Harness, name: string) =>
    harness.streams.published.filter((sample) => sample.name === name);

  test("all three are declared, and nothing is computed while nobody listens", async () => {
    const process = await startProcess(sources, { our: SOURCES });
    expect([...process.streams.declared.keys()]).toEqual(["device.stream1", "device.stream2", MONITOR]);
    await process.advance(2000);
    expect(process.streams.published).toEqual([]);
    expect(process.sent).toEqual([]);
  });

  test.each([
    ["device.stream1", 100],
    ["device.stream2", 50],
  ])("%s has 8 channels at %i samples per second, each of its own time, until nobody listens", async (name, rate) => {
    const process = await startProcess(sources, { our: SOURCES });
    const begin = process.now() / 1000;
    await process.listeners(name, 1);
    await process.advance(1000);
    await process.listeners(name, 2); // the second one changes nothing
    await process.advance(1000);
    const samples = published(process, name);
    const times = samples.map(({ producedTimestampS }) => Number(producedTimestampS));
    const first = Math.floor(begin * rate) + 1;
    expect(times).toEqual(times.map((_, n) => (first + n) / rate)); // none left out, none twice
    expect(times.at(-1)).toBeGreaterThan(begin + 1.9);
    expect(times.at(-1)).toBeLessThanOrEqual(begin + 2);
    for (const { data } of samples) expect(data).toHaveLength(8);
    await process.listeners(name, 0);
    await process.advance(1000);
    expect(published(process, name)).toHaveLength(samples.length);
    expect(process.streams.published).toHaveLength(samples.length); // and of the others there was none
    await process.listeners(name, 1);
    await process.advance(1000);
    const [after] = published(process, name).slice(samples.length);
    expect(after?.producedTimestampS).toBeGreaterThan(begin + 3); // from now on: the pause is not made up for
  });

  test("device.stream1 is its formula at its time", async () => {
    const process = await startProcess(sources, { our: SOURCES });
    await process.listeners("device.stream1", 1);
    await process.advance(500);
    for (const { data, producedTimestampS } of published(process, "device.stream1"))
      expect(data).toEqual(heart.at(Number(producedTimestampS)));
  });

  test("of what is late by more than the backlog, the newest samples come and no others", async () => {
    const late = { ...SOURCE_LIMITS, tickMs: 1000, backlogSeconds: 0.1 };
    const process = await startProcess(sourcesProcess(late), { our: SOURCES });
    await process.listeners("device.stream1", 1);
    await process.advance(1000);
    const newest = Math.floor(process.now() / 10);
    const times = published(process, "device.stream1").map(({ producedTimestampS }) => Number(producedTimestampS));
    expect(times).toEqual(Array.from({ length: 10 }, (_, n) => (newest - 9 + n) / 100));
  });

  test("where a name is another's, it says so and goes on with the others", async () => {
    const process = await startProcess(sources, {
      our: SOURCES,
      onStream: (action) =>
        typeof action === "object" && "DeclareOutput" in action && action.DeclareOutput.name === "device.stream1"
          ? { NameTaken: { name: "device.stream1", owner: "alice.os@a:b:c" } }
          : undefined,
    });
    expect(process.logs).toEqual([
      'Cannot declare output "device.stream1" as streams:distro:sys says NameTaken {"name":"device.stream1","owner":"alice.os@a:b:c"}: take another name, or have its owner withdraw it; it goes on without',
    ]);
    await process.listeners("device.stream1", 1); // a raw message of nobody's
    await process.listeners("device.stream2", 1);
    await process.advance(100);
    expect(process.streams.published.every(({ name }) => name === "device.stream2")).toBe(true);
    expect(process.streams.published.length).toBeGreaterThan(0);
  });

  test("it has no settings", async () => {
    await expect(startProcess(sources, { our: SOURCES, settings: { rate: 5 } })).rejects.toThrow(
      'Cannot set "rate" of sources:labgraph:sys as it has no settings',
    );
  });
});

describe("labgraph.monitor", () => {
  test("five pictures per second, each from what the kernel says then", async () => {
    let asked = 0;
    let isOver = false;
    const answer = ({ body }: SentRequest): unknown => {
      asked++;
      if (isOver) return { Debug: { ProcessMap: {}, Routes: {} } };
      if ((body as { Debug: string }).Debug === "Routes") return { Debug: { Routes: { "a:a:k": ["b:b:k"] } } };
      return { Debug: { ProcessMap: { "a:a:k": ENTRY, "b:b:k": { ...ENTRY, handled: 10 * asked } } } };
    };
    const process = await startProcess(sources, { our: SOURCES, onSend: (sent) => void sent.answer(answer(sent)) });
    await process.listeners(MONITOR, 1);
    await process.advance(2000);
    expect(process.streams.published).toHaveLength(10);
    for (const { data } of process.streams.published) expect(graphFaults(data)).toEqual([]);
    expect(process.streams.published.at(-1)?.data).toMatchObject({
      nodes: {
        "a:a:k": { upstreams: {} },
        "b:b:k": { upstreams: { "a:a:k": [{ name: "Messages", fields: { handled_per_s: { content: 100 } } }] } },
      },
    });
    await process.listeners(MONITOR, 0);
    const before = asked;
    await process.advance(2000);
    expect(asked).toBe(before);
    isOver = true;
    await process.listeners(MONITOR, 1);
    await process.advance(200);
    expect(process.streams.published.at(-1)?.data).toEqual({ nodes: {} }); // what is gone was forgotten meanwhile
  });

  test("a kernel that does not answer is told of once, and asked again", async () => {
    let isDenied = true;
    const process = await startProcess(sources, {
      our: SOURCES,
      onSend: (sent) => void (isDenied ? sent.fail("Denied") : sent.answer({ Debug: { ProcessMap: {}, Routes: {} } })),
    });
    await process.listeners(MONITOR, 1);
    await process.advance(1000);
    expect(process.logs).toHaveLength(1);
    expect(process.logs[0]).toMatch(/^no picture for labgraph.monitor: .*kernel:distro:sys/);
    isDenied = false;
    await process.advance(200);
    expect(process.streams.published).toEqual([{ name: MONITOR, data: { nodes: {} }, producedTimestampS: undefined }]);
    isDenied = true;
    await process.advance(1000);
    expect(process.logs).toHaveLength(2); // another time
  });
});

describe("the picture", () => {
  const draw = (
    topology: Topology,
    ids: readonly string[],
    routes: Record<string, string[]> = {},
    now = 0,
  ): Picture => {
    const picture = topology.draw({ processes: Object.fromEntries(ids.map((id) => [id, ENTRY])), routes }, now);
    expect(graphFaults(picture)).toEqual([]);
    return picture;
  };

  test("leaves out loops, and edges to who is not drawn", () => {
    const picture = draw(new Topology(SOURCE_LIMITS), ["a", "b"], { a: ["a", "b", "gone"], gone: ["a"] });
    expect(Object.entries(picture.nodes).map(([id, { upstreams }]) => [id, Object.keys(upstreams)])).toEqual([
      ["a", []],
      ["b", ["a"]],
    ]);
  });

  test("shows the receiver's numbers, live", () => {
    const topology = new Topology(SOURCE_LIMITS);
    const routes = { a: ["b"] };
    const at = (now: number, entry: Partial<Entry>): unknown => {
      const b = { ...ENTRY, ...entry };
      const { nodes } = topology.draw({ processes: { a: { ...ENTRY, handled: 7, restarts: 2 }, b }, routes }, now);
      const fields = nodes.b?.upstreams.a?.[0].fields ?? {};
      return Object.fromEntries(Object.entries(fields).map(([name, { content }]) => [name, content]));
    };
    at(1000, { handled: 10 });
    expect(at(1500, { handled: 40, waiting: 4, waited_at_most: 9, refused: 1, restarts: 0, uptime_ms: 1234 })).toEqual({
      alive: 1,
      handled: 40,
      handled_per_s: 60,
      recent_per_s: [60],
      mailbox: 4,
      mailbox_most: 9,
      refused: 1,
      restarts: 0,
      uptime_s: 1.234,
      sender_alive: 1,
      sender_handled: 7,
      sender_restarts: 2,
    });
    // It crashed: what its next incarnation was given begins at 0.
    expect(at(2000, { handled: 5, incarnation: 2, restarts: 1 })).toMatchObject({
      recent_per_s: [60, 10],
      restarts: 1,
    });
  });

  test("who is gone stays, as gone, with its edges, until its room is needed or nobody looks", () => {
    const topology = new Topology({ ...SOURCE_LIMITS, nodes: 3 });
    draw(topology, ["a", "b", "c"], { a: ["b"], b: ["c"] });
    const { nodes } = draw(topology, ["a", "c"], {}, 200);
    expect(Object.keys(nodes)).toEqual(["a", "b", "c"]);
    expect(nodes.b?.upstreams.a?.[0].fields.alive).toEqual({ type: "int", content: 0 });
    expect(nodes.c?.upstreams.b?.[0].fields).toMatchObject({ alive: { content: 1 }, sender_alive: { content: 0 } });
    expect(Object.keys(draw(topology, ["a", "c", "d", "e"], {}, 400).nodes)).toEqual(["a", "c", "d"]);
    topology.clear();
    expect(Object.keys(draw(topology, ["c"], {}, 600).nodes)).toEqual(["c"]);
  });

  test("of a large node has 100 processes and 400 edges, well below what a message may have", () => {
    const ids = Array.from(
      { length: 300 },
      (_, n) => `a-process-of-a-rather-long-name-${n}:and-its-package:publisher.os`,
    );
    const routes = Object.fromEntries(ids.map((id) => [id, ids]));
    const { nodes } = draw(new Topology(SOURCE_LIMITS), ids, routes);
    const edges = Object.values(nodes).flatMap(({ upstreams }) => Object.keys(upstreams));
    expect([Object.keys(nodes).length, edges.length]).toEqual([100, 400]);
  });
});

describe("on a node", () => {
  let kernel: TestKernel;
  afterEach(() => kernel.stop());

  test("the manifest's capability is enough, and the picture is this node", async () => {
    kernel = startKernel();
    const id = ProcessId.parse("streams:distro:sys");
    kernel.node.addSystemProcess({ id, program: streamsProcess(), public: true, trusted: true });
    const text = readFileSync(new URL("../../../processes/labgraph/manifest.json", import.meta.url), "utf8");
    const { processes } = JSON.parse(text) as {
      processes: { process_name: string; file: string; on_exit: "Restart"; request_capabilities: string[] }[];
    };
    const entry = processes.find(({ process_name }) => process_name === "sources");
    expect(entry).toMatchObject({ file: "sources.js", on_exit: "Restart" });
    kernel.add(SOURCES, sources, { requestCapabilities: entry?.request_capabilities ?? [], onExit: "Restart" });
    kernel.add("ping:ping:me.os", silent, { public: true });
    const caller = new Recorder();
    kernel.add("caller:ping:me.os", caller.program);
    const listener = new Streamer();
    kernel.add("listener:l:me.os", listener.program);
    await settle();
    for (const name of ["device.stream1", MONITOR]) await listener.streams.listen(name);
    for (let n = 0; n < 20; n++) tell(caller.host, "ping:ping:me.os", n);
    await kernel.advance(1010);
    const samples = listener.samples.filter(({ name }) => name === MONITOR);
    expect(samples).toHaveLength(5);
    for (const { data } of samples) expect(graphFaults(data)).toEqual([]);
    expect(samples.at(-1)?.data).toMatchObject({
      nodes: {
        "ping:ping:me.os": {
          upstreams: { "caller:ping:me.os": [{ name: "Messages", fields: { handled: { type: "int", content: 20 } } }] },
        },
        "kernel:distro:sys": { upstreams: { [SOURCES]: expect.anything() } },
        "listener:l:me.os": { upstreams: { "streams:distro:sys": expect.anything() } },
        "streams:distro:sys": { upstreams: { [SOURCES]: expect.anything(), "listener:l:me.os": expect.anything() } },
      },
    });
    expect(listener.samples.filter(({ name }) => name === "device.stream1").length).toBeGreaterThanOrEqual(95);
    const address = kernel.node.kernel.registry.get(ProcessId.parse(SOURCES));
    expect(address?.incarnation).toBe(1);
  });
});
