import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { SENT } from "../../../http-server/transport/index.ts";
import { deferred, listenWs, openPair, stopAll } from "./harness.ts";

describe("ws heartbeat", () => {
  afterEach(async () => {
    jest.useRealTimers();
    await stopAll();
  });

  test("pings a silent client halfway to idleTimeout, and cuts it then", async () => {
    jest.useFakeTimers({ now: 0, doNotFake: ["nextTick", "queueMicrotask", "setImmediate", "setTimeout"] });
    const closed = deferred<[number, string]>();
    const { client } = await openPair(
      listenWs,
      { close: (_data, code, reason) => closed.resolve([code, reason]) },
      { idleTimeout: 8 },
    );
    jest.advanceTimersByTime(2_000); // hears the handshake
    jest.advanceTimersByTime(4_000);
    expect(await client.nextFrame()).toMatchObject({ kind: "ping" });
    jest.advanceTimersByTime(4_000);
    expect(await closed.promise).toEqual([1006, "no byte came for the whole idle timeout"]);
    await client.ended;
  });

  test("leaves a client that answers its pings", async () => {
    jest.useFakeTimers({ now: 0, doNotFake: ["nextTick", "queueMicrotask", "setImmediate", "setTimeout"] });
    let ponged = deferred<void>();
    const { client, socket } = await openPair(listenWs, { pong: () => ponged.resolve() }, { idleTimeout: 8 });
    jest.advanceTimersByTime(2_000);
    for (let round = 0; round < 5; round++) {
      ponged = deferred();
      jest.advanceTimersByTime(4_000);
      expect(await client.nextFrame()).toMatchObject({ kind: "ping" });
      client.sendPong();
      await ponged.promise;
      jest.advanceTimersByTime(2_000); // hears the pong
    }
    expect(socket.send("still here", false)).toBe(SENT);
  });
});
