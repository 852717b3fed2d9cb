/** Hostile peers at the HTTP door: heads, bodies, pipelines, other protocols. */
import { expect, test } from "@jest/globals";
import { encodeFrame, type HttpAnswer, type RawSocket, requestHead, upgradeHead } from "../support/sockets.ts";
import { type Arena, VICTIM } from "./arena.ts";

const FILE = `/${VICTIM}/file`;
const ECHO = `/${VICTIM}/echo`;
const KIB = 1024;
const crlf = (...lines: string[]): string => `${lines.join("\r\n")}\r\n\r\n`;

/** Everything the server sends until it ends, or until `bytes` have been answered and it waits for more. */
async function allOf(client: RawSocket, bytes: string | Uint8Array): Promise<string> {
  const seen: Buffer[] = [];
  client.net.on("data", (chunk: Buffer) => seen.push(chunk));
  client.write(bytes);
  client.net.end();
  await client.ended;
  return Buffer.concat(seen).toString("latin1");
}

/** The statuses in what a server sent. */
function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}

const HANDSHAKES: readonly (readonly [what: string, head: string])[] = [
  ["POST", upgradeHead({ method: "POST" })],
  ["HTTP/1.0", upgradeHead({ version: "1.0" })],
  ["HTTP/2.0 in the request line", upgradeHead({ version: "2.0" })],
  ["HTTP/9.9", upgradeHead({ version: "9.9" })],
  ["no Host", upgradeHead({ headers: { host: undefined } })],
  ["two Hosts", upgradeHead({ headers: { host: ["a", "b"] } })],
  ["no Connection", upgradeHead({ headers: { connection: undefined } })],
  ["another Upgrade as well", upgradeHead({ headers: { upgrade: "websocket, h2c" } })],
  ["version 8", upgradeHead({ headers: { "sec-websocket-version": "8" } })],
  ["version 13 twice", upgradeHead({ headers: { "sec-websocket-version": ["13", "13"] } })],
  ["no version", upgradeHead({ headers: { "sec-websocket-version": undefined } })],
  ["no key", upgradeHead({ headers: { "sec-websocket-key": undefined } })],
  [
    "two keys",
    upgradeHead({ headers: { "sec-websocket-key": ["AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA=="] } }),
  ],
  ["a key that is no base64", upgradeHead({ headers: { "sec-websocket-key": "!!!!!!!!!!!!!!!!!!!!!!==" } })],
  ["a short key", upgradeHead({ headers: { "sec-websocket-key": "AAAA" } })],
  ["a long key", upgradeHead({ headers: { "sec-websocket-key": "A".repeat(2_000) } })],
  ["a body", `${upgradeHead({ headers: { "content-length": "5" } })}hello`],
  ["a chunked body", `${upgradeHead({ headers: { "transfer-encoding": "chunked" } })}0\r\n\r\n`],
  ["a protocol that is no token", upgradeHead({ headers: { "sec-websocket-protocol": "a b, (" } })],
  ["a protocol twice", upgradeHead({ headers: { "sec-websocket-protocol": "a, a" } })],
  ["an unknown path", upgradeHead({ path: "/nobody" })],
  ["a path that wants a login", upgradeHead({ path: `/${VICTIM}/none` })],
  ["another site's page", upgradeHead({ headers: { origin: "https://evil.example" } })],
  ["a sandboxed page", upgradeHead({ headers: { origin: "null" } })],
  ["a target that is no path", upgradeHead({ path: "*" })],
  ["obs-fold", crlf("GET / HTTP/1.1", "Host: a", "Upgrade: websocket", " x", "Connection: Upgrade")],
  ["a blank before the colon", crlf("GET / HTTP/1.1", "Host : a", "Upgrade : websocket")],
  ["NUL in a value", crlf("GET / HTTP/1.1", "Host: a\0b", "Upgrade: websocket")],
  ["bare LF", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n"],
  ["bare CR", "GET / HTTP/1.1\rHost: a\rUpgrade: websocket\r\r"],
  ["no request line", "\r\n\r\n\r\n\r\n"],
  ["a line of spaces", `${" ".repeat(100)}\r\n\r\n`],
  ["half a head", "GET / HTTP/1.1\r\nHost: a\r\nUpgr"],
  ["a frame first", encodeFrame("text", "hello").toString("latin1")],
  ["bytes above 127", "\xff\xfe\xfd\xfc / \x80\r\n\r\n"],
  ["HTTP/2 with prior knowledge", `${crlf("PRI * HTTP/2.0")}SM\r\n\r\n\0\0\0\x04\0\0\0\0\0`],
  [
    "h2c by upgrade",
    crlf(
      "GET / HTTP/1.1",
      "Host: a",
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABk",
    ),
  ],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".padEnd(517, "\x7f")],
  ["an SSH hello", "SSH-2.0-OpenSSH_9.0\r\n"],
  ["SOCKS5", "\x05\x01\x00"],
  ["Redis", "*1\r\n$4\r\nPING\r\n"],
];

/** Whose first request is one, at least to the parser of the older uWebSockets.js: it may be answered. */
const READABLE = [
  "a chunk without its line break",
  "chunks with bare LF",
  "a chunk size of no digits",
  "a trailer that reads as a head",
];

/** Two requests where one of two parsers sees one: HIDDEN must not be asked of anybody. */
const HIDDEN = `/${VICTIM}/inject`;
const SMUGGLED = requestHead({ path: HIDDEN, headers: { host: "a" } });
const post = (...fields: string[]): string => crlf(`POST ${ECHO} HTTP/1.1`, "Host: a", ...fields);
const SMUGGLING: readonly (readonly [what: string, bytes: string])[] = [
  [
    "Content-Length and chunked",
    `${post(`Content-Length: ${SMUGGLED.length + 5}`, "Transfer-Encoding: chunked")}0\r\n\r\n${SMUGGLED}`,
  ],
  ["chunked and Content-Length", `${post("Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n${SMUGGLED}`],
  ["two lengths", `${post("Content-Length: 0", `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`],
  ["a list of lengths", `${post("Content-Length: 0, 0")}${SMUGGLED}`],
  ["an empty length", `${post("Content-Length:")}${SMUGGLED}`],
  ["a negative length", `${post("Content-Length: -1")}${SMUGGLED}`],
  ["a length with a sign", `${post("Content-Length: +0")}${SMUGGLED}`],
  ["a hexadecimal length", `${post("Content-Length: 0x0")}${SMUGGLED}`],
  ["a length of 2^64", `${post("Content-Length: 18446744073709551616")}${SMUGGLED}`],
  ["xchunked", `${post("Transfer-Encoding: xchunked")}0\r\n\r\n${SMUGGLED}`],
  ["chunked twice", `${post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n${SMUGGLED}`],
  ["chunked, identity", `${post("Transfer-Encoding: chunked, identity")}0\r\n\r\n${SMUGGLED}`],
  ["a folded coding", `${post("Transfer-Encoding:\r\n chunked")}0\r\n\r\n${SMUGGLED}`],
  ["a blank in the name", `${post("Transfer-Encoding : chunked")}0\r\n\r\n${SMUGGLED}`],
  ["NUL in the name", `${post("Content-Length\0: 0")}${SMUGGLED}`],
  ["a bare LF before a length", `${post("X: y\nContent-Length: 0")}${SMUGGLED}`],
  ["a chunk size that is no number", `${post("Transfer-Encoding: chunked")}zz\r\n\r\n${SMUGGLED}`],
  ["a negative chunk size", `${post("Transfer-Encoding: chunked")}-1\r\n\r\n${SMUGGLED}`],
  ["a chunk size above 2^64", `${post("Transfer-Encoding: chunked")}10000000000000000\r\n\r\n${SMUGGLED}`],
  ["a chunk without its line break", `${post("Transfer-Encoding: chunked")}1\r\nxxx0\r\n\r\n${SMUGGLED}`],
  ["chunks with bare LF", `${post("Transfer-Encoding: chunked")}1\nx\n0\n\n${SMUGGLED}`],
  ["a chunk size of no digits", `${post("Transfer-Encoding: chunked")}\r\n\r\n${SMUGGLED}`],
  [
    "a trailer that reads as a head",
    `${post("Transfer-Encoding: chunked")}0\r\n${crlf(`A:GET ${HIDDEN} HTTP/1.1`, "Host: a")}`,
  ],
  [
    "chunks in HTTP/1.0",
    `${crlf(`POST ${ECHO} HTTP/1.0`, "Host: a", "Transfer-Encoding: chunked")}0\r\n\r\n${SMUGGLED}`,
  ],
  ["a method with a colon", crlf(`O: ${HIDDEN} HTTP/1.1`, "Host: a")],
];

const HEADS: readonly (readonly [what: string, head: string])[] = [
  ["a path of 1 MB", `GET /${"a".repeat(1024 * KIB)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a query of 1 MB", `GET /?${"a=1&".repeat(256 * KIB)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a field of 1 MB", crlf("GET / HTTP/1.1", "Host: a", `X: ${"a".repeat(1024 * KIB)}`)],
  ["a name of 1 MB", crlf("GET / HTTP/1.1", "Host: a", `${"X".repeat(1024 * KIB)}: a`)],
  ["10,000 fields", crlf("GET / HTTP/1.1", "Host: a", ...Array.from({ length: 10_000 }, (_, i) => `X${i}: ${i}`))],
  ["10,000 fields of one name", crlf("GET / HTTP/1.1", "Host: a", ...Array.from({ length: 10_000 }, () => "X: y"))],
  ["10,000 cookies", crlf("GET / HTTP/1.1", "Host: a", `Cookie: ${"a=b; ".repeat(10_000)}`)],
  ["a head that never ends", `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(100_000)}`],
  ["a chunk extension of 1 MB", `${post("Transfer-Encoding: chunked")}1;${"a".repeat(1024 * KIB)}\r\nx\r\n0\r\n\r\n`],
  ["1,000 trailers", `${post("Transfer-Encoding: chunked")}1\r\nx\r\n0\r\n${"X: y\r\n".repeat(1_000)}\r\n`],
];

export function httpAttacks(arena: () => Arena): void {
  test("broken handshakes: none opens a socket, whatever it is", async () => {
    const opened: string[] = [];
    await arena().under(`broken handshakes and other protocols, ${HANDSHAKES.length} kinds, 20 of each`, async () => {
      const seen = new Map<string, number>();
      for (const [what, head] of HANDSHAKES) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, async () => allOf(await arena().connect(), Buffer.from(head, "latin1"))),
        );
        for (const text of answers) {
          const [status = 0] = statuses(text);
          if (status === 101) opened.push(what);
          const name = status === 0 ? "cut" : String(status);
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }
      }
      return [...seen]
        .sort()
        .map(([name, count]) => `${count} × ${name}`)
        .join(", ");
    });
    expect(opened).toEqual([]);
  });

  test("oversized heads are refused or cut, and cost what they hold for a moment", async () => {
    await arena().under(`oversized heads, ${HEADS.length} kinds, 10 of each at once`, async () => {
      const seen = new Map<string, number>();
      const sent = HEADS.flatMap(([, head]) => Array.from({ length: 10 }, () => Buffer.from(head, "latin1")));
      await Promise.all(
        sent.map(async (head) => {
          const [status = 0] = statuses(await allOf(await arena().connect(), head));
          expect(status).not.toBe(101);
          const name = status === 0 ? "cut" : String(status);
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }),
      );
      return [...seen]
        .sort()
        .map(([name, count]) => `${count} × ${name}`)
        .join(", ");
    });
  });

  test("a request hidden in the body of another reaches nobody", async () => {
    const answered: string[] = [];
    const { requests } = await arena().under(`request smuggling, ${SMUGGLING.length} shapes`, async () => {
      for (const [what, bytes] of SMUGGLING) {
        const all = statuses(await allOf(await arena().connect(), Buffer.from(bytes, "latin1")));
        const isRefused = READABLE.includes(what) || (all[0] ?? 400) >= 400;
        if (all.length > 1 || !isRefused) answered.push(`${what}: ${all.join(", ")}`);
      }
      return "the hidden request asked of nobody";
    });
    expect(answered).toEqual([]);
    expect(requests.filter((path) => path !== ECHO)).toEqual([]);
  });

  test("a process's answer cannot begin a header or an answer of its own", async () => {
    await arena().under("header injection through a process's answer", async () => {
      for (const text of ["a\r\nset-cookie: x=1", "a\nb: c", "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "a\0b", "a\rb"]) {
        for (const where of ["value", "name"]) {
          const path = `/${VICTIM}/inject?${where}=${encodeURIComponent(text)}`;
          const answer: HttpAnswer = await (await arena().connect()).request({ path });
          expect(Object.keys(answer.headers)).not.toContain("set-cookie");
          expect(Object.keys(answer.headers)).not.toContain("b");
          expect(answer.status).toBe(200);
        }
      }
      return "such a header is left out";
    });
  });

  test("a pipeline whose answers nobody reads holds a few of them, not all", async () => {
    const seen = await arena().under("20 pipelines of 300 requests for 1 MB each, never read", async () => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => arena().connect()));
      for (const client of clients) {
        client.pause();
        client.write(requestHead({ path: FILE }).repeat(300));
      }
      await arena().settle();
      return "cut, or held at what was begun";
    });
    expect(seen.peakBytes).toBeLessThan(700 * 1024 * KIB); // 6,000 answers are 6 GB
  });

  test("a pipeline flood is answered or cut", async () => {
    await arena().under("20 pipelines of 1,000 small requests", async () => {
      const all = await Promise.all(
        Array.from({ length: 20 }, async () =>
          allOf(await arena().connect(), requestHead({ path: "/our.js" }).repeat(1_000)),
        ),
      );
      return `${all.reduce((sum, text) => sum + statuses(text).length, 0)} of 20,000 answered`;
    });
  });

  test("bodies above the limit are refused before they are whole", async () => {
    await arena().under("20 bodies of 64 MB announced, 16 MB sent", async () => {
      const seen: number[] = [];
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const client = await arena().connect();
          client.write(
            requestHead({ method: "POST", path: ECHO, headers: { "content-length": String(64 * 1024 * KIB) } }),
          );
          const answer = client.answer().then(
            ({ status }) => seen.push(status),
            () => seen.push(0),
          );
          for (let i = 0; i < 16 && seen.length < 20; i++) client.write(new Uint8Array(1024 * KIB));
          await answer;
          client.destroy();
        }),
      );
      expect(seen.filter((status) => status !== 413 && status !== 0)).toEqual([]); // 0: the reset overtook the answer
      return `${seen.filter((status) => status === 413).length} read the 413, the others' own bytes ran into its end`;
    });
  });

  test("requests whose clients reset in the midst of them leave nothing", async () => {
    await arena().under(
      "500 requests reset by the client: in the head, in the body, while the process thinks",
      async () => {
        const heads = [
          "GET / HTTP/1.1\r\nHo",
          `${requestHead({ method: "POST", path: ECHO, headers: { "content-length": "1000" } })}half`,
          requestHead({ path: FILE }),
          requestHead({ path: ECHO }),
          upgradeHead(),
        ];
        await arena().connectMany(500, (client) => {
          client.write(heads[client.net.localPort === undefined ? 0 : client.net.localPort % heads.length] ?? "");
          return new Promise((resolve) => setImmediate(() => resolve(client.net.resetAndDestroy())));
        });
        return "each forgotten";
      },
    );
  });
}
