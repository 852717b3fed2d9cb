/** Static content: conditions, parts, codings and how long it may be kept (RFC 9110, RFC 9111; contract kinode §9 row 46). */
import { randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Blob } from "../../../lib/protocol/index.ts";
import type { Answer } from "../../support/http-client.ts";
import { askWithBlob, bind, type HttpNode, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const OK = { Ok: null };
const DIGITS = "0123456789";
const TEXT = "All work and no play makes Jack a dull boy. ".repeat(200);
const PATH = `/${P}/f`;

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

type Bound = { readonly alice: HttpNode; readonly p: Recorder };

async function bound(
  transport: "uws" | "ws",
  content: string | Uint8Array,
  {
    mime = "text/plain",
    limits = {},
    ...fields
  }: { mime?: string; limits?: Record<string, number>; headers?: unknown; authenticated?: boolean } = {},
): Promise<Bound> {
  const alice = await startHttpNode({ transport, limits });
  const p = alice.add(P);
  expect(await askWithBlob(p, withFields(fields), Blob.of(content, mime))).toEqual(OK);
  return { alice, p };
}

function withFields(fields: object, path = "/f"): unknown {
  const { Bind } = bind(path, { cache: true }) as { Bind: object };
  return { Bind: { ...Bind, ...fields } };
}

function get(alice: HttpNode, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return alice.ask({ path: PATH, method, headers });
}

/** The bytes of an answer: `ask` reads a body as text. */
async function getBytes(alice: HttpNode, headers: Record<string, string>): Promise<{ head: Answer; bytes: Buffer }> {
  const head = await get(alice, headers, "HEAD");
  const client = await RawSocket.connect(alice.port);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  client.write(`GET ${PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines.join("")}\r\n`);
  const all: Buffer[] = [];
  client.net.on("data", (chunk: Buffer) => all.push(chunk));
  await client.ended;
  const whole = Buffer.concat(all);
  return { head, bytes: whole.subarray(whole.indexOf("\r\n\r\n") + 4) };
}

/** Asks until it comes coded: the first one is answered before it is made. */
async function codedAs(alice: HttpNode, coding: string, accept: string): Promise<Answer> {
  for (let tries = 0; tries < 500; tries++) {
    const answer = await get(alice, { "accept-encoding": accept }, "HEAD");
    if (answer.headers["content-encoding"] === coding) return answer;
  }
  throw new Error(`never came as ${coding}`);
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("HEAD has the headers of GET and its length, and no body", async () => {
    const { alice } = await bound(transport, DIGITS);
    const whole = await get(alice);
    const head = await get(alice, {}, "HEAD");
    expect(whole).toMatchObject({ status: 200, body: DIGITS });
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-length"]).toBe("10");
    expect({ ...head.headers, date: "" }).toEqual({ ...whole.headers, date: "" });
  });

  test("what was bound anew shows at once: no-cache, a strong ETag, no Last-Modified", async () => {
    const { alice, p } = await bound(transport, DIGITS);
    const { headers } = await get(alice);
    expect(headers).toMatchObject({ "cache-control": "no-cache", "accept-ranges": "bytes" });
    expect(headers["last-modified"]).toBeUndefined();
    expect(headers.etag).toMatch(/^"[\w-]{22}"$/);
    await askWithBlob(p, withFields({}), Blob.of(DIGITS, "text/plain"));
    expect((await get(alice)).headers.etag).toBe(headers.etag); // as after a restart
    await askWithBlob(p, withFields({}), Blob.of(`${DIGITS}!`, "text/plain"));
    expect((await get(alice, { "if-none-match": headers.etag ?? "" })).body).toBe(`${DIGITS}!`);
  });

  test.each<[what: string, make: (etag: string) => string, status: number]>([
    ["its ETag", (etag) => etag, 304],
    ["it as a weak one", (etag) => `W/${etag}`, 304],
    ["it among others", (etag) => `"a, b", ${etag},W/"c"`, 304],
    ["*", () => "*", 304],
    ["others", () => '"a", W/"b"', 200],
    ["none", () => "", 200],
  ])("If-None-Match with %s", async (_what, make, status) => {
    const { alice } = await bound(transport, DIGITS);
    const etag = (await get(alice)).headers.etag ?? "";
    for (const method of ["GET", "HEAD"]) {
      const answer = await get(alice, { "if-none-match": make(etag) }, method);
      expect(answer.status).toBe(status);
      expect(answer.headers.etag).toBe(etag);
      if (status === 304) expect(answer).toMatchObject({ body: "", headers: { "cache-control": "no-cache" } });
    }
  });

  test("If-Match is strong: another or a weak one is 412", async () => {
    const { alice } = await bound(transport, DIGITS);
    const etag = (await get(alice)).headers.etag ?? "";
    expect((await get(alice, { "if-match": `"a", ${etag}` })).status).toBe(200);
    expect((await get(alice, { "if-match": "*" })).status).toBe(200);
    expect(await get(alice, { "if-match": `W/${etag}` })).toMatchObject({ status: 412, body: "" });
  });

  test.each<[range: string, part: string, where: string]>([
    ["bytes=0-0", "0", "0-0"],
    ["bytes=2-4", "234", "2-4"],
    ["bytes=7-", "789", "7-9"],
    ["bytes=-3", "789", "7-9"],
    ["bytes=-99", DIGITS, "0-9"],
    ["bytes=5-99999999999999999999", "56789", "5-9"],
    ["BYTES=1-1", "1", "1-1"],
  ])("Range: %s is 206", async (range, part, where) => {
    const { alice } = await bound(transport, DIGITS);
    const answer = await get(alice, { range });
    expect(answer).toMatchObject({ status: 206, body: part });
    expect(answer.headers).toMatchObject({
      "content-range": `bytes ${where}/10`,
      "content-length": String(part.length),
      "content-type": "text/plain",
    });
    expect((await get(alice, { range }, "HEAD")).status).toBe(200); // a HEAD has no parts
  });

  test.each(["bytes=10-", "bytes=10-20", "bytes=-0"])("Range: %s is 416 and says how many there are", async (range) => {
    const { alice } = await bound(transport, DIGITS);
    const answer = await get(alice, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers["content-range"]).toBe("bytes */10");
    expect(answer.body).toBe("Cannot send this range as the content has 10 bytes\n");
  });

  test.each(["bytes=0-1,3-4", "bytes=4-2", "lines=0-1", "bytes=", "bytes=-", "bytes=a-b", "0-1"])(
    "Range: %s is answered with the whole",
    async (range) => {
      const { alice } = await bound(transport, DIGITS);
      expect(await get(alice, { range })).toMatchObject({ status: 200, body: DIGITS });
    },
  );

  test("If-Range gives the part of what the client has the rest of, else the whole", async () => {
    const { alice } = await bound(transport, DIGITS);
    const etag = (await get(alice)).headers.etag ?? "";
    const range = "bytes=0-1";
    expect((await get(alice, { range, "if-range": etag })).status).toBe(206);
    for (const other of [`W/${etag}`, '"a"', "Sat, 21 Nov 2026 17:00:00 GMT", "x"])
      expect((await get(alice, { range, "if-range": other })).status).toBe(200);
  });

  test("a process's Last-Modified is what If-Modified-Since and If-Range may name", async () => {
    const date = "Sat, 21 Nov 2026 17:00:00 GMT";
    const { alice } = await bound(transport, DIGITS, { headers: { "Last-Modified": date } });
    expect((await get(alice, { "if-modified-since": date })).status).toBe(304);
    expect((await get(alice, { "if-modified-since": "Sat, 21 Nov 2026 16:59:59 GMT" })).status).toBe(200);
    expect((await get(alice, { "if-modified-since": date, "if-none-match": '"a"' })).status).toBe(200);
    expect((await get(alice, { range: "bytes=0-0", "if-range": date })).status).toBe(206);
  });

  test.each<[coding: string, decode: (bytes: Buffer) => Buffer]>([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ])("%s is made when somebody asks for it, with an ETag of its own", async (coding, decode) => {
    const { alice } = await bound(transport, TEXT);
    const plain = await get(alice);
    const first = await get(alice, { "accept-encoding": coding });
    expect(first.body).toBe(TEXT); // nobody waits for it
    const coded = await codedAs(alice, coding, coding);
    expect(coded.headers).toMatchObject({
      vary: "Accept-Encoding",
      etag: `${plain.headers.etag?.slice(0, -1)}-${coding}"`,
    });
    expect(plain.headers.vary).toBe("Accept-Encoding");
    const { head, bytes } = await getBytes(alice, { "accept-encoding": coding });
    expect(head.headers["content-length"]).toBe(String(bytes.length));
    expect(bytes.length).toBeLessThan(TEXT.length / 10);
    expect(decode(bytes).toString()).toBe(TEXT);
    const known = { "accept-encoding": coding, "if-none-match": coded.headers.etag ?? "" };
    expect((await get(alice, known)).status).toBe(304);
    expect((await get(alice, { "if-none-match": coded.headers.etag ?? "" })).status).toBe(200); // it has another one
  });

  test("who asks for a part of what can be coded gets it uncoded", async () => {
    const { alice } = await bound(transport, TEXT);
    await codedAs(alice, "br", "br");
    const answer = await get(alice, { "accept-encoding": "br", range: "bytes=0-7" });
    expect(answer).toMatchObject({ status: 206, body: "All work" });
    expect(answer.headers["content-encoding"]).toBeUndefined();
  });

  test("If-Unmodified-Since: older than a process's Last-Modified is 412, where no If-Match says more", async () => {
    const date = "Wed, 21 Oct 2015 07:28:00 GMT";
    const { alice } = await bound(transport, DIGITS, { headers: { "Last-Modified": date } });
    const status = async (headers: Record<string, string>) => (await get(alice, headers)).status;
    const before = "Wed, 21 Oct 2015 07:27:59 GMT";
    expect(await status({ "if-unmodified-since": before })).toBe(412);
    expect(await status({ "if-unmodified-since": date })).toBe(200);
    expect(await status({ "if-unmodified-since": "yesterday" })).toBe(200);
    expect(await status({ "if-unmodified-since": before, "if-match": "*" })).toBe(200);
  });

  test("what the process has coded itself goes to who takes nothing plain", async () => {
    const { alice } = await bound(transport, gzipSync(TEXT), { headers: { "Content-Encoding": "gzip" } });
    const { head, bytes } = await getBytes(alice, { "accept-encoding": "gzip, identity;q=0" });
    expect([head.status, head.headers["content-encoding"]]).toEqual([200, "gzip"]);
    expect(gunzipSync(bytes).toString()).toBe(TEXT);
  });

  test("identity;q=0 waits for the coding; what cannot be coded is 406", async () => {
    const { alice, p } = await bound(transport, TEXT);
    const { head, bytes } = await getBytes(alice, { "accept-encoding": "identity;q=0, gzip" });
    expect(head.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(bytes).toString()).toBe(TEXT);
    expect((await get(alice, { "accept-encoding": "*;q=0" })).status).toBe(406);
    await askWithBlob(p, withFields({}), Blob.of(randomBytes(4000), "text/plain"));
    expect(await get(alice, { "accept-encoding": "br, gzip, *;q=0" })).toMatchObject({
      status: 406,
      body: "Cannot send this content coded as it would not be smaller: accept identity\n",
    });
  });

  test.each<[what: string, content: string | Uint8Array, fields: object]>([
    ["what is small", "x".repeat(1023), {}],
    ["what is packed already", TEXT, { mime: "image/png" }],
    ["what its process has packed", TEXT, { headers: { "Content-Encoding": "x-own" } }],
    ["what is larger than compressUpTo", TEXT, { limits: { compressUpTo: TEXT.length - 1 } }],
  ])("%s is never coded, and does not vary", async (_what, content, fields) => {
    const { alice } = await bound(transport, content, fields);
    for (let asked = 0; asked < 3; asked++) {
      const { headers } = await get(alice, { "accept-encoding": "br, gzip" }, "HEAD");
      expect(headers.vary).toBeUndefined();
      expect(headers["content-length"]).toBe(String(content.length));
    }
  });

  test("what a process says goes out with it: cache headers, a language, several of one name", async () => {
    const headers = { "Cache-Control": "max-age=60", "Content-Language": "en", "X-A": ["1", "2"], Link: "</a>" };
    const { alice } = await bound(transport, DIGITS, { headers });
    const { headers: sent } = await get(alice);
    expect(sent).toMatchObject({
      "cache-control": "max-age=60",
      "content-language": "en",
      "x-a": "1, 2",
      link: "</a>",
    });
    const known = await get(alice, { "if-none-match": sent.etag ?? "" });
    expect(known.headers).toMatchObject({ "cache-control": "max-age=60" });
    expect(known.headers["content-language"]).toBeUndefined(); // a 304 describes no body
  });

  test.each<[given: Record<string, string> | undefined, sent: string]>([
    [undefined, "private, no-cache"],
    [{ "Cache-Control": "public, max-age=60, s-maxage=5" }, "private, max-age=60"],
    [{ "Cache-Control": "no-store" }, "no-store"],
    [{ "Cache-Control": "max-age=1, PRIVATE" }, "max-age=1, PRIVATE"],
  ])("behind a login, Cache-Control %j is %s", async (given, sent) => {
    const fields = { authenticated: true, ...(given === undefined ? {} : { headers: given }) };
    const { alice } = await bound(transport, DIGITS, fields);
    const answer = await get(alice, { cookie: alice.cookie });
    expect(answer).toMatchObject({ status: 200, headers: { "cache-control": sent } });
  });

  test.each<[what: string, headers: unknown]>([
    ["a line break", { "X-A": "b\r\nset-cookie: c" }],
    ["a name that is no token", { "x a": "b" }],
    ["the transport's own", { "Content-Length": "1" }],
    ["the server's own", { ETag: '"a"' }],
    ["the node's own cookie", { "Set-Cookie": "jackfield-auth_alice.os=x" }],
    ["what holds for the origin", { "Service-Worker-Allowed": "/" }],
    ["the blob's", { "Content-Type": "text/html" }],
    ["a number", { "X-A": 1 }],
    ["a list with a number", { "X-A": ["a", 1] }],
    ["a list", ["X-A"]],
    ["null", null],
  ])("headers with %s are refused with MalformedRequest", async (_what, headers) => {
    const { alice, p } = await bound(transport, DIGITS);
    expect(await p.ask(withFields({ headers }, "/g"), "x")).toEqual({ Err: "MalformedRequest" });
    expect((await alice.ask({ path: `/${P}/g` })).status).toBe(404);
  });

  test("headers without content, content with stream_body, and an unknown fallback are refused too", async () => {
    const { p } = await bound(transport, DIGITS);
    for (const fields of [{ cache: false, headers: { "X-A": "b" } }, { stream_body: true }, { fallback: "some" }])
      expect(await p.ask(withFields(fields, "/g"), "x")).toEqual({ Err: "MalformedRequest" });
  });
});

describe("fallback", () => {
  const PAGE = { accept: "text/html,*/*" };

  test.each<[fallback: string, path: string, headers: Record<string, string>, status: number]>([
    ["all", "/assets/x.js", {}, 200],
    ["pages", "/deep/link", PAGE, 200],
    ["pages", "/users/v1.2", PAGE, 200],
    ["pages", "/deep/link", { accept: "*/*" }, 404],
    ["pages", "/assets/x.js", { accept: "*/*" }, 404],
    ["pages", "/assets/x.js", PAGE, 404],
    ["none", "/deep/link", PAGE, 404],
    ["none", "", {}, 200],
  ])("%s answers %j with %j by %i", async (fallback, path, headers, status) => {
    const alice = await startHttpNode();
    await askWithBlob(alice.add(P), withFields({ fallback }, "/"), Blob.of("<h1>", "text/html"));
    const answer = await alice.ask({ path: `/${P}${path}`, headers });
    expect([answer.status, answer.body === "<h1>"]).toEqual([status, status === 200]);
  });
});

describe("limits", () => {
  test("staticHeaderBytes: at it and one past it", async () => {
    const alice = await startHttpNode({ limits: { staticHeaderBytes: 10 } });
    const p = alice.add(P);
    expect(await p.ask(withFields({ headers: { "x-a": "1234567" } }), "x")).toEqual(OK);
    expect(await p.ask(withFields({ headers: { "x-a": "12345678" } }), "x")).toEqual({ Err: "LimitReached" });
  });

  test("compressFrom: at it and one below", async () => {
    const alice = await startHttpNode({ limits: { compressFrom: 100 } });
    const p = alice.add(P);
    await p.ask(withFields({}), "x".repeat(100));
    expect((await get(alice)).headers.vary).toBe("Accept-Encoding");
    await p.ask(withFields({}), "x".repeat(99));
    expect((await get(alice)).headers.vary).toBeUndefined();
  });

  test("staticBytes count what was compressed too; what finds no room is not kept", async () => {
    const alice = await startHttpNode({ limits: { staticBytes: TEXT.length + 60 } });
    const p = alice.add(P);
    await p.ask(withFields({}), TEXT);
    const { bytes } = await getBytes(alice, { "accept-encoding": "identity;q=0, gzip" });
    expect(bytes.toString()).toBe("Cannot send this content coded as it would not be smaller: accept identity\n");
    await p.ask(withFields({}), TEXT.slice(0, -200));
    const { headers } = await codedAs(alice, "gzip", "gzip");
    const room = 60 + 200 - Number(headers["content-length"]);
    expect(await p.ask(withFields({}, "/g"), "x".repeat(room + 1))).toEqual({ Err: "LimitReached" });
    expect(await p.ask(withFields({}, "/g"), "x".repeat(room))).toEqual(OK);
    await p.ask({ Unbind: { path: "/f" } });
    expect(await p.ask(withFields({}, "/h"), "x".repeat(TEXT.length + 60 - room))).toEqual(OK); // the coding has gone too
  });
});
