/** The seeds' browser class, with the seeds' options. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  type EncryptorApiOptions,
  KinodeClientApi,
  KinodeEncryptorApi,
  NectarEncryptorApi,
  UqbarEncryptorApi,
} from "../../lib/client/index.ts";
import { VirtualClock } from "../../lib/protocol/clock.ts";
import { leavePage, setPage } from "./fake-page.ts";
import { dataOf, fakeSockets, register, type Sockets } from "./fake-socket.ts";

afterEach(leavePage);

const PROCESS = "my-package:my-package:template.os";
const UTF8 = new TextEncoder();

function make(options: Partial<EncryptorApiOptions> = {}): {
  readonly api: KinodeEncryptorApi;
  readonly sockets: Sockets;
  readonly clock: VirtualClock;
} {
  setPage({ href: `http://localhost:8080/${PROCESS}/`, cookie: "kinode-auth_alice.os=a.b.c" });
  const { sockets, WebSocket } = fakeSockets();
  const clock = new VirtualClock();
  const api = new KinodeEncryptorApi({ nodeId: "alice.os", processId: PROCESS, WebSocket, clock, ...options });
  return { api, sockets, clock };
}

describe("KinodeEncryptorApi", () => {
  test("registers processId on the page's main route with the cookie of nodeId", () => {
    const { sockets } = make();
    expect(sockets.last.url).toBe("ws://localhost:8080/");
    sockets.last.open();
    expect(sockets.last.sent).toEqual([`{"auth_token":"a.b.c","target_process":"${PROCESS}","encrypted":false}`]);
  });

  test.each(["ws://other.test:8080", "ws://other.test:8080/", "http://other.test:8080"])(
    "registers at uri %s",
    (uri) => {
      const { sockets } = make({ uri });
      expect(sockets.last.url).toBe("ws://other.test:8080/");
      sockets.last.open();
      expect(sockets.last.sent.length).toBe(1);
    },
  );

  test.each([`ws://localhost:8080/${PROCESS}/`, `http://localhost:8080/${PROCESS}/ws`, `/${PROCESS}/ws`])(
    "takes uri %s for a path-bound socket",
    (uri) => {
      const { api, sockets } = make({ uri });
      sockets.last.open();
      expect([api.channel.state, sockets.last.sent]).toEqual(["open", []]);
    },
  );

  test("has the fields of the npm client", () => {
    const { api } = make({ channelId: "my-channel" });
    expect([api.nodeId, api.channelId, api.processId]).toEqual([
      "alice.os",
      "my-channel",
      { process_name: "my-package", package_name: "my-package", publisher_node: "template.os" },
    ]);
  });

  test("calls onOpen(event, api) after registration, and again after a reconnect; api.send works inside", () => {
    const calls: unknown[] = [];
    const { api, sockets, clock } = make({
      onOpen: (event, given) => {
        calls.push([event, given]);
        given.send({ data: "hi" });
      },
    });
    sockets.last.open();
    expect(calls).toEqual([]);
    sockets.last.text({ channel_id: 7 });
    sockets.last.end(1006);
    clock.advance(1_000);
    register(sockets.last, 8);
    expect(calls).toEqual([
      [{ channelId: 7, again: false }, api],
      [{ channelId: 8, again: true }, api],
    ]);
    expect(sockets.all.map(dataOf)).toEqual([[UTF8.encode(`"hi"`)], [UTF8.encode(`"hi"`)]]);
  });

  test("calls onMessage(data, api) with a string for text and bytes for binary", () => {
    const calls: unknown[] = [];
    const { api, sockets } = make({ onMessage: (data, given) => calls.push([data, given]) });
    register(sockets.last, 7);
    sockets.last.text(`{"a":1}`);
    sockets.last.binary(1, 2);
    expect(calls).toEqual([
      [`{"a":1}`, api],
      [new Uint8Array([1, 2]), api],
    ]);
  });

  test("calls onError and onClose", () => {
    const calls: unknown[] = [];
    const { sockets } = make({
      reconnect: false,
      onError: (error) => calls.push(error.code),
      onClose: (event) => calls.push(event),
    });
    sockets.last.fail();
    expect(calls).toEqual(["socket_failed", { code: 1006, reason: "", retryInMs: undefined, unsent: [] }]);
  });

  test.each([
    ["Hello World", `"Hello World"`],
    [{ a: [1, "é"] }, `{"a":[1,"é"]}`],
    [undefined, ""],
  ])("send({ data: %j }) sends a binary frame of %j", (data, text) => {
    const { api, sockets } = make();
    const { send } = api; // works without its object
    send({ data });
    register(sockets.last, 7);
    expect(dataOf(sockets.last)).toEqual([UTF8.encode(text)]);
  });

  test("works with processId alone", () => {
    const { sockets, WebSocket } = fakeSockets();
    setPage({ href: "https://node.example/", node: "bob.os", cookie: "nectar-auth_bob.os=n" });
    const api = new NectarEncryptorApi({ processId: PROCESS, WebSocket });
    sockets.last.open();
    expect(JSON.parse(String(sockets.last.sent[0])).auth_token).toBe("n");
    api.channel.close();
  });

  test("refuses a processId that is none", () => {
    expect(() => make({ processId: "my-package" })).toThrow(
      `Cannot connect to "my-package" as it is no process id: write process:package:publisher`,
    );
  });

  test("refuses a uri that is none", () => {
    expect(() => make({ uri: "http://" })).toThrow(
      `Cannot connect to "${PROCESS}" as its url must lead to a node: got "http://", write for instance "ws://localhost:8080/"`,
    );
  });

  test("fetchJson() fetches and parses", async () => {
    const { api } = make();
    expect(await api.fetchJson<{ a: number }>(`data:application/json,{"a":1}`)).toEqual({ a: 1 });
  });

  test("goes by its other names too", () => {
    expect([KinodeClientApi, NectarEncryptorApi, UqbarEncryptorApi]).toEqual([
      KinodeEncryptorApi,
      KinodeEncryptorApi,
      KinodeEncryptorApi,
    ]);
  });
});
