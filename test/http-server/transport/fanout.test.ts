import { afterEach, describe, expect, test } from "@jest/globals";
import type { Listen } from "../../../http-server/transport/transport.ts";
import { RawSocket } from "../../support/sockets.ts";
import {
  deferred,
  openPair,
  type Server,
  start,
  stopAll,
  type TestHandlers,
  type TestSocket,
  TRANSPORTS,
} from "./harness.ts";

const TOPIC = "~chat/room";

type Crowd = Server & { readonly clients: RawSocket[]; readonly sockets: TestSocket[] };

/** `count` clients, each subscribed to TOPIC. */
async function crowd(listen: Listen, count: number, handlers: Partial<TestHandlers> = {}): Promise<Crowd> {
  const clients: RawSocket[] = [];
  const sockets: TestSocket[] = [];
  let opened = deferred<TestSocket>();
  const server = await start(listen, { ...handlers, open: (socket) => opened.resolve(socket) });
  for (let at = 0; at < count; at++) {
    const client = await RawSocket.connect(server.port);
    await client.upgrade();
    const socket = await opened.promise;
    opened = deferred();
    socket.subscribe(TOPIC);
    clients.push(client);
    sockets.push(socket);
  }
  return { ...server, clients, sockets };
}

const oneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each(TRANSPORTS)("%s publish()", (_name, listen) => {
  afterEach(stopAll);

  test("reaches every subscriber of the topic and nobody else", async () => {
    const { listener, clients, sockets } = await crowd(listen, 3);
    sockets[2]?.unsubscribe(TOPIC);
    sockets[2]?.subscribe("another");
    listener.publish(TOPIC, "text", false);
    listener.publish(TOPIC, new Uint8Array([1, 2]), true);
    listener.publish("another", "for the third", false);
    listener.publish("nobody's", "lost", false);
    for (const client of clients.slice(0, 2)) {
      expect(await client.nextText()).toBe("text");
      expect([...(await client.nextBinary())]).toEqual([1, 2]);
    }
    expect(await clients[2]?.nextText()).toBe("for the third");
  });

  test("subscribe() twice is one subscription, and unsubscribe() tells whether there was one", async () => {
    const { listener, clients, sockets } = await crowd(listen, 1);
    expect(sockets[0]?.subscribe(TOPIC)).toBe(true);
    listener.publish(TOPIC, "once", false);
    sockets[0]?.send("next", false);
    expect(await clients[0]?.nextText()).toBe("once");
    expect(await clients[0]?.nextText()).toBe("next");
    expect(sockets[0]?.unsubscribe("nobody's")).toBe(false);
    expect(sockets[0]?.unsubscribe(TOPIC)).toBe(true);
    expect(sockets[0]?.unsubscribe(TOPIC)).toBe(false);
  });

  test.each([
    ["small", 10],
    ["larger than a cork", 40_000],
  ])("keeps its place among the sends of a socket when %s", async (_what, size) => {
    const { listener, clients, sockets } = await crowd(listen, 1);
    const [client] = clients;
    const [socket] = sockets;
    const text = (word: string): string => word.padEnd(size, ".");
    listener.publish(TOPIC, text("1"), false);
    socket?.send("2", false);
    socket?.send(text("3"), false);
    listener.publish(TOPIC, "4", false);
    socket?.cork(() => {
      socket.send("5", false);
      listener.publish(TOPIC, text("6"), false);
      socket.send("7", false);
    });
    listener.publish(TOPIC, "8", false);
    socket?.end(1000, "9");
    const seen: string[] = [];
    for (let at = 0; at < 8; at++) seen.push((await client?.nextText())?.replaceAll(".", "") ?? "");
    expect(seen.join("")).toBe("12345678");
    expect(await client?.nextClose()).toEqual({ code: 1000, reason: "9" });
  });

  test("passes by a stalled subscriber, tells dropped() of it, and the others get everything", async () => {
    const told = deferred<TestSocket>();
    const { listener, clients, sockets } = await crowd(listen, 2, { dropped: (socket) => told.resolve(socket) });
    const [slow, fast] = clients;
    const [slowSocket] = sockets;
    slow?.pause();
    const message = Buffer.alloc(60_000);
    let isTold = false;
    void told.promise.then(() => {
      isTold = true;
    });
    let published = 0;
    while (!isTold) {
      listener.publish(TOPIC, message, true);
      published += 1;
      await fast?.nextBinary();
    }
    expect(await told.promise).toBe(slowSocket);
    expect(published).toBeGreaterThan(1);
  });

  test("is not heard by a socket that has closed", async () => {
    const closed = deferred<void>();
    const { listener, clients } = await crowd(listen, 2, { close: () => closed.resolve() });
    clients[0]?.destroy();
    await closed.promise;
    listener.publish(TOPIC, "to the other", false);
    expect(await clients[1]?.nextText()).toBe("to the other");
  });

  test("dropped() comes once per socket and turn, and not for one that closed in the same turn", async () => {
    const told: TestSocket[] = [];
    const { client, socket } = await openPair(listen, { dropped: (from) => told.push(from) });
    client.pause();
    const message = new Uint8Array(60_000);
    const fill = (): void => {
      for (let at = 0; at < 300; at++) socket.send(message, true); // 18 MB: far past what a socket takes
    };
    fill();
    expect(told).toEqual([]);
    await oneTurn();
    expect(told).toEqual([socket]);
    fill();
    socket.close();
    await oneTurn();
    expect(told).toEqual([socket]);
  });

  test("a throw in dropped() is a fault", async () => {
    const { client, socket, faults } = await openPair(listen, {
      dropped: () => {
        throw new Error("defect in dropped");
      },
    });
    client.pause();
    for (let at = 0; at < 300; at++) socket.send(new Uint8Array(60_000), true);
    await oneTurn();
    expect(faults).toEqual([new Error("defect in dropped")]);
  });

  // Ended right where uWebSockets.js reports the loss, stalled subscribers took the whole process with them.
  test.each<[string, (socket: TestSocket) => void]>([
    ["ended", (socket) => socket.end(1013, "too slow")],
    ["closed", (socket) => socket.close()],
    ["unsubscribed", (socket) => socket.unsubscribe(TOPIC)],
  ])("a stalled subscriber %s from dropped() leaves the others unhurt", async (_what, punish) => {
    let dropped = 0;
    const { listener, clients } = await crowd(listen, 12, {
      dropped: (socket) => {
        dropped += 1;
        punish(socket);
      },
    });
    const [fast, ...slow] = clients;
    for (const client of slow) client.pause();
    const burst = 10;
    const message = Buffer.alloc(6_000); // small enough for the library's own batching of a turn's publishes
    while (dropped < slow.length) {
      for (let at = 0; at < burst; at++) listener.publish(TOPIC, message, true);
      for (let at = 0; at < burst; at++) await fast?.nextBinary();
    }
    listener.publish(TOPIC, "all is well", false);
    expect(await fast?.nextText()).toBe("all is well");
  });
});
