/** Clients of 2023-10, which wrap each message: @uqbar/client-encryptor-api 0.1.0 to 0.1.5 (contract kinode §5.6). */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readWrapped } from "../../../http-server/wrapped.ts";
import { defineProcess } from "../../../lib/process/index.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import {
  channelId,
  connectMain,
  hear,
  OK,
  openChannel,
  push,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
} from "../../support/channels.ts";
import { askHttp } from "../../support/http-client.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import type { RawSocket } from "../../support/sockets.ts";

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const processId = (text: string) => {
  const [process_name, package_name, publisher_node] = text.split(":");
  return { process_name, package_name, publisher_node };
};
/** As 0.1.4 and 0.1.5 wrap it, whose own code says so; `fields` in place of its own. */
const wrapped = (json: unknown, fields: Readonly<Record<string, unknown>> = {}): unknown => ({
  WsMessage: { channel_id: "mine", target: { node: "alice.os", process: { Name: processId(P) } }, json, ...fields },
});
const registered = (auth_token: string | undefined, channel_id?: string): unknown => ({
  WsRegister: { auth_token, channel_id },
});

async function register(on: TestNode): Promise<RawSocket> {
  const client = await connectMain(on);
  client.sendBinary(bytes(registered(on.token)));
  return client;
}

async function refusal(client: RawSocket): Promise<unknown> {
  const { error } = JSON.parse(await client.nextText()) as { error: { code: string; message: string } };
  const close = await client.nextClose();
  expect(close.reason).toBe(error.message);
  return [close.code, error.code, error.message];
}

describe.each(TRANSPORTS)("%s", (transport) => {
  afterEach(stopNodes);

  test("the first message names the process, which gets the data of each alone; pushes come back", async () => {
    const { on, p } = await startWithP(transport);
    const client = await register(on);
    client.sendBinary(bytes(wrapped({ a: [1, "é"] })));
    client.sendBinary(bytes(wrapped("Hello World", { target: { node: "our", process: { Name: P } } })));
    client.sendText(JSON.stringify(wrapped(undefined, { target: { node: "alice.os", process: processId(P) } })));
    const id = channelId(await client.nextText());
    expect(await hear(p, 4)).toEqual([
      `open ${id}`,
      `binary ${id} {"a":[1,"é"]}`,
      `binary ${id} "Hello World"`,
      `binary ${id} null`,
    ]);
    expect(await p.ask(push(id), "back")).toEqual(OK);
    expect(await client.nextText()).toBe("back");
    client.sendClose(1000);
    expect(await hear(p, 1)).toEqual([`close ${id} 1000`]);
  });

  test("what another client's frame had pushed to it stands before its refusal", async () => {
    const on = await startNode(transport);
    let id = 0;
    on.add(
      P,
      defineProcess({
        onPush(_, __, blob, ctx) {
          if (blob.text() === "go") ctx.push(id, "before");
        },
      }),
    );
    let seen = 0; // of ten: the server may read the refused one first, and then there is nobody to push to
    for (let i = 0; i < 10; i++) {
      const asker = await openChannel(on);
      const client = await register(on);
      client.sendBinary(bytes(wrapped(1)));
      id = channelId(await client.nextText());
      asker.client.sendText("go");
      client.sendText("no wrapped message");
      const texts = [await client.nextText()];
      if (texts[0] === "before") texts.push(await client.nextText());
      expect(texts.at(-1)).toContain('"error"');
      expect(await client.nextClose()).toMatchObject({ code: 4400 });
      seen += texts.length - 1;
    }
    expect(seen).toBeGreaterThan(0);
  });

  test("a session's cookie stands in for a token", async () => {
    const { on, p } = await startWithP(transport);
    const client = await connectMain(on, { cookie: on.cookie });
    client.sendBinary(bytes(registered(undefined, "mine")));
    client.sendBinary(bytes(wrapped(1)));
    const id = channelId(await client.nextText());
    expect(await hear(p, 2)).toEqual([`open ${id}`, `binary ${id} 1`]);
  });

  test("without either it is refused like any registration", async () => {
    const { on, p } = await startWithP(transport);
    const client = await connectMain(on);
    client.sendBinary(bytes(registered("x.y.z")));
    client.sendBinary(bytes(wrapped(1)));
    expect(await refusal(client)).toEqual([4401, "bad_token", expect.stringContaining("auth_token")]);
    expect(p.waiting).toEqual([]);
  });

  test("may take its time with the first message, and counts as unregistered until then", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { nodeOptions: { clock }, limits: { unregistered: 1 } });
    const client = await register(on);
    client.sendPing();
    expect((await client.nextFrame()).kind).toBe("pong"); // the registration has been read
    clock.advance(60_000);
    await expect(connectMain(on)).rejects.toThrow("limits.unregistered");
    client.sendBinary(bytes(wrapped(1)));
    const id = channelId(await client.nextText());
    expect(await hear(p, 2)).toEqual([`open ${id}`, `binary ${id} 1`]);
    await connectMain(on);
  });

  test("may take limits.wrappedDeadline, and no longer", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { nodeOptions: { clock }, limits: { wrappedDeadline: 90_000 } });
    const [silent, last] = [await register(on), await register(on)];
    for (const client of [silent, last]) {
      client.sendPing();
      expect((await client.nextFrame()).kind).toBe("pong");
    }
    clock.advance(89_990);
    last.sendBinary(bytes(wrapped(1)));
    const id = channelId(await last.nextText());
    clock.advance(20); // the timer wheel's ticks are 10 ms
    expect(await refusal(silent)).toEqual([4408, "too_late", "no WsMessage came in time"]);
    expect(await hear(p, 2)).toEqual([`open ${id}`, `binary ${id} 1`]);
    expect(on.node.kernel.wheel.size).toBe(0);
  });

  test("ends with its session before it has named its process, and holds no slot", async () => {
    const { on, p } = await startWithP(transport, { limits: { unregistered: 2 } });
    const session = on.server.issueToken("session");
    const [client, other] = [await connectMain(on), await register(on)];
    client.sendBinary(bytes(registered(session)));
    for (const each of [client, other]) {
      each.sendPing();
      expect((await each.nextFrame()).kind).toBe("pong");
    }
    const cookie = `jackfield-auth_alice.os=${session}`;
    expect((await askHttp(on.port, { method: "POST", path: "/logout", headers: { cookie } })).status).toBe(200);
    client.sendBinary(bytes(wrapped("too late")));
    expect(await refusal(client)).toEqual([4401, "bad_token", "the session has ended: log in again"]);
    await connectMain(on);
    other.sendBinary(bytes(wrapped(1)));
    const id = channelId(await other.nextText());
    expect(await hear(p, 2)).toEqual([`open ${id}`, `binary ${id} 1`]);
  });

  test("names its process in vain when its session has ended by its time", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { nodeOptions: { clock }, limits: { sessionSeconds: 10 } });
    const client = await register(on);
    client.sendPing();
    expect((await client.nextFrame()).kind).toBe("pong");
    clock.advance(10_000);
    on.server.issueToken();
    client.sendBinary(bytes(wrapped(1)));
    expect(await refusal(client)).toEqual([4401, "bad_token", "the session has ended: log in again"]);
    expect(p.waiting).toEqual([]);
  });

  const WRONG: readonly (readonly [what: string, frame: unknown, code: number, message: string])[] = [
    ["no JSON", "hi", 4400, "a message must be JSON"],
    ["no wrapped message", { a: 1 }, 4400, "a WsMessage must have a target"],
    ["an encrypted message", { EncryptedWsMessage: { encrypted: "", nonce: "" } }, 4400, "encrypted: false"],
    ["a target without a process", wrapped(1, { target: { node: "alice.os" } }), 4400, "must have a target"],
    ["a process's name alone", wrapped(1, { target: { node: "our", process: { Name: "chess" } } }), 4400, "target"],
    ["another node", wrapped(1, { target: { node: "bob.os", process: processId(P) } }), 4400, "on this node, alice.os"],
  ];

  test.each(WRONG)("%s is refused, as the first message and later", async (_, frame, code, message) => {
    const { on, p } = await startWithP(transport);
    const [fresh, bound] = [await register(on), await register(on)];
    bound.sendBinary(bytes(wrapped(1)));
    const id = channelId(await bound.nextText());
    const sent = typeof frame === "string" ? Buffer.from(frame) : bytes(frame);
    for (const client of [fresh, bound]) {
      client.sendBinary(sent);
      client.sendBinary(bytes(wrapped(2))); // too late
      expect(await refusal(client)).toEqual([code, "malformed", expect.stringContaining(message)]);
    }
    expect(await hear(p, 3)).toEqual([`open ${id}`, `binary ${id} 1`, expect.stringMatching(`^close ${id} 4400`)]);
    expect(p.waiting).toEqual([]);
  });

  test("nobody's name is refused with 4404, and another process's ends the channel", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const lost = await register(on);
    lost.sendBinary(bytes(wrapped(1, { target: { node: "our", process: { Name: "no:such:process" } } })));
    expect(await refusal(lost)).toEqual([4404, "no_such_process", expect.stringContaining("no:such:process")]);
    const client = await register(on);
    client.sendBinary(bytes(wrapped(1)));
    const id = channelId(await client.nextText());
    client.sendBinary(bytes(wrapped(2, { target: { node: "our", process: processId(Q) } })));
    expect(await refusal(client)).toEqual([4400, "malformed", expect.stringContaining("first message's target")]);
    expect(await hear(p, 2)).toEqual([`open ${id}`, `binary ${id} 1`]);
    expect(q.all).toEqual([]);
  });

  test("a node that stops tells those who have not named their process", async () => {
    const { on } = await startWithP(transport);
    const client = await register(on);
    client.sendPing();
    await client.nextFrame();
    const stopped = on.stop();
    expect(await client.nextClose()).toMatchObject({ code: 1001 });
    await stopped;
  });
});

test("readWrapped() makes a message or a sentence of any bytes, and never throws", () => {
  const any = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        node: fc.constantFrom("our", "a"),
        process: fc.oneof(fc.jsonValue(), fc.record({ Name: fc.string() })),
      })
      .map((target) => bytes({ WsMessage: { target, json: 1 } })),
  );
  fc.assert(
    fc.property(any, (given) => {
      const read = readWrapped(given, "a");
      expect(typeof read === "string" ? read : typeof read.target.text).not.toBe("");
    }),
  );
  const deep = `{"WsMessage":{"target":{"node":"a","process":{"Name":"${P}"}},"json":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`;
  expect(typeof readWrapped(Buffer.from(deep), "a")).toBe("string");
});
