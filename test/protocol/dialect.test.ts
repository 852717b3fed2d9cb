/** Names of the older systems, and what is said in their words comes back as ours (contract kinode §8). */
import { describe, expect, test } from "@jest/globals";
import {
  Address,
  canonicalAddress,
  canonicalId,
  capabilitiesEqual,
  DIALECTS,
  EventWriter,
  HTTP_SERVER,
  type HttpServerErrorKind,
  type HttpServerRequest,
  isDialect,
  MESSAGING,
  readCloseFacts,
  readEvent,
  readResult,
  spellResult,
} from "../../lib/protocol/index.ts";

describe("names", () => {
  test.each([
    ["http_server:sys:uqbar", "http-server:distro:sys"],
    ["http_server:sys:nectar", "http-server:distro:sys"],
    ["http_server:distro:sys", "http-server:distro:sys"],
    ["http_client:sys:uqbar", "http-client:distro:sys"],
    ["fd_manager:distro:sys", "fd-manager:distro:sys"],
    ["timer:sys:uqbar", "timer:distro:sys"],
    ["vfs:sys:nectar", "vfs:distro:sys"],
    ["kv:sys:nectar", "kv:distro:sys"],
    ["sqlite:sys:nectar", "sqlite:distro:sys"],
    ["net:sys:uqbar", "net:distro:sys"],
    ["kernel:sys:uqbar", "kernel:distro:sys"],
    ["terminal:sys:uqbar", "terminal:distro:sys"],
    ["state:sys:nectar", "state:distro:sys"],
    ["homepage:homepage:uqbar", "homepage:homepage:sys"],
    ["homepage:homepage:nectar", "homepage:homepage:sys"],
  ])("%s is %s today", (alias, id) => {
    expect(canonicalId(alias)).toBe(id);
    expect(canonicalAddress(`alice.os@${alias}`)).toBe(`alice.os@${id}`);
  });

  test.each([
    "http-server:distro:sys",
    "timer:distro:sys",
    "http_server:distro:os",
    "chess:chess:uqbar",
    "x:sys:uqbar",
    "",
  ])("%p is what it is", (id) => {
    expect(canonicalId(id)).toBe(id);
    expect(canonicalAddress(`alice.os@${id}`)).toBe(`alice.os@${id}`);
  });

  test("a capability is the same whatever its issuer is called, and on another node another one", () => {
    const of = (issuer: string) => ({ issuer, params: MESSAGING });
    expect(capabilitiesEqual(of("a@vfs:sys:uqbar"), of("a@vfs:distro:sys"))).toBe(true);
    expect(capabilitiesEqual(of("b@vfs:sys:uqbar"), of("a@vfs:distro:sys"))).toBe(false);
    expect(capabilitiesEqual(of("a@kv:sys:uqbar"), of("a@vfs:distro:sys"))).toBe(false);
  });

  test.each([
    ["uqbar", true],
    ["Kinode", false],
    ["", false],
    [null, false],
  ])("isDialect(%p) is %p", (value, is) => {
    expect(isDialect(value)).toBe(is);
  });
});

const writer = new EventWriter(new Address("alice.os", HTTP_SERVER));
const target = Address.parse("alice.os@p:p:p");
const http = {
  source_socket_addr: "127.0.0.1:5",
  method: "GET",
  url: "http://localhost/p:p:p/m/1",
  bound_path: "/p:p:p/m/:n",
  headers: { host: "localhost:8080" },
  url_params: { n: "1" },
  query_params: { q: "2" },
  header_list: [["host", "localhost:8080"]],
  query_list: [["q", "2"]],
  stream_id: 1,
  stream_body: false,
} as const;

describe("events", () => {
  const open = { WebSocketOpen: { path: "/x", channel_id: 7, source_socket_addr: "127.0.0.1:5" } };

  test.each(DIALECTS)("of %s, read again, say what that dialect says", (dialect) => {
    const read = (event: HttpServerRequest): HttpServerRequest =>
      readEvent(writer.event(dialect, target, event, null).body as object);
    const isOld = dialect === "nectar" || dialect === "uqbar";
    expect(read(open)).toMatchObject({ WebSocketOpen: { channel_id: 7, path: dialect === "uqbar" ? "/" : "/x" } });
    expect(read({ Http: http })).toEqual({
      Http: isOld
        ? { ...http, url: "http://localhost:8080/p:p:p/m/1", bound_path: "/p:p:p/m/1", url_params: {} }
        : http,
    });
    const close = writer.close(dialect, target, 7, { code: 4000, reason: "bye" });
    expect(readEvent(close.body as object)).toEqual({ WebSocketClose: 7 });
    expect(readCloseFacts(close.metadata)).toEqual(isOld ? { code: 1005, reason: "" } : { code: 4000, reason: "bye" });
    expect(writer.isOurs(close.source)).toBe(true);
    expect(writer.isOurs(Address.parse(close.source.text))).toBe(false);
  });

  test.each([
    ["localhost:8080", "http://localhost/a", "http://localhost:8080/a"],
    ["[::1]:8080", "http://[::1]/a", "http://[::1]:8080/a"],
    ["localhost", "http://localhost/a:9", "http://localhost/a:9"],
    ["", "http://localhost/", "http://localhost/"],
  ])("a raw_path has the port of Host %p", (host, url, raw_path) => {
    const event = writer.event("uqbar", target, { Http: { ...http, url, headers: { host } } }, null);
    expect(event.body).toMatchObject({ Http: { raw_path } });
  });
});

describe("results", () => {
  const KINDS: readonly HttpServerErrorKind[] = [
    "MalformedRequest",
    "NoBlob",
    "InvalidSourceProcess",
    "WsPingPongTooLong",
    "WsChannelNotFound",
    "WsChannelOverloaded",
    "LimitReached",
  ];

  test.each(DIALECTS)("of %s come back as they were", (dialect) => {
    expect(readResult(spellResult(dialect, undefined, { Bind: {} }))).toEqual({ Ok: null });
    for (const kind of KINDS)
      for (const action of [{ Bind: {} }, { WebSocketPush: {} }, undefined])
        expect(readResult(spellResult(dialect, kind, action))).toEqual({ Err: kind });
  });

  test("an error that nobody knows is a malformed request", () => {
    expect(readResult({ Err: { WebSocketPushError: { error: "of the future" } } })).toEqual({
      Err: "MalformedRequest",
    });
  });
});
