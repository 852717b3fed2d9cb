/** A push that answers the frame in hand takes a shorter way (docs/adr/0001): nobody may be able to tell. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess, type Push } from "../../../lib/process/index.ts";
import { type Blob, HTTP_SERVER, type Message } from "../../../lib/protocol/index.ts";
import { openChannel, startNode, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";

type OnPush = (push: Push, blob: Blob, ctx: Context<undefined>) => void | Promise<void>;

describe.each(TRANSPORTS)("%s a push that answers the frame in hand", (transport) => {
  afterEach(stopNodes);

  async function startWith(onPush: OnPush): Promise<TestNode> {
    const on = await startNode(transport);
    on.add(P, defineProcess({ onPush: (_, push, blob, ctx) => onPush(push, blob, ctx) }));
    return on;
  }

  test("leaves behind what the process sent before, by whichever way", async () => {
    const on = await startWith(({ channelId }, blob, ctx) => {
      ctx.push(channelId, "first");
      void ctx.sendWsPush(channelId, "second"); // waits for an answer, so it goes as a message
      ctx.push(channelId, blob);
      ctx.subscribe(channelId, "all");
      ctx.publish("all", "fourth");
      ctx.push(channelId, "fifth");
    });
    const { client } = await openChannel(on);
    for (const frame of ["a", "b"]) {
      client.sendText(frame);
      const heard: string[] = [];
      for (let i = 0; i < 5; i++) heard.push(await client.nextText());
      expect(heard).toEqual(["first", "second", frame, "fourth", "fifth"]);
    }
  });

  test("is denied from the moment on that the process lost the capability", async () => {
    const on = await startWith(({ channelId }, blob, ctx) => {
      const text = blob.text() ?? "";
      ctx.push(channelId, `${text} before`);
      if (text !== "drop") return;
      const { capabilities } = ctx;
      capabilities.drop(capabilities.list().filter(({ issuer }) => issuer.endsWith(HTTP_SERVER.text)));
      ctx.push(channelId, `${text} after`);
    });
    const denied = (): number => on.node.kernel.deadLetters.counts().denied ?? 0;
    const { client } = await openChannel(on);
    for (const text of ["keep", "drop"]) {
      client.sendText(text);
      expect(await client.nextText()).toBe(`${text} before`);
    }
    await until(() => denied() === 1);
    client.sendText("next");
    await until(() => denied() === 2);
  });

  test("finds the message in hand, which is one and the same, also after an await", async () => {
    const seen: (Message | null)[] = [];
    const on = await startWith(async ({ channelId, messageType }, blob, ctx) => {
      seen.push(ctx.message, ctx.message);
      await null;
      seen.push(ctx.message);
      ctx.push(channelId, { messageType, text: blob.text() });
    });
    const { client, id } = await openChannel(on);
    client.sendText("x".repeat(100));
    expect(JSON.parse(await client.nextText())).toEqual({ messageType: "Text", text: "x".repeat(100) });
    const [first, ...others] = seen;
    expect(first).toMatchObject({ kind: "request", body: { WebSocketPush: { channel_id: id, message_type: "Text" } } });
    expect(first?.source.id.text).toBe(HTTP_SERVER.text);
    expect(others.every((message) => message === first)).toBe(true);
    expect(first?.blob?.text()).toBe("x".repeat(100));
  });

  test("of a frame whose handler throws ends as a dead letter that shows the frame", async () => {
    const on = await startWith(({ channelId }, _blob, ctx) => {
      ctx.push(channelId, "heard");
      throw new Error("as planned");
    });
    const { client, id } = await openChannel(on);
    client.sendText("boom");
    expect(await client.nextText()).toBe("heard");
    await until(() => (on.node.kernel.deadLetters.counts().crashed ?? 0) === 1);
    const [letter] = on.node.kernel.deadLetters.last().slice(-1);
    expect(JSON.stringify(letter)).toContain(`"channel_id":${id}`);
  });
});
