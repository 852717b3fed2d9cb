/** Clients that are silent or read too slowly, over real sockets, by a clock that moves when told (contract labgraph §1, §10). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { TransportName } from "../../../http-server/index.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { LABGRAPH_LIMITS } from "../../../processes/labgraph/limits.ts";
import { nextLoop, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import {
  batch,
  cutClients,
  end,
  ended,
  failed,
  LabClient,
  start,
  started,
  startLabgraph,
} from "../../support/labgraph.ts";
import { destroyAll, type Frame, RawSocket } from "../../support/sockets.ts";

const LARGEST = 1_048_576; // bytes
const SECOND = 1000; // ms

type Batch = {
  readonly stream_batch: { readonly a: { readonly samples: [{ data: { n: number } }]; batch_num: number } };
};

afterEach(async () => {
  cutClients();
  destroyAll();
  await stopNodes();
});

/** A session that does by itself nothing at all, with "a" started. */
async function startRaw(transport: TransportName, settings = {}) {
  const clock = new VirtualClock();
  const lab = await startLabgraph(transport, { settings, nodeOptions: { clock } });
  const out = await lab.source.streams.output("a");
  const raw = await RawSocket.connect(lab.port);
  await raw.upgrade();
  raw.sendText(JSON.stringify(start("X", "a")));
  expect(JSON.parse(await raw.nextText())).toEqual(started(0, "X"));
  return { ...lab, clock, out, raw };
}

/** What came up to the next text or close frame; pings are answered where that is asked. */
async function nextBut(raw: RawSocket, { pongs }: { readonly pongs: boolean }): Promise<Frame> {
  for (;;) {
    const frame = await raw.nextFrame();
    if (frame.kind !== "ping") return frame;
    if (pongs) raw.sendPong(frame.payload);
  }
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("a ping comes every 20 s; whoever says nothing for 20 s more is closed", async () => {
    const { clock, raw } = await startRaw(transport);
    const step = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(SECOND);
        for (let loops = 0; loops < 3; loops++) await nextLoop(); // the timer, its handler, what that sends
      }
    };
    await step(21); // the session began up to a sweep before a whole second
    const ping = await raw.nextFrame();
    expect([ping.kind, ping.payload.toString()]).toEqual(["ping", "LabG"]);
    raw.sendPong(ping.payload);
    raw.sendText("?");
    expect(JSON.parse(await raw.nextText())).toEqual(failed("InvalidMessageFormat")); // it has heard the pong
    await step(20);
    expect((await raw.nextFrame()).kind).toBe("ping");
    raw.sendText("?"); // no pong, but a sign of life
    await raw.nextText();
    await step(20);
    expect((await raw.nextFrame()).kind).toBe("ping");
    await step(20);
    expect(await raw.nextClose()).toEqual({ code: 1011, reason: "keepalive ping timeout" });
  });

  test("who does not read loses the oldest batches, and no number, event or error", async () => {
    const { out, raw, port, clock } = await startRaw(transport);
    const other = await LabClient.connect(port);
    other.send(start("Y", "a"));
    await other.next();
    const { queueItems } = LABGRAPH_LIMITS;
    const total = queueItems * 3;
    for (let n = 1; n <= total; n++) {
      out.publish({ n });
      expect(await other.next()).toEqual(batch("Y", "a", n, { n })); // another client loses nothing
    }
    raw.sendText(JSON.stringify(end("unknown", 7)));
    const seen: Batch["stream_batch"]["a"][] = [];
    let error: unknown;
    while (seen.at(-1)?.samples[0].data.n !== total || error === undefined) {
      const { kind, payload } = await nextBut(raw, { pongs: true });
      expect(kind).toBe("text");
      const message = JSON.parse(payload.toString()) as Batch & { api_event?: unknown };
      if (message.api_event !== undefined) error = message;
      else seen.push(message.stream_batch.a);
    }
    expect(error).toEqual(failed("StreamIDNotFound", 7));
    expect(seen.map(({ batch_num }) => batch_num)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.length).toBeLessThan(total / 2);
    const numbers = seen.map(({ samples: [{ data }] }) => data.n);
    expect(numbers.slice(-queueItems)).toEqual(
      Array.from({ length: queueItems }, (_, index) => total - queueItems + 1 + index),
    );
    expect(clock.now()).toBe(new VirtualClock().now()); // all of it in no time: it was not cut for slowness
  });

  test("after the end of a stream that has batches waiting none of them comes, though there is room again", async () => {
    const { out, raw } = await startRaw(transport);
    for (let n = 1; n <= 100; n++) out.publish({ n });
    raw.sendText("?"); // what is answered behind this has seen them all
    const pings: Buffer[] = [];
    const next = async (): Promise<string> => {
      for (;;) {
        const { kind, payload } = await raw.nextFrame();
        if (kind !== "ping") return payload.toString();
        pings.push(payload);
      }
    };
    const upTo = async (mark: string): Promise<number> => {
      for (let batches = 0; ; batches++) if ((await next()).includes(mark)) return batches;
    };
    expect(await upTo("InvalidMessageFormat")).toBeLessThan(100);
    raw.sendText(JSON.stringify(end("X", 1)));
    expect(JSON.parse(await next())).toEqual(ended(1, "X"));
    for (const ping of pings) raw.sendPong(ping);
    raw.sendText(JSON.stringify(end("X", 2)));
    expect(await upTo('"request_id":2')).toBe(0);
  });

  test("who takes nothing for 60 s while batches wait is closed with 1013, though it talks", async () => {
    const { out, raw, clock } = await startRaw(transport);
    for (let n = 1; n <= 100; n++) out.publish({ n });
    let answers = 0;
    for (let second = 0; second < 59; second++) {
      clock.advance(SECOND);
      raw.sendText("?");
      while (JSON.parse((await nextBut(raw, { pongs: false })).payload.toString()).api_event === undefined);
      answers++;
    }
    expect(answers).toBe(59); // it was open
    for (let second = 0; second < 2; second++) {
      clock.advance(SECOND);
      await nextLoop();
    }
    const frame = await nextBut(raw, { pongs: false });
    expect(frame.kind).toBe("close");
    expect(frame.payload.readUInt16BE(0)).toBe(1013);
    expect(frame.payload.subarray(2).toString()).toBe("the client reads too slowly");
  });

  test("a batch of 1,048,576 bytes is sent; a sample that would make more is dropped and logged, and takes no number", async () => {
    const { port, source, on } = await startLabgraph(transport);
    const out = await source.streams.output<string>("a", {});
    const client = await LabClient.connect(port);
    client.send(start("X", "a"));
    await client.next();
    out.publish("", 1);
    const empty = await client.nextText();
    const time = JSON.parse(empty).stream_batch.a.samples[0].timestamp_s as number;
    // The time that a batch was built has a digit more or less each time: enough of them go both ways.
    const room = LARGEST - empty.length + String(time).length;
    const logged = (): readonly string[] =>
      on.node.kernel.logs
        .since(0)
        .filter(({ text }) => text.includes("Cannot send a sample"))
        .map(({ text }) => text);
    out.publish("a".repeat(room - 20), 1);
    const fits = await client.nextText();
    expect(fits.length).toBeLessThanOrEqual(LARGEST);
    expect(fits.length).toBeGreaterThan(LARGEST - 40);
    expect(logged()).toEqual([]);
    for (const data of ["a".repeat(room + 1), "b".repeat(2 * LARGEST)]) out.publish(data, 1);
    out.publish("then", 1);
    expect(await client.next()).toEqual(batch("X", "a", 3, "then"));
    expect(logged()).toHaveLength(1); // the second within 10 s is counted only
    expect(logged()[0]).toMatch(
      /^Cannot send a sample of "a" as a message has at most 1048576 bytes: the sample has \d+, publish less; 1 dropped so far$/,
    );
  });
});
