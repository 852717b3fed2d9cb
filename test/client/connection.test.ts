/** Opening, registering, being refused, being lost, closing. */
import { describe, expect, test } from "@jest/globals";
import { ChannelRefusedError, CLIENT_LIMITS, CLOSE, ConnectionError } from "../../lib/client/index.ts";
import { eventsOf, PROCESS, register, start, startOpen } from "./fake-socket.ts";

const { connectMs, registerMs } = CLIENT_LIMITS;
const ROWS = Object.values(CLOSE);

describe("registration", () => {
  test("goes idle, connecting, registering, open, and gives the channel id", () => {
    const started = start({ token: "a.b.c" });
    const { channel, sockets } = started;
    expect([channel.state, channel.channelId, sockets.last.url]).toEqual(["connecting", undefined, "ws://node.test/"]);
    sockets.last.open();
    expect(sockets.last.sent).toEqual([
      `{"auth_token":"a.b.c","target_process":"chat:chat:template.os","encrypted":false}`,
    ]);
    sockets.last.text({ channel_id: 4061414083 });
    expect([channel.state, channel.channelId]).toEqual(["open", 4061414083]);
    expect(started.seen).toEqual([
      { name: "state", event: { value: "registering", event: "UPGRADED" } },
      { name: "state", event: { value: "open", event: "BOUND" } },
      { name: "open", event: { channelId: 4061414083, again: false } },
    ]);
  });

  test("asks for binary frames as ArrayBuffer", () => {
    expect(start().sockets.last.binaryType).toBe("arraybuffer");
  });

  test("leaves auth_token out when there is none to read", () => {
    const { sockets } = start();
    sockets.last.open();
    expect(sockets.last.sent).toEqual([`{"target_process":"chat:chat:template.os","encrypted":false}`]);
  });

  test("asks a token function again at each connection, and passes slowReader", () => {
    let n = 0;
    const { sockets, clock } = start({ token: () => `token${++n}`, slowReader: "drop" });
    register(sockets.last, 1);
    sockets.last.end(1006);
    clock.advance(1_000);
    sockets.last.open();
    const sent = sockets.all.map((socket) => JSON.parse(String(socket.sent[0])));
    expect(sent.map((frame) => [frame.auth_token, frame.slow_reader])).toEqual([
      ["token1", "drop"],
      ["token2", "drop"],
    ]);
  });

  test("asks a url function again at each connection, so that it goes on with another node", () => {
    const urls = ["http://a.test/", "http://b.test/"];
    const { channel, sockets, clock } = start({ url: () => urls.shift() ?? "no url" });
    register(sockets.last, 1);
    expect(channel.url).toBe("ws://a.test/");
    sockets.last.end(1006);
    clock.advance(1_000);
    expect([channel.url, sockets.all.map((socket) => socket.url)]).toEqual([
      "ws://b.test/",
      ["ws://a.test/", "ws://b.test/"],
    ]);
    sockets.last.end(1006);
    expect(() => clock.advance(2_000)).toThrow(/must lead to a node: got "no url"/);
    expect(channel.state).toBe("closed");
  });

  test("takes the answer as binary too", () => {
    const { channel, sockets } = start();
    sockets.last.open();
    sockets.last.binary(...new TextEncoder().encode(`{"channel_id":5}`));
    expect([channel.state, channel.channelId]).toEqual(["open", 5]);
  });

  test("is not needed on a path: the channel is open at once, without an id", () => {
    const { channel, sockets } = start({ path: "/ws/42?a=1" });
    expect(sockets.last.url).toBe("ws://node.test/chat:chat:template.os/ws/42?a=1");
    sockets.last.open();
    expect([channel.state, channel.channelId, sockets.last.sent]).toEqual(["open", undefined, []]);
  });

  test("is not needed with register: false: the url is the path", () => {
    const { channel, sockets } = start({ url: "ws://node.test:9000/session", register: false });
    sockets.last.open();
    expect([channel.state, channel.url, sockets.last.sent]).toEqual(["open", "ws://node.test:9000/session", []]);
  });

  test("passes on a message that overtakes the channel id", () => {
    const { channel, sockets } = start();
    const heard: unknown[] = [];
    channel.on("message", (message) => heard.push(message.data));
    sockets.last.open();
    for (const text of ["welcome", "null", "5"]) sockets.last.text(text);
    expect([channel.state, heard]).toEqual(["registering", ["welcome", "null", "5"]]);
  });

  test("that gets no socket within connectMs is given up and tried again", () => {
    const started = start();
    started.clock.advance(connectMs);
    const [error] = eventsOf(started, "error");
    expect(error).toBeInstanceOf(ConnectionError);
    expect([error?.code, error?.message]).toEqual([
      "connect_timeout",
      `Cannot reach "ws://node.test/" as it must open within 15000 ms: it did not, see the close event`,
    ]);
    expect(started.sockets.last.closedWith).toEqual({ code: undefined, reason: undefined });
    expect(started.channel.state).toBe("waiting");
  });

  test("that gets no channel id within registerMs is given up and tried again", () => {
    const started = start();
    const { channel, sockets, clock } = started;
    sockets.last.open();
    clock.advance(registerMs - 1);
    expect(channel.state).toBe("registering");
    clock.advance(1);
    const [error] = eventsOf(started, "error");
    expect([error?.code, error?.message]).toEqual([
      "register_timeout",
      `Cannot reach "ws://node.test/" as a channel id must come within 15000 ms: it did not, see the close event`,
    ]);
    expect(eventsOf(started, "close")).toEqual([
      { code: 4408, reason: "no WsRegister came in time, or a message was not finished", retryInMs: 500, unsent: [] },
    ]);
    sockets.last.text({ channel_id: 9 }); // the abandoned socket: too late
    sockets.last.end(1000);
    expect([channel.state, channel.channelId]).toEqual(["waiting", undefined]);
  });
});

describe("refusal", () => {
  test("surfaces the node's code and message as ChannelRefusedError, then closes", () => {
    const started = start();
    const { channel, sockets } = started;
    sockets.last.open();
    sockets.last.text({ error: { code: "bad_token", message: "the token has expired: log in again" } });
    const [error] = eventsOf(started, "error");
    expect(error).toBeInstanceOf(ChannelRefusedError);
    expect(error).toMatchObject({
      name: "ChannelRefusedError",
      code: "bad_token",
      reason: "the token has expired: log in again",
      message: `Cannot register with "${PROCESS}" as the node refused: the token has expired: log in again`,
    });
    expect(channel.state).toBe("registering"); // until the node closes
    sockets.last.end(4401, "bad_token");
    expect(channel.state).toBe("closed");
    expect(eventsOf(started, "close")).toEqual([{ code: 4401, reason: "bad_token", retryInMs: undefined, unsent: [] }]);
  });

  test("is final by its code even when the close code is lost on the way", () => {
    const { channel, sockets } = start();
    sockets.last.open();
    sockets.last.text({ error: { code: "no_such_process", message: "no process of that name" } });
    sockets.last.end(1006);
    expect(channel.state).toBe("closed");
  });

  test("for too many is tried again, and forgotten by the next attempt", () => {
    const { channel, sockets, clock } = start();
    sockets.last.open();
    sockets.last.text({ error: { code: "too_many", message: "wait" } });
    sockets.last.end(4429);
    expect(channel.state).toBe("waiting");
    clock.advance(1_000);
    register(sockets.last, 3);
    expect(channel.state).toBe("open");
  });

  test("without code and message is still one", () => {
    const started = start();
    started.sockets.last.open();
    started.sockets.last.text({ error: {} });
    expect(eventsOf(started, "error")[0]).toMatchObject({ code: "refused", reason: "it does not say why" });
  });

  test("is no refusal once the channel is open: it is a message", () => {
    const { channel, sockets } = startOpen();
    const heard: unknown[] = [];
    channel.on("message", (message) => heard.push(message.json()));
    sockets.last.text({ error: { code: "bad_token" } });
    expect([channel.state, heard]).toEqual(["open", [{ error: { code: "bad_token" } }]]);
  });
});

describe("loss", () => {
  test.each(ROWS.filter((row) => row.retry))("with $code ($error) is waited out", ({ code }) => {
    const { channel, sockets } = startOpen();
    sockets.last.end(code);
    expect([channel.state, channel.channelId]).toEqual(["waiting", undefined]);
  });

  test.each([1005, 1006, 1011, 1012])("with %i is waited out", (code) => {
    const { channel, sockets } = startOpen();
    sockets.last.end(code);
    expect(channel.state).toBe("waiting");
  });

  test.each(ROWS.filter((row) => !row.retry))("with $code ($error) closes for good", ({ code }) => {
    const { channel, sockets, clock } = startOpen();
    sockets.last.end(code);
    clock.advance(1_000_000);
    expect([channel.state, sockets.all.length]).toEqual(["closed", 1]);
  });

  test("with a code of the app's own (4000) closes for good", () => {
    const { channel, sockets } = startOpen();
    sockets.last.end(4000);
    expect(channel.state).toBe("closed");
  });

  test("closes for good when reconnect is false", () => {
    const { channel, sockets } = startOpen({ reconnect: false });
    sockets.last.end(1006);
    expect(channel.state).toBe("closed");
  });

  test("is followed by a new registration with a new id, told as again", () => {
    const started = startOpen();
    started.sockets.last.end(1001, "going away");
    expect(eventsOf(started, "close")).toEqual([{ code: 1001, reason: "going away", retryInMs: 500, unsent: [] }]);
    started.clock.advance(500);
    register(started.sockets.last, 8);
    expect(started.channel.channelId).toBe(8);
    expect(eventsOf(started, "open")).toEqual([
      { channelId: 7, again: false },
      { channelId: 8, again: true },
    ]);
  });

  test.each([
    ["connect ECONNREFUSED 127.0.0.1:1", "connect ECONNREFUSED 127.0.0.1:1"],
    [undefined, "the runtime does not say why"],
  ])("by a failure (%s) is an error event first", (message, text) => {
    const started = start();
    started.sockets.last.fail(message);
    expect(started.seen.map((one) => one.name)).toEqual(["error", "state", "close"]);
    expect(eventsOf(started, "error")[0]).toMatchObject({
      name: "ConnectionError",
      code: "socket_failed",
      message: `Cannot reach "ws://node.test/" as its connection failed: ${text}, see the close event`,
    });
  });
});

describe("close()", () => {
  test("closes at once with 1000, tells it once, and hears nothing more of the socket", () => {
    const started = startOpen();
    const { channel, sockets, clock } = started;
    channel.close();
    channel.close(3000);
    expect([channel.state, channel.channelId]).toEqual(["closed", undefined]);
    expect(sockets.last.closedWith).toEqual({ code: 1000, reason: "" });
    sockets.last.text("late");
    sockets.last.end(1006);
    clock.advance(1_000_000);
    expect(eventsOf(started, "close")).toEqual([{ code: 1000, reason: "", retryInMs: undefined, unsent: [] }]);
    expect(sockets.all.length).toBe(1);
  });

  test("while connecting and while waiting opens no other socket", () => {
    const connecting = start();
    connecting.channel.close(4000, "bye");
    expect(connecting.sockets.last.closedWith).toEqual({ code: 4000, reason: "bye" });
    const waiting = startOpen();
    waiting.sockets.last.end(1006);
    waiting.channel.close();
    for (const { clock, sockets, channel } of [connecting, waiting]) {
      clock.advance(1_000_000);
      expect([channel.state, sockets.all.length]).toEqual(["closed", 1]);
    }
  });

  test.each([999, 1001, 1006, 2999, 5000])("refuses code %i", (code) => {
    const { channel } = startOpen();
    expect(() => channel.close(code)).toThrow(
      `Cannot close "${PROCESS}" as the code must be 1000 or 3000 to 4999: got ${code}, leave it out for 1000`,
    );
    expect(channel.state).toBe("open");
  });

  test("takes a reason of 123 bytes and refuses one of 124", () => {
    const { channel } = startOpen();
    expect(() => channel.close(1000, "é".repeat(62))).toThrow(
      `Cannot close "${PROCESS}" as the reason must be at most 123 bytes: got 124, shorten it`,
    );
    channel.close(1000, `${"é".repeat(61)}!`);
    expect(channel.state).toBe("closed");
  });

  test.each(["error", "state", "close", "open", "message"] as const)("may be called by a listener of %s", (name) => {
    const started = start();
    const { channel, sockets, clock } = started;
    channel.on(name, () => channel.close());
    if (name === "error" || name === "close") clock.advance(connectMs);
    else {
      register(sockets.last, 7);
      sockets.last.text("hello");
    }
    clock.advance(1_000_000);
    expect([channel.state, sockets.all.length]).toEqual(["closed", 1]);
    const final = eventsOf(started, "close").filter((event) => event.retryInMs === undefined);
    expect(final).toEqual([{ code: 1000, reason: "", retryInMs: undefined, unsent: [] }]);
    expect(eventsOf(started, "open").length).toBe(name === "open" || name === "message" ? 1 : 0);
  });

  test.each(["registering", "open", "waiting"])(
    "may be called when the state becomes %s, and is the end of it",
    (when) => {
      const started = start();
      const { channel, sockets, clock } = started;
      channel.on("state", ({ value }) => value === when && channel.close());
      sockets.last.open();
      sockets.last.text({ channel_id: 7 });
      sockets.last.end(1006);
      clock.advance(1_000_000);
      expect([channel.state, channel.channelId, sockets.all.length]).toEqual(["closed", undefined, 1]);
      expect(eventsOf(started, "close")).toEqual([{ code: 1000, reason: "", retryInMs: undefined, unsent: [] }]);
      expect(eventsOf(started, "open").length).toBe(when === "waiting" ? 1 : 0);
    },
  );
});
