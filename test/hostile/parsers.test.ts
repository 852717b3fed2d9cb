/**
 * Any input into each parser that strangers or processes reach: an answer of its kind, never a throw of another, never
 * another's prototype. Fixed seeds, bounded runs; parse-registration.test.ts and untrusted.test.ts have the rest.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readOptions } from "../../bin/options.ts";
import { parseAction } from "../../http-server/actions.ts";
import { cookieValues, tokensOf, withoutSession } from "../../http-server/cookies.ts";
import { cameThroughProxy, hostName } from "../../http-server/headers.ts";
import { readAnswer } from "../../http-server/http-answer.ts";
import { type Claims, signToken, verifyToken } from "../../http-server/jwt.ts";
import { parseMount } from "../../http-server/listening.ts";
import { isOriginAllowed } from "../../http-server/origin.ts";
import { OwnHosts } from "../../http-server/own-hosts.ts";
import { Router } from "../../http-server/router.ts";
import { triage } from "../../http-server/transport/handshake.ts";
import { checkAnswer } from "../../http-server/transport/http-check.ts";
import type { TransportRequest } from "../../http-server/transport/transport.ts";
import { Address, OptionError, ProcessId } from "../../lib/protocol/index.ts";

const SEED = 20_261_121;
const RUNS = { seed: SEED, numRuns: 2_000 };
const SECRET = new TextEncoder().encode("a secret of thirty-two bytes, yes");

/** Text with what means something to one parser or another. */
const tricky = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "/",
        "//",
        "*",
        ":",
        "?",
        "#",
        "%",
        "%2f",
        "..",
        "__proto__",
        "constructor",
        "\0",
        "\r\n",
        ";",
        "=",
        ",",
        '"',
        " ",
        "\t",
        "@",
        "[",
        "]",
        ".",
        "é",
        "\ud800",
        "kinode-auth_alice.os",
        "jackfield-auth_",
      ),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

const KEYS = [
  "WebSocketPush",
  "WebSocketClose",
  "WebSocketSubscribe",
  "WebSocketPublish",
  "Bind",
  "Unbind",
  "WebSocketBind",
  "__proto__",
  "toString",
];
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  tricky,
  fc.double(),
  fc.constantFrom(-1, 0, 2 ** 32, 2 ** 31, "Text", true, undefined),
);
const fields = fc.record(
  {
    path: fc.oneof(fc.constant("/m"), value),
    authenticated: fc.oneof(fc.boolean(), value),
    local_only: fc.oneof(fc.boolean(), value),
    cache: fc.oneof(fc.boolean(), value),
    channel_id: fc.oneof(fc.nat(), value),
    message_type: fc.oneof(fc.constantFrom("Text", "Binary", "Ping"), value),
    topic: fc.oneof(fc.constant("room"), value),
    code: fc.oneof(fc.constant(1000), value),
    reason: fc.oneof(fc.constant("bye"), value),
    extension: fc.oneof(fc.constant(false), value),
    send_limit: fc.oneof(fc.constant(1024), value),
  },
  { requiredKeys: ["path", "authenticated", "channel_id", "topic"] },
);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...KEYS), fields).map(([key, given]) => ({ [key]: given })) },
  { weight: 1, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: fc.anything() },
);

const NAMES = [
  "host",
  "upgrade",
  "connection",
  "content-length",
  "transfer-encoding",
  "origin",
  "cookie",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "forwarded",
  "via",
];
const headers = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom(...NAMES), tricky),
    fc.oneof(
      tricky,
      fc.constantFrom("websocket", "Upgrade", "13", "AAAAAAAAAAAAAAAAAAAAAA==", "0", "chunked", "localhost"),
    ),
  ),
  { maxLength: 12 },
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "", "TRACE"),
  path: fc.oneof(
    tricky,
    tricky.map((path) => `/${path}`),
  ),
  query: tricky,
  headers,
  remoteAddress: fc.constantFrom("127.0.0.1", "::1", "203.0.113.9"),
  remotePort: fc.nat(65_535),
  secure: fc.boolean(),
}) as fc.Arbitrary<TransportRequest>;

/** Nothing behind a `*name` (actions.ts refuses it), and no variable's name twice, of which the last one counts. */
function isBindable(pattern: string): boolean {
  const names = pattern.split("/").filter((segment) => /^[:*][\s\S]/.test(segment));
  return !/(^|\/)\*[^/]+\//.test(pattern) && new Set(names.map((name) => name.slice(1))).size === names.length;
}

describe(`any input, seed ${SEED}`, () => {
  test("parseAction() gives an action of its fields' kinds, or undefined", () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(action, (body) => {
        const parsed = parseAction(body);
        if (parsed === undefined) return;
        kinds.add(parsed.kind);
        if ("channelId" in parsed) expect(parsed.channelId >>> 0).toBe(parsed.channelId);
        if ("path" in parsed) expect(typeof parsed.path).toBe("string");
      }),
      RUNS,
    );
    expect(kinds.size).toBeGreaterThan(3); // else it says nothing
  });

  test("Router: a match's pattern, filled with its parameters, is the path", () => {
    fc.assert(
      fc.property(fc.array(tricky, { maxLength: 8 }), tricky, (patterns, path) => {
        const router = new Router<number>();
        patterns.forEach((pattern, index) => {
          if (isBindable(pattern)) router.set(`/${pattern}`, index);
        });
        const match = router.match(`/${path}`);
        if (match === undefined) return;
        expect(patterns).toContain(patterns[match.value]);
        const filled = match.pattern
          .split("/")
          .map((segment) => (/^[:*][\s\S]/.test(segment) ? (match.params[segment.slice(1)] ?? "?") : segment));
        expect(filled.join("/")).toBe(`/${path}`);
      }),
      RUNS,
    );
  });

  test("cookies: a value is a part of its header, and the login never remains", () => {
    fc.assert(
      fc.property(tricky, (text) => {
        for (const found of [...cookieValues(text, "jackfield-auth_"), ...tokensOf(text, "alice.os")])
          expect(text).toContain(found);
        expect(cookieValues(withoutSession(text), "jackfield-auth_alice.os")).toEqual([]);
        expect(tokensOf(withoutSession(text), "alice.os")).toEqual([]);
      }),
      RUNS,
    );
  });

  test("verifyToken() takes what was signed here, and nothing that was changed", () => {
    const claims: Claims = { username: "alice.os", subdomain: null, expiration: 1, scope: "session", id: "a" };
    const token = signToken(claims, SECRET);
    fc.assert(
      fc.property(
        fc.oneof(tricky, fc.tuple(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }))),
        (change) => {
          const text =
            typeof change === "string" ? change : token.slice(0, change[0]) + change[1] + token.slice(change[0] + 1);
          expect(verifyToken(text, SECRET)).toEqual(text === token ? claims : undefined);
        },
      ),
      RUNS,
    );
    expect(verifyToken(token, SECRET)).toEqual(claims);
    for (let cut = 0; cut < token.length; cut++) expect(verifyToken(token.slice(0, cut), SECRET)).toBeUndefined();
  });

  test("triage() gives http, upgrade or a refusal that may be sent", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(request, (given) => {
        const verdict = triage(given);
        seen.add(typeof verdict === "string" ? verdict : String(verdict.status));
        if (typeof verdict !== "string") expect(checkAnswer(verdict.status, verdict.headers)).toBeUndefined();
        expect(typeof isOriginAllowed(given, [])).toBe("boolean");
        expect(typeof cameThroughProxy(given)).toBe("boolean");
      }),
      { ...RUNS, numRuns: 5_000 },
    );
    expect(seen.has("400")).toBe(true);
  });

  test("OwnHosts says no to every name that is neither localhost nor an address", () => {
    const hosts = new OwnHosts();
    fc.assert(
      fc.property(fc.oneof(tricky, fc.domain(), fc.ipV4(), fc.ipV6()), (host) => {
        if (!hosts.has(host)) return;
        const name = hostName(host).toLowerCase().replace(/\.$/, "");
        expect(name === "" || name === "localhost" || name.endsWith(".localhost") || /^[\d.]+$|:/.test(name)).toBe(
          true,
        );
      }),
      RUNS,
    );
  });

  test("readAnswer() gives headers that may be sent, or undefined", () => {
    const answer = fc.record({
      status: fc.oneof(fc.integer({ min: 100, max: 1100 }), value),
      headers: fc.dictionary(tricky, fc.oneof(tricky, value)),
    });
    fc.assert(
      fc.property(fc.oneof(answer, fc.anything()), (body) => {
        const read = readAnswer(body);
        if (read !== undefined) expect(checkAnswer(read.status, read.headers)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test.each([
    ["ProcessId.parse", (text: string) => ProcessId.parse(text).text],
    ["Address.parse", (text: string) => Address.parse(text).text],
  ])("%s() reads back what it read, or throws its own error", (_name, parse) => {
    fc.assert(
      fc.property(tricky, (text) => {
        let read: string;
        try {
          read = parse(text);
        } catch (error) {
          expect((error as { code?: unknown }).code).toEqual(expect.any(String));
          return;
        }
        expect(parse(read)).toBe(read);
      }),
      RUNS,
    );
  });

  test("readOptions() and parseMount() give options or an OptionError", () => {
    const flag = fc.oneof(
      tricky,
      fc.constantFrom(
        "--port",
        "--node",
        "--mount",
        "--limit",
        "--allow-host",
        "8080",
        "mailbox=1",
        "--",
        "--password=",
      ),
    );
    fc.assert(
      fc.property(fc.array(flag, { maxLength: 5 }), tricky, (args, text) => {
        for (const read of [() => readOptions(args, { JACKFIELD_LIMIT: text }), () => parseMount(text, "127.0.0.1")]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(OptionError);
          }
        }
      }),
      RUNS,
    );
  });
});
