/** Uploads over real sockets: the handshake of sheet §4.1, the messages of §5.1, and the cases of §6.4. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { ProcessId, VirtualClock } from "../../../lib/protocol/index.ts";
import { Ranges } from "../../../processes/hanami/uploads/ranges.ts";
import { destroyAll, type RawSocket } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";
import {
  HANAMI,
  OK,
  OTHER_UUID,
  startUploads,
  TOKEN,
  type UploadClient,
  type Uploads,
  type UploadsOptions,
  UUID,
} from "../../support/uploads.ts";

const CHUNK = 131_072;
const KIB = 1024;

let uploads: Uploads;

afterEach(async () => {
  jest.restoreAllMocks();
  destroyAll();
  await uploads.stop();
});

/** Bytes that differ by where they stand. */
function content(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 0xff;
  return bytes;
}

const partBytes = (uuid: string, size: number): Buffer => readFileSync(join(uploads.folder, uuid)).subarray(0, size);

async function said(socket: RawSocket, message: unknown): Promise<unknown> {
  socket.sendText(typeof message === "string" ? message : JSON.stringify(message));
  return JSON.parse((await socket.nextBinary()).toString());
}

const hello = (fields: object = {}): object => ({ token: TOKEN, target: "file_upload", uuid: UUID, ...fields });

describe.each(["uws", "ws"] as const)("on %s", (transport) => {
  const start = async (options: UploadsOptions = {}): Promise<void> => {
    uploads = await startUploads({ transport, ...options });
  };

  describe("the handshake", () => {
    const accepted = { success: true, uuid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) };

    test("any path upgrades, no extension is echoed, and each connection has a uuid of its own", async () => {
      await start();
      await uploads.create(UUID, 10);
      const seen = new Set<unknown>();
      for (const path of ["/", "/any/where"]) {
        const socket = await uploads.socket(path);
        expect(socket.headers).not.toHaveProperty("sec-websocket-extensions");
        const answer = await said(socket, hello());
        expect(answer).toEqual(accepted);
        seen.add((answer as { readonly uuid: string }).uuid);
      }
      expect(seen.size).toBe(2);
    });

    test("a binary frame, and the uuid in upper case, are taken too", async () => {
      await start();
      await uploads.create(UUID, 10);
      const socket = await uploads.socket();
      socket.sendBinary(Buffer.from(JSON.stringify(hello({ uuid: UUID.toUpperCase() }))));
      expect(JSON.parse((await socket.nextBinary()).toString())).toEqual(accepted);
    });

    test.each([
      ["a token nobody has", hello({ token: "mallory" }), "the token is invalid"],
      ["no token", hello({ token: undefined }), "the token is invalid"],
      ["a token that is no text", hello({ token: 7 }), "the token is invalid"],
      ["a uuid nobody has", hello({ uuid: OTHER_UUID }), `file_upload ${OTHER_UUID} not found`],
      ["somebody else's uuid", hello({ token: "bob" }), `file_upload ${UUID} not found`],
      ["a cluster nobody has", hello({ target: "cluster" }), `cluster ${UUID} not found`],
      ["an unknown target", hello({ target: "moon" }), ""],
      ["no target", hello({ target: undefined }), ""],
      ["no JSON", "{nonsense", expect.stringMatching(/^the first message must be JSON: /)],
      ["no object", "[1]", "the first message must be a JSON object with token, target and uuid"],
    ])("%s is refused with the literal false, and may try again", async (_what, message, error) => {
      await start();
      await uploads.create(UUID, 10);
      const socket = await uploads.socket();
      expect(await said(socket, message)).toEqual({ success: false, error });
      expect(await said(socket, hello())).toEqual(accepted);
    });

    test.each([
      ["missing", undefined],
      ["no text", 5],
    ])("a uuid that is %s drops the connection without an answer", async (_how, uuid) => {
      await start();
      const socket = await uploads.socket();
      socket.sendText(JSON.stringify(hello({ uuid })));
      expect(await socket.nextClose()).toEqual({ code: 1008, reason: "the first message needs a uuid, as text" });
    });

    test("as many tries as the limit are answered, one more closes", async () => {
      await start({ limits: { handshakeTries: 2 } });
      const socket = await uploads.socket();
      for (let n = 0; n < 2; n++) expect(await said(socket, "no")).toMatchObject({ success: false });
      socket.sendText("no");
      expect(await socket.nextClose()).toEqual({ code: 1008, reason: "refused 2 times" });
    });

    test("a first message of more bytes than the limit closes", async () => {
      await start({ limits: { handshakeBytes: 256 } });
      const socket = await uploads.socket();
      expect(await said(socket, "x".repeat(256))).toMatchObject({ success: false });
      socket.sendText("x".repeat(257));
      expect(await socket.nextClose()).toEqual({ code: 1008, reason: "the first message has at most 256 bytes" });
    });

    test("who sends on without waiting for the answer is closed", async () => {
      await start();
      await uploads.create(UUID, 10);
      const socket = await uploads.socket();
      socket.sendText(JSON.stringify(hello()));
      socket.sendBinary(Buffer.of(0x12, 1, 65));
      expect(await socket.nextClose()).toEqual({ code: 1008, reason: "wait for the answer before the next message" });
      expect(uploads.parts.progress(UUID)).toEqual({ size: 10, received: 0 });
    });

    test("one socket more than may wait is told to try again later", async () => {
      await start({ limits: { handshakes: 1 } });
      await uploads.create(UUID, 10);
      const first = await uploads.socket();
      const second = await uploads.socket();
      expect(await second.nextClose()).toEqual({ code: 1013, reason: "1 sockets have not said yet what they are for" });
      expect(await said(first, hello())).toEqual(accepted);
      expect(await said(await uploads.socket(), hello())).toEqual(accepted); // the first is none any more
    });

    test("who says nothing in time is closed, at the limit and not before", async () => {
      const clock = new VirtualClock();
      await start({ nodeOptions: { clock }, limits: { handshakeSeconds: 60 } });
      const socket = await uploads.socket();
      expect(await said(socket, "no")).toMatchObject({ success: false });
      clock.advance(59_999);
      expect(await said(socket, "no")).toMatchObject({ success: false });
      clock.advance(1);
      expect(await socket.nextClose()).toEqual({ code: 1008, reason: "no token, target and uuid in 60 seconds" });
    });
  });

  describe("chunks", () => {
    test("of 300,000 bytes as the SDK sends them, answered byte by byte as the sheet says", async () => {
      await start();
      const bytes = content(300_000);
      await uploads.create(UUID, bytes.byteLength);
      const { socket } = await uploads.connect(UUID);
      const heads = ["12808008", "0880800812808008", "0880801012e0a702"];
      for (const [n, head] of heads.entries()) {
        expect(await uploads.parts.state(UUID)).toEqual({ size: 300_000, received: n * CHUNK });
        socket.sendBinary(Buffer.concat([Buffer.from(head, "hex"), bytes.subarray(n * CHUNK, (n + 1) * CHUNK)]));
        expect((await socket.nextBinary()).toString("hex")).toBe("0801");
      }
      expect(uploads.parts.progress(UUID)).toEqual({ size: 300_000, received: 300_000 });
      expect(partBytes(UUID, 300_000).equals(bytes)).toBe(true);
    });

    test("16 in flight, out of order, repeated and overlapping; the last written wins", async () => {
      await start();
      const size = 40 * 1000;
      const bytes = content(size);
      await uploads.create(UUID, size);
      const client = await uploads.connect(UUID);
      client.post(100, content(50, 9)); // what comes later is over it
      const order = Array.from({ length: 40 }, (_, n) => (n * 17) % 40);
      let answered = 0;
      let sent = 1;
      for (const n of [...order, 3, 3]) {
        if (sent - answered >= 16) {
          expect(await client.answer()).toEqual(OK);
          answered++;
        }
        const start = n * 1000;
        client.post(start, bytes.subarray(start, Math.min(size, start + 1500)));
        sent++;
      }
      for (; answered < sent; answered++) expect(await client.answer()).toEqual(OK);
      expect(uploads.parts.progress(UUID)).toEqual({ size, received: size });
      expect(partBytes(UUID, size).equals(bytes)).toBe(true);
    });

    test("a gap is not complete, however many bytes have come", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      for (let n = 0; n < 3; n++) expect(await client.send(0, content(9))).toEqual(OK);
      client.socket.sendClose(1000);
      await client.socket.nextClose();
      await expect(uploads.parts.sealPart(UUID)).rejects.toThrow(`part ${UUID} is not complete`);
      const again = await uploads.connect(UUID);
      expect(await again.send(9, content(1))).toEqual(OK);
      await uploads.parts.sealPart(UUID);
      expect(readFileSync(join(uploads.folder, UUID)).byteLength).toBe(10);
    });

    test("beyond the announced size is refused, in its turn, and the socket stays", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      client.post(0, content(9));
      client.post(9, content(2));
      client.post(11, new Uint8Array(0));
      client.post(Number.MAX_SAFE_INTEGER, content(1));
      client.post(9, content(1));
      client.post(10, new Uint8Array(0));
      expect(await client.answer()).toEqual(OK);
      for (const [length, at] of [
        [2, 9],
        [0, 11],
        [1, Number.MAX_SAFE_INTEGER],
      ])
        expect(await client.answer()).toEqual({
          success: false,
          errorMessage: `failed to write ${length} bytes at ${at}: part ${UUID} has 10 bytes`,
        });
      expect(await client.answer()).toEqual(OK);
      expect(await client.answer()).toEqual(OK); // nothing, at the end
      expect(uploads.parts.progress(UUID)).toEqual({ size: 10, received: 10 });
    });

    test("a message that is none is refused, in its turn, and the socket stays", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      client.post(0, content(5));
      client.socket.sendBinary(Buffer.from("1205", "hex"));
      client.post(5, content(5));
      client.socket.sendText("ff"); // no message either, as text
      expect(await client.answer()).toEqual(OK);
      expect(await client.answer()).toEqual({
        success: false,
        errorMessage: "no FileUpload_Message: premature EOF at byte 2 of 2",
      });
      expect(await client.answer()).toEqual(OK);
      expect(await client.answer()).toMatchObject({ success: false });
      expect(uploads.parts.progress(UUID)?.received).toBe(10);
    });

    test("a chunk of the limit is taken, one byte more is refused", async () => {
      await start({ limits: { chunkBytes: KIB } });
      await uploads.create(UUID, 4 * KIB);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(KIB))).toEqual(OK);
      expect(await client.send(KIB, content(KIB + 1))).toEqual({
        success: false,
        errorMessage: "a chunk has at most 1024 bytes: got 1025",
      });
    });

    test("who floods is refused what does not fit, in turn, and then closed", async () => {
      await start({ limits: { chunkBytes: KIB, chunksWaiting: 4 } });
      await uploads.create(UUID, 64 * KIB);
      const client = await uploads.connect(UUID);
      const { frames, answered } = await flood(client, 64);
      expect(frames).toContainEqual({ code: 1008, reason: "more than 4 messages without waiting for an answer" });
      expect(answered).toBeLessThanOrEqual(64);
    });

    test("more ranges with gaps than the limit are refused, until a gap is filled", async () => {
      await start({ limits: { partRanges: 2 } });
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(1))).toEqual(OK);
      expect(await client.send(2, content(1))).toEqual(OK);
      expect(await client.send(4, content(1))).toEqual({
        success: false,
        errorMessage: "more than 2 gaps: send what is between the earlier chunks first",
      });
      expect(await client.send(1, content(1))).toEqual(OK);
      expect(await client.send(4, content(1))).toEqual(OK);
      expect((await uploads.parts.state(UUID))?.received).toBe(4);
    });
  });

  describe("sockets", () => {
    test("one that is cut loses nothing that was answered; another goes on", async () => {
      await start();
      const bytes = content(3 * CHUNK);
      await uploads.create(UUID, bytes.byteLength);
      const first = await uploads.connect(UUID);
      expect(await first.send(0, bytes.subarray(0, CHUNK))).toEqual(OK);
      first.post(CHUNK, bytes.subarray(CHUNK, 2 * CHUNK));
      first.socket.destroy();
      const second = await uploads.connect(UUID);
      expect(await second.send(2 * CHUNK, bytes.subarray(2 * CHUNK))).toEqual(OK);
      expect(await second.send(CHUNK, bytes.subarray(CHUNK, 2 * CHUNK))).toEqual(OK);
      expect(partBytes(UUID, bytes.byteLength).equals(bytes)).toBe(true);
      expect(uploads.parts.progress(UUID)?.received).toBe(bytes.byteLength);
    });

    test("two to one part share it, up to the limit; one more is refused", async () => {
      await start({ limits: { partSockets: 2 } });
      await uploads.create(UUID, 10);
      const [a, b] = [await uploads.connect(UUID), await uploads.connect(UUID)];
      const answer = await said(await uploads.socket(), hello());
      expect(answer).toEqual({ success: false, error: `part ${UUID} has 2 sockets already` });
      expect(await Promise.all([a.send(0, content(5)), b.send(5, content(5))])).toEqual([OK, OK]);
      a.socket.sendClose(1000);
      await a.socket.nextClose();
      expect(await b.send(0, content(5, 2))).toEqual(OK);
      await uploads.connect(UUID);
    });

    test("uploads of two parts do not wait for each other's socket", async () => {
      await start();
      await uploads.create(UUID, 10);
      await uploads.create(OTHER_UUID, 10);
      const [a, b] = [await uploads.connect(UUID), await uploads.connect(OTHER_UUID)];
      a.post(0, content(10));
      expect(await b.send(0, content(10, 2))).toEqual(OK);
      expect(await a.answer()).toEqual(OK);
      expect(partBytes(OTHER_UUID, 10).equals(content(10, 2))).toBe(true);
    });

    test("a part that is removed closes its sockets, and its file is gone", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      await uploads.parts.removePart(UUID);
      expect(await client.socket.nextClose()).toMatchObject({ code: 1008 });
      expect(readdirSync(uploads.folder)).toEqual([]);
      expect(uploads.parts.progress(UUID)).toBeUndefined();
      await uploads.parts.removePart(UUID);
      await uploads.create(UUID, 5); // the name is free
      expect(await (await uploads.connect(UUID)).send(0, content(5))).toEqual(OK);
    });

    test("a chunk for a sealed part is refused, then the socket is closed; unsealed it is taken", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(10))).toEqual(OK);
      await uploads.parts.sealPart(UUID);
      expect(await client.send(0, content(10, 2))).toEqual({
        success: false,
        errorMessage: `part ${UUID} is finalized`,
      });
      expect(await client.socket.nextClose()).toEqual({ code: 1008, reason: `part ${UUID} is finalized` });
      expect(await said(await uploads.socket(), hello())).toMatchObject({ success: false });
      expect(readFileSync(join(uploads.folder, UUID)).equals(content(10))).toBe(true);
      await uploads.parts.unsealPart(UUID);
      expect(await (await uploads.connect(UUID)).send(3, content(1, 5))).toEqual(OK);
      expect(uploads.parts.progress(UUID)).toEqual({ size: 10, received: 10 });
    });

    test("a file that is gone closes the socket with the reason", async () => {
      await start();
      await uploads.create(UUID, 10);
      const client = await uploads.connect(UUID);
      rmSync(join(uploads.folder, UUID));
      expect(await client.send(0, content(1))).toMatchObject({ success: false });
      const { code, reason } = await client.socket.nextClose();
      expect(code).toBe(1008);
      expect(reason).toMatch(/^part .* cannot be written: /);
    });
  });

  describe("expiry", () => {
    test("a part without a socket is removed when its time is over; a socket begins it anew", async () => {
      const clock = new VirtualClock();
      await start({ nodeOptions: { clock }, limits: { partIdleSeconds: 20 } });
      await uploads.create(UUID, 10);
      clock.advance(19_000);
      const client = await uploads.connect(UUID);
      clock.advance(40_000); // a socket may stay
      expect(await client.send(0, content(5))).toEqual(OK);
      client.socket.sendClose(1000);
      await client.socket.nextClose();
      await uploads.settled(UUID);
      clock.advance(19_999);
      const again = await uploads.connect(UUID);
      expect(await again.send(5, content(5))).toEqual(OK);
      again.socket.destroy();
      await until(() => uploads.sockets() === 0);
      await uploads.settled(UUID);
      clock.advance(20_100); // timers of a process are a tick late at most
      await until(() => uploads.expired.length > 0 && readdirSync(uploads.folder).length === 0);
      expect(uploads.expired).toEqual([UUID]);
      expect(uploads.parts.progress(UUID)).toBeUndefined();
    });
  });

  test("a part does not expire while another of its data set is used, nor soon after", async () => {
    const clock = new VirtualClock();
    await start({ nodeOptions: { clock }, limits: { partIdleSeconds: 20 } });
    await uploads.create(UUID, 10);
    await uploads.create(OTHER_UUID, 10);
    await uploads.settled(OTHER_UUID); // its time has begun
    const client = await uploads.connect(UUID);
    clock.advance(20_100);
    await uploads.settled(OTHER_UUID);
    expect(await client.send(0, content(10))).toEqual(OK);
    client.socket.sendClose(1000);
    await client.socket.nextClose();
    await uploads.settled(UUID);
    clock.advance(19_000);
    await uploads.settled(OTHER_UUID);
    const other = await uploads.connect(OTHER_UUID); // as the SDK: the labels after the images
    expect(await other.send(0, content(10))).toEqual(OK);
    expect(uploads.expired).toEqual([]);
    other.socket.destroy();
    await until(() => uploads.sockets() === 0);
    await uploads.settled(OTHER_UUID);
    for (let n = 0; n < 4; n++) {
      clock.advance(20_100);
      await uploads.settled(UUID).catch(() => undefined); // it may be gone
      await uploads.settled(OTHER_UUID).catch(() => undefined);
    }
    await until(() => readdirSync(uploads.folder).length === 0);
    expect(uploads.expired.toSorted()).toEqual([UUID, OTHER_UUID]);
  });

  describe("ends", () => {
    test("a crash closes the sockets, loses nothing that was answered, and the next connection goes on", async () => {
      await start();
      const bytes = content(20);
      await uploads.create(UUID, 20);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, bytes.subarray(0, 10))).toEqual(OK);
      jest.spyOn(Ranges.prototype, "add").mockImplementationOnce(() => {
        throw new Error("on purpose");
      });
      client.post(10, bytes.subarray(10));
      expect(await client.socket.nextClose()).toEqual({
        code: 1012,
        reason: "the upload began anew: connect again, and send what was not answered",
      });
      const again = await uploads.connect(UUID);
      expect(await uploads.parts.state(UUID)).toEqual({ size: 20, received: 10 });
      expect(await again.send(10, bytes.subarray(10))).toEqual(OK);
      expect(partBytes(UUID, 20).equals(bytes)).toBe(true);
    });

    test("a process that was killed is there again for who connects", async () => {
      await start();
      await uploads.create(UUID, 20);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(10))).toEqual(OK);
      uploads.node.node.kernel.registry.get(ProcessId.parse(`upload-${UUID}:hanami:sys`))?.kill();
      expect(await client.socket.nextClose()).toMatchObject({ code: 1001 });
      expect(await (await uploads.connect(UUID)).send(10, content(10))).toEqual(OK);
      await uploads.parts.sealPart(UUID);
    });

    test("a restart of hanami does not touch the sockets of uploads", async () => {
      await start();
      await uploads.create(UUID, 20);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(10))).toEqual(OK);
      uploads.crash();
      await until(() => uploads.isRunning());
      expect(await client.send(10, content(10))).toEqual(OK);
      expect(uploads.parts.progress(UUID)).toEqual({ size: 20, received: 20 });
      expect(uploads.node.node.kernel.registry.get(ProcessId.parse(HANAMI))).toBeDefined();
    });

    test("another node goes on where one stopped; what was half made is removed", async () => {
      await start();
      const first = uploads;
      await uploads.create(UUID, 20);
      const client = await uploads.connect(UUID);
      expect(await client.send(0, content(10))).toEqual(OK);
      await first.node.stop();
      writeFileSync(join(first.folder, `${OTHER_UUID}.new`), "half");
      uploads = await startUploads({ transport, data: first.data, sizes: first.sizes });
      expect(readdirSync(uploads.folder)).toEqual([UUID]);
      expect(uploads.parts.progress(UUID)).toEqual({ size: 20, received: 10 });
      expect(await (await uploads.connect(UUID)).send(10, content(10))).toEqual(OK);
      await uploads.stop();
      await first.stop();
    });

    test("a part more than the limit, or than the drive has room for, is not made", async () => {
      await start({ limits: { parts: 1 }, vfsLimits: { driveBytes: 1_000_000 } });
      await expect(uploads.create(UUID, 2_000_000)).rejects.toMatchObject({ kind: "LimitReached" });
      expect(readdirSync(uploads.folder)).toEqual([]);
      await uploads.create(UUID, 10);
      await expect(uploads.create(OTHER_UUID, 10)).rejects.toMatchObject({ code: "TooManyParts" });
    });
  });
});

/** Sends all at once; the answers until it is closed. */
async function flood(client: UploadClient, count: number): Promise<{ frames: unknown[]; answered: number }> {
  for (let n = 0; n < count; n++) client.post(n * KIB, content(KIB));
  const frames: unknown[] = [];
  for (let answered = 0; ; answered++) {
    const frame = await client.socket.nextFrame();
    if (frame.kind !== "close") continue;
    const { payload } = frame;
    frames.push({ code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() });
    return { frames, answered };
  }
}
