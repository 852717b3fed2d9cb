/** Open, Push.., Close: exactly one Open and one Close per channel (DESIGN §4.4). */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { defineProcess } from "../../../lib/process/index.ts";
import {
  bindWs,
  connectMain,
  connectPath,
  hear,
  openChannel,
  registration,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
  told,
  until,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P } from "../../support/node.ts";

describe.each(TRANSPORTS)("%s events", (transport) => {
  afterEach(stopNodes);

  test("the channel id is the first frame, before anything that onOpen pushes", async () => {
    const on = await startNode(transport);
    on.add(
      P,
      defineProcess({
        onOpen(_, { channelId }, ctx) {
          ctx.subscribe(channelId, "all");
          ctx.publish("all", "published in onOpen");
          ctx.push(channelId, `you are ${channelId}`);
        },
      }),
    );
    for (let i = 0; i < 20; i++) {
      const { client, id } = await openChannel(on);
      expect(await client.nextText()).toBe("published in onOpen");
      expect(await client.nextText()).toBe(`you are ${id}`);
      client.destroy(); // or the next one's publish would come here too
      await until(() => on.server.openSockets === 0);
    }
  });

  test("frames sent right behind the registration are delivered after the Open, in order", async () => {
    const { on, p } = await startWithP(transport);
    const client = await connectMain(on);
    client.sendText(JSON.stringify(registration(on)));
    for (let i = 0; i < 50; i++) client.sendText(`${i}`);
    client.sendClose(1000, "done");
    const { channel_id: id } = JSON.parse(await client.nextText()) as { channel_id: number };
    const expected = [
      `open ${id}`,
      ...Array.from({ length: 50 }, (_, i) => `text ${id} ${i}`),
      `close ${id} 1000 done`,
    ];
    expect(await hear(p, 52)).toEqual(expected);
  });

  test("a path-bound channel that sends at once is opened first", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    client.sendText("at once");
    client.destroy();
    const [open, push, close] = await hear(p, 3);
    const id = open?.split(" ")[1];
    expect([open, push]).toEqual([`open ${id}`, `text ${id} at once`]);
    expect(close).toMatch(new RegExp(`^close ${id} 1006`));
  });

  test("however channels come, talk and end, each is told as one Open, its frames in order, one Close", async () => {
    const { on, p } = await startWithP(transport);
    const endings = ["client closes", "client is cut", "process closes", "both close"] as const;
    const life = fc.record({ frames: fc.nat(5), ending: fc.constantFrom(...endings) });
    const lived: { id: number; frames: number }[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 8 }), async (lives) => {
        await Promise.all(
          lives.map(async ({ frames, ending }) => {
            const { client, id } = await openChannel(on);
            lived.push({ id, frames });
            for (let i = 0; i < frames; i++) client.sendText(`${i}`);
            await until(() =>
              p.all.some((message) => told(message) === (frames === 0 ? `open ${id}` : `text ${id} ${frames - 1}`)),
            );
            if (ending === "process closes" || ending === "both close") void p.ask({ WebSocketClose: id });
            if (ending === "client closes" || ending === "both close") client.sendClose(1000);
            if (ending === "client is cut") client.destroy();
          }),
        );
        await until(() => on.server.channels.size === 0);
      }),
      { numRuns: 12 },
    );
    const heard = p.all.map(told);
    for (const { id, frames } of lived) {
      const own = heard
        .filter((line) => line.split(" ")[1] === String(id))
        .map((line) => line.replace(/^(close \d+).*/, "$1"));
      expect(own).toEqual([
        `open ${id}`,
        ...Array.from({ length: frames }, (_, i) => `text ${id} ${i}`),
        `close ${id}`,
      ]);
    }
    expect(heard).toHaveLength(lived.reduce((sum, { frames }) => sum + frames + 2, 0));
  });

  test("frames of a process that is busy wait, and the Close waits behind them", async () => {
    const { on, p } = await startWithP(transport);
    const mayGoOn = deferred();
    const { client, id } = await openChannel(on);
    p.onMessage = (message) => (message.text === "hold" ? mayGoOn.promise : undefined);
    for (const text of ["hold", "a", "b"]) client.sendText(text);
    client.sendClose(1000);
    await until(() => on.server.channels.size === 0);
    expect(p.all.map(told)).toEqual([`open ${id}`, `text ${id} hold`]);
    mayGoOn.resolve();
    expect(await hear(p, 5)).toEqual([
      `open ${id}`,
      `text ${id} hold`,
      `text ${id} a`,
      `text ${id} b`,
      `close ${id} 1000`,
    ]);
  });

  test("a frame that finds the mailbox full ends its channel with 1013, and the Close finds room", async () => {
    const { on, p } = await startWithP(transport, { nodeOptions: { limits: { mailbox: 3 } } });
    const mayGoOn = deferred();
    const { client, id } = await openChannel(on);
    p.onMessage = (message) => (message.text === "hold" ? mayGoOn.promise : undefined);
    for (const text of ["hold", "1", "2", "3", "one too many"]) client.sendText(text);
    expect(await client.nextClose()).toEqual({ code: 1013, reason: "the process is overloaded" });
    mayGoOn.resolve();
    expect(await hear(p, 6)).toEqual([
      `open ${id}`,
      `text ${id} hold`,
      `text ${id} 1`,
      `text ${id} 2`,
      `text ${id} 3`,
      `close ${id} 1013 the process is overloaded`,
    ]);
    expect(on.node.kernel.deadLetters.last()).toMatchObject([{ reason: "overloaded", blobBytes: 12 }]);
  });

  test("where the channel's policy is to drop, it is left out: a dead letter, and the channel goes on", async () => {
    const { on, p, process } = await startWithP(transport, { nodeOptions: { limits: { mailbox: 3 } } });
    const mayGoOn = deferred();
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    p.onMessage = (message) => (message.text === "hold" ? mayGoOn.promise : undefined);
    for (const text of ["hold", "1", "2", "3", "one too many", "two too many"]) client.sendText(text);
    await until(() => process.mailbox.refused === 2);
    mayGoOn.resolve();
    expect(await hear(p, 5)).toEqual([
      `open ${id}`,
      `text ${id} hold`,
      ...["1", "2", "3"].map((text) => `text ${id} ${text}`),
    ]);
    client.sendText("there is room again");
    expect(await hear(p, 1)).toEqual([`text ${id} there is room again`]);
    expect(on.node.kernel.deadLetters.last()).toMatchObject([
      { reason: "overloaded", blobBytes: 12 },
      { reason: "overloaded", blobBytes: 12 },
    ]);
  });

  test("a registration that finds the mailbox full is refused with 1013, and the process never hears of it", async () => {
    const { on, p, process } = await startWithP(transport, { nodeOptions: { limits: { mailbox: 1 } } });
    const mayGoOn = deferred();
    const { client, id } = await openChannel(on);
    p.onMessage = (message) => (message.text === "hold" ? mayGoOn.promise : undefined);
    client.sendText("hold");
    client.sendText("fills it");
    await until(() => process.mailbox.length === 1);
    const late = await connectMain(on);
    late.sendText(JSON.stringify(registration(on)));
    expect(JSON.parse(await late.nextText())).toMatchObject({ error: { code: "try_again_later" } });
    expect(await late.nextClose()).toMatchObject({ code: 1013 });
    mayGoOn.resolve();
    await until(() => p.all.length === 3);
    const again = await openChannel(on);
    const heard = await hear(p, 4);
    expect(heard.filter((line) => line.startsWith("open"))).toEqual([`open ${id}`, `open ${again.id}`]);
  });
});
