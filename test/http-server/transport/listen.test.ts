import net from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ListenError } from "../../../http-server/transport/index.ts";
import type { TransportOptions } from "../../../http-server/transport/transport.ts";
import { OptionError } from "../../../lib/protocol/index.ts";
import { RawSocket, requestHead } from "../../support/sockets.ts";
import { deferred, openPair, start, stopAll, TRANSPORTS } from "./harness.ts";

/** A port nobody listens on. A listener on port 0 would not do: uWebSockets.js cannot reopen such a one for a minute. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.each(TRANSPORTS)("%s listener", (name, listen) => {
  afterEach(stopAll);

  test("has its transport's name, its host, and the port it was given for 0", async () => {
    const { listener } = await start(listen);
    expect(listener).toMatchObject({ transport: name, host: "127.0.0.1" });
    expect(listener.port).toBeGreaterThan(0);
  });

  test.each(TRANSPORTS)("on a port that %s has taken fails with a ListenError", async (_other, otherListen) => {
    const { port } = await start(otherListen);
    const failed = start(listen, {}, { port });
    await expect(failed).rejects.toBeInstanceOf(ListenError);
    await expect(failed).rejects.toMatchObject({
      code: "port_unavailable",
      port,
      message: `Cannot listen on "127.0.0.1:${port}" as the port is taken or not allowed, or the address is not this machine's: choose another with --port, --mount or --host`,
    });
  });

  test("on a host that is none fails with a ListenError", async () => {
    await expect(start(listen, {}, { host: "192.0.2.1" })).rejects.toBeInstanceOf(ListenError); // RFC 5737: nobody's
  });

  test.each<[keyof TransportOptions, number, number]>([
    ["idleTimeout", 8, 7],
    ["idleTimeout", 960, 961],
    ["maxBackpressure", 1, 0],
    ["compressBytes", 1, 0],
    ["maxPayload", 1, 0],
  ])("takes %s %i and refuses %i", async (option, allowed, refused) => {
    await start(listen, {}, { [option]: allowed });
    const failed = start(listen, {}, { [option]: refused });
    await expect(failed).rejects.toBeInstanceOf(OptionError);
    await expect(failed).rejects.toThrow(new RegExp(`${option} must be .*: got ${refused}`));
  });

  test("on :: shows an IPv4 client's address in its plain form, and IPv6 shortened", async () => {
    const { port } = await start(
      listen,
      { http: (request, response) => response.send(200, [], request.remoteAddress) },
      { host: "::" },
    );
    const v4 = await RawSocket.connect(port, "127.0.0.1");
    expect((await v4.request()).body).toBe("127.0.0.1");
    const v6 = await RawSocket.connect(port, "::1");
    expect((await v6.request()).body).toBe("::1");
  });

  test("stopListening() refuses new connections and keeps open ones", async () => {
    const { listener, client, port } = await openPair(listen, {
      message: (socket, data, isBinary) => socket.send(data, isBinary),
    });
    listener.stopListening();
    await expect(RawSocket.connect(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.sendText("still here");
    expect(await client.nextText()).toBe("still here");
  });

  test("destroy() cuts every connection, tells close once each, and frees the port at once", async () => {
    const port = await freePort();
    const closes: number[] = [];
    const asked = deferred<void>();
    const { listener, client } = await openPair(
      listen,
      {
        close: (_data, code) => closes.push(code),
        http: () => asked.resolve(), // and never answers
      },
      { port },
    );
    const waiting = await RawSocket.connect(port);
    waiting.write(requestHead());
    const silent = await RawSocket.connect(port);
    await asked.promise;
    await listener.destroy();
    await Promise.all([client.ended, waiting.ended, silent.ended]);
    expect(closes).toEqual([1006]);
    await start(listen, {}, { port });
  });

  test("destroy() after stopListening(), and twice, resolves", async () => {
    const { listener } = await openPair(listen);
    listener.stopListening();
    await listener.destroy();
    await listener.destroy();
    listener.publish("topic", "nobody is left", false);
  });
});

test("RawSocket.connect() to nobody rejects", async () => {
  await expect(RawSocket.connect(await freePort())).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
