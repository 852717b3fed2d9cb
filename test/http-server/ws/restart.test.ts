/** What a process that was started again is told of its channels, and what becomes of those of one that was not. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  connectMain,
  hear,
  OK,
  openChannel,
  push,
  registration,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  told,
  until,
} from "../../support/channels.ts";
import { type Deferred, deferred } from "../../support/deferred.ts";
import { P } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

/** P keeps the frame `hold` in hand until the test crashes it or lets it go; `crash` throws at once. */
function obey(p: Recorder): Deferred<void> {
  const held = deferred();
  p.onMessage = ({ text }) => {
    if (text === "hold") return held.promise;
    if (text === "crash") throw new Error("told to");
    return undefined;
  };
  return held;
}

const restart = { process: { onExit: "Restart" } } as const;

describe.each(TRANSPORTS)("%s restart", (transport) => {
  afterEach(stopNodes);

  test("each live channel is opened again before the frames that were kept, and goes on", async () => {
    const { on, p, process } = await startWithP(transport, restart);
    const held = obey(p);
    const [a, b] = [await openChannel(on), await openChannel(on)];
    a.client.sendText("hold");
    await hear(p, 3);
    a.client.sendText("kept of A");
    b.client.sendText("kept of B");
    await until(() => process.mailbox.length === 2);
    held.reject(new Error("told to"));
    const heard = await hear(p, 4);
    expect(heard.slice(0, 2)).toEqual([`open ${a.id}`, `open ${b.id}`]);
    expect(heard.slice(2).sort()).toEqual([`text ${a.id} kept of A`, `text ${b.id} kept of B`].sort());
    expect(process.incarnation).toBe(2);

    expect(await p.ask(push(a.id), "to A")).toEqual(OK);
    expect(await a.client.nextText()).toBe("to A");
    b.client.sendText("from B");
    expect(await hear(p, 1)).toEqual([`text ${b.id} from B`]);
    a.client.sendClose(1000);
    expect(await hear(p, 1)).toEqual([`close ${a.id} 1000`]);
  });

  test("a synchronous throw is no different; the frame in hand is a dead letter, not tried again", async () => {
    const { on, p } = await startWithP(transport, restart);
    obey(p);
    const { client, id } = await openChannel(on);
    client.sendText("crash");
    client.sendText("after");
    expect(await hear(p, 4)).toEqual([`open ${id}`, `text ${id} crash`, `open ${id}`, `text ${id} after`]);
    expect(on.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", kind: "request" }]);
  });

  test("a throw in the Open itself opens the channel again", async () => {
    const { on, p } = await startWithP(transport, restart);
    let opens = 0;
    p.onMessage = (message) => {
      if (told(message).startsWith("open") && ++opens === 1) throw new Error("told to");
    };
    const { client, id } = await openChannel(on);
    client.sendText("hello");
    expect(await hear(p, 3)).toEqual([`open ${id}`, `open ${id}`, `text ${id} hello`]);
  });

  test("a channel that closed meanwhile and whose frames wait is opened, told its frames, and closed", async () => {
    const { on, p } = await startWithP(transport, restart);
    const held = obey(p);
    const [a, b] = [await openChannel(on), await openChannel(on)];
    a.client.sendText("hold");
    await hear(p, 3);
    a.client.sendText("last words");
    a.client.sendClose(1000, "gone");
    await until(() => on.server.channels.size === 1);
    held.reject(new Error("told to"));
    const heard = await hear(p, 4);
    const of = (id: number): string[] => heard.filter((line) => line.split(" ")[1] === String(id));
    expect(of(a.id)).toEqual([`open ${a.id}`, `text ${a.id} last words`, `close ${a.id} 1000 gone`]);
    expect(of(b.id)).toEqual([`open ${b.id}`]);
  });

  test("a channel of which only the Close waits is opened and closed", async () => {
    const { on, p } = await startWithP(transport, restart);
    const held = obey(p);
    const { client, id } = await openChannel(on);
    client.sendText("hold");
    await hear(p, 2);
    client.sendClose(4000, "x");
    await until(() => on.server.channels.size === 0);
    held.reject(new Error("told to"));
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 4000 x`]);
  });

  test("a channel whose Open still waits is opened once", async () => {
    const { on, p } = await startWithP(transport, restart);
    const held = obey(p);
    const a = await openChannel(on);
    a.client.sendText("hold");
    await hear(p, 2);
    const late = await openChannel(on);
    late.client.sendText("hello");
    const left = await openChannel(on);
    left.client.sendClose(1000);
    await until(() => on.server.channels.size === 2);
    late.client.sendPing("through");
    await late.client.nextFrame();
    held.reject(new Error("told to"));
    a.client.sendPing("through");
    await a.client.nextFrame();
    a.client.sendText("marker");
    const heard: string[] = [];
    while (!heard.at(-1)?.endsWith("marker")) heard.push(...(await hear(p, 1)));
    const of = (id: number): string[] =>
      heard.filter((line) => line.split(" ")[1] === String(id) && !line.startsWith("ping"));
    expect(of(a.id)).toEqual([`open ${a.id}`, `text ${a.id} marker`]);
    expect(of(late.id)).toEqual([`open ${late.id}`, `text ${late.id} hello`]);
    expect(of(left.id)).toEqual([`open ${left.id}`, `close ${left.id} 1000`]);
  });

  test("crash upon crash, each incarnation is told one Open for each channel it hears of", async () => {
    const { on, p, process } = await startWithP(transport, {
      ...restart,
      nodeOptions: { limits: { restartDelay: 1, restartDelayMax: 1 } },
    });
    const channels = [await openChannel(on), await openChannel(on), await openChannel(on)];
    await hear(p, 3);
    let opens = 0;
    p.onMessage = (message) => {
      const what = told(message);
      if (what.endsWith("crash")) throw new Error("told to");
      if (what.startsWith("open") && ++opens <= 4 && opens % 2 === 0) throw new Error("told to");
    };
    channels[0]?.client.sendText("crash");
    await until(() => process.incarnation === 4);
    channels[0]?.client.sendText("marker");
    const heard: string[] = [];
    while (!heard.at(-1)?.endsWith("marker")) heard.push(...(await hear(p, 1)));
    const [a, b, c] = channels.map(({ id }) => `open ${id}`);
    // crash | A, B! | A, B! in some order of the three | all three, whole
    const last = heard.slice(-4, -1).sort();
    expect(last).toEqual([a, b, c].sort());
    expect(heard[0]).toBe(`text ${channels[0]?.id} crash`);
    expect(heard).toHaveLength(1 + 2 + 2 + 3 + 1);
  });

  test("subscriptions of its channels outlive the crash", async () => {
    const { on, p } = await startWithP(transport, restart);
    obey(p);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    client.sendText("crash");
    expect(await hear(p, 3)).toEqual([`open ${id}`, `text ${id} crash`, `open ${id}`]);
    expect(await p.ask({ WebSocketPublish: { topic: "room", message_type: "Text" } }, "news")).toEqual(OK);
    expect(await client.nextText()).toBe("news");
  });

  test("a client may register while the process waits to be started again", async () => {
    const { on, p, process } = await startWithP(transport, restart);
    p.onMessage = () => {
      throw new Error("told to");
    };
    await openChannel(on);
    await until(() => process.incarnation >= 2 && process.state === "backoff"); // the second back-off is 200 ms
    p.onMessage = () => undefined;
    const before = p.all.length;
    const { client, id } = await openChannel(on);
    expect(process.state).toBe("backoff");
    client.sendText("hello");
    await until(() => p.all.some((message) => told(message) === `text ${id} hello`));
    const own = p.all.slice(before).map(told);
    expect(own.filter((line) => line.includes(` ${id}`))).toEqual([`open ${id}`, `text ${id} hello`]);
  });

  describe("a process that is gone closes its channels with 1001", () => {
    test.each([
      ["killed", {}, "kill"],
      ["killed, although it would be restarted", restart, "kill"],
      ["crashed, and not to be restarted", {}, "crash"],
      ["given up", { ...restart, nodeOptions: { limits: { restarts: 0 } } }, "crash"],
    ] as const)("%s", async (_, options, how) => {
      const { on, p, process } = await startWithP(transport, options);
      obey(p);
      const [a, b] = [await openChannel(on), await openChannel(on)];
      if (how === "kill") process.kill();
      else a.client.sendText("crash");
      for (const { client } of [a, b]) {
        expect(await client.nextClose()).toEqual({ code: 1001, reason: "the process has ended" });
        client.sendClose(1001);
        await client.ended;
      }
      await until(() => on.server.openSockets === 0);
      expect(on.server.channels.size).toBe(0);
      const late = await connectMain(on);
      late.sendText(JSON.stringify(registration(on)));
      expect(JSON.parse(await late.nextText())).toMatchObject({ error: { code: "no_such_process" } });
    });

    test("one that takes its name later is told nothing of them", async () => {
      const { on, process } = await startWithP(transport);
      const { client } = await openChannel(on);
      process.kill();
      const next = new Recorder();
      on.add(P, next.program);
      expect(await client.nextClose()).toMatchObject({ code: 1001 });
      const { id } = await openChannel(on);
      expect(await hear(next, 1)).toEqual([`open ${id}`]);
      client.destroy();
      const marker = await openChannel(on);
      expect(await hear(next, 1)).toEqual([`open ${marker.id}`]);
    });
  });
});
