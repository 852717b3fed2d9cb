/** A frame's bytes are the transport's: free to read in the handler, copied for who takes longer (DESIGN §9, lib/protocol/blob.ts). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { type Blob, BlobExpiredError, type Envelope } from "../../../lib/protocol/index.ts";
import { nextLoop, openChannel, startNode, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { type Deferred, deferred } from "../../support/deferred.ts";
import { P, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { encodeFrame, type RawSocket } from "../../support/sockets.ts";

type OnPush = (channelId: number, blob: Blob, ctx: Context) => void | Promise<void>;

const FRAMES = Array.from({ length: 12 }, (_, i) => `${String.fromCharCode(97 + i)}`.repeat(3_000 + i));

describe.each(TRANSPORTS)("%s lent bytes", (transport) => {
  afterEach(stopNodes);

  async function startWith(onPush: OnPush, options: TestNodeOptions = {}): Promise<TestNode> {
    const on = await startNode(transport, options);
    on.add(P, defineProcess({ onPush: (_, { channelId }, blob, ctx) => onPush(channelId, blob, ctx as Context) }));
    return on;
  }

  /** All frames in one write, so that the transport finds them in one buffer, and then others in its place. */
  function sendAll(client: RawSocket): void {
    client.write(Buffer.concat(FRAMES.map((text, i) => encodeFrame(i % 2 === 0 ? "text" : "binary", text))));
  }

  async function expectAll(client: RawSocket): Promise<void> {
    for (const [i, text] of FRAMES.entries()) {
      const { kind, payload } = await client.nextFrame();
      expect([kind, payload.toString()]).toEqual([i % 2 === 0 ? "text" : "binary", text]);
    }
  }

  test("a handler that echoes at once makes no copy: the blob has expired when it is done", async () => {
    const blobs: Blob[] = [];
    const on = await startWith((channelId, blob, ctx) => {
      blobs.push(blob);
      expect(blob.expired).toBe(false);
      ctx.push(channelId, blob, blobs.length % 2 === 1 ? "Text" : "Binary");
    });
    const { client } = await openChannel(on);
    sendAll(client);
    await expectAll(client);
    expect(blobs.map((blob) => blob.expired)).toEqual(FRAMES.map(() => true));
  });

  test.each(["bytes", "text", "json", "raw", "keep"] as const)(
    "%s() of an expired blob throws BlobExpiredError",
    async (how) => {
      const got = deferred<Blob>();
      const on = await startWith((_, blob) => got.resolve(blob));
      const { client } = await openChannel(on);
      client.sendText("1");
      const blob = await got.promise;
      let thrown: unknown;
      try {
        blob[how]();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(BlobExpiredError);
      expect(thrown).toMatchObject({
        code: "blob_expired",
        message:
          "Cannot read this blob as its handler has returned: read it with text(), json() or bytes() while handling the message, or call keep() there to read it later",
      });
      expect(() => blob.byteLength).toThrow(BlobExpiredError);
    },
  );

  test("sending an expired blob throws where the mistake is", async () => {
    const caught = deferred<unknown>();
    const got = deferred<Blob>();
    let context: Context | undefined;
    const on = await startWith((_, blob, ctx) => {
      context = ctx;
      got.resolve(blob);
    });
    const { client, id } = await openChannel(on);
    client.sendText("x");
    const blob = await got.promise;
    try {
      context?.push(id, blob);
    } catch (error) {
      caught.resolve(error);
    }
    expect(await caught.promise).toBeInstanceOf(BlobExpiredError);
  });

  test("keep() makes it the blob's own: it can be read ever after", async () => {
    const kept: Blob[] = [];
    const all = deferred();
    const on = await startWith((_, blob) => {
      kept.push(blob.keep());
      if (kept.length === FRAMES.length) all.resolve();
    });
    const { client } = await openChannel(on);
    sendAll(client);
    await all.promise;
    client.sendText("y".repeat(50_000)); // something else where the bytes were
    await nextLoop();
    expect(kept.slice(0, FRAMES.length).map((blob) => blob.text())).toEqual(FRAMES);
  });

  test("a handler that awaits reads its own frame, although others came meanwhile", async () => {
    const on = await startWith(async (channelId, blob, ctx) => {
      await nextLoop();
      ctx.push(channelId, blob);
    });
    const { client } = await openChannel(on);
    client.write(Buffer.concat(FRAMES.map((text) => encodeFrame("text", text))));
    for (const text of FRAMES) expect(await client.nextText()).toBe(text);
  });

  test("a blob that was awaited with has expired for nobody while its handler runs, and may be kept then", async () => {
    const got = deferred<Blob>();
    const on = await startWith(async (_, blob) => {
      await nextLoop();
      expect(blob.expired).toBe(false);
      got.resolve(blob.keep());
    });
    const { client } = await openChannel(on);
    client.sendText("kept late");
    const blob = await got.promise;
    client.sendText("x".repeat(9));
    await nextLoop();
    expect(blob.text()).toBe("kept late");
  });

  test("frames that wait for a busy process are whole when their turn comes", async () => {
    let gate: Deferred<void> | undefined = deferred();
    const held = gate;
    const on = await startWith((channelId, blob, ctx) => {
      if (gate !== undefined) {
        gate = undefined;
        return held.promise;
      }
      ctx.push(channelId, blob, blob.isText ? "Text" : "Binary");
      return undefined;
    });
    const { client } = await openChannel(on);
    client.sendText("hold");
    sendAll(client);
    client.sendPing(); // its pong says that all has been read
    expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
    held.resolve();
    await expectAll(client);
  });

  test.each([
    ["in the turn of the frame", {}],
    ["in later turns", { limits: { turnSteps: 1 } }],
  ])("a blob pushed on to other channels arrives there whole, %s", async (_, nodeOptions) => {
    const others: number[] = [];
    const on = await startWith(
      (_, blob, ctx) => {
        for (const other of others) ctx.push(other, blob, "Binary");
      },
      { nodeOptions },
    );
    const sender = await openChannel(on);
    const listeners = [await openChannel(on), await openChannel(on), await openChannel(on)];
    others.push(...listeners.map(({ id }) => id));
    sendAll(sender.client);
    for (const { client } of listeners) {
      for (const text of FRAMES) expect((await client.nextBinary()).toString()).toBe(text);
    }
  });

  test("a blob that is published arrives whole at every subscriber", async () => {
    const on = await startNode(transport);
    on.add(
      P,
      defineProcess({
        onOpen: (_, { channelId }, ctx) => ctx.subscribe(channelId, "all"),
        onPush: (_, __, blob, ctx) => ctx.publish("all", blob, "Binary"),
      }),
    );
    const [a, b] = [await openChannel(on), await openChannel(on)];
    sendAll(a.client);
    for (const { client } of [a, b]) {
      for (const text of FRAMES) expect((await client.nextBinary()).toString()).toBe(text);
    }
  });

  test("a blob forwarded to a process that answers later is whole when that reads it", async () => {
    const on = await startNode(transport);
    const q = "other:my-package:template.os"; // of P's package: it may be messaged
    on.add(
      P,
      defineProcess({
        onPush(_, { channelId }, blob, ctx) {
          ctx.request(q).body({ channelId }).blob(blob).expectsResponse(5).send();
        },
        onResponse(_, message, ctx) {
          const { channelId } = message.body as { channelId: number };
          ctx.push(channelId, message.blob?.text() ?? "");
        },
      }),
    );
    on.add(q, {
      start: (host) => ({
        async handle(message: Envelope) {
          await nextLoop();
          host.respond({ body: message.body, blob: message.blob }, message);
        },
      }),
    });
    const { client } = await openChannel(on);
    sendAll(client);
    for (const text of FRAMES) expect(await client.nextText()).toBe(text);
  });

  test("a frame whose handler throws expires all the same", async () => {
    const got = deferred<Blob>();
    const on = await startNode(transport);
    on.add(
      P,
      defineProcess({
        onPush(_, __, blob) {
          got.resolve(blob);
          throw new Error("told to");
        },
      }),
      { onExit: "Restart" },
    );
    const { client } = await openChannel(on);
    client.sendText("x");
    expect((await got.promise).expired).toBe(true);
    expect(on.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", blobBytes: 1 }]);
  });
});
