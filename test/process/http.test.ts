/** What a process sees of an HTTP request, and each way to answer it. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { Blob, defineProcess, type IncomingHttp, type ReplyOptions } from "../../lib/process/index.ts";

async function answerTo(value: unknown, options?: ReplyOptions) {
  const harness = await startProcess(defineProcess({ onHttp: (_, request) => request.reply(value, options) }));
  return await harness.http();
}

describe("reply()", () => {
  test.each([
    ["a text", "<p>é</p>", "text/html; charset=utf-8", "<p>é</p>"],
    ["bytes", new Uint8Array([0xff]), "application/octet-stream", new Uint8Array([0xff])],
    ["a buffer", new Uint8Array([0xff]).buffer, "application/octet-stream", new Uint8Array([0xff])],
    ["a blob", Blob.of("x"), "application/octet-stream", "x"],
    ["an object", { a: 1 }, "application/json", { a: 1 }],
    ["a list", [1], "application/json", [1]],
    ["a number", 5, "application/json", 5],
    ["null", null, "application/json", null],
    ["undefined", undefined, "application/json", null],
  ])("%s goes out with its type", async (_, value, type, data) => {
    expect(await answerTo(value)).toMatchObject({ status: 200, headers: { "Content-Type": type }, data });
  });

  test("a type of one's own stands, in whatever case; other headers are added", async () => {
    const answer = await answerTo("{}", { status: 404, headers: { "content-TYPE": "text/x", "X-A": "1" } });
    expect(answer).toMatchObject({ status: 404, headers: { "content-TYPE": "text/x", "X-A": "1" } });
    expect(Object.keys(answer.headers)).toHaveLength(2);
    expect((await answerTo("", { headers: { "X-A": "1" } })).headers).toEqual({
      "Content-Type": "text/html; charset=utf-8",
      "X-A": "1",
    });
  });

  test("comes later, too: from a timer, after other messages", async () => {
    const harness = await startProcess(
      defineProcess<readonly IncomingHttp[]>({
        init: () => [],
        onHttp(waiting, request, ctx) {
          if (waiting.length === 0) ctx.after(1000, (all) => void all.forEach((each, n) => void each.reply(n)));
          return [...waiting, request];
        },
      }),
    );
    const answers = [harness.http({ path: "/a" }), harness.http({ path: "/b" })];
    await harness.advance(1000);
    expect((await Promise.all(answers)).map(({ data }) => data)).toEqual([0, 1]);
  });
});

describe("IncomingHttp", () => {
  test("has method, path without the process, parameters, headers and the body as its blob", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request) {
          const { method, path, urlParams, queryParams, headers, blob, raw } = request;
          seen.push(method, path, urlParams, queryParams, headers, blob.text(), raw.bound_path);
          request.reply("");
        },
      }),
      { our: "a:b:c" },
    );
    await harness.http({
      method: "POST",
      path: "/u/4%202",
      boundPath: "/u/:id",
      urlParams: { id: "4%202" },
      query: { q: "1" },
      headers: { "x-a": "b" },
      body: "body",
    });
    expect(seen).toEqual([
      "POST",
      "/u/4%202",
      { id: "4%202" },
      { q: "1" },
      { host: "localhost", "x-a": "b" },
      "body",
      "/a:b:c/u/:id",
    ]);
  });

  test.each([
    ["http://localhost/a:b:c", "/"],
    ["http://localhost/a:b:c/", "/"],
    ["http://localhost/x/../y", "/x/../y"],
    ["http://%%/a:b:c/x", "/x"], // a Host header that is no host
    ["http:///a:b:c/x", "/x"],
  ])("the path of %p is %p", async (url, path) => {
    const seen: string[] = [];
    const program = defineProcess({ onHttp: (_, request) => void seen.push(request.path) });
    const harness = await startProcess(
      {
        start(host) {
          const instance = program.start(host);
          return {
            handle(message) {
              message.body = { Http: { ...(message.body as { Http: object }).Http, url } };
              return instance.handle(message);
            },
          };
        },
      },
      { our: "a:b:c" },
    );
    void harness.http();
    expect(seen).toEqual([path]);
  });
});

describe("several of one name", () => {
  test("headers, query parameters and cookies are all there", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request) {
          seen.push(request.headerAll("X-A"), request.headers["x-a"], request.headerAll("none"));
          seen.push(request.queryAll("q"), request.queryParams.q, request.queryAll("none"));
          seen.push({ ...request.cookies });
          request.reply("", { headers: { "Set-Cookie": ["a=1", "b=2"] } });
        },
      }),
    );
    const { headers } = await harness.http({
      headers: { "x-a": ["1", "2"], cookie: ["a=1; b = x=y ;c; =d", "a=2; constructor=e"] },
      query: { q: ["1", "2"] },
    });
    expect(seen).toEqual([["1", "2"], "2", [], ["1", "2"], "2", [], { a: "1", b: "x=y", constructor: "e" }]);
    expect(headers).toMatchObject({ "Set-Cookie": ["a=1", "b=2"] });
  });
});

describe("in pieces", () => {
  test("stream() is an answer whose body is what was written", async () => {
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request) {
          const writer = request.stream({ status: 201, headers: { "Content-Type": "text/x" }, length: 6 });
          void writer.write("abc");
          void writer.write(new TextEncoder().encode("def"));
          void writer.end();
        },
      }),
    );
    const answer = await harness.http();
    expect(answer).toMatchObject({ status: 201, data: "abcdef", isWhole: true });
    expect(answer.headers).toEqual({ "Content-Type": "text/x", "Content-Length": "6" });
  });

  test("cut() leaves it unfinished; then nothing can be written, and closed resolves", async () => {
    const ends: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        async onHttp(_, request) {
          const writer = request.stream();
          await writer.write("abc");
          writer.cut();
          await writer.closed;
          ends.push(writer.isOpen, await writer.write("d").catch((error: Error) => error.message), await writer.end());
        },
      }),
    );
    expect(await harness.http()).toMatchObject({ data: "abc", isWhole: false });
    expect(ends).toEqual([
      false,
      "Cannot write to HTTP stream 1 as it must be open: HttpStreamClosed, stop here",
      undefined,
    ]);
  });

  test("writes that nobody awaits are taken up to 4 MiB; one more cuts the answer", async () => {
    const ends: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request) {
          const writer = request.stream();
          const half = new Uint8Array(2 * 1024 * 1024);
          void writer.write(half);
          void writer.write(half);
          writer.write("x").catch((error: Error) => ends.push(error.message));
        },
      }),
    );
    expect((await harness.http()).isWhole).toBe(false);
    expect(ends).toEqual([
      "Cannot write to HTTP stream 1 as at most 4194304 bytes may wait: got 4194305, await each write",
    ]);
  });

  test("pipe() sends what its source gives; body() is all of it where it is not streamed", async () => {
    const harness = await startProcess(
      defineProcess({
        init: async (ctx) => void (await ctx.bindHttp("/streamed", { streamBody: true })),
        onHttp: (_, request) => void request.pipe(request.body()),
      }),
    );
    expect(await harness.http({ body: "whole" })).toMatchObject({ data: "whole", isWhole: true });
    expect(await harness.http({ path: "/streamed", body: "in pieces" })).toMatchObject({ data: "in pieces" });
    expect((await harness.http({ path: "/streamed" })).blob?.byteLength).toBe(0);
  });

  test("a source that fails cuts the answer, and the log says why", async () => {
    const harness = await startProcess(
      defineProcess({
        onHttp(_, request) {
          const source = function* (): Generator<string> {
            yield "a";
            throw new Error("no more of it");
          };
          void request.pipe(source());
        },
      }),
    );
    expect(await harness.http({ path: "/x" })).toMatchObject({ data: "a", isWhole: false });
    expect(harness.logs).toEqual(["an answer to /x was cut: no more of it"]);
  });
});
