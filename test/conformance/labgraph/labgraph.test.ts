/**
 * The workflow of LabGraph's document, by a client in Python that behaves as LabGraph's own (client.py, written from the
 * contract), against the node's own sources; and the document's messages in its own layout.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import sources from "../../../processes/labgraph/sources.ts";
import { stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import {
  batch,
  cutClients,
  ended,
  failed,
  type Lab,
  LabClient,
  start,
  started,
  startLabgraph,
} from "../../support/labgraph.ts";

const PYTHON = "/usr/bin/python3"; // Debian's: its packages are for that one alone
const CLIENT = join(import.meta.dirname, "client.py");

type Batch = {
  readonly stream_batch: { readonly stream_id: string } & Readonly<
    Record<string, { readonly samples: readonly { readonly data: unknown }[]; readonly batch_num: number }>
  >;
};

const running = new Set<ChildProcess>();

beforeAll(() => {
  const { status } = spawnSync(PYTHON, ["-c", "import websockets"]);
  if (status !== 0)
    throw new Error(
      `Cannot run LabGraph's workflow as ${PYTHON} has no websockets: apt-get install python3 python3-websockets`,
    );
});
afterEach(async () => {
  for (const child of running) child.kill("SIGKILL");
  cutClients();
  await stopNodes();
});

/** client.py, running. */
class PythonClient {
  readonly ended: Promise<number | null>;
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  #stderr = "";
  #isOver = false;
  #next = 0;
  #wake: () => void = () => undefined;

  /** @param streams `name=stream_id` of each that it starts */
  constructor(port: number, ...streams: readonly string[]) {
    const child = spawn(PYTHON, [CLIENT, String(port), "acc", ...streams], { stdio: "pipe" });
    this.#child = child;
    running.add(child);
    createInterface(child.stdout).on("line", (line) => {
      this.lines.push(line);
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code) => {
        running.delete(child);
        this.#isOver = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** The next line. @throws {Error} it ended first */
  async line(): Promise<string> {
    while (this.#next >= this.lines.length && !this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const line = this.lines[this.#next++];
    if (line === undefined) throw new Error(`client.py has ended: ${this.#stderr}`);
    return line;
  }

  async message(): Promise<unknown> {
    const line = await this.line();
    if (!line.startsWith("text ")) throw new Error(`wanted a text, got ${line}`);
    return JSON.parse(line.slice(5));
  }
}

async function withSources(transport: (typeof TRANSPORTS)[number]): Promise<Lab> {
  const lab = await startLabgraph(transport);
  lab.on.add("sources:labgraph:sys", sources, { requestCapabilities: ["kernel:distro:sys"] });
  await until(() => lab.on.node.kernel.registry.all().some(({ address }) => address.id.process === "sources"));
  for (;;) {
    const names = await lab.source.streams.names();
    if (names.some(({ name }) => name === "labgraph.monitor")) return lab; // the last that it declares
  }
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("connect, start three streams, read them, end them, close", async () => {
    const { port } = await withSources(transport);
    const client = new PythonClient(port, "device.stream1=X", "device.stream2=Y", "labgraph.monitor=M");
    expect(await client.line()).toBe("started");
    const names = { X: "device.stream1", Y: "device.stream2", M: "labgraph.monitor" } as const;
    const seen: Record<keyof typeof names, { num: number; data: unknown }[]> = { X: [], Y: [], M: [] };
    while (seen.X.length < 40 || seen.Y.length < 20 || seen.M.length < 2) {
      const message = await client.message();
      if (!Object.hasOwn(message as object, "stream_batch")) continue; // a start event: one frame was thrown away for it
      const { stream_batch: found } = message as Batch;
      const id = found.stream_id as keyof typeof names;
      const content = found[names[id]];
      const [sample] = content?.samples ?? [];
      if (content === undefined || sample === undefined) throw new Error(`an odd batch: ${JSON.stringify(found)}`);
      expect(sample).toEqual({
        data: expect.anything(),
        produced_timestamp_s: expect.any(Number),
        timestamp_s: expect.any(Number),
      });
      seen[id].push({ num: content.batch_num, data: sample.data });
    }
    for (const batches of Object.values(seen)) {
      const first = batches[0]?.num ?? 0;
      expect(first).toBeLessThan(4); // what it threw away for a start may have been one, of each start behind it
      expect(batches.map(({ num }) => num)).toEqual(batches.map((_, index) => first + index));
    }
    expect(seen.X[0]?.data).toHaveLength(8);
    expect(seen.M[0]?.data).toMatchObject({ nodes: { "labgraph:labgraph:sys": { upstreams: expect.anything() } } });
    client.tell("end");
    while (!(await client.line()).startsWith("closed"));
    expect(client.lines.at(-1)).toBe("closed 1000");
    expect(await client.ended).toBe(0);
  });

  test("the document's messages, in its layout: numbers as versions, app_id before the name, line breaks", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a.b");
    await source.streams.input("c.d");
    const client = new PythonClient(port);
    expect(await client.line()).toBe("started");
    const open = (id: string, name: string, request: number): string =>
      `send {\\n   "api_version": "0.1",\\n   "api_request": {\\n     "request_id": ${request},\\n     "start_stream_request": {\\n       "stream_id": "${id}",\\n       "app_id": "acc",\\n        "${name}": {\\n        }\\n     }\\n   }\\n}`;
    const close = (id: string, request: number): string =>
      `send {\\n   "api_version": 0.1,\\n   "api_request": {\\n     "request_id": ${request},\\n     "end_stream_request": {\\n       "stream_id": "${id}"\\n     }\\n   }\\n }`;
    client.tell(open("X", "a.b", 0));
    expect(await client.message()).toEqual(started(0, "X"));
    client.tell(open("I", "c.d", 1));
    expect(await client.message()).toEqual(started(1, "I"));
    client.tell(
      'send {\\n  "api_version": 0.1,\\n  "stream_batch": {\\n    "stream_id": "I",\\n    "c.d": {\\n      "samples": [{"data": [1, 2]}],\\n      "batch_num": 1\\n    }\\n  }\\n}',
    );
    await until(() => source.inputs.length === 2);
    expect(source.inputs[1]).toMatchObject({ streamId: "I", appId: "acc", samples: [{ data: [1, 2] }] });
    out.publish({ answer: 42 });
    expect(await client.message()).toEqual(batch("X", "a.b", 1, { answer: 42 }));
    client.tell(close("I", 1));
    expect(await client.message()).toEqual(ended(1, "I"));
    client.tell(close("X", 0));
    expect(await client.message()).toEqual(ended(0, "X"));
    client.tell("end");
    expect(await client.line()).toBe("closed 1000");
  });

  test("all seven errors, and the connection goes on behind each", async () => {
    const { port, source } = await startLabgraph(transport);
    await source.streams.output("a");
    await source.streams.output("raw", { ready: false });
    await source.streams.input("in");
    const other = await LabClient.connect(port);
    other.send(start("I", "in"));
    expect(await other.next()).toEqual(started(0, "I"));
    const client = new PythonClient(port, "a=X");
    expect(await client.line()).toBe("started");
    for (const [text, answer] of [
      ["NaN", failed("InvalidMessageFormat")],
      ['{"api_version": "0.1", "api_event": {}}', failed("MessageNotSupported")],
      [
        '{"api_version": "0.1", "api_request": {"request_id": 2, "end_stream_request": {"stream_id": "?"}}}',
        failed("StreamIDNotFound", 2),
      ],
      [JSON.stringify(start("X", "a", 3)), failed("StreamIDAlreadyExists", 3)],
      [JSON.stringify(start("Y", "raw", 4)), failed("NotTrained", 4)],
      [JSON.stringify(start("Y", "in", 5)), failed("StreamAlreadyRequested", 5)],
      [JSON.stringify(start("Y", "no such", 6)), failed("NonExistentStream", 6)],
      [JSON.stringify(start("Y", "a", 0)), started(0, "Y")],
    ] as const) {
      client.tell(`send ${text}`);
      expect(await client.message()).toEqual(answer);
    }
    client.tell("end");
    expect(await client.line()).toBe("closed 1000");
  });

  test("one that has stopped reading, and then drops, costs the others nothing", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output<string>("a");
    const client = new PythonClient(port, "a=X");
    expect(await client.line()).toBe("started");
    client.tell("stop");
    expect(await client.line()).toBe("stopped");
    const other = await LabClient.connect(port);
    other.send(start("Y", "a"));
    expect(await other.next()).toEqual(started(0, "Y"));
    const data = "a".repeat(100_000);
    for (let n = 1; n <= 200; n++) {
      out.publish(data); // 20 MB in all: more than what may wait, and than what the system takes
      expect(await other.next()).toEqual(batch("Y", "a", n, data));
    }
    client.tell("drop");
    expect(await client.line()).toBe("dropped");
    expect(await client.ended).toBe(0);
    await until(() => out.listeners === 1); // the other's
    other.cut();
    await until(() => out.listeners === 0);
  });

  test("a source that is killed and comes back is heard again by a client that stayed", async () => {
    const lab = await withSources(transport);
    const client = new PythonClient(lab.port, "device.stream1=X");
    expect(await client.line()).toBe("started");
    const first = (await client.message()) as Batch;
    lab.on.node.kernel.registry
      .all()
      .find(({ address }) => address.id.process === "sources")
      ?.kill();
    const num = first.stream_batch["device.stream1"]?.batch_num ?? 0;
    expect(num).toBeGreaterThan(0);
    await until(() => lab.on.node.kernel.registry.all().every(({ address }) => address.id.process !== "sources"));
    client.tell(`send ${JSON.stringify(start("Z", "device.stream1", 7))}`);
    let last = num;
    for (;;) {
      const message = (await client.message()) as Batch & { api_event?: unknown };
      if (message.api_event !== undefined) {
        expect(message).toEqual(failed("NonExistentStream", 7));
        break;
      }
      last = message.stream_batch["device.stream1"]?.batch_num ?? 0;
    }
    lab.on.add("sources:labgraph:sys", sources, { requestCapabilities: ["kernel:distro:sys"] });
    const again = (await client.message()) as Batch;
    expect(again.stream_batch["device.stream1"]?.batch_num).toBe(last + 1); // no gap
    client.tell("end");
    while (!(await client.line()).startsWith("closed"));
    expect(client.lines.at(-1)).toBe("closed 1000");
  });
});
