/** Answers in pieces: as fast as the client reads, by the process that was asked alone, and never half an answer for a whole one. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess, HttpStreamError, type HttpWriter, type IncomingHttp } from "../../../lib/process/index.ts";
import { Blob, DIALECTS, type Envelope, HTTP_SERVER_IN, ProcessId, VirtualClock } from "../../../lib/protocol/index.ts";
import { nextLoop } from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import {
  bind,
  HTTP_SERVER,
  type HttpNode,
  httpOf,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { askStream } from "../../support/http-stream.ts";
import { P, Q } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { destroyAll, RawSocket, requestHead } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";

const OK = { Ok: null };
const CLOSED = { Err: "HttpStreamClosed" };
const PATH = `/${P}/m`;
const MIB = 1024 * 1024;
const KERNEL_BUFFERS = 16 * MIB; // more than both sockets of a loopback connection hold

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

type Asked = { readonly p: Recorder; readonly envelope: Envelope; readonly id: number };

/** P has been asked for `/m`. */
async function asked(p: Recorder): Promise<Asked> {
  const { envelope, ...message } = await p.next();
  return { p, envelope, id: httpOf({ envelope, ...message }).stream_id };
}

function begin({ p, envelope }: Asked, headers: object = {}, first = ""): void {
  p.host?.respond({ body: { status: 200, headers, stream: true }, blob: Blob.of(first) }, envelope);
}

const chunk = (id: number): unknown => ({ HttpChunk: { stream_id: id } });
const end = (id: number, cut = false): unknown => ({ HttpEnd: { stream_id: id, cut } });

async function withP(
  transport: "uws" | "ws",
  options: Parameters<typeof startHttpNode>[0] = {},
): Promise<{ alice: HttpNode; p: Recorder }> {
  const alice = await startHttpNode({ transport, ...options });
  const p = alice.add(P);
  await p.ask(bind("/m"));
  return { alice, p };
}

/** Runs `onHttp` as P, with `/m` bound. */
async function withHandler(
  transport: "uws" | "ws",
  onHttp: (request: IncomingHttp) => void,
  options: Parameters<typeof startHttpNode>[0] = {},
): Promise<HttpNode> {
  const alice = await startHttpNode({ transport, ...options });
  const program = defineProcess({
    init: async (ctx) => void (await ctx.bindHttp("/m", { authenticated: false })),
    onHttp: (_state, request) => onHttp(request),
  });
  alice.node.addProcess(ProcessId.parse(P), program, {
    requestCapabilities: [HTTP_SERVER.text],
    grantCapabilities: [HTTP_SERVER.text],
  });
  return alice;
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("what is written goes out in chunks, and is there before the end", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(requestHead({ path: PATH }));
    const stream = await asked(p);
    begin(stream, { "Content-Type": "text/event-stream", "Set-Cookie": ["a=1", "b=2"] }, "one");
    const head = await client.answer();
    expect(head).toMatchObject({ status: 200, headers: { "transfer-encoding": "chunked", "set-cookie": "a=1, b=2" } });
    expect(head.headers["content-type"]).toBe("text/event-stream");
    expect(await p.ask(chunk(stream.id), "two")).toEqual(OK);
    const [chunks, last] = // where the line breaks are said to belong
      transport === "uws" ? ["3\r\none\r\n3\r\ntwo", "\r\n0\r\n\r\n"] : ["3\r\none\r\n3\r\ntwo\r\n", "0\r\n\r\n"];
    expect((await client.bytes(chunks.length)).toString()).toBe(chunks);
    expect(await p.ask(end(stream.id))).toEqual(OK);
    expect((await client.bytes(last.length)).toString()).toBe(last);
    expect(await p.ask(chunk(stream.id), "three")).toEqual(CLOSED);
  });

  test("with a Content-Length it goes out so, and no more than that is taken", async () => {
    const { alice, p } = await withP(transport);
    const answer = askStream(alice.port, { path: PATH });
    const stream = await asked(p);
    begin(stream, { "Content-Length": "6" });
    expect(await p.ask(chunk(stream.id), "four")).toEqual(OK);
    expect(await p.ask(chunk(stream.id), "too")).toEqual({ Err: "MalformedRequest" });
    expect(await p.ask(chunk(stream.id), "ok")).toEqual(OK);
    expect(await p.ask(end(stream.id))).toEqual(OK);
    expect(await answer).toMatchObject({ status: 200, headers: { "content-length": "6" }, isWhole: true });
    expect((await answer).body.toString()).toBe("fourok");
  });

  test("an end before its Content-Length cuts the connection", async () => {
    const { alice, p } = await withP(transport);
    const answer = askStream(alice.port, { path: PATH });
    const stream = await asked(p);
    begin(stream, { "Content-Length": "6" }, "four");
    await nextLoop(); // cut in the same turn, nothing has left yet
    expect(await p.ask(end(stream.id))).toEqual({ Err: "MalformedRequest" });
    expect((await answer).isWhole).toBe(false);
  });

  test.each<[what: string, finish: (stream: Asked, alice: HttpNode) => unknown]>([
    ["cuts it", ({ p, id }) => p.ask(end(id, true))],
    ["is killed", (_, alice) => alice.process(P).kill()],
    [
      "crashes and begins again",
      ({ p }, alice) => {
        alice.process(P).onExit = "Restart";
        p.onMessage = () => {
          p.onMessage = () => undefined;
          throw new Error("the process fails");
        };
        return alice.ask({ path: PATH });
      },
    ],
  ])("when its process %s the client sees that something is missing", async (_what, finish) => {
    const { alice, p } = await withP(transport);
    const answer = askStream(alice.port, { path: PATH });
    const stream = await asked(p);
    begin(stream, {}, "begun");
    await nextLoop();
    await finish(stream, alice);
    expect(await answer).toMatchObject({ status: 200, isWhole: false });
    expect(alice.faults).toEqual([]);
  });

  test("an answer that has all its bytes and no end yet does no harm when its process is killed", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(requestHead({ path: PATH }));
    begin(await asked(p), { "Content-Length": "5" }, "whole");
    expect((await client.answer()).body).toBe("whole");
    expect(() => alice.process(P).kill()).not.toThrow();
    expect((await alice.ask({ path: PATH })).status).toBe(503);
    expect(alice.faults).toEqual([]);
  });

  test("the connection carries the next request behind a streamed answer", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    for (const text of ["first", "second"]) {
      client.write(requestHead({ path: PATH }));
      const stream = await asked(p);
      begin(stream, { "Content-Length": String(text.length) });
      await p.ask(chunk(stream.id), text);
      await p.ask(end(stream.id));
      expect((await client.answer()).body).toBe(text);
    }
  });

  test("only the process that was asked may write, and nobody learns what there is", async () => {
    const { alice, p } = await withP(transport);
    const answer = askStream(alice.port, { path: PATH });
    const stream = await asked(p);
    begin(stream);
    const q = alice.add(Q);
    expect(await q.ask(chunk(stream.id), "stolen")).toEqual(CLOSED);
    expect(await q.ask(end(stream.id))).toEqual(CLOSED);
    expect(await q.ask(chunk(stream.id + 1), "x")).toEqual(CLOSED);
    await p.ask(chunk(stream.id), "mine");
    await p.ask(end(stream.id));
    expect((await answer).body.toString()).toBe("mine");
  });

  test("HEAD is answered without the body, and the process hears that nobody wants it", async () => {
    const { alice, p } = await withP(transport);
    const answer = askStream(alice.port, { path: PATH, method: "HEAD" });
    const stream = await asked(p);
    begin(stream, { "Content-Length": "6" });
    expect(await answer).toMatchObject({ status: 200, headers: { "content-length": "6" }, isWhole: true });
    expect((await p.next()).body).toEqual({ HttpClose: stream.id });
    expect(await p.ask(chunk(stream.id), "x")).toEqual(CLOSED);
  });

  test("when the client leaves, who waits for room is told, and the process hears HttpClose", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.pause();
    client.write(requestHead({ path: PATH }));
    const stream = await asked(p);
    begin(stream);
    const last = fillUp(p, stream.id);
    while (!last.isWaiting()) await nextLoop();
    client.destroy();
    expect(await last.result).toEqual(CLOSED);
    expect((await p.next()).body).toEqual({ HttpClose: stream.id });
    expect(alice.faults).toEqual([]);
  });

  test("a client that does not read holds its writer up: above what sockets hold, a window and a chunk wait", async () => {
    const { alice, p } = await withP(transport, { limits: { httpStreamWindow: 65_536, pushBytes: 262_144 } });
    const client = await RawSocket.connect(alice.port);
    client.pause();
    client.write(requestHead({ path: PATH }));
    const stream = await asked(p);
    begin(stream);
    const last = fillUp(p, stream.id);
    while (!last.isWaiting()) await nextLoop();
    expect(last.taken()).toBeLessThan(KERNEL_BUFFERS);
    // It is not taken at all while one waits: nothing grows by asking again.
    expect(await p.ask(chunk(stream.id), new Uint8Array(1))).toEqual({ Err: "LimitReached" });
    expect(await p.ask(chunk(stream.id), new Uint8Array(262_145))).toEqual({ Err: "LimitReached" });
    client.resume();
    expect(await last.result).toEqual(OK);
    expect(await p.ask(chunk(stream.id), new Uint8Array(262_144))).toEqual(OK);
    expect(await p.ask(end(stream.id))).toEqual(OK);
  });

  test("IncomingHttp.pipe() asks its source for more as the client reads, and every byte arrives in order", async () => {
    const total = 24 * MIB;
    let given = 0;
    function* source(): Generator<Uint8Array> {
      for (; given < total; given += 65_536) yield Buffer.alloc(65_536, (given / 65_536) % 251);
    }
    const alice = await withHandler(transport, (request) => void request.pipe(source(), { length: total }));
    const client = await RawSocket.connect(alice.port);
    client.pause();
    client.write(requestHead({ path: PATH }));
    let before = -1;
    for (let still = 0; still < 50; still = given === before ? still + 1 : 0) {
      before = given;
      await nextLoop();
    }
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThan(KERNEL_BUFFERS);
    client.resume();
    const { headers } = await client.answer("HEAD");
    expect(headers["content-length"]).toBe(String(total));
    for (let at = 0; at < total; at += MIB) {
      const bytes = await client.bytes(MIB);
      for (let piece = 0; piece < MIB; piece += 65_536)
        expect(bytes.subarray(piece, piece + 65_536).equals(Buffer.alloc(65_536, ((at + piece) / 65_536) % 251))).toBe(
          true,
        );
    }
    expect(given).toBe(total);
  });

  test("a source that throws cuts the answer and says so in the log", async () => {
    async function* source(): AsyncGenerator<string> {
      yield "begun";
      await nextLoop();
      throw new Error("no more of it");
    }
    const logs: string[] = [];
    const alice = await withHandler(transport, (request) => void request.pipe(source()));
    alice.node.kernel.events.listen((event) => void (event.type === "log" && logs.push(event.text)));
    expect(await askStream(alice.port, { path: PATH })).toMatchObject({ status: 200, isWhole: false });
    expect(logs).toEqual(["an answer to /m was cut: no more of it"]);
  });

  test("pipe() never rejects, though its process crashes within it, or before it", async () => {
    const gate = deferred<void>();
    const left: IncomingHttp[] = [];
    const pipes: Promise<void>[] = [];
    async function* source(): AsyncGenerator<string> {
      yield "begun";
      await gate.promise;
      yield "after the crash";
    }
    const alice = await withHandler(transport, (request) => {
      if (left.length > 0) throw new Error("the process fails");
      left.push(request);
      pipes.push(request.pipe(source()));
    });
    const answer = askStream(alice.port, { path: PATH });
    await until(() => pipes.length > 0);
    expect((await alice.ask({ path: PATH })).status).toBe(503);
    gate.resolve();
    for (const request of left) pipes.push(request.pipe(["x"]));
    expect(await Promise.all(pipes)).toEqual([undefined, undefined]);
    expect(await answer).toMatchObject({ status: 200, isWhole: false });
  });

  test("HttpWriter: closed resolves when the client leaves, and a write is rejected then", async () => {
    const began = deferred<HttpWriter>();
    const alice = await withHandler(transport, (request) => began.resolve(request.stream()));
    const client = await RawSocket.connect(alice.port);
    client.write(requestHead({ path: PATH }));
    const writer = await began.promise;
    await writer.write("hello");
    client.destroy();
    await writer.closed;
    expect(writer.isOpen).toBe(false);
    await expect(writer.write("x")).rejects.toThrow(HttpStreamError);
    await expect(writer.write("x")).rejects.toThrow(
      /^Cannot write to HTTP stream \d+ as it must be open: HttpStreamClosed, stop here$/,
    );
    void writer.write("nobody looks at this one");
    await nextLoop();
  });

  test.each(DIALECTS)("HttpWriter: closed resolves in a process of %s, though its mailbox is full", async (dialect) => {
    const began = deferred<HttpWriter>();
    const goesOn = deferred<void>();
    const alice = await startHttpNode({ transport, nodeOptions: { limits: { mailbox: 1 } } });
    const program = defineProcess({
      init: async (ctx) => void (await ctx.bindHttp("/m", { authenticated: false })),
      onHttp: async (_state, request) => {
        if (request.method === "GET") began.resolve(request.stream());
        else await goesOn.promise;
      },
    });
    const allowed = [HTTP_SERVER_IN[dialect].text];
    const capabilities = { requestCapabilities: allowed, grantCapabilities: allowed };
    alice.node.addProcess(ProcessId.parse(P), program, { ...capabilities, dialect });
    const client = await RawSocket.connect(alice.port);
    client.write(requestHead({ path: PATH }));
    const writer = await began.promise;
    await writer.write("hello");
    for (let asked = 0; asked < 2; asked++) void alice.ask({ path: PATH, method: "PUT" }).catch(() => undefined);
    await until(() => alice.process(P).mailbox.length === 1);
    client.destroy();
    await until(() => alice.process(P).mailbox.length === 2); // beyond its limit
    goesOn.resolve();
    await writer.closed;
    expect(writer.isOpen).toBe(false);
  });

  test("many slow readers of one large content share its bytes, and each gets all of them", async () => {
    const size = 24 * MIB;
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { cache: true }), Buffer.alloc(size, 7));
    const before = process.memoryUsage();
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawSocket.connect(alice.port)));
    for (const client of clients) {
      client.pause();
      client.write(requestHead({ path: PATH, headers: { "accept-encoding": "identity" } }));
    }
    for (let turn = 0; turn < 200; turn++) await nextLoop();
    const after = process.memoryUsage();
    // A copy for each would be 16 × and 8 ×, as `external` has `arrayBuffers` in it; the slack is the worker's own garbage.
    expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(4 * size);
    expect(after.rss - before.rss).toBeLessThan(6 * size); // what uWebSockets.js would copy is counted here alone
    for (const client of clients) {
      client.resume();
      expect((await client.answer("HEAD")).headers["content-length"]).toBe(String(size));
      let left = size;
      for (; left > 0; left -= MIB) await client.bytes(MIB);
      client.destroy();
    }
  }, 120_000);
});

test("httpStreamIdle: a streamed answer that nothing moves is cut, and its process hears so", async () => {
  const clock = new VirtualClock();
  const { alice, p } = await withP("uws", { nodeOptions: { clock }, limits: { httpStreamIdle: 60 } });
  const answer = askStream(alice.port, { path: PATH });
  const stream = await asked(p);
  begin(stream, {}, "begun");
  await nextLoop();
  clock.advance(40_000);
  expect(await p.ask(chunk(stream.id), "still there")).toEqual(OK);
  clock.advance(59_000);
  expect(await p.ask(chunk(stream.id), "still there")).toEqual(OK);
  clock.advance(61_100);
  expect(await answer).toMatchObject({ isWhole: false });
  expect((await p.next()).body).toEqual({ HttpClose: stream.id });
});

test("httpStreams: one more than the limit gets 503", async () => {
  const { alice, p } = await withP("uws", { limits: { httpStreams: 1 } });
  void askStream(alice.port, { path: PATH }).catch(() => undefined);
  begin(await asked(p), {}, "begun");
  const second = askStream(alice.port, { path: PATH });
  begin(await asked(p), {}, "begun");
  expect(await second).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
});

test.each(TRANSPORTS)(
  "over %s, a beginning longer than its Content-Length is 500, and none of it goes out",
  async (transport) => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(requestHead({ path: PATH }));
    const stream = await asked(p);
    begin(stream, { "Content-Length": "3" }, "abcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    expect(await client.answer()).toMatchObject({ status: 500, body: "" });
    expect((await p.next()).body).toEqual({ HttpClose: stream.id });
    client.write(requestHead({ path: PATH }));
    begin(await asked(p), { "Content-Length": "3" }, "abc");
    expect(await client.answer()).toMatchObject({ status: 200, body: "abc" }); // nothing is in between
  },
);

test("an answer whose stream or Content-Length is none is 500", async () => {
  const { alice, p } = await withP("uws");
  for (const body of [
    { status: 200, stream: "yes" },
    { status: 200, headers: { "Content-Length": "-1" }, stream: true },
  ]) {
    const answer = alice.ask({ path: PATH });
    const { envelope } = await p.next();
    p.host?.respond({ body }, envelope);
    expect((await answer).status).toBe(500);
  }
});

/** Writes 64 KiB after 64 KiB, each when the one before was answered. */
function fillUp(
  p: Recorder,
  id: number,
): { readonly result: Promise<unknown>; readonly isWaiting: () => boolean; readonly taken: () => number } {
  let taken = 0;
  let loops = 0;
  const fill = async (): Promise<unknown> => {
    for (;;) {
      const answering = p.ask(chunk(id), new Uint8Array(65_536));
      taken += 65_536;
      const counting = setInterval(() => loops++, 0);
      const answer = await answering;
      clearInterval(counting);
      const hasWaited = loops > 100;
      loops = 0;
      if (hasWaited || JSON.stringify(answer) !== '{"Ok":null}') return answer;
      await nextLoop();
    }
  };
  return { result: fill(), isWaiting: () => loops > 100, taken: () => taken };
}
