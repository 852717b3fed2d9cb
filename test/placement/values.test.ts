/** DESIGN §3.5, wherever sender and target run: a body is a value, a blob is its bytes. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Message } from "../../lib/process/index.ts";
import type { Me } from "../support/puppet.ts";
import { A, B, MIXTURES, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  true: true,
  false: false,
  zero: 0,
  "a fraction": 0.1,
  "a large whole number": Number.MAX_SAFE_INTEGER,
  "a large negative one": -(2 ** 40),
  "the smallest fraction": Number.MIN_VALUE,
  "an empty text": "",
  "a text of other letters": "\u0000 ä € 😀 \u2028",
  "a long text": "ab€".repeat(50_000),
  "an empty object": {},
  "an empty list": [],
  "names that mean something": {
    constructor: 1,
    toString: 2,
    length: 3,
    "": 4,
    7: 5,
    hasOwnProperty: { prototype: 6 },
  },
  "lists in lists": [[[[[1], 2], 3], 4], { deep: [{ deeper: [{}] }] }],
  "many fields": Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`field ${n}`, n])),
  "many items": Array.from({ length: 70_000 }, (_, n) => n % 256),
  "fields of other numbers": { a: 1.5, b: -1, c: 255, d: 256, e: 65_535, f: 65_536, g: 2 ** 32, h: -129, i: 1e300 },
};

describe.each(MIXTURES)("%s: a body", (placement) => {
  test("of any JSON shape arrives as it was sent, and so does one of an answer", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => me.ctx.respond(body));
    const values = Object.values(VALUES);
    const echoed = await a.run(
      async (me, { to, values }) => {
        const answers: unknown[] = [];
        for (const value of values) answers.push((await me.ctx.request(to).body(value).sendAndAwaitResponse()).body);
        return answers;
      },
      { to: B, values },
    );
    expect(Object.fromEntries(Object.keys(VALUES).map((name, n) => [name, echoed[n]]))).toEqual(VALUES);
  });

  test("may hold bytes, dates and numbers that JSON has not", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => {
      const { bytes, date, nan, infinity, missing } = body as Readonly<Record<string, unknown>>;
      me.report([
        bytes instanceof Uint8Array ? [...bytes] : String(bytes),
        date instanceof Date ? date.getTime() : String(date),
        String(nan),
        String(infinity),
        missing === undefined,
      ]);
    });
    await a.run((me, to) => {
      const body = {
        bytes: new Uint8Array([1, 2, 255]),
        date: new Date(86_400_000),
        nan: Number.NaN,
        infinity: Number.NEGATIVE_INFINITY,
        missing: undefined,
      };
      me.ctx.request(to).body(body).send();
    }, B);
    expect(await b.next()).toEqual([[1, 2, 255], 86_400_000, "NaN", "-Infinity", true]);
  });

  test("cannot be changed after it was sent, nor by who got it", async () => {
    const on = await startStage(placement, { freezeBodies: true });
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      const body = message.body as { list: number[]; inner: { n: number } };
      me.report([
        me.caughtNow(() => body.list.push(2))?.name,
        me.caughtNow(() => {
          body.inner.n = 3;
        })?.name,
      ]);
      const answer = { sum: [1] };
      me.ctx.respond(answer);
      me.report(me.caughtNow(() => answer.sum.push(2))?.name);
    });
    const outcomes = await a.run(async (me, to) => {
      const body = { list: [1], inner: { n: 1 } };
      const answered = me.ctx.request(to).body(body).sendAndAwaitResponse();
      const afterSending = me.caughtNow(() => body.list.push(2))?.name;
      const { body: answer } = await answered;
      return [afterSending, me.caughtNow(() => (answer as { sum: number[] }).sum.push(2))?.name, body, answer];
    }, B);
    expect(outcomes).toEqual(["TypeError", "TypeError", { list: [1], inner: { n: 1 } }, { sum: [1] }]);
    expect(await b.nextOf(2)).toEqual([["TypeError", "TypeError"], "TypeError"]);
  });

  test("that was sent twice is the same twice, and its sender may keep it", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.run((me, to) => {
      const body = { shared: ["x"] };
      const twice = { one: body, other: body };
      me.ctx.request(to).body(body).send();
      me.ctx.request(to).body(twice).send();
      me.ctx.request(to).body(body).send();
    }, B);
    const bodies = ((await b.nextOf(3)) as Message[]).map(({ body }) => body);
    const shared = { shared: ["x"] };
    expect(bodies).toEqual([shared, { one: shared, other: shared }, shared]);
  });
});

describe.each(MIXTURES)("%s: a blob", (placement) => {
  /** Sizes around what may be split or sent apart. */
  const SIZES = [0, 1, 63, 64, 65, 4095, 4096, 65_535, 65_536, 262_143, 262_144, 1_048_577, 8_000_000];

  test("of any size arrives byte for byte, with its type, and comes back in an answer", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { blob }) => {
      if (blob === null) return;
      me.ctx.respond(blob.byteLength, { blob });
    });
    const outcomes = await a.run(
      async (me, { to, sizes }) => {
        const all: unknown[] = [];
        for (const size of sizes) {
          const bytes = new Uint8Array(size);
          for (let at = 0; at < size; at += 1) bytes[at] = (at * 31 + (at >> 8)) & 255;
          const { body, blob } = await me.ctx
            .request(to)
            .blob({ mime: `x/${size}`, bytes })
            .sendAndAwaitResponse(10);
          const back = blob?.bytes() ?? new Uint8Array(1);
          const isSame = back.byteLength === size && back.every((byte, at) => byte === ((at * 31 + (at >> 8)) & 255));
          all.push([body, isSame, blob?.mime]);
        }
        return all;
      },
      { to: B, sizes: SIZES },
    );
    expect(outcomes).toEqual(SIZES.map((size) => [size, true, `x/${size}`]));
  });

  test("is its sender's still: what is changed or read later there is nobody else's", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const kept = await a.run(
      async (me, { to, sizes }) => {
        const blobs = sizes.map((size) => me.lib.Blob.of(new Uint8Array(size).fill(7), "x/y"));
        for (const blob of blobs) me.ctx.request(to).body(1).blob(blob).send();
        for (const blob of blobs) me.ctx.request(to).body(2).blob(blob).send();
        await me.ctx.getState(); // whatever was to be handed over is
        return blobs.map((blob) => [blob.byteLength, blob.bytes().every((byte) => byte === 7)]);
      },
      { to: B, sizes: SIZES.slice(1, -1) },
    );
    expect(kept).toEqual(SIZES.slice(1, -1).map((size) => [size, true]));
    const heard = (await b.nextOf(2 * (SIZES.length - 2))) as readonly { readonly blob: string }[];
    expect(heard.map(({ blob }) => blob.length)).toEqual([...SIZES.slice(1, -1), ...SIZES.slice(1, -1)]);
  });

  test("that is a view of a larger buffer is its bytes alone, and the buffer stays", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const left = await a.run((me, to) => {
      const buffer = new Uint8Array(500_000).fill(65);
      for (const [from, until] of [
        [10, 13],
        [100, 400_100],
      ])
        me.ctx.request(to).blob(buffer.subarray(from, until)).send();
      return buffer.byteLength;
    }, B);
    expect(left).toBe(500_000);
    const heard = (await b.nextOf(2)) as readonly { readonly blob: string }[];
    expect(heard.map(({ blob }) => [blob.length, /^A+$/.test(blob)])).toEqual([
      [3, true],
      [400_000, true],
    ]);
  });

  test("may be text, JSON or no text at all; it says so alike", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { blob }) =>
      me.report([blob?.text() ?? null, blob?.json() ?? null, blob?.mime ?? null, blob?.isText ?? null]),
    );
    await a.run((me: Me, to) => {
      const send = (blob: Parameters<ReturnType<typeof me.ctx.request>["blob"]>[0]): void =>
        me.ctx.request(to).blob(blob).send();
      send("grüß");
      send(me.lib.Blob.json({ a: 1 }));
      send(new Uint8Array([0xff, 0xfe]));
      send(new Uint8Array([0x31]).buffer);
      send("");
    }, B);
    expect(await b.nextOf(5)).toEqual([
      ["grüß", null, null, true],
      ['{"a":1}', { a: 1 }, "application/json", true],
      [null, null, null, false],
      ["1", 1, null, false],
      ["", null, null, true],
    ]);
  });

  test("is an instance of the Blob that a process imports, and so are errors and addresses", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { blob, source, target }) =>
      me.report([
        blob instanceof me.lib.Blob,
        source instanceof me.lib.Address,
        source.id instanceof me.lib.ProcessId,
        target.text,
        me.ctx.message?.source === source,
      ]),
    );
    await a.on("error", (me, error) =>
      me.report([error instanceof me.lib.SendError, error.target instanceof me.lib.Address]),
    );
    await a.run((me, to) => {
      me.ctx.request(to).blob("x").send();
      me.ctx.request("no:body:there").expectsResponse(5).send();
    }, B);
    expect(await b.next()).toEqual([true, true, true, `alice.os@${B}`, true]);
    expect(await a.next()).toEqual([true, true]);
  });
});
