/** Any bytes as a first message: alone, and over a real socket. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseRegistration } from "../../../http-server/register.ts";
import { ProcessId, packMessage, unpackMessage } from "../../../lib/protocol/index.ts";
import { connectMain, registration, startWithP, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { P } from "../../support/node.ts";
import type { Frame } from "../../support/sockets.ts";

const MAX = 16 * 1024; // bytes: limits.registerBytes
const VALID = { auth_token: "a.b.c", target_process: P, encrypted: false, slow_reader: "drop" };

const fields = fc.record(
  {
    auth_token: fc.oneof(fc.string(), fc.jsonValue()),
    target_process: fc.oneof(fc.constant(P), fc.string(), fc.jsonValue()),
    encrypted: fc.oneof(fc.boolean(), fc.jsonValue()),
    slow_reader: fc.oneof(fc.constantFrom("close", "drop", "latest"), fc.jsonValue()),
    WsRegister: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

/** A whole registration with some of its bytes changed, cut off or doubled. */
const mutated = fc
  .record({
    packed: fc.boolean(),
    value: fc.oneof(fc.constant(VALID), fc.constant({ WsRegister: VALID }), fields),
    changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
    cut: fc.nat(200),
    keep: fc.boolean(),
  })
  .map(({ packed, value, changes, cut, keep }) => {
    const bytes = packed ? packMessage(value).slice() : new TextEncoder().encode(JSON.stringify(value));
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
    return keep ? bytes : bytes.subarray(0, Math.max(0, bytes.length - cut));
  });

const anything = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  mutated,
  fc.json().map((text) => Buffer.from(text)),
);

const nested = (count: number, ...open: number[]): Buffer => Buffer.concat(Array(count).fill(Buffer.from(open)));

const BOMBS: [name: string, bytes: Buffer][] = [
  ["JSON arrays, one in the other", Buffer.alloc(MAX, "[")],
  ["JSON arrays that end", Buffer.from("[".repeat(MAX / 2) + "]".repeat(MAX / 2))],
  ["JSON objects, one in the other", Buffer.from('{"a":'.repeat(3_000))],
  ["JSON objects that end", Buffer.from(`${'{"a":'.repeat(2_500)}1${"}".repeat(2_500)}`)],
  ["MessagePack maps, one in the other", nested(5_000, 0x81, 0xa1, 0x61)],
  ["MessagePack arrays in a map", Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), nested(15_000, 0x91)])],
  ["a MessagePack map of 4,294,967,295 entries", Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
  [
    "MessagePack arrays of 30,000,000, one in the other",
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), nested(3_000, 0xdd, 0x01, 0xc9, 0xc3, 0x80)]),
  ],
  ["a MessagePack text of 4 GB", Buffer.from([0x81, 0xa1, 0x61, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x61])],
];

describe("parseRegistration()", () => {
  test("turns any bytes into a registration or a refusal and never throws", () => {
    const seen = { registrations: 0, refusals: 0 };
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = parseRegistration(bytes, MAX);
        expect(["json", "messagepack"]).toContain(result.encoding);
        if ("refused" in result) {
          seen.refusals++;
          expect(result.close.code).toBe(4400);
          expect(result.message).not.toBe("");
        } else {
          seen.registrations++;
          if (result.target === null) expect(JSON.parse(Buffer.from(bytes).toString())).toHaveProperty("WsRegister");
          else expect(result.target).toBeInstanceOf(ProcessId);
          expect(result.token === null || typeof result.token === "string").toBe(true);
          expect([null, "close", "drop", "latest"]).toContain(result.slowReader);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(seen.registrations).toBeGreaterThan(100); // else the mutations say nothing about those
    expect(seen.refusals).toBeGreaterThan(100);
  });

  test("reads back what was written, in both encodings, bare and wrapped", () => {
    const token = fc.option(fc.string());
    const policy = fc.option(fc.constantFrom("close", "drop", "latest"));
    fc.assert(
      fc.property(token, policy, fc.boolean(), fc.boolean(), (auth_token, slow_reader, packed, wrapped) => {
        const bare = { auth_token, target_process: P, encrypted: false, slow_reader };
        const value = wrapped ? { WsRegister: bare } : bare;
        const bytes = packed ? packMessage(value) : new TextEncoder().encode(JSON.stringify(value));
        expect(parseRegistration(bytes, MAX)).toEqual({
          encoding: packed ? "messagepack" : "json",
          token: auth_token,
          target: ProcessId.parse(P),
          node: null,
          slowReader: slow_reader,
        });
      }),
    );
  });

  test("reads each name as it is, whichever came before", () => {
    const named = (target: string) => parseRegistration(Buffer.from(JSON.stringify({ target_process: target })), MAX);
    for (const name of ["a:b:c", "a:b:c", "d:e:f", "a:b:c", "no name", "a:b:c", "no name"]) {
      if (name === "no name") expect(named(name)).toMatchObject({ refused: true });
      else expect(named(name)).toMatchObject({ target: ProcessId.parse(name), node: null });
    }
    expect(named("bob.os@a:b:c")).toMatchObject({ target: ProcessId.parse("a:b:c"), node: "bob.os" });
    expect(named("a:b:c")).toMatchObject({ node: null });
  });

  test("leaves the process to the next message where a wrapped one in JSON names none", () => {
    const parse = (value: unknown) => parseRegistration(Buffer.from(JSON.stringify(value)), MAX);
    const token = { auth_token: "a.b.c" };
    expect(parse({ WsRegister: token })).toMatchObject({ token: "a.b.c", target: null });
    expect(parse(token)).toMatchObject({ refused: true });
    expect(parse({ WsRegister: { ...token, target_process: null } })).toMatchObject({ refused: true });
    expect(parseRegistration(packMessage({ WsRegister: token }), MAX)).toMatchObject({ refused: true });
  });

  test.each(BOMBS)("refuses %s", (_, bytes) => {
    expect(parseRegistration(bytes, MAX)).toMatchObject({ refused: true, close: { code: 4400 } });
  });

  test("takes a message of maxBytes, and refuses one byte more", () => {
    const text = JSON.stringify(VALID);
    const limit = Buffer.byteLength(text);
    expect(parseRegistration(Buffer.from(text), limit)).toMatchObject({ token: "a.b.c" });
    expect(parseRegistration(Buffer.from(`${text} `), limit)).toMatchObject({
      refused: true,
      message: `a WsRegister has at most ${limit} bytes: got ${limit + 1}`,
    });
  });

  test("refuses JSON in bytes that are no UTF-8", () => {
    const bytes = Buffer.from(JSON.stringify({ ...VALID, auth_token: "?" }));
    bytes[bytes.indexOf("?")] = 0xff;
    expect(parseRegistration(bytes, MAX)).toMatchObject({ refused: true });
  });
});

/** `id`, or the code of an error frame. */
function outcome({ kind, payload }: Frame): string {
  const answer = (kind === "text" ? JSON.parse(payload.toString()) : unpackMessage(payload)) as {
    readonly channel_id?: number;
    readonly error?: { readonly code: string };
  };
  return typeof answer.channel_id === "number" ? "id" : (answer.error?.code ?? "neither");
}

describe.each(TRANSPORTS)("%s first message", (transport) => {
  afterEach(stopNodes);

  test("any bytes are answered with a channel, or with an error and its close", async () => {
    const { on } = await startWithP(transport);
    const good = fc.constant(Buffer.from(JSON.stringify(registration(on))));
    const closeOf: Readonly<Record<string, number>> = { malformed: 4400, bad_token: 4401, no_such_process: 4404 };
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: anything }, { weight: 1, arbitrary: good }), async (bytes) => {
        const client = await connectMain(on);
        client.sendBinary(bytes);
        const what = outcome(await client.nextFrame());
        if (what !== "id")
          expect(await client.nextClose()).toMatchObject({ code: closeOf[what] ?? "an error of the table" });
        client.destroy();
      }),
      { numRuns: 150 },
    );
  });

  test.each(BOMBS)("%s is refused, and the node goes on", async (_, bytes) => {
    const { on } = await startWithP(transport);
    const client = await connectMain(on);
    client.sendBinary(bytes);
    expect(outcome(await client.nextFrame())).toBe("malformed");
    expect(await client.nextClose()).toMatchObject({ code: 4400 });
    const next = await connectMain(on);
    next.sendText(JSON.stringify(registration(on)));
    expect(outcome(await next.nextFrame())).toBe("id");
  });
});
