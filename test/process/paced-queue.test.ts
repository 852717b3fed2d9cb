/** PacedQueue: order, credit, who makes room, and how long a client has owed an answer. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, PacedQueue, type PacedQueueOptions } from "../../lib/process/index.ts";

/** A client that answers pings when told to. */
function stage(options: Partial<PacedQueueOptions<string>> = {}) {
  const sent: string[] = [];
  const pings: Uint8Array[] = [];
  const clock = { now: 1_000 };
  const queue = new PacedQueue<string>({
    send: (item) => void sent.push(item),
    ping: (payload) => void pings.push(payload),
    now: () => clock.now,
    windowFrames: 4, // so that a ping follows each
    ...options,
  });
  const offer = (item: string, droppable = true, bytes = 1) => queue.offer(item, { bytes, droppable });
  const offerAll = (...items: string[]) => items.map((item) => offer(item));
  return {
    sent,
    pings,
    clock,
    queue,
    offer,
    offerAll,
    pong: (ping = pings.shift()) => queue.pong(ping ?? new Uint8Array()),
  };
}

describe("PacedQueue", () => {
  test("sends what there is credit for at once, and the rest as the pongs come", () => {
    const { sent, offerAll, pong, queue } = stage();
    expect(offerAll("a", "b", "c", "d", "e", "f")).toEqual(["sent", "sent", "sent", "sent", "queued", "queued"]);
    expect(sent.join("")).toBe("abcd");
    expect(pong()).toBe(true);
    expect(sent.join("")).toBe("abcde");
    expect(queue.waiting).toBe(1);
    expect(pong()).toBe(true);
    expect(sent.join("")).toBe("abcdef");
    expect(queue.waitingBytes).toBe(0);
  });

  test("pings behind every quarter of the window", () => {
    const { pings, offerAll } = stage({ windowFrames: 8 });
    offerAll("a");
    expect(pings).toHaveLength(0);
    offerAll("b", "c", "d", "e");
    expect(pings).toHaveLength(2);
  });

  test("counts bytes that the client has not answered for", () => {
    const { sent, offer, pong } = stage({ windowFrames: 1_000, windowBytes: 100 });
    offer("a", true, 60);
    offer("b", true, 60); // one item more than the window
    expect(offer("c", true, 60)).toBe("queued");
    pong();
    expect(sent.join("")).toBe("abc");
  });

  test("takes the answer to a later ping for those before it", () => {
    const { sent, pings, offerAll, pong } = stage();
    offerAll(..."abcdefgh");
    pong(pings[2]);
    expect(sent.join("")).toBe("abcdefg");
  });

  test("takes no other pong, and none twice", () => {
    const { sent, pings, offerAll, pong } = stage();
    offerAll(..."abcdef");
    expect(pong(new Uint8Array())).toBe(false);
    expect(pong(new TextEncoder().encode("JFPQ0000"))).toBe(false);
    expect(pong(Uint8Array.from([0, 0, 0, 0, ...(pings[0]?.subarray(4) ?? [])]))).toBe(false); // its number, in another's
    expect(pong(pings[0])).toBe(true);
    expect(pong(pings[0])).toBe(false);
    expect(sent.join("")).toBe("abcde");
  });

  test("drops the oldest that may be, never the others", () => {
    const { sent, pings, queue, offer, offerAll, pong } = stage({ items: 3 });
    offerAll(..."....");
    offer("event", false);
    offerAll("1", "2");
    expect(offer("3")).toBe("queued");
    expect(queue.dropped).toBe(1);
    expect(offer("end", false)).toBe("queued");
    expect(queue.dropped).toBe(2);
    while (pings.length > 0) pong();
    expect(sent.slice(4)).toEqual(["event", "3", "end"]);
  });

  test("is full when what waits may not be dropped", () => {
    const { queue, offer, offerAll } = stage({ items: 2 });
    offerAll(..."....");
    offer("one", false);
    offer("two", false);
    expect(offer("three", false)).toBe("full");
    expect(offer("batch")).toBe("dropped");
    expect([queue.waiting, queue.dropped]).toEqual([2, 1]);
  });

  test("drops nobody for an item that has no room even so", () => {
    const { queue, offer, offerAll } = stage({ bytes: 10 });
    offerAll(..."....");
    offer("small", true, 4);
    expect(offer("large", true, 11)).toBe("dropped");
    expect(offer("large event", false, 11)).toBe("full");
    expect([queue.waiting, queue.waitingBytes, queue.dropped]).toEqual([1, 4, 1]);
  });

  test("remove() takes out what is no longer wanted, and keeps the order of the rest", () => {
    const { sent, pings, queue, offer, offerAll, pong } = stage();
    offerAll(..."....");
    for (const [item, droppable] of [
      ["a1", true],
      ["b1", false],
      ["a2", false],
      ["b2", true],
    ] as const)
      offer(item, droppable);
    expect(queue.remove((item) => item.startsWith("a"))).toBe(2);
    expect([queue.waiting, queue.waitingBytes]).toEqual([2, 2]);
    while (pings.length > 0) pong();
    expect(sent.slice(4)).toEqual(["b1", "b2"]);
  });

  test("stalledMs counts from the oldest ping without an answer, or the last answer, while something waits", () => {
    const { clock, queue, offerAll, pong } = stage();
    offerAll(..."abcd");
    clock.now += 5_000;
    expect(queue.stalledMs).toBe(0); // nobody has been kept waiting
    offerAll("e", "f");
    expect(queue.stalledMs).toBe(5_000);
    clock.now += 55_000;
    expect(queue.stalledMs).toBe(60_000);
    pong();
    expect(queue.stalledMs).toBe(0);
    clock.now += 10;
    expect(queue.stalledMs).toBe(10);
    pong();
    expect(queue.stalledMs).toBe(0); // all is sent
  });

  test("what `send` offers comes behind what waits", () => {
    const sent: string[] = [];
    const queue: PacedQueue<string> = new PacedQueue<string>({
      send(item) {
        sent.push(item);
        if (item === "a") queue.offer("a's end", { bytes: 1 });
      },
      ping: () => undefined,
      now: () => 0,
    });
    queue.offer("a", { bytes: 1 });
    queue.offer("b", { bytes: 1 });
    expect(sent).toEqual(["a", "a's end", "b"]);
  });

  test("refuses a limit that is none", () => {
    expect(() => stage({ items: 0 })).toThrow(
      "Cannot make a paced queue as items must be a whole number from 1: got 0, leave it out for 256",
    );
    expect(() => stage({ windowBytes: 1.5 })).toThrow(/windowBytes .* got 1\.5, leave it out for 262144/);
  });

  test("does what a plain list would do, whatever comes", () => {
    const limits = { items: 5, bytes: 20, windowFrames: 6, windowBytes: 30 };
    const step = fc.oneof(
      fc.record({ bytes: fc.integer({ min: 0, max: 25 }), droppable: fc.boolean() }),
      fc.record({ answer: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { sent, pings, queue, offer } = stage(limits);
        const answered = { frames: 0, bytes: 0 };
        const behind: { frames: number; bytes: number }[] = []; // of each ping, what had been sent in all
        const model: { id: string; bytes: number; droppable: boolean }[] = [];
        const expected: string[] = [];
        const total = { frames: 0, bytes: 0, unpinged: { frames: 0, bytes: 0 } };
        const mayLeave = () => total.frames - answered.frames < 6 && total.bytes - answered.bytes < 30;
        const leave = ({ id, bytes }: { id: string; bytes: number }) => {
          expected.push(id);
          total.frames++;
          total.bytes += bytes;
          total.unpinged.frames++;
          total.unpinged.bytes += bytes;
          if (total.unpinged.frames < 1.5 && total.unpinged.bytes < 7.5) return;
          behind.push({ frames: total.frames, bytes: total.bytes });
          total.unpinged = { frames: 0, bytes: 0 };
        };
        for (const [at, one] of steps.entries()) {
          if ("answer" in one) {
            const index = Math.min(one.answer, pings.length - 1);
            if (index < 0) continue;
            Object.assign(answered, behind.splice(0, index + 1).at(-1));
            const ping = pings.splice(0, index + 1).at(-1);
            for (let next = mayLeave() && model.shift(); next; next = mayLeave() && model.shift()) leave(next);
            expect(queue.pong(ping ?? new Uint8Array())).toBe(true);
          } else {
            const item = { id: String(at), ...one };
            const answer = offer(item.id, item.droppable, item.bytes);
            if (model.length === 0 && mayLeave()) {
              expect(answer).toBe("sent");
              leave(item);
            } else {
              const rest = [...model];
              const fits = () =>
                rest.length < limits.items && rest.reduce((sum, { bytes }) => sum + bytes, item.bytes) <= limits.bytes;
              while (!fits() && rest.some(({ droppable }) => droppable))
                rest.splice(
                  rest.findIndex(({ droppable }) => droppable),
                  1,
                );
              expect(answer).toBe(fits() ? "queued" : item.droppable ? "dropped" : "full");
              if (fits()) model.splice(0, model.length, ...rest, item);
            }
          }
          expect(sent).toEqual(expected);
          expect(pings).toHaveLength(behind.length);
          expect(queue.waiting).toBe(model.length);
          expect(queue.waitingBytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
        }
      }),
    );
  });

  test("paces the frames of a process, numbered without a gap", async () => {
    const harness = await startProcess(
      defineProcess<{ queue: PacedQueue<string> }>({
        onOpen(_, { channelId }, ctx) {
          let number = 0;
          const queue = new PacedQueue<string>({
            send: (said) => ctx.push(channelId, { number: ++number, said }),
            ping: (payload) => ctx.push(channelId, payload, "Ping"),
            now: () => ctx.now(),
            items: 2,
            windowFrames: 1,
          });
          return { queue };
        },
        onPush({ queue }, { messageType }, blob) {
          if (messageType === "Pong") queue.pong(blob.bytes());
          else queue.offer(blob.text() ?? "", { bytes: blob.byteLength });
        },
      }),
    );
    const channel = await harness.open();
    for (const said of ["a", "b", "c", "d"]) await harness.push(channel, said);
    for (;;) {
      const last = harness.frames(channel).at(-1);
      if (last?.messageType !== "Ping") throw new Error("each frame is followed by a ping");
      const before = harness.frames(channel).length;
      await harness.push(channel, last.data, "Pong");
      if (harness.frames(channel).length === before) break;
    }
    expect(harness.pushes(channel)).toEqual([
      { number: 1, said: "a" },
      { number: 2, said: "c" },
      { number: 3, said: "d" },
    ]);
  });
});
