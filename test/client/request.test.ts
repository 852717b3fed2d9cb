/** request(): its wire, and its four ends. */
import { describe, expect, test } from "@jest/globals";
import { CLIENT_LIMITS, RequestError } from "../../lib/client/index.ts";
import { dataOf, PROCESS, register, start, startOpen } from "./fake-socket.ts";

describe("request()", () => {
  test("sends its number and body, and resolves with the body of the response of that number", async () => {
    const { channel, sockets } = startOpen();
    const heard: unknown[] = [];
    channel.on("message", (message) => heard.push(message.data));
    const first = channel.request({ op: "list" });
    const second = channel.request(null);
    expect(dataOf(sockets.last)).toEqual([`{"request":1,"body":{"op":"list"}}`, `{"request":2,"body":null}`]);
    sockets.last.text({ response: 2, body: "two" });
    sockets.last.text(`{ "body": ["one"], "response": 1 }`);
    expect(await Promise.all([first, second])).toEqual([["one"], "two"]);
    expect(heard).toEqual([]); // answers are nobody else's
  });

  test("resolves with undefined when the response has no body", async () => {
    const { channel, sockets } = startOpen();
    const answer = channel.request(1);
    sockets.last.text({ response: 1 });
    expect(await answer).toBeUndefined();
  });

  test("rejects with the process's error", async () => {
    const { channel, sockets } = startOpen();
    const answer = channel.request(1);
    sockets.last.text({ response: 1, error: { code: "no_such_room" } });
    const error: unknown = await answer.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({
      name: "RequestError",
      code: "request_failed",
      answer: { code: "no_such_room" },
      message: `Cannot finish a request to "${PROCESS}" as the process answered with an error: {"code":"no_such_room"}`,
    });
  });

  test("rejects after its timeout, and drops the answer that comes late", async () => {
    const { channel, sockets, clock } = startOpen();
    const heard: unknown[] = [];
    channel.on("message", (message) => heard.push(message.data));
    const answer = channel.request(1, { timeoutMs: 250 });
    clock.advance(249);
    clock.advance(1);
    await expect(answer).rejects.toMatchObject({
      code: "request_timeout",
      message: `Cannot finish a request to "${PROCESS}" as an answer must come within 250 ms: none came, ask again or raise timeoutMs`,
    });
    sockets.last.text({ response: 1, body: "late" });
    expect(heard).toEqual([]);
  });

  test("waits limits.requestMs unless told otherwise", async () => {
    const { channel, sockets, clock } = startOpen();
    const answer = channel.request(1);
    clock.advance(CLIENT_LIMITS.requestMs - 1);
    sockets.last.text({ response: 1, body: "just in time" });
    expect(await answer).toBe("just in time");
    const late = channel.request(2);
    clock.advance(CLIENT_LIMITS.requestMs);
    await expect(late).rejects.toThrow("within 10000 ms");
  });

  test("is queued before the channel is open, and withdrawn when it times out there", async () => {
    const { channel, sockets, clock } = start();
    const gone = channel.request("gone", { timeoutMs: 10 });
    const kept = channel.request("kept");
    clock.advance(10);
    await expect(gone).rejects.toMatchObject({ code: "request_timeout" });
    register(sockets.last, 7);
    expect(dataOf(sockets.last)).toEqual([`{"request":2,"body":"kept"}`]);
    sockets.last.text({ response: 2, body: "yes" });
    expect(await kept).toBe("yes");
  });

  test("rejects when the connection is lost after it left; a queued one lives on", async () => {
    const { channel, sockets, clock } = startOpen();
    const sent = channel.request("sent");
    sockets.last.end(1006);
    const queued = channel.request("queued");
    await expect(sent).rejects.toMatchObject({
      code: "request_lost",
      message: `Cannot finish a request to "${PROCESS}" as its connection was lost: code 1006, ask again if doing it twice is safe`,
    });
    sockets.last.end(1006);
    clock.advance(500);
    sockets.last.fail(); // a failed attempt does not lose what has not left
    clock.advance(1_000);
    register(sockets.last, 8);
    sockets.last.text({ response: 2, body: "done" });
    expect(await queued).toBe("done");
  });

  test("rejects when the channel is closed, and on a closed channel", async () => {
    const { channel, sockets } = startOpen();
    const sent = channel.request(1);
    sockets.last.readyState = 2;
    const queued = channel.request(2);
    channel.close();
    const text = `"${PROCESS}" as its channel is closed: code 1000, call connect() for another`;
    await expect(sent).rejects.toThrow(`Cannot finish a request to ${text}`);
    await expect(queued).rejects.toThrow(`Cannot finish a request to ${text}`);
    await expect(channel.request(3)).rejects.toThrow(`Cannot send to ${text}`);
  });

  test("takes limits.requests at a time and refuses one more", async () => {
    const { channel, sockets } = startOpen({ limits: { requests: 2 } });
    const first = channel.request(1);
    const second = channel.request(2);
    await expect(channel.request(3)).rejects.toMatchObject({
      code: "limit_reached",
      message: `Cannot send a request to "${PROCESS}" as limits.requests is 2: 2 wait for an answer, await some or raise it`,
    });
    sockets.last.text({ response: 1, body: "a" });
    await first;
    const fourth = channel.request(4);
    expect(dataOf(sockets.last).length).toBe(3);
    channel.close();
    await Promise.allSettled([second, fourth]);
  });

  test.each([0, 1.5, Number.NaN, 2 ** 31])("refuses timeoutMs %p", async (timeoutMs) => {
    await expect(startOpen().channel.request(1, { timeoutMs })).rejects.toThrow(
      `Cannot use timeoutMs as it must be a whole number from 1 to 2147483647: got ${timeoutMs}, leave it out for 10000`,
    );
  });

  test.each([`{"response":1,"body":"x"}`, `{"response":"1"}`, `{"response":0}`, `{"response":9}`, "response"])(
    "never asked for: %s is a message",
    (text) => {
      const { channel, sockets } = startOpen();
      const heard: unknown[] = [];
      channel.on("message", (message) => heard.push(message.data));
      if (text !== `{"response":1,"body":"x"}`) channel.request(1).catch(() => {});
      sockets.last.text(text);
      expect(heard).toEqual([text]);
      channel.close();
    },
  );

  test("leaves no timer behind, however it ends", async () => {
    const timers = new Set<() => void>();
    const clock = {
      setTimeout(due: () => void): () => void {
        timers.add(due);
        return () => timers.delete(due);
      },
    };
    const { channel, sockets } = startOpen({ clock });
    const before = timers.size;
    const answered = channel.request(1);
    const failed = channel.request(2);
    expect(timers.size).toBe(before + 2);
    sockets.last.text({ response: 1 });
    sockets.last.text({ response: 2, error: "no" });
    await Promise.allSettled([answered, failed]);
    expect(timers.size).toBe(before);
    const closed = channel.request(3);
    channel.close();
    await Promise.allSettled([closed]);
    expect(timers.size).toBe(0);
  });
});
