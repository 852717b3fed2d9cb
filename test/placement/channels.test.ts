/** DESIGN §4, wherever the process of a channel runs: Open, frames, Close, and back, over real sockets. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { bound, connect } from "../support/bound.ts";
import { RawSocket } from "../support/sockets.ts";
import { A, B, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

type Opened = { readonly channelId: number };

describe.each(PLACEMENTS)("%s: a channel", (placement) => {
  test("is opened, heard and closed in this order, with all that is known of it", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A);
    await a.run((me) =>
      me.ctx.bindWs("/room", { authenticated: false, protocols: ["v2", "v1"], openHeaders: ["user-agent"] }),
    );
    const client = await RawSocket.connect(on.port);
    const headers = { "sec-websocket-protocol": "v1", "user-agent": "me" };
    const answer = await client.upgrade({ path: `/${A}/room?x=1&y=%C3%A4`, headers });
    expect(answer.headers["sec-websocket-protocol"]).toBe("v1");
    const open = (await a.next()) as Opened;
    expect(open).toEqual({
      kind: "open",
      channelId: expect.any(Number),
      path: "/room",
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      user: null,
      query: { x: "1", y: "ä" },
      headers: { "user-agent": "me" },
      protocol: "v1",
    });
    const { channelId } = open;
    client.sendText("grüß");
    client.sendBinary(new Uint8Array([0, 255, 1]));
    client.sendText("");
    expect(await a.nextOf(3)).toEqual([
      { kind: "push", channelId, messageType: "Text", text: "grüß", bytes: [...Buffer.from("grüß")], isText: true },
      { kind: "push", channelId, messageType: "Binary", text: null, bytes: [0, 255, 1], isText: false },
      { kind: "push", channelId, messageType: "Text", text: "", bytes: [], isText: true },
    ]);
    client.sendClose(4001, "bye");
    expect(await a.next()).toEqual({ kind: "close", channelId, code: 4001, reason: "bye" });
  });

  test("that does not keep up gets the newest of a topic and of a key", async () => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, {
      init: async (me) => {
        await me.ctx.bindWs("/", { authenticated: false, slowReader: "latest" });
      },
    });
    await a.run(() => undefined);
    await a.on("push", (me, { channelId }) => {
      me.ctx.subscribe(channelId, "topic");
      for (let i = 0; i < 20; i++) {
        me.ctx.publish("topic", `topic ${i}`);
        me.ctx.pushLatest(channelId, "key", `key ${i}`);
      }
      me.ctx.push(channelId, "mark");
    });
    const client = await connect(on, a);
    client.sendText("go");
    const pings: Buffer[] = [];
    const readTo = async (last: string): Promise<string[]> => {
      for (const heard: string[] = []; ; ) {
        const { kind, payload } = await client.nextFrame();
        if (kind === "ping") pings.push(payload);
        else if (heard.push(payload.toString()) && heard.at(-1) === last) return heard;
      }
    };
    const first = await readTo("mark");
    expect(first.slice(0, -1)).toEqual(
      ["topic 0", "key 0", "topic 1", "key 1", "topic 2", "key 2", "topic 3", "key 3"].slice(0, first.length - 1), // fewer where it took 0.5 s
    );
    for (const payload of pings) client.sendPong(payload);
    expect(await readTo("key 19")).toEqual(["topic 19", "key 19"]);
  });

  test("carries what is pushed back: text, bytes, JSON and blobs, in order, each as its kind", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("push", (me, { channelId, blob, messageType }) => {
      me.ctx.push(channelId, "text");
      me.ctx.push(channelId, new Uint8Array([1, 2, 3]));
      me.ctx.push(channelId, { json: [1] });
      me.ctx.push(channelId, blob);
      me.ctx.push(channelId, "as binary", "Binary");
      me.ctx.push(channelId, blob, messageType);
    });
    const client = await connect(on, a);
    client.sendText("echo");
    expect([await client.nextText(), [...(await client.nextBinary())], await client.nextText()]).toEqual([
      "text",
      [1, 2, 3],
      '{"json":[1]}',
    ]);
    expect([await client.nextText(), (await client.nextBinary()).toString(), await client.nextText()]).toEqual([
      "echo",
      "as binary",
      "echo",
    ]);
    client.sendBinary(new Uint8Array([200, 201]));
    await client.nextText();
    await client.nextBinary();
    await client.nextText();
    expect([...(await client.nextBinary())]).toEqual([200, 201]);
  });

  test("passes a frame on as it came, or as its process has made it, to whomever", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("open", (me, { channelId }) => {
      me.keep.all.push(channelId);
      if (me.keep.all.length === 2) me.ctx.subscribe(channelId, "topic"); // what it is pushed takes the careful way
    });
    await a.on("push", (me, { blob, messageType }) => {
      const { byteLength } = blob;
      if (byteLength === 1) blob.bytes()[0] = 65;
      const raw = byteLength === 3 ? blob.raw() : "";
      if (typeof raw !== "string") ("buffer" in raw ? raw : new Uint8Array(raw))[0] = 67;
      for (const id of me.keep.all) me.ctx.push(Number(id), blob, messageType);
      for (const id of me.keep.all) me.ctx.push(Number(id), blob, messageType === "Text" ? "Binary" : "Text");
      me.ctx.push(12_345_678, blob);
    });
    const one = await connect(on, a);
    const two = await connect(on, a);
    await a.run(() => undefined);
    one.sendText("hello");
    for (const client of [one, two]) {
      expect(await client.nextText()).toBe("hello");
      expect((await client.nextBinary()).toString()).toBe("hello");
    }
    two.sendBinary(new Uint8Array([66, 255]));
    for (const client of [one, two]) {
      expect([...(await client.nextBinary())]).toEqual([66, 255]);
      expect(await client.nextText()).toBe("B\uFFFD");
    }
    one.sendText("b");
    for (const client of [one, two]) expect(await client.nextText()).toBe("A");
    await one.nextBinary();
    one.sendText("bye");
    expect(await one.nextText()).toBe("Cye");
    await one.nextBinary();
    expect(on.deadLetters().map(({ reason }) => reason)).toEqual(["refused", "refused", "refused", "refused"]);
  });

  test("may be passed on by what its handler has left running, as long as nothing else has begun", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("push", async (me, { channelId, blob }) => {
      const text = blob.text();
      await me.ctx.getState();
      me.ctx.push(channelId, blob);
      setTimeout(() => {
        me.ctx.push(channelId, blob);
        void me.ctx
          .request(`http-server:distro:sys`)
          .body({ WebSocketPush: { channel_id: channelId, message_type: "Text" } })
          .inherit(true)
          .send();
        me.ctx.push(channelId, `${text} is all`);
      }, 0);
    });
    const client = await connect(on, a);
    for (const text of ["one", "two"]) {
      client.sendText(text);
      const heard = [
        await client.nextText(),
        await client.nextText(),
        await client.nextText(),
        await client.nextText(),
      ];
      expect(heard).toEqual([text, text, text, `${text} is all`]);
    }
  });

  test.each(["uws", "ws"] as const)(
    "on %s of a sender that does not wait keeps the order of thousands of frames, whatever their size",
    async (transport) => {
      const on = await startStage(placement, { http: { transport } });
      const a = await bound(on, A);
      await a.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, blob));
      const client = await connect(on, a);
      const frames = Array.from({ length: 3000 }, (_, n) => (n % 500 === 499 ? `${n} ${"x".repeat(100_000)}` : `${n}`));
      for (const frame of frames) client.sendText(frame);
      const echoed: string[] = [];
      while (echoed.length < frames.length) echoed.push(await client.nextText());
      expect(echoed.every((text, n) => text === frames[n])).toBe(true);
    },
  );

  test("sends in the order pushed, whichever way: push, sendWsPush, after an await, close", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("push", async (me, { channelId, blob }) => {
      me.ctx.push(channelId, "1");
      void me.ctx.sendWsPush(channelId, "2");
      me.ctx.push(channelId, "3");
      void me.ctx.sendWsPush(channelId, "4");
      me.ctx.push(channelId, blob);
      await me.ctx.sendWsPush(channelId, "6");
      me.ctx.push(channelId, "7");
      me.ctx.close(channelId, 4000, "8");
    });
    const client = await connect(on, a);
    client.sendText("5");
    const heard: string[] = [];
    while (heard.length < 7) heard.push(await client.nextText());
    expect(heard).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
    expect(await client.nextClose()).toEqual({ code: 4000, reason: "8" });
  });

  test("of a program written without defineProcess works alike", async () => {
    const on = await startStage(placement, { http: true });
    const b = await on.add(B);
    await on.add(A, { file: "raw.mjs" });
    const answer = await b.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body({ n: 1 })
          .blob("x")
          .sendAndAwaitResponse()
          .then((it) => me.seen(it)),
      A,
    );
    expect(answer).toEqual(expect.objectContaining({ body: { n: 1 }, blob: "x" }));
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: "/" });
    client.sendText(JSON.stringify({ auth_token: on.server.issueToken(), target_process: A, encrypted: false }));
    await client.nextText();
    for (const text of ["one", "two"]) client.sendText(text);
    expect([await client.nextText(), await client.nextText()]).toEqual(["one", "two"]);
  });

  test("of many clients is each one's own", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("open", () => undefined);
    await a.on("close", () => undefined);
    await a.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, `${blob.text()}!`));
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(on, a)));
    for (let n = 0; n < 10; n += 1) for (const [who, client] of clients.entries()) client.sendText(`${who}.${n}`);
    for (const [who, client] of clients.entries())
      for (let n = 0; n < 10; n += 1) expect(await client.nextText()).toBe(`${who}.${n}!`);
  });

  test("can be pushed to from a timer, from a promise, from another message, and after an await in its handler", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    const b = await on.add(B);
    await a.on("request", (me, { body }) => me.ctx.push(Number(body), "by a message"));
    await a.on("push", async (me, { channelId, blob }) => {
      me.ctx.push(channelId, "at once");
      await me.ctx.getState();
      me.ctx.push(channelId, `after an await: ${blob.text()}`);
      me.ctx.after(1, (_, ctx) => {
        ctx.push(channelId, "by a timer");
        setTimeout(() => me.ctx.push(channelId, "by a promise"), 1); // two timers at once would have no order
      });
    });
    const client = await connect(on, a);
    const { channelId } = (await a.next()) as Opened;
    client.sendText("x");
    const heard = [await client.nextText(), await client.nextText(), await client.nextText(), await client.nextText()];
    expect(heard).toEqual(["at once", "after an await: x", "by a timer", "by a promise"]);
    await b.run((me, { to, id }) => me.ctx.request(to).body(id).send(), { to: A, id: channelId });
    expect(await client.nextText()).toBe("by a message");
  });

  test("is closed by its process behind what was pushed, with code and reason", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("push", (me, { channelId }) => {
      me.ctx.push(channelId, "last");
      me.ctx.close(channelId, 4002, "enough");
      me.ctx.push(channelId, "too late");
    });
    const client = await connect(on, a);
    const { channelId } = (await a.next()) as Opened;
    client.sendText("x");
    expect(await client.nextText()).toBe("last");
    expect(await client.nextClose()).toEqual({ code: 4002, reason: "enough" });
    client.sendClose(4002, "enough");
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "close", channelId, code: 4002 }));
  });

  test("that is somebody else's can be neither pushed to nor closed; sendWsPush says how it went", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    const b = await on.add(B);
    const client = await connect(on, a);
    const { channelId } = (await a.next()) as Opened;
    const results = await b.run(async (me, id) => {
      me.ctx.push(id, "stolen");
      me.ctx.close(id);
      return [await me.ctx.sendWsPush(id, "stolen"), await me.ctx.sendWsPush(12_345_678, "nobody's")];
    }, channelId);
    expect(results).toEqual([{ Err: "WsChannelNotFound" }, { Err: "WsChannelNotFound" }]);
    expect(await a.run((me, id) => me.ctx.sendWsPush(id, "mine"), channelId)).toEqual({ Ok: null });
    expect(await client.nextText()).toBe("mine");
  });

  test("hears what is published to its topics, encoded once, until it unsubscribes", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    await a.on("open", (me, { channelId }) => me.ctx.subscribe(channelId, "all"));
    await a.on("push", (me, { channelId, blob }) => {
      if (blob.text() === "leave") me.ctx.unsubscribe(channelId, "all");
      me.ctx.publish("all", `said ${blob.text()}`);
      me.ctx.publish("all", { json: true });
      me.ctx.publish("all", new Uint8Array([1]));
      me.ctx.push(channelId, "done");
    });
    const [one, two] = [await connect(on, a), await connect(on, a)];
    await a.run(() => undefined);
    one.sendText("hello");
    for (const client of [one, two]) {
      const heard: string[] = [];
      for (let n = client === one ? 4 : 3; n > 0; n -= 1) {
        const frame = await client.nextFrame();
        heard.push(frame.kind === "binary" ? `[${[...frame.payload]}]` : frame.payload.toString());
      }
      expect(heard.sort()).toEqual(["[1]", ...(client === one ? ["done"] : []), "said hello", '{"json":true}']);
    }
    one.sendText("leave");
    expect(await one.nextText()).toBe("done");
    expect(await two.nextText()).toBe("said leave");
  });

  test("is closed when its process is gone for good, and others' stay", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A);
    const b = await bound(on, B);
    const [gone, stays] = [await connect(on, a), await connect(on, b)];
    await b.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, blob));
    await a.on("push", () => {
      throw new Error("on purpose");
    });
    gone.sendText("x");
    expect((await gone.nextClose()).code).toBeGreaterThanOrEqual(1000);
    stays.sendText("still");
    expect(await stays.nextText()).toBe("still");
  });
});

describe.each(PLACEMENTS)("%s: after a crash", (placement) => {
  test.each([
    ["before its handler returns", "sync"],
    ["after an await", "async"],
  ])("%s, Open comes again before the frames that were kept; the frame in hand is lost, no other", async (_, way) => {
    const on = await startStage(placement, { http: true });
    const a = await on.add(A, {
      onExit: "Restart",
      init: async (me) => {
        me.report(`incarnation ${me.count("incarnations")}`);
        await me.ctx.bindWs("/", { authenticated: false });
      },
    });
    expect(await a.next()).toBe("incarnation 1");
    const client = await connect(on, a);
    const { channelId } = (await a.next()) as Opened;
    await a.on(
      "push",
      (me, { blob }, way) => {
        const text = blob.text();
        me.report(text);
        if (text !== "crash") return undefined;
        if (way === "sync") throw new Error("on purpose");
        return me.gate("go on").then(() => {
          throw new Error("on purpose");
        });
      },
      way,
    );
    for (const text of ["before", "crash", ...Array.from({ length: 200 }, (_, n) => `kept ${n}`)])
      client.sendText(text);
    expect(await a.nextOf(2)).toEqual(["before", "crash"]);
    a.open("go on");
    expect(await a.next()).toBe("incarnation 2");
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "open", channelId }));
    const kept = (await a.nextOf(200)) as readonly { readonly text: string }[];
    expect(kept.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, n) => `kept ${n}`));
    await a.run((me, id) => me.ctx.push(id, "goes on"), channelId);
    expect(await client.nextText()).toBe("goes on");
    client.sendClose(1000);
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "close", channelId }));
  });

  test("what was pushed before it, in the handler that threw, has gone out", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A, { onExit: "Restart" });
    await a.on("push", (me, { channelId }) => {
      me.ctx.push(channelId, "pushed");
      throw new Error("and then");
    });
    const client = await connect(on, a);
    client.sendText("x");
    expect(await client.nextText()).toBe("pushed");
  });
});

test.each(PLACEMENTS)("%s: a channel registered on the main route is the same", async (placement) => {
  const on = await startStage(placement, { http: true });
  const a = await on.add(A);
  await a.on("push", (me, { channelId, blob }) => me.ctx.push(channelId, { heard: blob.json() }));
  const client = await RawSocket.connect(on.port);
  await client.upgrade({ path: "/" });
  client.sendText(JSON.stringify({ auth_token: on.server.issueToken(), target_process: A, encrypted: false }));
  const { channel_id: channelId } = JSON.parse(await client.nextText()) as { readonly channel_id: number };
  expect(await a.next()).toEqual(expect.objectContaining({ kind: "open", channelId, path: "/" }));
  client.sendText('{"a":1}');
  expect(await client.nextText()).toBe('{"heard":{"a":1}}');
});
