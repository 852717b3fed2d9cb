/** Refused upgrades are HTTP answers with a status and a text (contract kinode §10 cases 120, 121; DESIGN §4.10). */
import net from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  bindWs,
  connectMain,
  hear,
  openChannel,
  registration,
  startWithP,
  stopNodes,
  TRANSPORTS,
  until,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P } from "../../support/node.ts";
import { type HttpAnswer, RawSocket, upgradeHead } from "../../support/sockets.ts";

async function tryUpgrade(port: number, path = "/", headers = {}): Promise<HttpAnswer> {
  const client = await RawSocket.connect(port);
  return await client.tryUpgrade({ path, headers });
}

/** The shape of every refusal. */
function expectRefusal(answer: HttpAnswer, status: number, text: RegExp): void {
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(answer.headers["content-length"]).toBe(String(Buffer.byteLength(answer.body)));
  expect(answer.body).toMatch(text);
  expect(answer.headers["retry-after"]).toBe(status === 503 || status === 429 ? "5" : undefined);
}

describe.each(TRANSPORTS)("%s upgrade", (transport) => {
  afterEach(stopNodes);

  test("401: the path wants a login", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    expectRefusal(await tryUpgrade(on.port, `/${P}`), 401, /^log in first\n$/);
  });

  test("404: nothing is bound there", async () => {
    const { on } = await startWithP(transport);
    expectRefusal(await tryUpgrade(on.port, "/nope"), 404, /^no WebSocket is bound to this path\n$/);
  });

  test.each(["http://evil.example", "null", "http://localhost:1", "http://localhost.evil.example", "file://"])(
    "403: a page of origin %s, logged in or not, on any path",
    async (origin) => {
      const { on, p } = await startWithP(transport);
      await p.ask(bindWs("/"));
      const headers = { origin, cookie: on.cookie };
      expectRefusal(await tryUpgrade(on.port, "/", headers), 403, /--allow-origin/);
      expectRefusal(await tryUpgrade(on.port, `/${P}`, headers), 403, /--allow-origin/);
      expectRefusal(await tryUpgrade(on.port, "/nope", headers), 403, /--allow-origin/);
    },
  );

  test("a page of the node's own origin, of an allowed one, and a program without one are taken", async () => {
    const { on } = await startWithP(transport, { allowedOrigins: ["https://app.example"] });
    for (const origin of ["http://localhost", "https://localhost", "https://app.example"]) {
      expect([origin, (await tryUpgrade(on.port, "/", { origin })).status]).toEqual([origin, 101]);
    }
    expect((await tryUpgrade(on.port)).status).toBe(101);
    expect((await tryUpgrade(on.port, "/", { origin: "https://app.example:444" })).status).toBe(403);
  });

  test("503: limits.channels sockets are open; one fewer and there is room again", async () => {
    const { on, p } = await startWithP(transport, { limits: { channels: 2 } });
    const { client, id } = await openChannel(on);
    await connectMain(on);
    expectRefusal(await tryUpgrade(on.port), 503, /^limits\.channels is 2 sockets/);
    client.sendClose(1000);
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000`]);
    await openChannel(on);
    expectRefusal(await tryUpgrade(on.port), 503, /^limits\.channels/);
  });

  test("503: limits.unregistered sockets have not registered; registered ones do not count", async () => {
    const { on } = await startWithP(transport, { limits: { unregistered: 2 } });
    const first = await connectMain(on);
    const second = await connectMain(on);
    expectRefusal(await tryUpgrade(on.port), 503, /^limits\.unregistered is 2 sockets/);
    first.sendText(JSON.stringify(registration(on)));
    await first.nextText();
    const third = await connectMain(on);
    expect((await tryUpgrade(on.port)).status).toBe(503);
    second.destroy(); // one that leaves
    await until(() => on.server.openSockets === 2);
    third.sendText("nonsense"); // one that is refused
    await third.nextText();
    await connectMain(on);
    await connectMain(on);
    expect((await tryUpgrade(on.port)).status).toBe(503);
  });

  test("503: limits.unregistered does not count a path that binds its channels", async () => {
    const { on, p } = await startWithP(transport, { limits: { unregistered: 1 } });
    await p.ask(bindWs("/"));
    await connectMain(on);
    expect((await tryUpgrade(on.port, `/${P}`, { cookie: on.cookie })).status).toBe(101);
  });

  test("503: a path whose process has ended", async () => {
    const { on, p, process } = await startWithP(transport);
    await p.ask(bindWs("/"));
    process.kill();
    expectRefusal(await tryUpgrade(on.port, `/${P}`, { cookie: on.cookie }), 503, /^its process has ended\n$/);
  });

  test("429: limits.channelsPerAddress sockets of one address; another has room", async () => {
    const { on } = await startWithP(transport, { limits: { channelsPerAddress: 2 } });
    const first = await connectMain(on);
    await connectMain(on);
    expectRefusal(await tryUpgrade(on.port), 429, /^limits\.channelsPerAddress is 2 sockets/);
    const other = deferred();
    const elsewhere = new RawSocket(
      net.connect({ host: "127.0.0.1", port: on.port, localAddress: "127.0.0.2" }, () => other.resolve()),
    );
    await other.promise;
    expect((await elsewhere.tryUpgrade()).status).toBe(101);
    first.destroy();
    await until(() => on.server.openSockets === 2);
    expect((await tryUpgrade(on.port)).status).toBe(101);
    expect((await tryUpgrade(on.port)).status).toBe(429);
  });

  test("503: the node is stopping, for a connection that was there before", async () => {
    const { on, p } = await startWithP(transport);
    const mayEnd = deferred();
    p.onMessage = () => mayEnd.promise; // in hand while the node drains
    await openChannel(on);
    await p.next();
    const late = await RawSocket.connect(on.port);
    const head = upgradeHead();
    late.write(head.slice(0, 20)); // it has begun to ask
    await connectMain(on); // and was accepted: this one came after it
    const stop = on.node.stop();
    late.write(head.slice(20));
    expectRefusal(await late.answer(), 503, /^the node is stopping\n$/);
    mayEnd.resolve();
    await stop;
  });

  test("after the stop nobody listens", async () => {
    const { on } = await startWithP(transport);
    await on.node.stop();
    await expect(RawSocket.connect(on.port)).rejects.toThrow("ECONNREFUSED");
  });
});
