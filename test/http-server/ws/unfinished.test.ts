/** A message that never ends: limits.messageSeconds (http-server/unfinished.ts). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { hear, openChannel, startWithP, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { encodeFrame, type RawSocket } from "../../support/sockets.ts";

const SECONDS = 40;
const LIMITS = { messageSeconds: SECONDS, idleTimeout: 30 };
const REASON = `no whole message and no pong in ${SECONDS} seconds`;

/** One byte of a message that is never whole, each second. */
function drip(client: RawSocket, clock: VirtualClock, seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    client.write("x");
    clock.advance(1_000);
  }
}

describe.each(TRANSPORTS)("%s messageSeconds", (transport) => {
  afterEach(stopNodes);

  test("ends a channel whose message drips in, between the limit and a quarter more", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { limits: LIMITS, nodeOptions: { clock } });
    const { client, id } = await openChannel(on);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    client.write(encodeFrame("text", "x".repeat(1_000)).subarray(0, 8));
    drip(client, clock, SECONDS - 1);
    expect(on.server.channels.size).toBe(1);
    drip(client, clock, SECONDS / 4 + 1);
    expect(await client.nextClose()).toEqual({ code: 4408, reason: REASON });
    expect(await hear(p, 1)).toEqual([`close ${id} 4408 ${REASON}`]);
    expect(on.server.channels.size).toBe(0);
  });

  test("counts from the last whole message", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { limits: LIMITS, nodeOptions: { clock } });
    const { client, id } = await openChannel(on);
    for (let round = 0; round < 4; round++) {
      clock.advance((SECONDS - 1) * 1_000);
      client.sendText(`${round}`);
      await until(() => p.all.length === round + 2);
    }
    expect((await hear(p, 5))[4]).toBe(`text ${id} 3`);
    clock.advance(SECONDS * 1_250);
    expect(await client.nextClose()).toMatchObject({ code: 4408 });
  });

  test("leaves who answers the transport's pings, which the process does not hear of", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { limits: LIMITS, nodeOptions: { clock } });
    const { client, id } = await openChannel(on);
    for (let round = 0; round < 4; round++) {
      clock.advance((SECONDS - 1) * 1_000);
      client.sendPong();
      client.sendPing(`${round}`); // its answer says that the pong was read
      expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
    }
    expect((await hear(p, 5))[4]).toBe(`ping ${id} 3`);
    expect(on.server.channels.size).toBe(1);
  });

  test("is never less than an idle client needs to be pinged and to answer", async () => {
    const clock = new VirtualClock();
    const limits = { messageSeconds: 1, idleTimeout: 30 };
    const { on } = await startWithP(transport, { limits, nodeOptions: { clock } });
    const { client } = await openChannel(on);
    clock.advance(39_000);
    expect(on.server.channels.size).toBe(1);
    clock.advance(11_000);
    expect(await client.nextClose()).toMatchObject({ code: 4408 });
  });

  test("looks at every channel, however many there are", async () => {
    const clock = new VirtualClock();
    const { on } = await startWithP(transport, { limits: LIMITS, nodeOptions: { clock } });
    for (let i = 0; i < 50; i++) await openChannel(on);
    clock.advance(SECONDS * 1_250); // the table shrinks as they go
    await until(() => on.server.openSockets === 0);
    expect(on.server.channels.size).toBe(0);
  });

  test("empty pongs count towards messagesPerSecond", async () => {
    const clock = new VirtualClock();
    const { on } = await startWithP(transport, { limits: { messagesPerSecond: 3 }, nodeOptions: { clock } });
    const { client } = await openChannel(on);
    for (let i = 0; i < 4; i++) client.sendPong();
    expect(await client.nextClose()).toMatchObject({ code: 4429 });
  });
});
