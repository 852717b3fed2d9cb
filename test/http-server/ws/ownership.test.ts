/** A channel is its process's alone (DESIGN §4.5, §7): nobody else pushes to it, closes it, subscribes it or uses its topics. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Address, Blob, Envelope, HTTP_SERVER, ProcessId } from "../../../lib/protocol/index.ts";
import {
  err,
  hear,
  OK,
  openChannel,
  publish,
  push,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  unsubscribe,
} from "../../support/channels.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

const SIBLING = P.replace(/^[^:]+/, "sibling"); // of P's own package

/** Lets the http-server take `body` as if the link had brought it from P on bob.os. @returns the body of its answer */
function fromBob(on: TestNode, body: unknown): unknown {
  const server = on.node.kernel.registry.get(HTTP_SERVER);
  const bob = new Address("bob.os", ProcessId.parse(P));
  const request = new Envelope("request", bob, new Address("alice.os", HTTP_SERVER), body, Blob.of("from bob"));
  request.id = on.node.kernel.nextMessageId();
  request.rsvp = bob;
  on.node.kernel.queue.begin();
  server?.post(request);
  on.node.kernel.queue.end();
  const answer = on.node.kernel.deadLetters.last().at(-1); // there is no link yet to carry it
  expect(answer).toMatchObject({ kind: "response", target: `bob.os@${P}` });
  return answer?.body;
}

describe.each(TRANSPORTS)("%s ownership", (transport) => {
  afterEach(stopNodes);

  test.each([Q, SIBLING])("%s acts on a channel of P: WsChannelNotFound, and nothing happens", async (other) => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(other, q.program);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    for (const type of ["Text", "Binary", "Ping", "Pong", "Close"]) {
      expect([type, await q.ask(push(id, type), "mine")]).toEqual([type, err("WsChannelNotFound")]);
    }
    expect(await q.ask({ WebSocketClose: id })).toEqual(err("WsChannelNotFound"));
    expect(await q.ask({ WebSocketClose: { channel_id: id, code: 4000, reason: "x" } })).toEqual(
      err("WsChannelNotFound"),
    );
    expect(await q.ask(subscribe(id, "trap"))).toEqual(err("WsChannelNotFound"));
    expect(await q.ask(publish("trap"), "caught")).toEqual(OK); // to none of its own
    expect(await q.ask(unsubscribe(id, "room"))).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(publish("room"), "still subscribed")).toEqual(OK);
    expect(await client.nextText()).toBe("still subscribed");
  });

  test("topics of one name are one per process", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const ofP = await openChannel(on);
    const ofQ = await openChannel(on, { target_process: Q });
    expect(await p.ask(subscribe(ofP.id, "room"))).toEqual(OK);
    expect(await q.ask(subscribe(ofQ.id, "room"))).toEqual(OK);
    expect(await q.ask(publish("room"), "of Q")).toEqual(OK);
    expect(await p.ask(publish("room"), "of P")).toEqual(OK);
    expect(await ofP.client.nextText()).toBe("of P");
    expect(await ofQ.client.nextText()).toBe("of Q");
    expect(await p.ask(push(ofP.id), "end")).toEqual(OK);
    expect(await q.ask(push(ofQ.id), "end")).toEqual(OK);
    expect(await ofP.client.nextText()).toBe("end");
    expect(await ofQ.client.nextText()).toBe("end");
  });

  test("no name of a topic reaches into another process's", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    for (const topic of ["room", ` ${P} room`, `${P} room`, `../${P}/room`, "#", "+", "*", "+/room", ""]) {
      expect([topic, await q.ask(publish(topic), topic)]).toEqual([topic, OK]);
    }
    expect(await p.ask(publish("room"), "mine")).toEqual(OK);
    expect(await client.nextText()).toBe("mine");
  });

  test("near case 117: P of another node is told WsChannelNotFound, whatever it does to the channel", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(fromBob(on, push(id))).toEqual(err("WsChannelNotFound"));
    expect(fromBob(on, push(id, "Ping"))).toEqual(err("WsChannelNotFound"));
    expect(fromBob(on, { WebSocketClose: id })).toEqual(err("WsChannelNotFound"));
    expect(fromBob(on, subscribe(id, "trap"))).toEqual(err("WsChannelNotFound"));
    expect(fromBob(on, unsubscribe(id, "room"))).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(publish("room"), "of alice")).toEqual(OK);
    expect(await client.nextText()).toBe("of alice");
  });

  test("near case 117: what P of another node publishes reaches none of P's channels here", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(fromBob(on, publish("room"))).toEqual(OK); // as for one that owns nothing
    expect(await p.ask(publish("room"), "of alice")).toEqual(OK);
    expect(await client.nextText()).toBe("of alice");
  });

  test("near case 117: P of another node binds no path here", async () => {
    const { on, p } = await startWithP(transport);
    const bind = { WebSocketBind: { path: "/", authenticated: false, extension: false } };
    expect(fromBob(on, bind)).toEqual(err("InvalidSourceProcess"));
    const { id } = await openChannel(on);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
  });

  test("a process that asks in the name of another is stamped with its own", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const { client, id } = await openChannel(on);
    const { host } = q;
    if (host === undefined) throw new Error("Q has not started");
    const forged = new Envelope(
      "request",
      p.host?.our ?? host.our,
      new Address("alice.os", HTTP_SERVER),
      push(id),
      Blob.of("forged"),
    );
    forged.expectsResponse = 5;
    expect((await host.call(forged)).body).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(push(id), "true")).toEqual(OK);
    expect(await client.nextText()).toBe("true");
  });
});
