/** Hostile peers on an open socket: broken frames, registrations, readers that stop, floods, ends that are none. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { packMessage } from "../../lib/protocol/index.ts";
import { closePayload, encodeFrame, RawSocket } from "../support/sockets.ts";
import { type Arena, VICTIM } from "./arena.ts";

const MIB = 1024 * 1024;

/** The head of a masked frame that announces `length` bytes. */
function announced(first: number, length: bigint): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt8(first, 0);
  head.writeUInt8(0xff, 1);
  head.writeBigUInt64BE(length, 2);
  return head;
}

const both = (...frames: Buffer[]): Buffer => Buffer.concat(frames);

/** Each ends its channel: on ws with a close frame, on uWebSockets.js by a cut (PROTOCOL.md §3). */
const FRAMES: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["reserved bit 1", encodeFrame("text", "x", { reserved: 0x40 })],
  ["reserved bit 2", encodeFrame("text", "x", { reserved: 0x20 })],
  ["reserved bit 3", encodeFrame("binary", "x", { reserved: 0x10 })],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, encodeFrame(opcode, "x")] as const),
  ["a ping of 126 bytes", encodeFrame("ping", "x".repeat(126))],
  ["a pong of 70,000 bytes", encodeFrame("pong", "x".repeat(70_000))],
  ["a close of 126 bytes", encodeFrame("close", closePayload(1000, "x".repeat(124)))],
  ["half a ping", encodeFrame("ping", "x", { final: false })],
  ["half a pong", encodeFrame("pong", "x", { final: false })],
  ["half a close", encodeFrame("close", closePayload(1000), { final: false })],
  ["a continuation of nothing", encodeFrame("continuation", "x")],
  ["text within a fragmented message", both(encodeFrame("text", "x", { final: false }), encodeFrame("text", "y"))],
  ["bad UTF-8", encodeFrame("text", Buffer.from([0xff, 0xfe]))],
  ["a surrogate in UTF-8", encodeFrame("text", Buffer.from([0xed, 0xa0, 0x80]))],
  ["UTF-8 above U+10FFFF", encodeFrame("text", Buffer.from([0xf4, 0x90, 0x80, 0x80]))],
  ["overlong UTF-8", encodeFrame("text", Buffer.from([0xc0, 0xaf]))],
  ["half a letter at the end", encodeFrame("text", Buffer.from([0x61, 0xe2, 0x82]))],
  [
    "bad UTF-8 across fragments",
    both(encodeFrame("text", Buffer.from([0xe2]), { final: false }), encodeFrame("continuation", Buffer.from([0x28]))),
  ],
  ["65 MB announced", announced(0x82, 65n * 1024n * 1024n)],
  ["2^63 bytes announced", announced(0x82, 2n ** 63n)],
  ["2^64 − 1 bytes announced", announced(0x82, 2n ** 64n - 1n)],
  ["2^32 + 5 bytes announced", announced(0x82, 2n ** 32n + 5n)],
  ["2^53 bytes announced", announced(0x81, 2n ** 53n)],
  ["code 1005 in a close", encodeFrame("close", closePayload(1005))],
  ["code 999 in a close", encodeFrame("close", closePayload(999))],
  ["bad UTF-8 in a close", encodeFrame("close", closePayload(1000, new Uint8Array([0xff])))],
  ["one byte in a close", encodeFrame("close", "x")],
];

/** JavaScript on uWebSockets.js cannot see the mask bit: the client hurts itself alone (PROTOCOL.md §14). */
const UNMASKED = encodeFrame("text", "hello", { masked: false });

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const REGISTRATIONS: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["nothing", Buffer.alloc(0)],
  ["16 kB of [", Buffer.alloc(16 * 1024, "[")],
  ["4 MB of [", Buffer.alloc(4 * MIB, "[")],
  ["4 MB of text", Buffer.alloc(4 * MIB, "x")],
  ["JSON nested 8,000 deep", Buffer.from(`${"[".repeat(8_000)}${"]".repeat(8_000)}`)],
  ["objects nested 2,500 deep", Buffer.from(`${'{"a":'.repeat(2_500)}1${"}".repeat(2_500)}`)],
  [
    "MessagePack arrays nested 16,000 deep",
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), Buffer.alloc(16_000, 0x91)]),
  ],
  ["MessagePack maps nested 5,000 deep", Buffer.concat(Array(5_000).fill(Buffer.from([0x81, 0xa1, 0x61])))],
  ["a MessagePack array of 2^32 − 1", Buffer.from([0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff])],
  [
    "MessagePack arrays of 2^24 in each other",
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), ...Array(100).fill(Buffer.from([0xdd, 1, 0, 0, 0]))]),
  ],
  ["a MessagePack map of 2^32 − 1", Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
  ["a MessagePack text of 2^32 − 1", Buffer.from([0x81, 0xdb, 0xff, 0xff, 0xff, 0xff])],
  ["a map of 3,000 keys", json(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [i, 0])))],
  ["__proto__", Buffer.from(`{"__proto__":{"target_process":"${VICTIM}","auth_token":null},"constructor":1}`)],
  ["__proto__ in MessagePack", Buffer.from(packMessage(JSON.parse(`{"__proto__":{"target_process":"${VICTIM}"}}`)))],
  ["a token of 10,000 letters", json({ auth_token: "x".repeat(10_000), target_process: VICTIM })],
  ["a token of dots", json({ auth_token: ".".repeat(10_000), target_process: VICTIM })],
  ["a name of 10,000 letters", json({ auth_token: null, target_process: "x".repeat(10_000) })],
  ["a name with control letters", json({ auth_token: null, target_process: "a\n:b\0:c" })],
  ["the http-server", json({ target_process: "http-server:distro:sys" })],
];

export function frameAttacks(arena: () => Arena): void {
  test("each kind of broken frame ends its own channel", async () => {
    await arena().under(`broken frames, ${FRAMES.length} kinds, 5 channels of each at once`, async () => {
      const ends: Promise<void>[] = [];
      for (const [, bytes] of FRAMES) {
        for (let i = 0; i < 5; i++) {
          const client = await arena().channel();
          client.write(bytes);
          ends.push(ended(client));
        }
      }
      await Promise.all(ends);
      return `${ends.length} channels ended`;
    });
  });

  test("an unmasked frame hurts nobody else", async () => {
    await arena().under("unmasked frames on 50 channels", async () => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => arena().channel()));
      for (const client of clients) client.write(Buffer.concat([UNMASKED, UNMASKED]));
      await arena().settle();
      return arena().settings.transport === "ws" ? "1002" : "read as garbage by who sent it";
    });
  });

  test("half frames whose clients reset, close or are silent leave nothing", async () => {
    await arena().under("half frames on 300 channels, 1 MB of 4 sent; then a reset, an end or silence", async () => {
      const half = encodeFrame("binary", new Uint8Array(4 * MIB - 1)).subarray(0, MIB);
      const clients: RawSocket[] = [];
      for (let i = 0; i < 300; i++) {
        const client = await arena().channel();
        client.write(i % 10 === 0 ? half : half.subarray(0, 1 + (i % 20)));
        clients.push(client);
      }
      await arena().settle();
      clients.forEach((client, i) => {
        if (i % 3 === 0) client.net.resetAndDestroy();
        else if (i % 3 === 1) client.net.end();
        else client.destroy();
      });
      return "each forgotten";
    });
  });

  test("a close frame with more behind it, and half-closed sockets, end", async () => {
    const seen = await arena().under("200 channels that close and go on sending; 100 half-closed", async () => {
      const more = encodeFrame("text", "x".repeat(1_000));
      const ends: Promise<void>[] = [];
      for (let i = 0; i < 300; i++) {
        const client = await arena().channel();
        if (i % 3 === 0) client.net.end();
        else {
          client.sendClose(1000, "bye");
          for (let k = 0; k < 20; k++) client.write(more);
        }
        ends.push(ended(client));
      }
      await Promise.all(ends);
      return "each ended; nothing behind a close was delivered";
    });
    expect(seen.frames).toBe(0);
  });

  test("clients that do not take their end for one hold nothing", async () => {
    await arena().under(
      "100 clients that ignore the close frame and the FIN, half of them going on to send",
      async () => {
        const clients = await Promise.all(Array.from({ length: 100 }, () => deafClient(arena())));
        const timer = setInterval(() => {
          for (const { net } of clients.slice(50)) if (!net.destroyed) net.write(encodeFrame("text", "x"));
        }, 300);
        try {
          await arena().allEnded();
        } finally {
          clearInterval(timer); // also when the arena was closed meanwhile: else it keeps jest's worker alive
        }
        return "cut";
      },
    );
  });

  test("first messages that are never finished cost what was sent of them", async () => {
    const seen = await arena().under("50 strangers that send 4 MB less a byte of a first message", async () => {
      const most = encodeFrame("binary", new Uint8Array(4 * MIB)).subarray(0, 4 * MIB);
      const clients = await Promise.all(Array.from({ length: 50 }, () => arena().connect()));
      for (const client of clients) {
        await client.upgrade();
        client.write(most);
      }
      await arena().settle();
      return "held until registerDeadline, or until they left";
    });
    expect(seen.peakBytes).toBeLessThan(600 * MIB);
  });

  test("any first message is answered, and the node goes on", async () => {
    await arena().under(
      `${REGISTRATIONS.length} hostile registrations, 5 of each, and 300 of random bytes`,
      async () => {
        const send = async (bytes: Uint8Array): Promise<void> => {
          const client = await arena().connect();
          await client.upgrade();
          client.sendBinary(bytes);
          await ended(client);
        };
        for (const [, bytes] of REGISTRATIONS) await Promise.all(Array.from({ length: 5 }, () => send(bytes)));
        const seed = 20_261_121;
        const random = fc.sample(fc.uint8Array({ maxLength: 300 }), { numRuns: 300, seed });
        await arena().inParallel(random, send);
        return `each closed with 4400, 4401 or 4404 (seed ${seed})`;
      },
    );
  });

  test("10,000 registrations for processes that are not there", async () => {
    await arena().under("10,000 registrations for unknown processes", async () => {
      const names = Array.from({ length: 10_000 }, (_, i) => `nobody${i}:hostile:test`);
      await arena().inParallel(names, async (name) => {
        const client = await arena().connect();
        await client.upgrade();
        client.sendText(JSON.stringify({ auth_token: arena().token, target_process: name }));
        await client.nextText();
        expect(await client.nextClose()).toMatchObject({ code: 4404 });
        client.destroy();
      });
      return "each closed with 4404";
    });
  });

  test("readers that stop, pushed to and published to", async () => {
    const seen = await arena().under(
      "20 channels that stop reading: each pushed 64 MB, and 64 MB published to all",
      async () => {
        const clients: RawSocket[] = [];
        for (let i = 0; i < 20; i++) {
          const client = await arena().channel();
          client.pause();
          client.sendText("join");
          client.sendText(`push 64 ${MIB}`);
          clients.push(client);
        }
        clients[0]?.sendText(`publish 64 ${MIB}`);
        await arena().settle();
        return "each ended with 1013; at most its send limit was held";
      },
    );
    expect(seen.peakBytes).toBeLessThan(500 * MIB); // 2,560 MB were asked for
  });

  test("a flood within the limit does not starve others, one beyond it is ended", async () => {
    await arena().under("8 channels that send 9,000 messages at once, then 3 that send 30,000", async () => {
      const within = encodeFrame("text", "x").toString("latin1").repeat(9_000);
      const clients = await Promise.all(Array.from({ length: 8 }, () => arena().channel()));
      for (const client of clients) client.write(Buffer.from(within, "latin1"));
      for (const client of clients) {
        client.sendPing("read");
        expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
      }
      const beyond = await Promise.all(Array.from({ length: 3 }, () => arena().channel()));
      for (const client of beyond) client.write(encodeFrameMany(30_000));
      for (const client of beyond) expect(await client.nextClose()).toMatchObject({ code: 4429 });
      return "72,000 delivered; the others ended with 4429 behind the 10,000th";
    });
  });
}

/** The same text frame, `count` times. */
function encodeFrameMany(count: number): Buffer {
  return Buffer.alloc(count * 7, encodeFrame("text", "x"));
}

/** Registers for nobody, and keeps its side open whatever the server does. */
async function deafClient({ port, token }: Arena): Promise<RawSocket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const client = new RawSocket(socket);
  await client.upgrade();
  client.sendText(JSON.stringify({ auth_token: token, target_process: "nobody:hostile:test" }));
  return client;
}

/** When its server has ended it; a close frame is answered, as RFC 6455 asks. */
async function ended(client: RawSocket): Promise<void> {
  const answer = (chunk: Buffer): void => {
    if ((chunk[chunk.length - 1] ?? 0) >= 0 && chunk.includes(0x88))
      client.net.end(encodeFrame("close", closePayload(1000)));
  };
  client.net.on("data", answer);
  await client.ended;
}
