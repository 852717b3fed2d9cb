/** A node that stops: channels hear 1001, nobody comes in, nothing stays (DESIGN §3.10). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../../lib/process/index.ts";
import {
  connectMain,
  hear,
  openChannel,
  registration,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
  until,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P } from "../../support/node.ts";

describe.each(TRANSPORTS)("%s Node.stop()", (transport) => {
  afterEach(stopNodes);

  test("closes channels with 1001, tells their processes, and leaves nothing open", async () => {
    const { on, p } = await startWithP(transport);
    const [a, b] = [await openChannel(on), await openChannel(on)];
    const stop = on.node.stop();
    for (const { client } of [a, b]) {
      expect(await client.nextClose()).toEqual({ code: 1001, reason: "the node is stopping" });
      client.sendClose(1001);
    }
    await stop;
    await Promise.all([a.client.ended, b.client.ended]);
    expect(await hear(p, 4)).toEqual([
      `open ${a.id}`,
      `open ${b.id}`,
      `close ${a.id} 1001 the node is stopping`,
      `close ${b.id} 1001 the node is stopping`,
    ]);
    expect(on.server.openSockets).toBe(0);
    expect(on.server.channels.size).toBe(0);
    expect(on.node.kernel.wheel.size).toBe(0);
  });

  test("what was pushed before it is read before the 1001", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.pause();
    const frame = new Uint8Array(200_000);
    for (let i = 0; i < 5; i++) await p.ask({ WebSocketPush: { channel_id: id, message_type: "Binary" } }, frame);
    const mayEnd = deferred();
    p.onMessage = () => mayEnd.promise; // the Close: the node drains until it is through
    const stop = on.node.stop();
    client.resume();
    for (let i = 0; i < 5; i++) expect(await client.nextBinary()).toHaveLength(frame.length);
    expect(await client.nextClose()).toMatchObject({ code: 1001 });
    mayEnd.resolve();
    await stop;
  });

  test("a socket that has not registered hears 1001 too", async () => {
    const { on } = await startWithP(transport);
    const client = await connectMain(on);
    const stop = on.node.stop();
    expect(await client.nextClose()).toMatchObject({ code: 1001 });
    client.sendClose(1001);
    await stop;
    await client.ended;
    expect(on.server.openSockets).toBe(0);
  });

  test("a registration under way gets no channel of a node that stops", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on);
    const mayEnd = deferred();
    p.onMessage = () => mayEnd.promise;
    const client = await connectMain(on);
    const stop = on.node.stop();
    client.sendText(JSON.stringify(registration(on)));
    expect(await client.nextFrame()).toMatchObject({ kind: "close" });
    mayEnd.resolve();
    await stop;
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1001 the node is stopping`]);
    expect(p.waiting).toEqual([]);
  });

  test("a client that does not read cannot hold it up", async () => {
    const { on, p } = await startWithP(transport, { limits: { sendLimit: 64 * 1024 } });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    client.pause();
    const frame = new Uint8Array(60_000);
    const ask = (): Promise<unknown> => p.ask({ WebSocketPush: { channel_id: id, message_type: "Binary" } }, frame);
    for (let answer = await ask(); JSON.stringify(answer) === '{"Ok":null}'; answer = await ask());
    await on.node.stop();
    expect(on.server.openSockets).toBe(0);
  });

  test("onClose may still push to nobody: a dead letter, and the node stops", async () => {
    const on = await startNode(transport);
    on.add(P, defineProcess({ onClose: (_, { channelId }, ctx) => ctx.push(channelId, "are you there?") }));
    await openChannel(on);
    await on.node.stop();
    expect(on.node.kernel.deadLetters.counts()).toEqual({ refused: 1 });
  });

  test("called twice ends once", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on);
    await Promise.all([on.node.stop(), on.node.stop()]);
    await on.node.stop();
    await until(() => p.all.length === 2);
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1001 the node is stopping`]);
  });
});
