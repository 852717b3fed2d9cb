/** Sessions and streams over real sockets: contract labgraph §2.5 byte by byte, §3 row by row. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import {
  batch,
  cutClients,
  end,
  ended,
  failed,
  input,
  LABGRAPH,
  LabClient,
  start,
  started,
  startLabgraph,
} from "../../support/labgraph.ts";
import { destroyAll, encodeFrame, RawSocket } from "../../support/sockets.ts";

afterEach(async () => {
  cutClients();
  destroyAll();
  await stopNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("what LabGraph's Python client sends, byte by byte", async () => {
    const { port, source } = await startLabgraph(transport);
    const [ab, cd] = [await source.streams.output("a.b"), await source.streams.output("c.d")];
    const client = await LabClient.connect(port);
    client.send(
      '{"api_version": "0.1", "api_request": {"request_id": 0, "start_stream_request": {"stream_id": "X", "a.b": {}, "app_id": "acc"}}}',
    );
    expect(await client.nextText()).toBe(
      '{"api_version":"0.1","api_event":{"request_id":0,"start_stream_event":{"stream_id":"X"}}}',
    );
    client.send(
      '{"api_version": "0.1", "api_request": {"request_id": 1, "start_stream_request": {"stream_id": "Y", "c.d": {}, "app_id": "acc"}}}',
    );
    expect(await client.next()).toEqual(started(1, "Y"));
    ab.publish([1, Number.NaN], 1700000000.25);
    cd.publish({ a: 1 });
    expect(await client.nextText()).toMatch(
      /^\{"api_version":"0\.1","stream_batch":\{"stream_id":"X","a\.b":\{"samples":\[\{"data":\[1,null\],"produced_timestamp_s":1700000000\.25,"timestamp_s":\d+(\.\d+)?\}\],"batch_num":1\}\}\}$/,
    );
    expect(await client.next()).toEqual(batch("Y", "c.d", 1, { a: 1 }));
    client.send('{"api_version": "0.1", "api_request": {"request_id": 0, "end_stream_request": {"stream_id": "X"}}}');
    client.send('{"api_version": "0.1", "api_request": {"request_id": 1, "end_stream_request": {"stream_id": "Y"}}}');
    expect(await client.nextText()).toBe(
      '{"api_version":"0.1","api_event":{"request_id":0,"end_stream_event":{"stream_id":"X"}}}',
    );
    expect(await client.next()).toEqual(ended(1, "Y"));
  });

  test("what LabGraph's monitor sends, byte by byte: end and close in one turn are no error", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("labgraph.monitor");
    const client = await LabClient.connect(port);
    client.send(
      '{"api_version":"0.1","api_request":{"request_id":1,"start_stream_request":{"stream_id":"LABGRAPH.MONITOR","labgraph.monitor":{}}}}',
    );
    expect(await client.next()).toEqual(started(1, "LABGRAPH.MONITOR"));
    out.publish({ nodes: {} });
    expect(await client.next()).toEqual(batch("LABGRAPH.MONITOR", "labgraph.monitor", 1, { nodes: {} }));
    client.send(
      '{"api_version":"0.1","api_request":{"request_id":1,"end_stream_request":{"stream_id":"LABGRAPH.MONITOR","labgraph.monitor":{}}}}',
    );
    client.close(1000);
    expect((await client.closed).code).toBe(1000);
    await until(() => out.listeners === 0);
  });

  test("any path and query is a session, on the main port too", async () => {
    const { port, on, source } = await startLabgraph(transport);
    await source.streams.output("a");
    for (const [at, path] of [
      [port, "/"],
      [port, "/x/y?z=1"],
      [port, "/streams.json"],
      [on.port, `/${LABGRAPH}/`],
      [on.port, `/${LABGRAPH}/x/y?z=1`],
    ] as const) {
      const client = await LabClient.connect(at, path);
      client.send(start("X", "a"));
      expect(await client.next()).toEqual(started(0, "X"));
    }
  });

  test("sessions are independent: each has ids and counters of its own", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const [one, two] = [await LabClient.connect(port), await LabClient.connect(port)];
    one.send(start("X", "a", 5));
    expect(await one.next()).toEqual(started(5, "X"));
    out.publish(1);
    expect(await one.next()).toEqual(batch("X", "a", 1, 1));
    two.send(start("X", "a", 5));
    expect(await two.next()).toEqual(started(5, "X"));
    out.publish(2);
    expect(await one.next()).toEqual(batch("X", "a", 2, 2));
    expect(await two.next()).toEqual(batch("X", "a", 1, 2)); // nothing of what was before it
    one.cut();
    await one.closed;
    out.publish(3);
    expect(await two.next()).toEqual(batch("X", "a", 2, 3));
    two.send(end("X", 6));
    expect(await two.next()).toEqual(ended(6, "X"));
  });

  test("same name, two ids, one session: both start, each with its own counter", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const client = await LabClient.connect(port);
    client.send(start("X", "a", 0));
    expect(await client.next()).toEqual(started(0, "X"));
    out.publish(1);
    expect(await client.next()).toEqual(batch("X", "a", 1, 1));
    client.send(start("Y", "a", 1));
    expect(await client.next()).toEqual(started(1, "Y"));
    out.publish(2);
    expect(await client.next()).toEqual(batch("X", "a", 2, 2));
    expect(await client.next()).toEqual(batch("Y", "a", 1, 2));
  });

  test("the same id twice, by the same or another name: an error, and the first stream goes on", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const other = await source.streams.output("b");
    const client = await LabClient.connect(port);
    client.send(start("X", "a", 0));
    client.send(start("X", "a", 0));
    client.send(start("X", "b", 2));
    expect(await client.next()).toEqual(started(0, "X"));
    const why = "this session has the stream id in use: end it first";
    expect(await client.next()).toEqual(
      failed("StreamIDAlreadyExists", 0, `Cannot start stream "a" by stream id "X" as ${why}`),
    );
    expect(await client.next()).toEqual(
      failed("StreamIDAlreadyExists", 2, `Cannot start stream "b" by stream id "X" as ${why}`),
    );
    other.publish("not asked for");
    out.publish(1);
    expect(await client.next()).toEqual(batch("X", "a", 1, 1));
    client.send(end("X"));
    expect(await client.next()).toEqual(ended(0, "X"));
  });

  test("after the end of a stream there is no batch of it; started again, it counts from 1", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const client = await LabClient.connect(port);
    client.send(start("X", "a"));
    expect(await client.next()).toEqual(started(0, "X"));
    out.publish(1);
    out.publish(2);
    client.send(end("X"));
    expect(await client.next()).toEqual(batch("X", "a", 1, 1));
    expect(await client.next()).toEqual(batch("X", "a", 2, 2));
    expect(await client.next()).toEqual(ended(0, "X"));
    out.publish(3);
    client.send(end("X", 7));
    expect(await client.next()).toEqual(
      failed("StreamIDNotFound", 7, 'Cannot end stream id "X" as none is open by it'),
    );
    client.send(start("X", "a"));
    expect(await client.next()).toEqual(started(0, "X"));
    out.publish(4);
    expect(await client.next()).toEqual(batch("X", "a", 1, 4));
  });

  test("start, end and start in one go are answered in their order", async () => {
    const { port, source } = await startLabgraph(transport);
    await source.streams.output("a");
    const client = await LabClient.connect(port);
    for (const message of [start("X", "a", 1), end("X", 2), end("X", 3), "?", start("X", "a", 4), start("Y", "b", 5)])
      client.send(message);
    expect(await client.next()).toEqual(started(1, "X"));
    expect(await client.next()).toEqual(ended(2, "X"));
    expect(await client.next()).toEqual(failed("StreamIDNotFound", 3));
    expect(await client.next()).toEqual(failed("InvalidMessageFormat"));
    expect(await client.next()).toEqual(started(4, "X"));
    expect(await client.next()).toEqual(failed("NonExistentStream", 5));
  });

  test("an unknown name is refused, and stays so: nothing is left of the start", async () => {
    const { port, source } = await startLabgraph(transport);
    const client = await LabClient.connect(port);
    const refused = failed(
      "NonExistentStream",
      0,
      'Cannot start stream "a" by stream id "X" as nobody declares it now',
    );
    for (let times = 0; times < 2; times++) {
      client.send(start("X", "a"));
      expect(await client.next()).toEqual(refused);
    }
    client.send(end("X"));
    expect(await client.next()).toEqual(failed("StreamIDNotFound", 0));
    const out = await source.streams.output("a");
    expect(out.listeners).toBe(0);
    out.publish("nobody has it");
    client.send(start("X", "a"));
    expect(await client.next()).toEqual(started(0, "X"));
  });

  test("an output that is not ready is not trained", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a", { ready: false });
    const client = await LabClient.connect(port);
    client.send(start("X", "a", 0));
    expect(await client.next()).toEqual(
      failed(
        "NotTrained",
        0,
        'Cannot start stream "a" by stream id "X" as its source is not ready yet: try again later',
      ),
    );
    out.ready(true);
    client.send(start("X", "a", 1));
    expect(await client.next()).toEqual(started(1, "X"));
  });

  test("a private output does not exist for LabGraph's clients, nor in the list", async () => {
    const { port, on, source } = await startLabgraph(transport);
    await source.streams.output("a", { private: true });
    await source.streams.output("b", { ready: false });
    await source.streams.input("c");
    const client = await LabClient.connect(port);
    client.send(start("X", "a"));
    expect(await client.next()).toEqual(failed("NonExistentStream", 0));
    const answer = await fetch(`${on.url}/${LABGRAPH}/streams.json`);
    expect(await answer.json()).toEqual([{ name: "b", ready: false }]);
  });

  test("names that are traps: __proto__, a number, a text beyond ASCII", async () => {
    const { port, source } = await startLabgraph(transport);
    const client = await LabClient.connect(port);
    for (const [index, name] of ["__proto__", "7", "é 😀", "constructor"].entries()) {
      const out = await source.streams.output(name);
      client.send(
        `{"api_version":"0.1","api_request":{"request_id":${index},"start_stream_request":{"stream_id":"X",${JSON.stringify(name)}:{}}}}`,
      );
      expect(await client.next()).toEqual(started(index, "X"));
      out.publish(index);
      expect(await client.nextText()).toContain(
        `"stream_id":"X",${JSON.stringify(name)}:{"samples":[{"data":${index},`,
      );
      client.send(end("X"));
      expect(await client.next()).toEqual(ended(0, "X"));
    }
  });

  test("a request id beyond 2^53 comes back as it was written", async () => {
    const { port } = await startLabgraph(transport);
    const client = await LabClient.connect(port);
    client.send(
      '{"api_version":1,"api_request":{"request_id":9007199254740993,"end_stream_request":{"stream_id":"X"}}}',
    );
    expect(await client.nextText()).toContain('"request_id":9007199254740993,');
  });

  test("only what the setting names may be started, under the version that it sets", async () => {
    const { port, source } = await startLabgraph(transport, { settings: { streams: ["a"], apiVersion: "9.9" } });
    await source.streams.output("a");
    await source.streams.output("b");
    const client = await LabClient.connect(port);
    client.send(start("X", "b"));
    expect(await client.next()).toMatchObject({
      api_version: "9.9",
      api_event: {
        error_event: {
          error_code: "NonExistentStream",
          desc: 'Cannot start stream "b" by stream id "X" as this server does not support it',
        },
      },
    });
    client.send(start("X", "a"));
    expect(await client.next()).toMatchObject({ api_version: "9.9", api_event: { start_stream_event: {} } });
    const list = await fetch(`http://127.0.0.1:${port}/streams.json`);
    expect(await list.json()).toEqual([{ name: "a", ready: true }]);
  });

  describe("a source that ends", () => {
    test("leaves its streams open and silent, refuses new starts, and goes on when it is back", async () => {
      const { port, addSource, poke } = await startLabgraph(transport);
      let isBack: () => void = () => undefined;
      const mayStart = new Promise<void>((resolve) => {
        isBack = resolve;
      });
      let runs = 0;
      const id = "brittle:device:me.os";
      const brittle = addSource(id, async (ctx) => {
        if (++runs > 1) await mayStart;
        await ctx.streams.output("a");
      });
      const client = await LabClient.connect(port);
      await until(() => runs === 1);
      await brittle.streams.names(); // behind its declaration
      client.send(start("X", "a"));
      expect(await client.next()).toEqual(started(0, "X"));
      poke(id, "crash");
      await until(() => runs === 2);
      client.send(start("Y", "a", 1));
      expect(await client.next()).toEqual(failed("NonExistentStream", 1));
      isBack();
      let out = await brittle.streams.output("a");
      out.publish("again");
      expect(await client.next()).toEqual(batch("X", "a", 1, "again"));
      client.send(start("Y", "a", 2));
      expect(await client.next()).toEqual(started(2, "Y"));
      poke(id, "crash");
      await until(() => runs === 3);
      client.send(end("X", 3));
      expect(await client.next()).toEqual(ended(3, "X")); // an end succeeds meanwhile
      out = await brittle.streams.output("a");
      out.publish("once more");
      expect(await client.next()).toEqual(batch("Y", "a", 1, "once more"));
    });
  });

  describe("inputs", () => {
    test("a session opens one, feeds it in order without answers, and ends it", async () => {
      const { port, source } = await startLabgraph(transport);
      await source.streams.input("device.command");
      const client = await LabClient.connect(port);
      client.send(start("I", "device.command", 0, "my app"));
      expect(await client.next()).toEqual(started(0, "I"));
      client.send(input("I", "device.command", [{ data: 1 }, "two", null]));
      client.send(input("I", "device.command", [], 2));
      client.send({ stream_batch: { stream_id: "I", "device.command": { samples: [[3]] } } }); // no version, no number
      client.send(end("I", 1));
      expect(await client.next()).toEqual(ended(1, "I"));
      await until(() => source.inputs.length === 4);
      const about = { name: "device.command", streamId: "I", appId: "my app", session: expect.any(Number) };
      expect(source.inputs).toEqual([
        { type: "opened", ...about, samples: [] },
        { type: "samples", ...about, samples: [{ data: 1 }, "two", null] },
        { type: "samples", ...about, samples: [[3]] },
        { type: "closed", ...about, samples: [] },
      ]);
    });

    test("one stream of one session has it: others are told so until it ends, however that ends", async () => {
      const { port, source } = await startLabgraph(transport);
      await source.streams.input("in");
      const [one, two] = [await LabClient.connect(port), await LabClient.connect(port)];
      one.send(start("I", "in"));
      expect(await one.next()).toEqual(started(0, "I"));
      const taken = (id: string): string =>
        `Cannot start stream "in" by stream id "${id}" as the input is open, and one stream has it at a time`;
      one.send(start("J", "in", 1));
      expect(await one.next()).toEqual(failed("StreamAlreadyRequested", 1, taken("J")));
      two.send(start("I", "in", 2));
      expect(await two.next()).toEqual(failed("StreamAlreadyRequested", 2, taken("I")));
      one.cut();
      await until(() => source.inputs.some(({ type }) => type === "closed"));
      two.send(start("I", "in", 3));
      expect(await two.next()).toEqual(started(3, "I"));
    });

    test("two that ask at once: one has it, the other is told", async () => {
      const { port, source } = await startLabgraph(transport);
      await source.streams.input("in");
      const both = [await LabClient.connect(port), await LabClient.connect(port)];
      for (const client of both) client.send(start("I", "in"));
      const answers = await Promise.all(both.map((client) => client.next()));
      expect(answers).toContainEqual(started(0, "I"));
      expect(answers).toContainEqual(failed("StreamAlreadyRequested", 0));
    });

    test("an input that another process has open is taken too", async () => {
      const { port, source, addSource } = await startLabgraph(transport);
      await source.streams.input("in");
      const other = addSource("other:other:me.os");
      await until(() => other.samples.length === 0);
      await other.streams.openInput("in", { session: "s", streamId: "I" });
      const client = await LabClient.connect(port);
      client.send(start("I", "in"));
      expect(await client.next()).toEqual(failed("StreamAlreadyRequested", 0));
    });

    test("a batch for what is no open input of this session and name is refused without a request id", async () => {
      const { port, source } = await startLabgraph(transport);
      await source.streams.input("in");
      await source.streams.output("out");
      const client = await LabClient.connect(port);
      client.send(start("I", "in"));
      client.send(start("O", "out"));
      expect([await client.next(), await client.next()]).toEqual([started(0, "I"), started(0, "O")]);
      for (const [id, name] of [
        ["?", "in"],
        ["O", "out"],
        ["I", "other"],
      ] as const) {
        client.send(input(id, name, [1]));
        expect(await client.next()).toEqual(
          failed(
            "StreamIDNotFound",
            undefined,
            `Cannot take a batch of "${name}" as no input of that name is open by stream id "${id}"`,
          ),
        );
      }
      client.send(end("I"));
      expect(await client.next()).toEqual(ended(0, "I"));
      expect(source.inputs.map(({ type }) => type)).not.toContain("samples");
    });

    test("an input whose reader is gone does not exist for who comes then", async () => {
      const { port, source, addSource, poke } = await startLabgraph(transport);
      let runs = 0;
      const id = "brittle:device:me.os";
      const reader = addSource(id, async (ctx) => {
        if (++runs === 1) await ctx.streams.input("in");
      });
      await until(() => runs === 1);
      await reader.streams.names();
      poke(id, "crash");
      await until(() => runs === 2);
      const client = await LabClient.connect(port);
      client.send(start("I", "in"));
      expect(await client.next()).toEqual(failed("NonExistentStream", 0));
      await reader.streams.input("in");
      client.send(start("I", "in", 1));
      expect(await client.next()).toEqual(started(1, "I"));
      expect(source.inputs).toEqual([]);
    });
  });

  test("when the process itself begins anew, its sessions are closed with 1012; inputs are free, and it serves again", async () => {
    const { port, source, on } = await startLabgraph(transport);
    await source.streams.input("in");
    const client = await LabClient.connect(port);
    client.send(start("I", "in"));
    expect(await client.next()).toEqual(started(0, "I"));
    on.node.kernel.registry.get(ProcessId.parse(LABGRAPH))?.restartAfterHand();
    expect(await client.closed).toEqual({ code: 1012, reason: "the server has lost this session: start again" });
    const again = await LabClient.connect(port);
    again.send(start("I", "in"));
    expect(await again.next()).toEqual(started(0, "I"));
  });

  test("a node that stops closes with 1001", async () => {
    const { port, on } = await startLabgraph(transport);
    const client = await LabClient.connect(port);
    const stopped = on.stop();
    expect((await client.closed).code).toBe(1001);
    await stopped;
  });

  test.each<[step: string, until: number]>([
    ["when it is open", 0],
    ["behind a start that is not answered yet", 1],
    ["behind the start event", 2],
    ["within a batch for an input", 3],
    ["behind an end that is not answered yet", 4],
  ])("a client that is cut %s leaves nothing behind", async (_step, last) => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    await source.streams.input("in");
    const raw = await RawSocket.connect(port);
    await raw.upgrade();
    const text = (message: unknown): string => JSON.stringify(message);
    if (last >= 1) for (const message of [start("X", "a"), start("I", "in")]) raw.sendText(text(message));
    if (last >= 2) for (const id of ["X", "I"]) expect(JSON.parse(await raw.nextText())).toEqual(started(0, id));
    if (last === 3) raw.write(encodeFrame("text", text(input("I", "in", ["cut"]))).subarray(0, 30));
    if (last === 4) raw.sendText(text(end("X")));
    raw.destroy();
    const next = await LabClient.connect(port);
    for (let request = 0; ; request++) {
      next.send(start("I", "in", request)); // it is taken for as long as the server does not know
      const answer = await next.next();
      if (JSON.stringify(answer) === text(started(request, "I"))) break;
      expect(answer).toEqual(failed("StreamAlreadyRequested", request));
    }
    await until(() => out.listeners === 0);
    expect(source.inputs.filter(({ type }) => type === "samples")).toEqual([]);
  });

  test("a listener is kept while one stream of the name is open, and given back with the last", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const [one, two] = [await LabClient.connect(port), await LabClient.connect(port)];
    for (const client of [one, two]) {
      client.send(start("X", "a"));
      await client.next();
    }
    await until(() => out.listeners === 1); // the process listens once, whoever asks
    one.send(end("X"));
    await one.next();
    out.publish(1);
    expect(await two.next()).toEqual(batch("X", "a", 1, 1));
    two.cut();
    await until(() => out.listeners === 0);
  });
});
