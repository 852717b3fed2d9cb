/** The http-server as a deputy, and processes that ask it for others (contract kinode §4): whose rights count. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Capability, capability, MESSAGING, ON_BEHALF } from "../../lib/protocol/index.ts";
import { err, OK, openChannel, push, startWithP, stopNodes, TRANSPORTS } from "../support/channels.ts";
import { ask } from "../support/kernel.ts";
import { P, Q } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";

const HTTP_SERVER = "http-server:distro:sys";

afterEach(stopNodes);

describe.each(TRANSPORTS)("%s: the http-server", (transport) => {
  const onBehalf: readonly Capability[] = [capability(`alice.os@${P}`, ON_BEHALF)];

  test("hands no channel over to a process that it may message itself and the channel's owner may not", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program); // has granted its messaging to the http-server alone
    const { client, id } = await openChannel(on);
    expect(await p.ask({ WebSocketTransfer: { channel_id: id, to: Q } })).toEqual(err("WsTargetDenied"));
    expect(q.all).toEqual([]);
    expect(await p.ask(push(id), "still here")).toEqual(OK);
    expect(await client.nextText()).toBe("still here");
  });

  test("lets nobody act on a channel by a capability that was attached: it is its owner's", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program, { requestCapabilities: [HTTP_SERVER, P] });
    const { id } = await openChannel(on);
    const capabilities = [capability(`alice.os@${P}`, MESSAGING), capability(`alice.os@${HTTP_SERVER}`, MESSAGING)];
    expect((await ask(q.host, HTTP_SERVER, push(id), { blob: "x", capabilities })).body).toEqual(
      err("WsChannelNotFound"),
    );
    expect(await p.ask(push(id), "x")).toEqual(OK);
  });

  test("gives who asks on behalf of another nothing of its own: channels, topics, paths", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    const asked = async (body: unknown): Promise<unknown> =>
      (await ask(p.host, HTTP_SERVER, body, { blob: "for another", capabilities: onBehalf })).body;
    for (const body of [
      push(id),
      { WebSocketClose: id },
      { WebSocketSubscribe: { channel_id: id, topic: "t" } },
      { WebSocketTransfer: { channel_id: id, to: P } },
      { WebSocketPublish: { topic: "t", message_type: "Text" } },
    ])
      expect([body, await asked(body)]).toEqual([body, err("WsChannelNotFound")]);
    for (const body of [
      { Bind: { path: "/x", authenticated: false, local_only: false, cache: true } },
      { Unbind: { path: "/" } },
      { WebSocketBind: { path: "/x", authenticated: false, extension: false } },
      { WebSocketUnbind: { path: "/" } },
    ])
      expect([body, await asked(body)]).toEqual([body, err("InvalidSourceProcess")]);
    expect(await asked({ Nope: 1 })).toEqual(err("MalformedRequest"));
    expect(await p.ask(push(id), "its own")).toEqual(OK);
    expect(await client.nextText()).toBe("its own");
  });
});
