/** The seeds' own names: they act for the running handler, and say so where there is none. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import {
  bind_http_path,
  bind_http_static_path,
  bind_ws_path,
  clear_state,
  defineProcess,
  get_blob,
  get_payload,
  get_state,
  has_blob,
  LazyLoadBlob,
  last_blob,
  our,
  Payload,
  print_to_terminal,
  Request,
  secure_bind_http_path,
  secure_bind_http_static_path,
  secure_bind_ws_path,
  send_response,
  send_ws_push,
  serve_ui,
  set_state,
  spawn,
} from "../../lib/process/index.ts";

const KV = "kv:distro:sys";

const names: readonly (readonly [string, () => unknown])[] = [
  ["bind_http_path", () => bind_http_path("/", true, false)],
  ["bind_http_static_path", () => bind_http_static_path("/", true, false, null, "")],
  ["bind_ws_path", () => bind_ws_path("/")],
  ["clear_state", () => clear_state()],
  ["secure_bind_http_path", () => secure_bind_http_path("/")],
  ["secure_bind_http_static_path", () => secure_bind_http_static_path("/", null, "")],
  ["secure_bind_ws_path", () => secure_bind_ws_path("/")],
  ["get_blob", () => get_blob()],
  ["get_payload", () => get_payload()],
  ["get_state", () => get_state()],
  ["get_blob", () => has_blob()],
  ["last_blob", () => last_blob()],
  ["our", () => our()],
  ["print_to_terminal", () => print_to_terminal(0, "")],
  ["Request.to", () => Request.to(KV)],
  ["Request.new", () => Request.new()],
  ["send_response", () => send_response(200, null, "")],
  ["send_ws_push", () => send_ws_push("alice.os", 1, "Text", "")],
  ["serve_ui", () => serve_ui("ui")],
  ["set_state", () => set_state(1)],
  ["spawn", () => spawn(null, "x.js", "None", [], [], false)],
];

describe("where no handler runs", () => {
  test.each(names)("%s throws NoProcessError", (name, call) => {
    expect(call).toThrow(
      `Cannot use "${name}" here as no handler is running: call it before the handler's first await, or use ctx`,
    );
  });

  test("a handler's first await ends its time; the next handler has its own", async () => {
    const seen: unknown[] = [];
    const attempt = (): void => {
      try {
        seen.push(our().text);
      } catch (error) {
        seen.push((error as { code: string }).code);
      }
    };
    const harness = await startProcess(
      defineProcess({
        async onRequest(_, __, ctx) {
          attempt();
          await ctx.getState();
          attempt();
        },
        onOpen: attempt,
      }),
    );
    await harness.send("go");
    await harness.open();
    expect(seen).toEqual(["alice.os@test:test:template.os", "no_process", "alice.os@test:test:template.os"]);
  });

  test("a handler that throws ends its time, too", async () => {
    const harness = await startProcess(
      defineProcess({
        onRequest() {
          throw new Error(our().text);
        },
      }),
    );
    await expect(harness.send("go")).rejects.toThrow("alice.os@test");
    expect(() => our()).toThrow(/no handler is running/);
  });
});

describe("blobs", () => {
  test("get_blob() is the message's own, last_blob() the newest ever", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        init: () => void seen.push([has_blob(), get_blob(), last_blob()]),
        onRequest: () => void seen.push([has_blob(), get_blob()?.text(), get_payload()?.text(), last_blob()?.text()]),
        onExit: () => void seen.push([has_blob(), last_blob()?.text()]),
      }),
    );
    await harness.send("with", { blob: "one" });
    await harness.send("without");
    await harness.stop();
    expect(seen).toEqual([
      [false, undefined, undefined],
      [true, "one", "one", "one"],
      [false, undefined, undefined, "one"],
      [false, "one"],
    ]);
  });

  test("LazyLoadBlob.new and Payload.new make one", () => {
    expect([LazyLoadBlob.new("text/x", "a").mime, Payload.new(null, new Uint8Array([98])).text()]).toEqual([
      "text/x",
      "b",
    ]);
  });
});

describe("calls", () => {
  test("send_ws_push pushes here, and by way of another node's http-server there", async () => {
    const harness = await startProcess(
      defineProcess({
        onPush(_, { channelId }) {
          const blob = get_blob();
          if (blob === undefined) return;
          send_ws_push("our", channelId, "Text", blob);
          send_ws_push("alice.os", channelId, "Binary", { mime: null, bytes: new Uint8Array([1]) });
          send_ws_push("bob.os", 9, "Text", "over there");
          send_ws_push("our", 99, "Text", "nobody");
        },
      }),
    );
    const channelId = await harness.open();
    await harness.push(channelId, "hello");
    expect(harness.frames(channelId)).toEqual([
      { messageType: "Text", data: "hello" },
      { messageType: "Binary", data: "\u0001" },
    ]);
    expect(harness.sent.map(({ target, body, data }) => [target.text, body, data])).toEqual([
      ["bob.os@http-server:distro:sys", { WebSocketPush: { channel_id: 9, message_type: "Text" } }, "over there"],
    ]);
    expect(harness.refused).toMatchObject([{ error: "WsChannelNotFound" }]);
  });

  test("state, bindings, spawn, Request and the terminal do what ctx does", async () => {
    const results: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        init: async () => {
          const all = [
            bind_http_path("/api", true, false),
            bind_ws_path("/ws"),
            bind_http_static_path("/x.txt", false, true, "text/plain", "x"),
            spawn("child", "child.js", "Restart", [KV], [], true),
            get_state<number>(),
            set_state(7),
          ];
          print_to_terminal(3, `I am ${our().text}`);
          Request.new().target(KV).ipc("old").payload("names").send();
          results.push(...(await Promise.all(all)));
        },
        onRequest: () => clear_state(),
      }),
      { state: 6 },
    );
    expect(results.map(String)).toEqual([
      ...Array.from({ length: 3 }, () => "[object Object]"),
      "child:test:template.os",
      "6",
      "undefined",
    ]);
    expect(harness.bound).toEqual({ http: ["/api"], ws: ["/ws"] });
    expect(harness.files.get("/x.txt")?.mime).toBe("text/plain");
    expect(harness.spawned).toEqual([
      {
        name: "child",
        file: "child.js",
        lifetime: "node",
        onExit: "Restart",
        requestCapabilities: [KV],
        grantCapabilities: [],
        public: true,
      },
    ]);
    expect(harness.logs).toEqual(["I am alice.os@test:test:template.os"]);
    expect(harness.sent.map(({ body, data }) => [body, data])).toEqual([["old", "names"]]);
    expect(harness.state).toBe(7);
    await harness.send("clear");
    expect(harness.state).toBeUndefined();
  });

  test("send_response answers the HTTP request being handled, and nothing else", async () => {
    const harness = await startProcess(
      defineProcess({
        onHttp: () => send_response(201, { "Content-Type": "text/x" }, "made"),
        onRequest: () => send_response(200, null, ""),
      }),
    );
    expect(await harness.http()).toMatchObject({ status: 201, headers: { "Content-Type": "text/x" }, data: "made" });
    await expect(harness.send("go")).rejects.toMatchObject({ code: "no_request_to_answer" });
  });

  test("serve_ui serves a folder", async () => {
    const folder = new URL("../../examples/chat", import.meta.url).pathname;
    const harness = await startProcess(defineProcess({ init: async () => void (await serve_ui("ui")) }), { folder });
    expect([...harness.files.keys()]).toContain("/index.html");
  });
});
