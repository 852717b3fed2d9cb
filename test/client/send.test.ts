/** What goes out: its form, and the queue before the channel is open. */
import { describe, expect, test } from "@jest/globals";
import { ChannelClosedError, ChannelLimitError } from "../../lib/client/index.ts";
import { dataOf, eventsOf, PROCESS, register, start, startOpen } from "./fake-socket.ts";

describe("send()", () => {
  test("sends strings as text, bytes as binary, anything else as JSON text", () => {
    const { channel, sockets } = startOpen();
    const view = new DataView(new Uint8Array([0, 1, 2, 3]).buffer, 1, 2);
    const values = ["hi", { a: [1, "é"] }, null, 5, new Uint8Array([1, 2]), new Uint8Array([3]).buffer, view];
    for (const value of values) channel.send(value);
    expect(dataOf(sockets.last)).toEqual([
      "hi",
      `{"a":[1,"é"]}`,
      "null",
      "5",
      new Uint8Array([1, 2]),
      new Uint8Array([3]),
      new Uint8Array([1, 2]),
    ]);
  });

  test.each([undefined, () => 0, Symbol("s")])("refuses %p, which has no JSON form", (value) => {
    expect(() => startOpen().channel.send(value)).toThrow(
      `Cannot send a value as it has no JSON form: got ${typeof value}, send null instead`,
    );
  });

  test("queues before the channel is open, and flushes in order before what is sent later", () => {
    const { channel, sockets } = start();
    channel.send("1");
    sockets.last.open();
    channel.send("2");
    channel.on("state", ({ value }) => value === "open" && channel.send("3"));
    channel.on("open", () => channel.send("4"));
    sockets.last.text({ channel_id: 7 });
    channel.send("5");
    expect(dataOf(sockets.last)).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("queues while waiting, for the next connection", () => {
    const { channel, sockets, clock } = startOpen();
    sockets.last.end(1006);
    channel.send("kept");
    clock.advance(1_000);
    register(sockets.last, 8);
    expect(sockets.all.map(dataOf)).toEqual([[], ["kept"]]);
  });

  test("queues when the socket is closing and would drop it silently", () => {
    const { channel, sockets, clock } = startOpen();
    sockets.last.readyState = 2;
    channel.send("kept");
    sockets.last.end(1006);
    clock.advance(1_000);
    register(sockets.last, 8);
    expect(sockets.all.map(dataOf)).toEqual([[], ["kept"]]);
  });

  test("copies queued bytes: the caller may reuse them", () => {
    const { channel, sockets } = start();
    const bytes = new Uint8Array([1, 2]);
    channel.send(bytes);
    bytes.fill(9);
    register(sockets.last, 7);
    expect(dataOf(sockets.last)).toEqual([new Uint8Array([1, 2])]);
  });

  test("takes limits.sendMessages while queued and refuses one more", () => {
    const { channel, sockets } = start({ limits: { sendMessages: 2 } });
    channel.send("a");
    channel.send("bc");
    let thrown: unknown;
    try {
      channel.send("d");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ChannelLimitError);
    expect(thrown).toMatchObject({
      name: "ChannelLimitError",
      code: "limit_reached",
      message: `Cannot send to "${PROCESS}" as limits.sendMessages and limits.sendBytes are 2 and 1048576: 2 messages and 3 bytes wait, send it later or raise them`,
    });
    register(sockets.last, 7);
    channel.send("d");
    expect(dataOf(sockets.last)).toEqual(["a", "bc", "d"]);
  });

  test("takes limits.sendBytes of UTF-8 while queued and refuses one more", () => {
    const { channel } = start({ limits: { sendBytes: 4 } });
    channel.send("é");
    channel.send(new Uint8Array(2));
    expect(() => channel.send("x")).toThrow("2 messages and 4 bytes wait");
    channel.send(""); // takes no byte
  });

  test("refuses when the open socket holds limits.sendBytes", () => {
    const { channel, sockets } = startOpen({ limits: { sendBytes: 100 } });
    sockets.last.bufferedAmount = 99;
    channel.send("x");
    sockets.last.bufferedAmount = 100;
    expect(() => channel.send("y")).toThrow(
      `Cannot send to "${PROCESS}" as limits.sendMessages and limits.sendBytes are 1000 and 100: 0 messages and 100 bytes wait, send it later or raise them`,
    );
    expect(dataOf(sockets.last)).toEqual(["x"]);
  });

  test("on a closed channel throws, and what was queued comes back in the close event", () => {
    const started = start();
    started.channel.send("a");
    started.channel.send(new Uint8Array([1]));
    started.channel.close(4000, "bye");
    expect(eventsOf(started, "close")).toEqual([
      { code: 4000, reason: "bye", retryInMs: undefined, unsent: ["a", new Uint8Array([1])] },
    ]);
    let thrown: unknown;
    try {
      started.channel.send("b");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ChannelClosedError);
    expect(thrown).toMatchObject({
      name: "ChannelClosedError",
      code: "channel_closed",
      closeCode: 4000,
      reason: "bye",
      message: `Cannot send to "${PROCESS}" as its channel is closed: code 4000 (bye), call connect() for another`,
    });
  });

  test("on a channel that was refused names the refusal as cause", () => {
    const { channel, sockets } = start();
    sockets.last.open();
    sockets.last.text({ error: { code: "bad_token", message: "log in" } });
    sockets.last.end(4401);
    let thrown: unknown;
    try {
      channel.send("b");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      message: `Cannot send to "${PROCESS}" as its channel is closed: code 4401, call connect() for another`,
      cause: { code: "bad_token" },
    });
  });
});
