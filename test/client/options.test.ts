/** connect(): where its url, token and class come from, and what it says when an option is wrong. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type ConnectOptions, connect, OptionError } from "../../lib/client/index.ts";
import { leavePage, setPage } from "./fake-page.ts";
import { fakeSockets, PROCESS } from "./fake-socket.ts";

afterEach(leavePage);

function urlOf(options: Partial<ConnectOptions> = {}): string {
  const { WebSocket } = fakeSockets();
  const channel = connect({ process: PROCESS, WebSocket, ...options });
  channel.close();
  return channel.url;
}

describe("connect() url", () => {
  test.each([
    ["http://localhost:8080/chat:chat:template.os/?a=1#b", "ws://localhost:8080/"],
    ["https://node.example/x", "wss://node.example/"],
  ])("is the main route of the page %s by default", (href, url) => {
    setPage({ href });
    expect(urlOf()).toBe(url);
  });

  test.each([
    ["ws://node.test", "ws://node.test/"],
    ["http://node.test:8080", "ws://node.test:8080/"],
    ["https://node.test/prefix/", "wss://node.test/prefix/"],
    ["wss://node.test/?a=1#fragment", "wss://node.test/?a=1"],
  ])("%s is %s", (url, expected) => {
    expect(urlOf({ url })).toBe(expected);
    expect(urlOf({ url: new URL(url) })).toBe(expected);
  });

  test.each([
    ["ws://node.test", "", "ws://node.test/chat:chat:template.os/"],
    ["ws://node.test", "ws", "ws://node.test/chat:chat:template.os/ws"],
    ["http://node.test/prefix", "/a/b", "ws://node.test/prefix/chat:chat:template.os/a/b"],
  ])("%s with path %p is %s", (url, path, expected) => {
    expect(urlOf({ url, path })).toBe(expected);
  });

  test("may be relative to the page", () => {
    setPage({ href: "https://node.example/x/" });
    expect(urlOf({ url: "/prefix/" })).toBe("wss://node.example/prefix/");
  });
});

describe("connect() refuses", () => {
  const { WebSocket } = fakeSockets();
  const way = `write for instance "ws://localhost:8080/"`;
  const range = "must be a whole number from 1 to 2147483647";
  test.each<[string, Partial<ConnectOptions>, string]>([
    [
      "a process that is no id",
      { process: "chat" },
      `Cannot connect to "chat" as it is no process id: write process:package:publisher`,
    ],
    [
      "a path of a process of another node",
      { process: "n@a:b:c", path: "room" },
      `Cannot connect to "n@a:b:c" as it is no process id: write process:package:publisher`,
    ],
    [
      "a path of a process with a key, which may be on any node",
      { process: "r/1:b:c", path: "room" },
      `Cannot connect to "r/1:b:c" as it is no process id: write process:package:publisher`,
    ],
    [
      "a key with another part",
      { process: "*@r/1/2:b:c" },
      `Cannot connect to "*@r/1/2:b:c" as it is no process id: write process:package:publisher`,
    ],
    [
      "no url without a page",
      {},
      `Cannot connect to "a:b:c" as its url must lead to a node: got none, and no page to take it from, ${way}`,
    ],
    [
      "a url without scheme",
      { url: "localhost" },
      `Cannot connect to "a:b:c" as its url must lead to a node: got "localhost", ${way}`,
    ],
    [
      "another scheme",
      { url: "ftp://x/" },
      `Cannot connect to "a:b:c" as its url must lead to a node: got "ftp://x/", ${way}`,
    ],
    [
      "a limit of 0",
      { url: "ws://x", limits: { requestMs: 0 } },
      `Cannot use limits.requestMs as it ${range}: got 0, leave it out for 10000`,
    ],
    [
      "a limit past setTimeout's",
      { url: "ws://x", limits: { stableMs: 2 ** 31 } },
      `Cannot use limits.stableMs as it ${range}: got 2147483648, leave it out for 10000`,
    ],
    [
      "an unknown limit",
      { url: "ws://x", limits: { sendMesages: 1 } as object },
      "Cannot use limits.sendMesages as there is none of that name: known are connectMs, registerMs, retryFirstMs, retryMaxMs, stableMs, requestMs, requests, sendMessages, sendBytes, readMessages, readBytes",
    ],
  ])("%s", (_what, options, message) => {
    const call = (): unknown => connect({ process: "a:b:c", WebSocket, ...options });
    expect(call).toThrow(OptionError);
    expect(call).toThrow(message);
  });

  test("a runtime without a global WebSocket, and takes a global one", () => {
    setPage({ WebSocket: undefined });
    expect(() => connect({ process: PROCESS, url: "ws://x" })).toThrow(
      `Cannot connect to "${PROCESS}" as this runtime has no global WebSocket: give the option WebSocket, for instance import { WebSocket } from "ws"`,
    );
    const { WebSocket: Global, sockets } = fakeSockets();
    setPage({ WebSocket: Global });
    connect({ process: PROCESS, url: "ws://x" }).close();
    expect(sockets.all.length).toBe(1);
  });

  test("takes a limit at each end of its range", () => {
    for (const value of [1, 2 ** 31 - 1]) urlOf({ url: "ws://x", limits: { connectMs: value } });
  });
});
