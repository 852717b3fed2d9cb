/** What comes in: messages, listeners, iteration. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { ChannelLimitError, type ChannelMessage } from "../../lib/client/index.ts";
import { type Started, startOpen } from "./fake-socket.ts";

/** The next message, which has come already. */
function receive(started: Started, send: () => void): ChannelMessage {
  const heard: ChannelMessage[] = [];
  const stop = started.channel.on("message", (message) => heard.push(message));
  send();
  stop();
  const [message] = heard;
  if (message === undefined) throw new Error("no message came");
  return message;
}

describe("ChannelMessage", () => {
  test("of text that is JSON has data, text() and json(), parsed once", () => {
    const started = startOpen();
    const message = receive(started, () => started.sockets.last.text(`{"a":1}`));
    expect([message.data, message.text(), message.json()]).toEqual([`{"a":1}`, `{"a":1}`, { a: 1 }]);
    expect(message.json()).toBe(message.json());
  });

  test("of other text has undefined for json()", () => {
    const started = startOpen();
    const message = receive(started, () => started.sockets.last.text("hello"));
    expect([message.data, message.text(), message.json(), message.json()]).toEqual([
      "hello",
      "hello",
      undefined,
      undefined,
    ]);
  });

  test("of a binary frame has bytes, and reads them as UTF-8 when asked", () => {
    const started = startOpen();
    const message = receive(started, () => started.sockets.last.binary(0x5b, 0x31, 0x5d));
    expect([message.data, message.text(), message.json()]).toEqual([new Uint8Array([0x5b, 0x31, 0x5d]), "[1]", [1]]);
    const broken = receive(started, () => started.sockets.last.binary(0xff, 0x41));
    expect([broken.text(), broken.json()]).toEqual(["\uFFFDA", undefined]);
  });
});

describe("on()", () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test("calls listeners in order until they unsubscribe; the same function may listen twice", () => {
    const { channel, sockets } = startOpen();
    const heard: string[] = [];
    const listener = (message: ChannelMessage): void => void heard.push(message.text());
    const stop = channel.on("message", listener);
    channel.on("message", listener);
    sockets.last.text("a");
    stop();
    stop();
    sockets.last.text("b");
    expect(heard).toEqual(["a", "a", "b"]);
  });

  test("counts a listener added or removed by another from the next event on", () => {
    const { channel, sockets } = startOpen();
    const heard: string[] = [];
    channel.on("message", () => {
      stopSecond();
      channel.on("message", () => heard.push("third"));
    });
    const stopSecond = channel.on("message", () => heard.push("second"));
    sockets.last.text("a");
    expect(heard).toEqual(["second"]);
    sockets.last.text("b");
    expect(heard).toEqual(["second", "third"]);
  });

  test("throws a listener's error again on its own, and goes on with the next listener", () => {
    const later: (() => void)[] = [];
    jest.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => void later.push(task));
    const { channel, sockets } = startOpen();
    const heard: string[] = [];
    channel.on("message", () => {
      throw new Error("of the app");
    });
    channel.on("message", (message) => heard.push(message.text()));
    sockets.last.text("a");
    expect(heard).toEqual(["a"]);
    expect(later.length).toBe(1);
    expect(later[0]).toThrow("of the app");
  });
});

describe("for await", () => {
  test("gives the messages since it was begun, across a reconnect, and ends when the owner closes", async () => {
    const { channel, sockets, clock } = startOpen();
    sockets.last.text("before");
    const iterator = channel[Symbol.asyncIterator]();
    sockets.last.text("a");
    sockets.last.end(1006);
    clock.advance(1_000);
    sockets.last.open();
    sockets.last.text({ channel_id: 8 });
    const heard: string[] = [];
    const reading = (async () => {
      for await (const message of iterator) heard.push(message.text());
    })();
    sockets.last.text("b");
    sockets.last.text("c");
    channel.close();
    await reading;
    expect(heard).toEqual(["a", "b", "c"]);
  });

  test("ends when the process closes with 1000", async () => {
    const { channel, sockets } = startOpen();
    const next = channel[Symbol.asyncIterator]().next();
    sockets.last.end(1000);
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("throws once when the channel ends otherwise, then is done", async () => {
    const { channel, sockets } = startOpen();
    const iterator = channel[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next()];
    sockets.last.end(4401, "expired");
    await expect(waiting[0]).rejects.toThrow(
      `Cannot read from "chat:chat:template.os" as its channel is closed: code 4401 (expired), call connect() for another`,
    );
    expect(await waiting[1]).toEqual({ done: true, value: undefined });
  });

  test("on a closed channel is done at once", async () => {
    const { channel } = startOpen();
    channel.close();
    expect(await channel[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test("stops when its body breaks", async () => {
    const { channel, sockets } = startOpen({ limits: { readMessages: 1 } });
    const iterator = channel[Symbol.asyncIterator]();
    sockets.last.text("a");
    for await (const message of iterator) {
      expect(message.text()).toBe("a");
      break;
    }
    for (const text of ["b", "c", "d"]) sockets.last.text(text);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("that breaks after falling behind is not told of it", async () => {
    const { channel, sockets } = startOpen({ limits: { readMessages: 1 } });
    const iterator = channel[Symbol.asyncIterator]();
    for (const text of ["a", "b"]) sockets.last.text(text);
    for await (const message of iterator) {
      expect(message.text()).toBe("a");
      break;
    }
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test.each([
    ["readMessages", { readMessages: 2 }, "2 and 4194304", ["a", "b"], "2 messages and 2 bytes"],
    ["readBytes", { readBytes: 4 }, "1000 and 4", ["abc", "d"], "2 messages and 4 bytes"],
  ])(
    "keeps limits.%s and throws after them when the reader falls further behind",
    async (_name, limits, are, texts, wait) => {
      const { channel, sockets } = startOpen({ limits });
      const iterator = channel[Symbol.asyncIterator]();
      for (const text of texts) sockets.last.text(text);
      sockets.last.text("x");
      for (const text of texts) expect((await iterator.next()).value?.data).toBe(text);
      const error: unknown = await iterator.next().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ChannelLimitError);
      expect(error).toMatchObject({
        code: "limit_reached",
        message: `Cannot keep a message for its reader as limits.readMessages and limits.readBytes are ${are}: ${wait} wait, read faster or raise them`,
      });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(channel.state).toBe("open"); // other readers go on
    },
  );
});
