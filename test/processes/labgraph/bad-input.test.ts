/** Contract labgraph §6 over real sockets: each row's answer, after which the connection goes on; and what is no WebSocket. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import {
  batch,
  cutClients,
  end,
  ended,
  failed,
  LABGRAPH,
  LabClient,
  start,
  started,
  startLabgraph,
} from "../../support/labgraph.ts";
import { destroyAll, encodeFrame, RawSocket } from "../../support/sockets.ts";

const LARGEST = 1_048_576; // bytes

/** Each row that leaves the connection open. */
const ROWS: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["not JSON", "hello", "InvalidMessageFormat"],
  ["not JSON, with a start's name", "{start_stream_request", "InvalidMessageFormat"],
  ["not JSON, with an end's name", "end_stream_request}", "InvalidMessageFormat"],
  ["JSON that is no object", "[1]", "InvalidMessageFormat"],
  [
    "a request without api_version",
    '{"api_request":{"request_id":0,"start_stream_request":{"stream_id":"Z","a":{}}}}',
    "InvalidMessageFormat",
  ],
  ["neither api_request nor stream_batch", '{"api_version":"0.1"}', "MessageNotSupported"],
  ["an unknown kind of request", '{"api_version":"0.1","api_request":{"request_id":0,"x":{}}}', "MessageNotSupported"],
  [
    "a request without request_id",
    '{"api_version":"0.1","api_request":{"start_stream_request":{"stream_id":"Z","a":{}}}}',
    "InvalidMessageFormat",
  ],
  [
    "a start without stream_id",
    '{"api_version":"0.1","api_request":{"request_id":0,"start_stream_request":{"a":{}}}}',
    "InvalidMessageFormat",
  ],
  [
    "a start without a name",
    '{"api_version":"0.1","api_request":{"request_id":0,"start_stream_request":{"stream_id":"Z"}}}',
    "InvalidMessageFormat",
  ],
  [
    "a start with two names",
    '{"api_version":"0.1","api_request":{"request_id":0,"start_stream_request":{"stream_id":"Z","a":{},"b":{}}}}',
    "InvalidMessageFormat",
  ],
  ["an event", '{"api_version":"0.1","api_event":{"request_id":0}}', "MessageNotSupported"],
  [
    "a batch for an unknown id",
    '{"api_version":"0.1","stream_batch":{"stream_id":"?","a":{"samples":[1],"batch_num":1}}}',
    "StreamIDNotFound",
  ],
  [
    "a batch whose text has a request's name in it",
    '{"api_version":"0.1","stream_batch":{"stream_id":"end_stream_request","a":{"samples":[1]}}}',
    "StreamIDNotFound",
  ],
  ["a binary frame", new TextEncoder().encode(JSON.stringify(start("Z", "a"))), "InvalidMessageFormat"],
  ["an empty binary frame", new Uint8Array(), "InvalidMessageFormat"],
];

afterEach(async () => {
  cutClients();
  destroyAll();
  await stopNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each(ROWS)("%s: an error without a request id, and nothing is lost", async (_row, bad, code) => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const client = await LabClient.connect(port);
    client.send(bad); // before anything else
    expect(await client.next()).toEqual(failed(code));
    client.send(start("X", "a"));
    client.send(bad); // while a start is under way
    expect(await client.next()).toEqual(started(0, "X"));
    expect(await client.next()).toEqual(failed(code));
    out.publish(1);
    expect(await client.next()).toEqual(batch("X", "a", 1, 1));
    client.send(bad); // in the stream
    expect(await client.next()).toEqual(failed(code));
    out.publish(2);
    expect(await client.next()).toEqual(batch("X", "a", 2, 2));
    client.send(end("X"));
    client.send(bad); // behind its end
    expect(await client.next()).toEqual(ended(0, "X"));
    expect(await client.next()).toEqual(failed(code));
  });

  test("a message of 1,048,576 bytes is taken, one byte more closes with 1009 and frees what the session had", async () => {
    const { port, source } = await startLabgraph(transport);
    await source.streams.input("in");
    const client = await LabClient.connect(port);
    client.send(start("I", "in"));
    await client.next();
    const padded = (bytes: number): string => {
      const text = '{"stream_batch":{"stream_id":"I","in":{"samples":[""]}}}';
      return text.replace('""', `"${"a".repeat(bytes - text.length)}"`);
    };
    client.send(padded(LARGEST));
    await until(() => source.inputs.some(({ type }) => type === "samples"));
    client.send(padded(LARGEST + 1));
    expect(await client.closed).toEqual({ code: 1009, reason: "a message has at most 1048576 bytes" });
    await until(() => source.inputs.at(-1)?.type === "closed");
    expect(source.inputs.filter(({ type }) => type === "samples")).toHaveLength(1);
  });

  test("frames behind one that closes are not answered", async () => {
    const { port } = await startLabgraph(transport);
    const client = await RawSocket.connect(port);
    await client.upgrade();
    client.sendText("x".repeat(LARGEST + 1));
    client.sendText(JSON.stringify(end("X")));
    expect(await client.nextClose()).toEqual({ code: 1009, reason: "a message has at most 1048576 bytes" });
  });

  test("a client that is cut within a message, or says what is no frame, leaves the others alone", async () => {
    const { port, source } = await startLabgraph(transport);
    const out = await source.streams.output("a");
    const good = await LabClient.connect(port);
    good.send(start("X", "a"));
    await good.next();
    const bad = await RawSocket.connect(port);
    await bad.upgrade();
    bad.sendText(JSON.stringify(start("X", "a")));
    expect(JSON.parse(await bad.nextText())).toEqual(started(0, "X"));
    bad.write(Buffer.from([0x81, 0xfe, 0x00])); // the head of a frame, not all of it
    bad.destroy();
    const worse = await RawSocket.connect(port);
    await worse.upgrade();
    worse.write(encodeFrame(3, "no such opcode"));
    await worse.ended;
    const half = await RawSocket.connect(port);
    half.write("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: webs");
    half.destroy();
    out.publish(1);
    expect(await good.next()).toEqual(batch("X", "a", 1, 1));
  });

  test.each([
    ["GET", "/", {}],
    ["GET", "/x/y?z=1", { accept: "text/html" }], // the page is at / only
    ["GET", "/", { accept: "*/*" }],
    ["POST", "/", { accept: "text/html" }],
  ])("plain HTTP, %s %s with %p: 426, and what to upgrade to", async (method, path, headers) => {
    const { port } = await startLabgraph(transport);
    const client = await RawSocket.connect(port);
    const answer = await client.request({ method, path, headers: { "content-length": "0", ...headers } });
    expect(answer).toMatchObject({
      status: 426,
      headers: { upgrade: "websocket", "content-type": "text/plain; charset=utf-8" },
      body: "LabGraph's API is a WebSocket: its live page is for browsers, at /\n",
    });
    await client.upgrade(); // on the same connection
  });

  test("a browser that opens / is sent to the page, by its own port and by the main one", async () => {
    const { port, on } = await startLabgraph(transport);
    const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
    for (const [at, path, page] of [
      [port, "/", "/index.html"],
      [on.port, `/${LABGRAPH}/`, `/${LABGRAPH}/index.html`],
      [on.port, `/${LABGRAPH}`, `/${LABGRAPH}/index.html`],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${at}${path}`, { headers });
      expect(answer.status).toBe(200);
      expect(new URL(answer.url).pathname).toBe(page);
      expect(await answer.text()).toContain("LabGraph");
    }
    expect((await fetch(`http://127.0.0.1:${port}/uplot.js`)).status).toBe(200);
  });

  describe("origins", () => {
    const origin = "https://elsewhere.example";

    test("by default pages of any may connect, and programs, which name none", async () => {
      const { port } = await startLabgraph(transport);
      await LabClient.connect(port, "/", { headers: { origin } });
      await LabClient.connect(port);
    });

    test("with a list, those on it and programs", async () => {
      const { port } = await startLabgraph(transport, { settings: { origins: [origin] } });
      await LabClient.connect(port, "/a", { headers: { origin } });
      await LabClient.connect(port);
      const refused = LabClient.connect(port, "/", { headers: { origin: "https://other.example" } });
      await expect(refused).rejects.toThrow("Unexpected server response: 403");
    });
  });
});
