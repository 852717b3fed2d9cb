/** Request bodies that their process reads in pieces: no faster than it reads, up to a limit, at a least pace. */
import net from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess, type IncomingHttp } from "../../../lib/process/index.ts";
import { Address, ProcessId, VirtualClock } from "../../../lib/protocol/index.ts";
import { nextLoop } from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import {
  HTTP_SERVER,
  type HttpNode,
  httpOf,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { askStream } from "../../support/http-stream.ts";
import { P, Q } from "../../support/node.ts";
import type { Recorded, Recorder } from "../../support/recorder.ts";
import { destroyAll, RawSocket, requestHead } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";

const PATH = `/${P}/m`;
const MIB = 1024 * 1024;
const KERNEL_BUFFERS = 16 * MIB; // more than both sockets of a loopback connection hold
const MORE = { Ok: { done: false } };
const DONE = { Ok: { done: true } };
const CLOSED = { Err: "HttpStreamClosed" };

const bindStreamed = { Bind: { path: "/m", authenticated: false, local_only: false, cache: false, stream_body: true } };
const read = (id: number): unknown => ({ HttpRead: { stream_id: id } });

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

async function withP(
  transport: "uws" | "ws",
  options: Parameters<typeof startHttpNode>[0] = {},
): Promise<{ alice: HttpNode; p: Recorder }> {
  const alice = await startHttpNode({ transport, ...options });
  const p = alice.add(P);
  await p.ask(bindStreamed);
  return { alice, p };
}

/** Runs `onHttp` as P, which reads the bodies of `/m` itself. */
async function withHandler(transport: "uws" | "ws", onHttp: (request: IncomingHttp) => unknown): Promise<HttpNode> {
  const alice = await startHttpNode({ transport });
  const program = defineProcess({
    init: async (ctx) => void (await ctx.bindHttp("/m", { authenticated: false, streamBody: true })),
    onHttp: (_state, request) => void onHttp(request),
  });
  alice.node.addProcess(ProcessId.parse(P), program, {
    requestCapabilities: [HTTP_SERVER.text],
    grantCapabilities: [HTTP_SERVER.text],
  });
  return alice;
}

function post(headers: Record<string, string>): string {
  return requestHead({ method: "POST", path: PATH, headers });
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("the process is asked before the body has come, and reads it as it comes", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(post({ "content-length": "6" }));
    const message = await p.next();
    const { stream_id: id, stream_body: isStreamed } = httpOf(message);
    expect([isStreamed, message.text]).toEqual([true, ""]);
    const first = p.askFor(read(id));
    client.write("abc");
    expect(await first).toEqual([MORE, "abc"]);
    client.write("def");
    expect(await p.askFor(read(id))).toEqual([MORE, "def"]);
    expect(await p.askFor(read(id))).toEqual([DONE, null]);
    expect(await p.askFor(read(id))).toEqual([DONE, null]);
    p.host?.respond({ body: { status: 201 } }, message.envelope);
    expect((await client.answer()).status).toBe(201);
    expect(await p.askFor(read(id))).toEqual([CLOSED, null]);
  });

  test.each<[what: string, headers: Record<string, string>, body: string, read: string]>([
    ["none", {}, "", ""],
    ["one in chunks", { "transfer-encoding": "chunked" }, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef"],
    ["one that the client asks about", { expect: "100-continue", "content-length": "3" }, "abc", "abc"],
  ])("IncomingHttp.body() reads %s", async (_what, headers, body, whole) => {
    const alice = await withHandler(transport, async (request) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of request.body()) pieces.push(piece);
      request.reply(Buffer.concat(pieces).toString());
    });
    const client = await RawSocket.connect(alice.port);
    client.write(post(headers));
    if (headers.expect !== undefined) expect((await client.answer()).status).toBe(100);
    client.write(body);
    expect(await client.answer()).toMatchObject({ status: 200, body: whole });
  });

  test("only the process that was asked reads, one read at a time, and somebody has to wait for it", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(post({ "content-length": "3" }));
    const { stream_id: id } = httpOf(await p.next());
    expect(await alice.add(Q).ask(read(id))).toEqual(CLOSED);
    const first = p.ask(read(id));
    expect(await p.ask(read(id))).toEqual({ Err: "MalformedRequest" });
    client.write("abc");
    expect(await first).toEqual(MORE);
    p.host?.tell(new Address(alice.node.name, HTTP_SERVER), read(id), null);
    await nextLoop();
    expect(alice.node.kernel.deadLetters.counts()).toEqual({ refused: 1 });
  });

  test("a process that does not read leaves the body with the client: its socket is not read", async () => {
    const { alice, p } = await withP(transport, { limits: { httpStreamWindow: 65_536 } });
    const client = net.connect({ port: alice.port, host: "127.0.0.1" });
    client.on("error", () => {});
    const total = 48 * MIB;
    client.write(post({ "content-length": String(total) }));
    const message = await p.next();
    const piece = Buffer.alloc(65_536, 7);
    let sent = 0;
    const send = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!client.write(piece)) break;
      }
    };
    client.on("drain", send);
    send();
    await atRest(() => sent);
    expect(sent).toBeLessThan(KERNEL_BUFFERS);

    const { stream_id: id } = httpOf(message);
    const before = sent;
    let got = 0;
    for (let answer = await p.askFor(read(id)); answer[0] !== undefined; answer = await p.askFor(read(id))) {
      if (JSON.stringify(answer[0]) === JSON.stringify(DONE)) break;
      got += answer[1]?.length ?? 0;
      if (got % (8 * MIB) < 65_536) await nextLoop();
    }
    expect(got).toBe(total);
    expect(sent).toBeGreaterThan(before);
    client.destroy();
  });

  test("a body that comes in one burst is whole, however late its process begins to read", async () => {
    const { alice, p } = await withP(transport);
    const client = net.connect({ port: alice.port, host: "127.0.0.1" });
    const total = 3 * MIB; // the operating system takes it all
    client.write(post({ "content-length": String(total) }));
    const written = deferred<void>();
    client.write(Buffer.alloc(total, 7), () => written.resolve());
    const { stream_id: id } = httpOf(await p.next());
    await written.promise;
    for (let n = 0; n < 20; n++) await nextLoop(); // and the server has read what it will
    let got = 0;
    for (
      let answer = await p.askFor(read(id));
      JSON.stringify(answer[0]) === JSON.stringify(MORE);
      answer = await p.askFor(read(id))
    )
      got += answer[1]?.length ?? 0;
    expect(got).toBe(total);
    client.destroy();
  });

  test("the body may be answered as it comes: read a piece, write a piece", async () => {
    const alice = await withHandler(transport, (request) => request.pipe(request.body()));
    const body = Buffer.alloc(6 * MIB, "0123456789abcdef");
    const answer = await askStream(alice.port, {
      method: "POST",
      path: PATH,
      body,
      headers: { "content-length": body.length },
    });
    expect(answer.isWhole).toBe(true);
    expect(answer.body.equals(body)).toBe(true);
  });

  test("a client that sends on and does not read what it is answered is held up, or cut where it cannot be", async () => {
    const alice = await withHandler(transport, (request) => request.pipe(request.body()));
    const client = net.connect({ port: alice.port, host: "127.0.0.1" });
    const gone = deferred<void>();
    client.on("error", () => {});
    client.once("close", () => gone.resolve());
    client.pause();
    const total = 64 * MIB;
    client.write(post({ "content-length": String(total) }));
    const piece = Buffer.alloc(65_536, 7);
    let sent = 0;
    const send = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!client.write(piece)) break;
      }
    };
    client.on("drain", send);
    send();
    if (transport === "uws") await gone.promise;
    else await atRest(() => sent);
    expect(sent).toBeLessThan(2 * KERNEL_BUFFERS); // each way
    client.destroy();
    expect(alice.faults).toEqual([]);
  });

  test("when the client leaves within its body, the read ends and the process hears HttpClose", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(`${post({ "content-length": "6" })}abc`);
    const { stream_id: id } = httpOf(await p.next());
    expect(await p.askFor(read(id))).toEqual([MORE, "abc"]);
    const last = p.ask(read(id));
    client.destroy();
    expect(await last).toEqual(CLOSED);
    expect((await p.next()).body).toEqual({ HttpClose: id });
  });

  test("its process crashes after it was asked: 503 at once, and nothing waits for the answer", async () => {
    const { alice, p } = await withP(transport);
    alice.process(P).onExit = "Restart";
    const client = await RawSocket.connect(alice.port);
    client.write(`${post({ "content-length": "6" })}abc`);
    const { stream_id: id } = httpOf(await p.next());
    p.onMessage = () => {
      p.onMessage = () => undefined;
      throw new Error("the process fails");
    };
    expect((await askStream(alice.port, { path: PATH, method: "POST", body: "" })).status).toBe(503);
    expect((await client.answer()).status).toBe(503);
    expect(alice.process(HTTP_SERVER.text).pending?.size).toBe(0);
    expect(await p.askFor(read(id))).toEqual([CLOSED, null]);
    expect(alice.faults).toEqual([]);
  });

  test("a request that waits in the mailbox of a process that crashes is for the next incarnation, body and all", async () => {
    const fails = deferred<void>();
    const begun = deferred<void>();
    let asked = 0;
    const alice = await startHttpNode({ transport });
    const program = defineProcess({
      init: async (ctx) => void (await ctx.bindHttp("/m", { authenticated: false, streamBody: true })),
      async onHttp(_state, request) {
        if (++asked === 1) {
          begun.resolve();
          await fails.promise;
          throw new Error("the process fails");
        }
        const pieces: Uint8Array[] = [];
        for await (const piece of request.body()) pieces.push(piece);
        request.reply(Buffer.concat(pieces).toString());
      },
    });
    const capabilities = { requestCapabilities: [HTTP_SERVER.text], grantCapabilities: [HTTP_SERVER.text] };
    alice.node.addProcess(ProcessId.parse(P), program, { ...capabilities, onExit: "Restart" });
    const first = askStream(alice.port, { path: PATH, method: "POST", body: "" });
    await begun.promise;
    const second = await RawSocket.connect(alice.port);
    second.write(`${post({ "content-length": "6" })}abc`);
    await until(() => alice.process(P).mailbox.length === 1);
    fails.resolve();
    expect((await first).status).toBe(503);
    second.write("def");
    expect(await second.answer()).toMatchObject({ status: 200, body: "abcdef" });
  });

  test.each([
    ["reads its body", bindStreamed],
    ["does not", { Bind: { path: "/m", authenticated: false, local_only: false, cache: false } }],
  ])("pendingRequests: a client that leaves gives its place back, where its process %s", async (_what, binding) => {
    const nodeOptions = { limits: { pendingRequests: 2 } };
    const { alice, p } = await withP(transport, { nodeOptions });
    await p.ask(binding);
    const left: Recorded[] = [];
    for (let i = 0; i < 6; i++) {
      const client = await RawSocket.connect(alice.port);
      client.write(post({ "content-length": "0" }));
      const message = await p.next();
      left.push(message);
      client.destroy();
      await until(() => alice.process(HTTP_SERVER.text).pending?.size === 0);
      if (httpOf(message).stream_body) expect((await p.next()).body).toEqual({ HttpClose: httpOf(message).stream_id });
    }
    // Late answers are taken: no dead letter for each client that leaves, and one that begins a stream is told.
    const [whole, stream, ...others] = left;
    for (const each of [whole, ...others])
      if (each !== undefined) p.host?.respond({ body: { status: 200 } }, each.envelope);
    if (stream !== undefined) {
      p.host?.respond({ body: { status: 200, stream: true } }, stream.envelope);
      expect((await p.next()).body).toEqual({ HttpClose: httpOf(stream).stream_id });
    }
    expect(alice.node.kernel.deadLetters.counts()).toEqual({});
    if (whole !== undefined) p.host?.respond({ body: { status: 200 } }, whole.envelope);
    expect(alice.node.kernel.deadLetters.counts()).toEqual({ unexpected_answer: 1 });
    expect(alice.faults).toEqual([]);
  });

  test("an answer before the end of the body ends the connection", async () => {
    const { alice, p } = await withP(transport);
    const client = await RawSocket.connect(alice.port);
    client.write(`${post({ "content-length": String(MIB) })}abc`);
    const { envelope } = await p.next();
    p.host?.respond({ body: { status: 403 } }, envelope);
    expect(await client.answer()).toMatchObject({ status: 403, headers: { connection: "close" } });
    await client.ended;
  });

  test("httpStreamBytes: an announced body above it is refused before it comes, and nobody is asked", async () => {
    const { alice, p } = await withP(transport, { limits: { httpStreamBytes: 10, httpBodyBytes: 1 } });
    const whole = await RawSocket.connect(alice.port);
    whole.write(`${post({ "content-length": "10" })}0123456789`);
    const taken = await p.next();
    expect(await p.askFor(read(httpOf(taken).stream_id))).toEqual([MORE, "0123456789"]);
    const announced = await RawSocket.connect(alice.port);
    announced.write(post({ "content-length": "11" }));
    expect(await announced.answer()).toMatchObject({
      status: 413,
      headers: { connection: "close" },
      body: "Cannot take this body as it must be at most 10 bytes: send less\n",
    });
    await announced.ended;
    expect(p.waiting).toEqual([]); // it was never asked
  });

  test("httpStreamBytes: who waits for the piece that is too much is told", async () => {
    const { alice, p } = await withP(transport, { limits: { httpStreamBytes: 10 } });
    const client = await RawSocket.connect(alice.port);
    client.write(`${post({ "transfer-encoding": "chunked" })}6\r\n123456\r\n`);
    const { stream_id: id } = httpOf(await p.next());
    expect(await p.askFor(read(id))).toEqual([MORE, "123456"]);
    const next = p.ask(read(id));
    client.write("5\r\n12345\r\n");
    expect(await next).toEqual({ Err: "HttpBodyTooLarge" });
    expect((await client.answer()).status).toBe(413);
    await client.ended;
  });

  test("httpBodyPace: a streamed body that comes more slowly gets 408, and its reader is told", async () => {
    const { alice, p } = await withP(transport, { limits: { httpPaceSeconds: 1, httpBodyPace: 4 } });
    const client = await RawSocket.connect(alice.port);
    client.write(`${post({ "content-length": "9" })}abc`);
    const { stream_id: id } = httpOf(await p.next());
    expect(await p.askFor(read(id))).toEqual([MORE, "abc"]);
    expect(await p.ask(read(id))).toEqual({ Err: "HttpBodyTooSlow" });
    expect(await client.answer()).toMatchObject({ status: 408, headers: { connection: "close" } });
    await client.ended;
  });
});

test("case 54: httpSeconds begin anew with each read, and do not run while one waits for the client", async () => {
  const clock = new VirtualClock();
  const { alice, p } = await withP("uws", { nodeOptions: { clock } });
  const client = await RawSocket.connect(alice.port);
  client.write(`${post({ "content-length": "9" })}abc`);
  const { stream_id: id } = httpOf(await p.next());
  clock.advance(14_000);
  expect(await p.askFor(read(id))).toEqual([MORE, "abc"]);
  const waits = p.askFor(read(id), 600);
  await nextLoop(); // it has arrived
  clock.advance(60_000);
  client.write("def");
  expect(await waits).toEqual([MORE, "def"]);
  clock.advance(13_900);
  const answer = deferred<number>();
  void client.answer().then(({ status }) => answer.resolve(status));
  expect(await p.askFor({ HttpRead: { stream_id: id + 1 } })).toEqual([CLOSED, null]);
  clock.advance(1_200);
  expect(await answer.promise).toBe(408);
  expect((await p.next()).body).toEqual({ HttpClose: id });
});

/** Waits until `count` stays as it is. */
async function atRest(count: () => number): Promise<void> {
  for (let still = 0, before = -1; still < 100; still = count() === before ? still + 1 : 0) {
    before = count();
    await nextLoop();
  }
}
