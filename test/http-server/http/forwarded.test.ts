/** Whose a request is, by what proxies in front say; and that nobody can say it of himself. */
import { isIP } from "node:net";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { OwnHosts } from "../../../http-server/own-hosts.ts";
import type { TransportRequest } from "../../../http-server/transport/transport.ts";
import { TrustedProxies } from "../../../http-server/trusted-proxies.ts";
import { type Trust, Visit } from "../../../http-server/visit.ts";

const PROXY = "10.0.0.1";
const trusted = new TrustedProxies(["10.0.0.0/8", "fd00::/8"]);
const nobody = new TrustedProxies([]);
const trust = (proxies: TrustedProxies): Trust => ({ proxies, hosts: new OwnHosts(["node.example"]) });

type Headers = readonly (readonly [name: string, value: string])[];

function request(headers: Headers, remoteAddress = PROXY): TransportRequest {
  const head: Headers = [["host", "node.example"], ...headers];
  return { method: "GET", path: "/", query: "", headers: head, remoteAddress, remotePort: 4000, secure: false };
}

const visit = (headers: Headers, peer = PROXY): Visit => new Visit(request(headers, peer), trust(trusted));
const xff = (value: string): Headers => [["x-forwarded-for", value]];
const forwarded = (value: string): Headers => [["forwarded", value]];

describe("Visit by X-Forwarded-For", () => {
  test.each<[field: string, address: string, port?: number]>([
    ["203.0.113.9", "203.0.113.9"],
    ["203.0.113.9:4711", "203.0.113.9", 4711],
    [" 203.0.113.9 ", "203.0.113.9"],
    ["2001:db8::17", "2001:db8::17"],
    ["2001:0DB8:0::17", "2001:db8::17"],
    ["[2001:db8::17]", "2001:db8::17"],
    ["[2001:db8::17]:4711", "2001:db8::17", 4711],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::ffff:cb00:7109", "203.0.113.9"],
    // The right-most that no trusted proxy vouches for: what stands left of it may be anybody's word.
    ["198.51.100.1, 203.0.113.9", "203.0.113.9"],
    ["127.0.0.1, 203.0.113.9", "203.0.113.9"],
    ["10.0.0.5, 203.0.113.9", "203.0.113.9"],
    ["203.0.113.9, 10.0.0.5", "203.0.113.9"],
    ["198.51.100.1, 203.0.113.9,10.0.0.5,fd00::1", "203.0.113.9"],
    ["10.0.0.6, 10.0.0.5", "10.0.0.6"],
    // What is no address says nothing: it was the last that is known.
    ["unknown", PROXY, 4000],
    ["", PROXY, 4000],
    ["203.0.113.9, unknown", PROXY, 4000],
    ["203.0.113.9, garbage, 10.0.0.5", "10.0.0.5"],
    ["203.0.113.9,", PROXY, 4000],
    ["203.0.113.999", PROXY, 4000],
    ["203.0.113.9:99999", PROXY, 4000],
    ["[203.0.113.9]", PROXY, 4000],
    ["fe80::1%eth0", PROXY, 4000],
    ['"203.0.113.9"', PROXY, 4000],
  ])("%j is %s", (field, address, port = 0) => {
    expect(visit(xff(field))).toMatchObject({ remoteAddress: address, remotePort: port, isLocal: false });
  });

  test("several fields are one list", () => {
    const { remoteAddress, forwardedFor } = visit([...xff("198.51.100.1, 203.0.113.9"), ...xff("10.0.0.5")]);
    expect([remoteAddress, forwardedFor]).toEqual(["203.0.113.9", "198.51.100.1, 203.0.113.9, 10.0.0.5"]);
  });

  test("without it the client is the proxy", () => {
    expect(visit([])).toMatchObject({ remoteAddress: PROXY, remotePort: 4000, forwardedFor: null, isLocal: false });
  });

  test("X-Real-IP and Via say nothing", () => {
    const others: Headers = [
      ["x-real-ip", "203.0.113.9"],
      ["via", "1.1 proxy"],
    ];
    expect(visit(others)).toMatchObject({ remoteAddress: PROXY });
  });
});

describe("Visit by Forwarded", () => {
  test.each<[field: string, address: string, port?: number]>([
    ["for=203.0.113.9", "203.0.113.9"],
    ["For=203.0.113.9;proto=http;by=10.0.0.1", "203.0.113.9"],
    ['for="203.0.113.9:4711"', "203.0.113.9", 4711],
    ['for="[2001:db8::17]:4711"', "2001:db8::17", 4711],
    ['by=_x ; for = "x"', PROXY, 4000],
    ["for=198.51.100.1, for=203.0.113.9", "203.0.113.9"],
    ["for=203.0.113.9,for=10.0.0.5", "203.0.113.9"],
    ["for=_hidden, for=10.0.0.5", "10.0.0.5"],
    ["for=unknown", PROXY, 4000],
    ["proto=https", PROXY, 4000],
    // Broken ones say nothing, whatever is in them.
    ['for="203.0.113.9', PROXY, 4000],
    ['for="x, for=203.0.113.9', PROXY, 4000],
    ['for="x", for="203.0.113.9"x', PROXY, 4000],
    ["for=203.0.113.9;for=198.51.100.1", PROXY, 4000],
    ["for=203.0.113.9 198.51.100.1", PROXY, 4000],
    ["for=203.0.113.9;", PROXY, 4000],
    ["203.0.113.9", PROXY, 4000],
    ['for="203.0.113.9\\', PROXY, 4000],
    ['for="203.0.113.\\9"', "203.0.113.9"],
  ])("%j is %s", (field, address, port = 0) => {
    expect(visit(forwarded(field))).toMatchObject({ remoteAddress: address, remotePort: port });
  });

  test("a quote that a client leaves open swallows nothing of the next field", () => {
    const headers = [...forwarded('for="'), ...forwarded("for=203.0.113.9")];
    expect(visit(headers)).toMatchObject({ remoteAddress: "203.0.113.9", forwardedFor: null });
  });
});

describe("Visit by both", () => {
  test("when they agree, the client is that one", () => {
    expect(visit([...xff("203.0.113.9"), ...forwarded("for=203.0.113.9")])).toMatchObject({
      remoteAddress: "203.0.113.9",
    });
  });

  test("when they do not, one was the client's own: neither is believed", () => {
    expect(visit([...xff("203.0.113.9"), ...forwarded("for=198.51.100.1;proto=https")])).toMatchObject({
      remoteAddress: PROXY,
      secure: false,
    });
    expect(visit([...xff("203.0.113.9"), ...forwarded("nonsense")])).toMatchObject({ remoteAddress: PROXY });
  });
});

describe("the scheme", () => {
  test.each<[headers: Headers, secure: boolean]>([
    [[["x-forwarded-proto", "https"]], true],
    [[["x-forwarded-proto", " HTTPS "]], true],
    [[["x-forwarded-proto", "wss"]], true],
    [[["x-forwarded-proto", "http"]], false],
    [[["x-forwarded-proto", "https, http"]], false],
    [[["x-forwarded-proto", "ftp"]], false],
    [forwarded("for=203.0.113.9;proto=https"), true],
    [forwarded("for=203.0.113.9;proto=https, for=10.0.0.5;proto=http"), true], // as the client's own proxy has it
    [[...forwarded("for=203.0.113.9;proto=https"), ["x-forwarded-proto", "http"]], false],
    [[], false],
  ])("%j: secure is %s", (headers, secure) => {
    expect(visit(headers).secure).toBe(secure);
  });

  test("it is the client's, not that of the way from the proxy", () => {
    const overTls = { ...request([["x-forwarded-proto", "http"]]), secure: true };
    expect(new Visit(overTls, trust(trusted)).secure).toBe(false);
    expect(new Visit({ ...request([]), secure: true }, trust(trusted)).secure).toBe(true);
  });

  test("Host is the name, X-Forwarded-Host is not", () => {
    expect(visit([["x-forwarded-host", "evil.example"], ...forwarded("for=203.0.113.9;host=evil.example")]).host).toBe(
      "node.example",
    );
  });
});

describe("who is not trusted", () => {
  const claims: Headers = [...xff("127.0.0.1"), ["x-forwarded-proto", "https"], ...forwarded("for=127.0.0.1")];

  test.each([
    ["a stranger", "203.0.113.9", trusted],
    ["anybody, when no proxy is named", PROXY, nobody],
  ])("%s is not believed", (_, peer, list) => {
    const found = new Visit(request(claims, peer), trust(list));
    expect(found).toMatchObject({ remoteAddress: peer, remotePort: 4000, secure: false, isLocal: false });
    expect(found.forwardedFor).toBeNull();
  });

  test.each<[peer: string, headers: Headers, list: TrustedProxies, isLocal: boolean]>([
    ["127.0.0.1", [], nobody, true],
    ["::1", [], trusted, true],
    ["127.0.0.1", xff("127.0.0.1"), nobody, false],
    ["203.0.113.9", [], nobody, false],
    // A trusted proxy on this machine may have forgotten its headers: whoever comes through it is not local.
    ["127.0.0.1", [], new TrustedProxies(["loopback"]), false],
    ["127.0.0.1", xff("127.0.0.1"), new TrustedProxies(["loopback"]), false],
    ["127.0.0.1", xff("203.0.113.9"), new TrustedProxies(["loopback"]), false],
  ])("from %s with %j: isLocal", (peer, headers, list, isLocal) => {
    expect(new Visit(request(headers, peer), trust(list)).isLocal).toBe(isLocal);
  });
});

describe("any bytes", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...'for=;,"\\[]:.0123456789abf unknow'), maxLength: 60 }),
    fc.ipV4(),
    fc.ipV6(),
  );
  const name = fc.constantFrom("x-forwarded-for", "forwarded", "x-forwarded-proto", "x-forwarded-host", "x-real-ip");
  const anyHeaders = fc.array(fc.tuple(name, text), { maxLength: 5 });

  test("give an address, in its one spelling, and never throw", () => {
    fc.assert(
      fc.property(anyHeaders, (headers) => {
        const { remoteAddress, remotePort, secure, isLocal } = visit(headers);
        expect(isIP(remoteAddress)).not.toBe(0);
        expect(remoteAddress).not.toMatch(/^::ffff:\d/i);
        expect(remotePort).toBeGreaterThanOrEqual(0);
        expect(remotePort).toBeLessThanOrEqual(65_535);
        expect([typeof secure, isLocal]).toEqual(["boolean", false]);
      }),
      { numRuns: 5000 },
    );
  });

  test("what a client writes left of the proxy's own word never wins, in neither header", () => {
    const client = "203.0.113.9";
    fc.assert(
      fc.property(text, fc.boolean(), fc.boolean(), fc.boolean(), (spoof, joins, standard, quotes) => {
        const headerName = standard ? "forwarded" : "x-forwarded-for";
        const word = standard ? (quotes ? `for="${client}"` : `for=${client}`) : client;
        // A proxy adds to the field that came, or writes one of its own behind it.
        const headers: Headers = joins
          ? [[headerName, `${spoof}, ${word}`]]
          : [
              [headerName, spoof],
              [headerName, word],
            ];
        const found = visit(headers).remoteAddress;
        // A joined Forwarded that is broken as a whole is believed in nothing: then it is the proxy's.
        expect(standard && joins ? [client, PROXY] : [client]).toContain(found);
      }),
      { numRuns: 5000 },
    );
  });

  test("what a client writes into the header that its proxy does not know gains it no other address", () => {
    fc.assert(
      fc.property(anyHeaders, (spoofed) => {
        const headers: Headers = [...spoofed.filter(([given]) => given !== "x-forwarded-for"), ...xff("203.0.113.9")];
        expect(["203.0.113.9", PROXY]).toContain(visit(headers).remoteAddress);
      }),
      { numRuns: 2000 },
    );
  });
});
