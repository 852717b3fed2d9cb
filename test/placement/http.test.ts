/** HTTP, wherever the process that answers runs: now, later, in pieces, and bound content. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import type { Puppet } from "../support/puppet.ts";
import { A, B, PLACEMENTS, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

async function bound(on: Stage, path = "/x", options: { readonly streamBody?: boolean } = {}): Promise<Puppet> {
  const a = await on.add(A);
  await a.run((me, { path, options }) => me.ctx.bindHttp(path, { authenticated: false, ...options }), {
    path,
    options,
  });
  return a;
}

const url = (on: Stage, path: string): string => `http://127.0.0.1:${on.port}/${A}${path}`;

describe.each(PLACEMENTS)("%s: onHttp", (placement) => {
  test("gets the request as it came: method, path, parameters, headers, cookies and body", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, "/x/:id");
    await a.on("http", (me, request) => {
      request.reply(null, { status: 204 });
      me.report({
        method: request.method,
        path: request.path,
        urlParams: request.urlParams,
        query: request.queryParams,
        queryAll: request.queryAll("q"),
        header: request.headers["x-mine"],
        headerAll: request.headerAll("X-Mine"),
        cookies: { ...request.cookies },
        body: request.blob.text(),
        mime: request.headers["content-type"],
        secure: request.secure,
      });
    });
    const answer = await askHttp(on.port, {
      method: "POST",
      path: `/${A}/x/7?q=1&q=%C3%A4`,
      headers: { "x-mine": ["one", "two"], cookie: "a=1; b=2", "content-type": "text/plain" },
      body: "grüß",
    });
    expect(answer.status).toBe(204);
    expect(await a.next()).toEqual({
      method: "POST",
      path: "/x/7",
      urlParams: { id: "7" },
      query: { q: "ä" },
      queryAll: ["1", "ä"],
      header: "two",
      headerAll: ["one", "two"],
      cookies: { a: "1", b: "2" },
      body: "grüß",
      mime: "text/plain",
      secure: false,
    });
  });

  test.each(["at once", "after an await", "from a timer", "from another message", "by send_response"])(
    "is answered %s: text, bytes, JSON, status and headers",
    async (when) => {
      const on = await startStage(placement, { http: true });
      const a = await bound(on);
      await a.on(
        "http",
        (me, request, when) => {
          const reply = (): void => {
            const { kind } = request.queryParams;
            if (kind === "text")
              request.reply("<p>ä", { status: 201, headers: { "X-Mine": "1", "Set-Cookie": ["a=1", "b=2"] } });
            if (kind === "bytes") request.reply(new Uint8Array([1, 255]));
            if (kind === "json") request.reply({ a: [1] });
          };
          if (when === "at once") return reply();
          if (when === "after an await") return me.ctx.getState().then(reply);
          if (when === "from a timer") return void me.ctx.after(1, reply);
          if (when === "by send_response") {
            const { kind } = request.queryParams;
            const [type, body] =
              kind === "text"
                ? ["text/html; charset=utf-8", "<p>ä"]
                : kind === "bytes"
                  ? ["application/octet-stream", new Uint8Array([1, 255])]
                  : ["application/json", '{"a":[1]}'];
            const more = kind === "text" ? { "X-Mine": "1", "Set-Cookie": ["a=1", "b=2"] } : {};
            return me.lib.send_response(
              kind === "text" ? 201 : 200,
              { "Content-Type": type as string, ...more },
              body as string,
            );
          }
          me.keep.request = request;
          me.report("asked");
          return undefined;
        },
        when,
      );
      const ask = async (kind: string): Promise<Response> => {
        const answer = fetch(url(on, `/x?kind=${kind}`));
        if (when !== "from another message") return await answer;
        await a.next();
        await a.run((me) => {
          const { request } = me.keep;
          const { kind } = request.queryParams;
          if (kind === "text")
            request.reply("<p>ä", { status: 201, headers: { "X-Mine": "1", "Set-Cookie": ["a=1", "b=2"] } });
          if (kind === "bytes") request.reply(new Uint8Array([1, 255]));
          if (kind === "json") request.reply({ a: [1] });
        });
        return await answer;
      };
      const text = await ask("text");
      expect([text.status, text.headers.get("x-mine"), text.headers.getSetCookie(), await text.text()]).toEqual([
        201,
        "1",
        ["a=1", "b=2"],
        "<p>ä",
      ]);
      expect(text.headers.get("content-type")).toBe("text/html; charset=utf-8");
      const bytes = await ask("bytes");
      expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([1, 255]);
      expect(await (await ask("json")).json()).toEqual({ a: [1] });
    },
  );

  test("answered twice throws nothing at the client: the first counts, the second is a dead letter", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (me, request) => {
      request.reply("first");
      request.reply("second");
      me.report("replied");
    });
    expect(await (await fetch(url(on, "/x"))).text()).toBe("first");
    await a.next();
    await a.run(() => undefined);
    expect(on.deadLetters().map(({ reason }) => reason)).toEqual(["unexpected_answer"]);
  });

  test("that throws ends its client's request with 503, and the next is answered by the next incarnation", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, {
      onExit: "Restart",
      init: async (me) => {
        await me.ctx.bindHttp("/x", { authenticated: false });
        me.report(me.count("incarnations"));
      },
    });
    expect(await a.next()).toBe(1);
    await a.on("http", () => {
      throw new Error("on purpose");
    });
    expect((await fetch(url(on, "/x"))).status).toBeGreaterThanOrEqual(500);
    expect(await a.next()).toBe(2);
    await a.on("http", (_me, request) => request.reply("again"));
    expect(await (await fetch(url(on, "/x"))).text()).toBe("again");
  });

  test("of many clients at once are each answered with their own", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (_me, request) => {
      const { n = "" } = request.queryParams;
      if (Number(n) % 2 === 0) request.reply(`${n} ${request.blob.byteLength}`);
      else setTimeout(() => request.reply(`${n} ${request.blob.byteLength}`), 1);
    });
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const answer = await fetch(url(on, `/x?n=${n}`), { method: "POST", body: "x".repeat(n * 1000) });
        return await answer.text();
      }),
    );
    expect(answers).toEqual(Array.from({ length: 60 }, (_, n) => `${n} ${n * 1000}`));
  });
});

describe.each(PLACEMENTS)("%s: an answer in pieces", (placement) => {
  test("goes out by stream(), each write when the client has room", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (me, request) => {
      const writer = request.stream({ status: 202, headers: { "Content-Type": "text/plain" } });
      void (async () => {
        for (let n = 0; n < 5; n += 1) await writer.write(`piece ${n} `);
        await writer.write(new Uint8Array(1_000_000).fill(97));
        await writer.end();
        await writer.closed;
        me.report([writer.isOpen, (await me.caught(() => writer.write("late")))?.name]);
      })();
    });
    const answer = await fetch(url(on, "/x"));
    const text = await answer.text();
    expect([answer.status, text.slice(0, 40), text.length]).toEqual([
      202,
      "piece 0 piece 1 piece 2 piece 3 piece 4 ",
      1_000_040,
    ]);
    expect(await a.next()).toEqual([false, "HttpStreamError"]);
  });

  test("piped from a generator goes on beside the next messages, and is cut where that throws", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (me, request) => {
      const isBroken = request.queryParams.broken !== undefined;
      async function* source(): AsyncGenerator<string> {
        yield "one ";
        await me.gate("go on");
        yield "two";
        if (isBroken) throw new Error("no more");
      }
      void request.pipe(source());
    });
    const answer = await fetch(url(on, "/x"));
    expect(await a.run(() => "meanwhile")).toBe("meanwhile");
    a.open("go on");
    expect(await answer.text()).toBe("one two");
    await expect(fetch(url(on, "/x?broken")).then((broken) => broken.text())).rejects.toThrow();
    await a.run(() => undefined);
    expect(on.logs()).toEqual([`${A} an answer to /x was cut: no more`]);
  });

  test("whose client has left is told so", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (me, request) => {
      const writer = request.stream();
      void writer.write("begin");
      me.report("begun");
      void writer.closed.then(() => me.report(["closed", writer.isOpen]));
    });
    const leave = new AbortController();
    const answer = await fetch(url(on, "/x"), { signal: leave.signal });
    expect([answer.status, await a.next()]).toEqual([200, "begun"]);
    leave.abort();
    expect(await a.next()).toEqual(["closed", false]);
  });
});

describe.each(PLACEMENTS)("%s: a body in pieces", (placement) => {
  test("is read as it comes, of any length", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, "/up", { streamBody: true });
    await a.on("http", (me, request) => {
      void (async () => {
        let bytes = 0;
        let sum = 0;
        for await (const piece of request.body()) {
          bytes += piece.byteLength;
          for (const byte of piece) sum = (sum + byte) % 1_000_007;
        }
        request.reply([bytes, sum]);
        me.report("read");
      })();
    });
    const body = new Uint8Array(1_000_000).map((_, at) => (at * 7) & 255);
    const expected = body.reduce((sum, byte) => (sum + byte) % 1_000_007, 0);
    const answer = await fetch(url(on, "/up"), { method: "POST", body });
    expect(await answer.json()).toEqual([1_000_000, expected]);
    expect(await a.next()).toBe("read");
  });

  test("may be passed on as an answer in pieces", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, "/up", { streamBody: true });
    await a.on("http", (_me, request) => {
      async function* upper(): AsyncGenerator<string> {
        const decoder = new TextDecoder();
        for await (const piece of request.body()) yield decoder.decode(piece, { stream: true }).toUpperCase();
      }
      void request.pipe(upper(), { headers: { "Content-Type": "text/plain" } });
    });
    const answer = await fetch(url(on, "/up"), { method: "POST", body: "abc ".repeat(100_000) });
    expect(await answer.text()).toBe("ABC ".repeat(100_000));
  });
});

describe.each(PLACEMENTS)("%s: bound content", (placement) => {
  test("is served without asking the process, until it is unbound; the last of several binds counts", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    const results = await a.run((me) =>
      Promise.all([
        me.ctx.bindStatic("/page", "first", { authenticated: false, mime: "text/plain" }),
        me.ctx.bindStatic("/page", "second", { authenticated: false, mime: "text/plain", headers: { "X-Mine": "1" } }),
        me.ctx.bindStatic("/large", new Uint8Array(2_000_000).fill(98), { authenticated: false }),
      ]),
    );
    expect(results).toEqual([{ Ok: null }, { Ok: null }, { Ok: null }]);
    a.start(() => new Promise(() => undefined)); // whatever it does
    const page = await fetch(url(on, "/page"));
    expect([page.headers.get("x-mine"), page.headers.get("content-type"), await page.text()]).toEqual([
      "1",
      "text/plain",
      "second",
    ]);
    expect((await (await fetch(url(on, "/large"))).arrayBuffer()).byteLength).toBe(2_000_000);
  });

  test("of serveUi is every file of a folder of the package", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, {
      files: { "ui/index.html": "<h1>home", "ui/js/app.js": "1", "ui/a b.txt": "spaced" },
    });
    expect(await a.run((me) => me.ctx.serveUi("ui", { authenticated: false, spa: true }))).toBe(3);
    expect(await (await fetch(url(on, "/"))).text()).toBe("<h1>home");
    expect(await (await fetch(url(on, "/a%20b.txt"))).text()).toBe("spaced");
    expect((await fetch(url(on, "/js/none.js"))).status).toBe(404);
    expect(await a.run((me) => me.caught(() => me.ctx.serveUi("../ui")))).toEqual(
      expect.objectContaining({
        name: "OptionError",
        message: expect.stringContaining("outside the package's folder"),
      }),
    );
  });

  test("and of a process that is gone: its paths answer 503, and others' go on", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on);
    await a.on("http", (_me, request) => request.reply("here"));
    expect((await fetch(url(on, "/x"))).status).toBe(200);
    a.start((me) => me.ctx.exit());
    await on.heard("process-gone", A);
    expect((await fetch(url(on, "/x"))).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${on.port}/login`)).status).toBe(200);
  });

  test("is refused to a process that may not message the http-server", async () => {
    const on = await startStage(placement, { http: true });
    const b = await on.add(B, { request: [], grant: [] });
    const refused = await b.run((me) => me.caught(() => me.ctx.bindHttp("/x")));
    expect(refused).toEqual(expect.objectContaining({ name: "SendError", error: "Denied" }));
  });
});
