/** Sub-protocols (RFC 6455 §4.2.2 /subprotocol/): the client's order decides, among those the binding speaks. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { bindWs, err, OK, push, startWithP, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { RawSocket } from "../../support/sockets.ts";

const PROTOCOL = "sec-websocket-protocol";

async function connect(on: TestNode, path: string, offer: string | string[] | undefined) {
  const client = await RawSocket.connect(on.port);
  const answer = await client.upgrade({ path, headers: { cookie: on.cookie, [PROTOCOL]: offer } });
  return { client, selected: answer.headers[PROTOCOL] };
}

/** What the next Open says. */
async function opened(p: Recorder): Promise<{ readonly protocol: string | null; readonly channel_id: number }> {
  return ((await p.next()).body as { WebSocketOpen: { protocol: string | null; channel_id: number } }).WebSocketOpen;
}

describe.each(TRANSPORTS)("%s sub-protocol", (transport) => {
  afterEach(stopNodes);

  test.each<[offer: string | string[] | undefined, selected: string | undefined]>([
    ["v1.app", "v1.app"],
    ["x, v1.app, v2.app", "v1.app"],
    [["x", "v2.app,v1.app"], "v2.app"],
    ["V1.app", undefined],
    ["v1", undefined],
    [undefined, undefined],
  ])("case 133: of %j a binding of v2.app and v1.app selects %j, and the process is told", async (offer, selected) => {
    const { on, p } = await startWithP(transport);
    expect(await p.ask(bindWs("/", { protocols: ["v2.app", "v1.app"] }))).toEqual(OK);
    const socket = await connect(on, `/${P}`, offer);
    expect(socket.selected).toBe(selected);
    const open = await opened(p);
    expect(open.protocol).toBe(selected ?? null);
    expect(await p.ask(push(open.channel_id), "a whole socket")).toEqual(OK);
    expect(await socket.client.nextText()).toBe("a whole socket");
  });

  test("on the main route none is selected", async () => {
    const { on } = await startWithP(transport);
    expect((await connect(on, "/", "v1.app")).selected).toBeUndefined();
  });

  test.each([
    ["a name that is no token", { protocols: ["a b"] }],
    ["a name that is no text", { protocols: [1] }],
    ["no list", { protocols: "v1" }],
    ["an empty name", { open_headers: [""] }],
    ["headers that are no list", { open_headers: {} }],
  ])("%s is told MalformedRequest", async (_, fields) => {
    const { p } = await startWithP(transport);
    expect(await p.ask(bindWs("/", fields))).toEqual(err("MalformedRequest"));
  });

  test("bindingNames of them may be bound, one more is told LimitReached; and of headers", async () => {
    const { p } = await startWithP(transport, { limits: { bindingNames: 2 } });
    for (const name of ["protocols", "open_headers"]) {
      expect(await p.ask(bindWs("/", { [name]: ["a", "b"] }))).toEqual(OK);
      expect(await p.ask(bindWs("/", { [name]: ["a", "b", "c"] }))).toEqual(err("LimitReached"));
    }
  });
});
