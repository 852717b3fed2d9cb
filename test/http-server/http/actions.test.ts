/** What a process may ask, as values: every action of contract kinode §5.1, and everything that is none. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Action, parseAction } from "../../../http-server/actions.ts";
import { toAddress } from "../../../lib/protocol/index.ts";

const bindFields = { path: "/m", authenticated: true, local_only: false, cache: true };
const bound = { kind: "bind", path: "/m", authenticated: true, localOnly: false, cache: true, secure: false } as const;
const plain = { headers: [], fallback: "all", streamBody: false, admission: null } as const;
const wsFields = { path: "/", authenticated: true, extension: false };
const boundWs = {
  kind: "bindWs",
  path: "/",
  authenticated: true,
  secure: false,
  extension: null,
  slowReader: null,
  sendLimit: null,
  compress: false,
  protocols: [],
  openHeaders: [],
  admission: null,
} as const;

describe("parseAction()", () => {
  test.each<[body: unknown, action: Action]>([
    [{ Bind: bindFields }, { ...bound, ...plain }],
    [
      { Bind: { ...bindFields, headers: { "Cache-Control": "no-store", "X-A": ["1", "2"] }, fallback: "pages" } },
      {
        ...bound,
        ...plain,
        headers: [
          ["cache-control", "no-store"],
          ["x-a", "1"],
          ["x-a", "2"],
        ],
        fallback: "pages",
      },
    ],
    [
      { Bind: { ...bindFields, cache: false, stream_body: true, headers: {} } },
      { ...bound, ...plain, cache: false, streamBody: true },
    ],
    [{ HttpChunk: { stream_id: 7 } }, { kind: "httpChunk", streamId: 7 }],
    [{ HttpRead: { stream_id: 7 } }, { kind: "httpRead", streamId: 7 }],
    [{ HttpEnd: { stream_id: 7 } }, { kind: "httpEnd", streamId: 7, cut: false }],
    [{ HttpEnd: { stream_id: 7, cut: true } }, { kind: "httpEnd", streamId: 7, cut: true }],
    [
      { SecureBind: { path: "/m", cache: true, authenticated: false, local_only: true } },
      { ...bound, ...plain, secure: true },
    ],
    [{ Unbind: { path: "" } }, { kind: "unbind", path: "" }],
    [{ WebSocketBind: wsFields }, boundWs],
    [{ WebSocketBind: { ...wsFields, extension: true } }, { ...boundWs, extension: "array" }],
    [{ WebSocketBind: { ...wsFields, extension: true, extension_blob: "bin" } }, { ...boundWs, extension: "bin" }],
    [
      { WebSocketBind: { ...wsFields, slow_reader: "drop", send_limit: 1 } },
      { ...boundWs, slowReader: "drop", sendLimit: 1 },
    ],
    [
      { WebSocketSecureBind: { path: "/", extension: false, authenticated: false, slow_reader: "drop" } },
      { ...boundWs, secure: true, slowReader: "drop" },
    ],
    [
      { WebSocketBind: { ...wsFields, compress: true, protocols: ["v2.app", "v1"], open_headers: ["User-Agent"] } },
      { ...boundWs, compress: true, protocols: ["v2.app", "v1"], openHeaders: ["user-agent"] },
    ],
    [{ WebSocketUnbind: { path: "/" } }, { kind: "unbindWs", path: "/" }],
    [
      { WebSocketPush: { channel_id: 5, message_type: "Text" } },
      { kind: "push", channelId: 5, messageType: "Text", key: null },
    ],
    [
      { WebSocketPush: { channel_id: 5, message_type: "Binary", key: "a" } },
      { kind: "push", channelId: 5, messageType: "Binary", key: "a" },
    ],
    [
      { WebSocketPush: { channel_id: 4_294_967_295, message_type: "Close" } },
      { kind: "push", channelId: 4_294_967_295, messageType: "Close", key: null },
    ],
    [
      { WebSocketExtPushOutgoing: { channel_id: 5, message_type: "Binary", desired_reply_type: "Request" } },
      { kind: "pushExtension", channelId: 5, messageType: "Binary", replyType: "Request" },
    ],
    [{ WebSocketClose: 5 }, { kind: "close", channelId: 5, code: 1000, reason: "" }],
    [
      { WebSocketClose: { channel_id: 5, code: 3000, reason: "why" } },
      { kind: "close", channelId: 5, code: 3000, reason: "why" },
    ],
    [{ WebSocketSubscribe: { channel_id: 0, topic: "a" } }, { kind: "subscribe", channelId: 0, topic: "a" }],
    [{ WebSocketUnsubscribe: { channel_id: 5, topic: "" } }, { kind: "unsubscribe", channelId: 5, topic: "" }],
    [
      { WebSocketTransfer: { channel_id: 5, to: "room:game:template.os" } },
      { kind: "transfer", channelId: 5, to: toAddress("room:game:template.os", "our") },
    ],
    [
      { WebSocketTransfer: { channel_id: 5, to: "bob.os@room:game:template.os", x: 1 } },
      { kind: "transfer", channelId: 5, to: toAddress("bob.os@room:game:template.os", "our") },
    ],
    [
      { WebSocketPublish: { topic: "a", message_type: "Binary" } },
      { kind: "publish", topic: "a", messageType: "Binary" },
    ],
  ])("reads %j", (body, action) => {
    expect(parseAction(body)).toEqual(action);
  });

  test("ignores fields it does not know", () => {
    const body = { Bind: { ...bindFields, secure_subdomain: null, __proto__: { path: "/n" } } };
    expect(parseAction(body)).toEqual(parseAction({ Bind: bindFields }));
  });

  test.each(["/*rest", "/a/*rest", "/a/*rest/", "/a/*", "/a/*/b", "*rest", "/a*b/c"])("reads the path %s", (path) => {
    expect(parseAction({ Bind: { ...bindFields, path } })).toMatchObject({ path });
    expect(parseAction({ WebSocketBind: { ...wsFields, path } })).toMatchObject({ path });
  });

  test.each(["/*rest/b", "/a/*rest/*more", "*rest/b", "/a/*rest//"])(
    "refuses the path %s: nothing stands behind the rest",
    (path) => {
      expect(parseAction({ Bind: { ...bindFields, path } })).toBeUndefined();
      expect(parseAction({ WebSocketBind: { ...wsFields, path } })).toBeUndefined();
    },
  );

  test.each<[body: unknown]>([
    [undefined],
    [null],
    [0],
    [true],
    [""],
    ["Bind"],
    [[]],
    [["Bind", bindFields]],
    [{}],
    [{ Nope: 1 }],
    [{ bind: bindFields }],
    [{ Nope: 1, Bind: bindFields }],
    [{ Bind: null }],
    [{ Bind: "/m" }],
    [{ Bind: [bindFields] }],
    [{ Bind: { ...bindFields, path: 1 } }],
    [{ SecureBind: { path: "/m" } }],
    [{ SecureBind: { cache: true } }],
    [{ WebSocketSecureBind: { path: "/" } }],
    [{ WebSocketSecureBind: { extension: false } }],
    [{ Bind: { ...bindFields, path: ["/m"] } }],
    [{ Bind: { ...bindFields, authenticated: "true" } }],
    [{ Bind: { ...bindFields, authenticated: null } }],
    [{ Bind: { ...bindFields, local_only: 0 } }],
    [{ Bind: { path: "/m", authenticated: true, local_only: false } }],
    [{ Bind: { path: "/m", authenticated: true, cache: false } }],
    [{ Bind: { path: "/m", local_only: false, cache: false } }],
    [{ Bind: { authenticated: true, local_only: false, cache: false } }],
    [{ Unbind: {} }],
    [{ Unbind: "/m" }],
    [{ WebSocketBind: { path: "/", authenticated: true } }],
    [{ WebSocketBind: { ...wsFields, extension: true, extension_blob: "text" } }],
    [{ WebSocketBind: { ...wsFields, extension_blob: null } }],
    [{ WebSocketExtPushOutgoing: { channel_id: 5, message_type: "Binary" } }],
    [{ WebSocketExtPushOutgoing: { channel_id: 5, message_type: "Binary", desired_reply_type: "response" } }],
    [{ WebSocketExtPushOutgoing: { channel_id: -1, message_type: "Binary", desired_reply_type: "Response" } }],
    [{ WebSocketBind: { ...wsFields, extension: 0 } }],
    [{ WebSocketBind: { ...wsFields, slow_reader: "latest?" } }],
    [{ WebSocketPush: { channel_id: 5, message_type: "Text", key: 1 } }],
    [{ WebSocketPush: { channel_id: 5, message_type: "Ping", key: "a" } }],
    [{ WebSocketBind: { ...wsFields, send_limit: 0 } }],
    [{ WebSocketBind: { ...wsFields, send_limit: -1 } }],
    [{ WebSocketBind: { ...wsFields, send_limit: Number.NaN } }],
    [{ WebSocketBind: { ...wsFields, send_limit: "1" } }],
    [{ WebSocketUnbind: { path: null } }],
    [{ WebSocketPush: { channel_id: 5 } }],
    [{ WebSocketPush: { message_type: "Text" } }],
    [{ WebSocketPush: { channel_id: 5, message_type: "text" } }],
    [{ WebSocketPush: { channel_id: "5", message_type: "Text" } }],
    [{ WebSocketPush: { channel_id: -1, message_type: "Text" } }],
    [{ WebSocketPush: { channel_id: 5.5, message_type: "Text" } }],
    [{ WebSocketPush: { channel_id: 4_294_967_296, message_type: "Text" } }],
    [{ WebSocketClose: "5" }],
    [{ WebSocketClose: -1 }],
    [{ WebSocketClose: 1.5 }],
    [{ WebSocketClose: { channel_id: 5, code: "1000" } }],
    [{ WebSocketClose: { channel_id: 5, reason: 1 } }],
    [{ WebSocketClose: { code: 1000 } }],
    [{ WebSocketSubscribe: { channel_id: 5 } }],
    [{ WebSocketSubscribe: { channel_id: 5, topic: 1 } }],
    [{ WebSocketUnsubscribe: { topic: "a" } }],
    [{ WebSocketPublish: { topic: "a" } }],
    [{ WebSocketPublish: { topic: "a", message_type: "Ping" } }],
    [{ WebSocketPublish: { message_type: "Text" } }],
    [{ WebSocketOpen: { path: "/", channel_id: 5 } }],
    [{ WebSocketExtPushData: { id: 1, kinode_message_type: "Response", blob: [] } }],
    [{ toString: {} }],
    [{ constructor: bindFields }],
    [JSON.parse('{"__proto__":{"path":"/m"}}')],
  ])("takes %j for no action", (body) => {
    expect(parseAction(body)).toBeUndefined();
  });

  test("never throws, whatever the JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        parseAction(body);
      }),
      { numRuns: 1000 },
    );
  });

  test("never throws, whatever stands in the fields of an action, and lets no wrong kind through", () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fields(), (name, given) => {
        const action = parseAction({ [name]: given });
        if (action === undefined) return;
        const {
          path = "",
          topic = "",
          channelId = 0,
        } = action as { path?: unknown; topic?: unknown; channelId?: unknown };
        expect([typeof path, typeof topic]).toEqual(["string", "string"]);
        expect(Number(channelId) >>> 0 === channelId).toBe(true); // -0 is 0 here, as it is in a Map
      }),
      { numRuns: 5000 },
    );
  });
});

const NAMES = [
  "Bind",
  "Unbind",
  "WebSocketBind",
  "WebSocketUnbind",
  "WebSocketPush",
  "WebSocketClose",
  "WebSocketSubscribe",
  "WebSocketUnsubscribe",
  "WebSocketPublish",
];

/** The right fields with right or wrong values, so that some make an action. */
function fields(): fc.Arbitrary<unknown> {
  const some = <Value>(right: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });
  const record = fc.record(
    {
      path: some(fc.string()),
      authenticated: some(fc.boolean()),
      local_only: some(fc.boolean()),
      cache: some(fc.boolean()),
      extension: some(fc.constant(false)),
      slow_reader: some(fc.constantFrom("close", "drop", "latest", null)),
      send_limit: some(fc.nat()),
      channel_id: some(fc.nat()),
      message_type: some(fc.constantFrom("Text", "Binary", "Ping")),
      topic: some(fc.string()),
      key: some(fc.string()),
      code: some(fc.nat({ max: 5000 })),
      reason: some(fc.string()),
    },
    { requiredKeys: [] },
  );
  return fc.oneof({ weight: 4, arbitrary: record }, { weight: 1, arbitrary: fc.jsonValue() });
}
