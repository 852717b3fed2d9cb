/** Any order of coming and going, with ids that crowd into the same slots as often as not. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Channel } from "../../../http-server/channel.ts";
import { ChannelTable, PARTS } from "../../../http-server/channel-table.ts";

/** Few lowest bits: neighbours, and many of one slot, around the end of the table too. */
const crowded = fc
  .tuple(fc.nat(3), fc.constantFrom(0, 1, 2, 13, 14, 15))
  .map(([high, low]) => (high << 20) | (low + 16) | 1024);
const ids = fc.oneof(crowded, fc.integer({ min: 1, max: 2 ** 31 - 1 }));
const steps = fc.array(fc.tuple(fc.constantFrom("come", "come", "go"), ids), { maxLength: 400 });

describe("ChannelTable", () => {
  test("finds every channel that came and has not gone, by its id, and no other", () => {
    fc.assert(
      fc.property(steps, fc.array(ids), (taken, others) => {
        const table = new ChannelTable();
        const known = new Map<number, Channel>();
        for (const [step, id] of taken) {
          const present = known.get(id);
          if (step === "come" && present === undefined) {
            const channel = channelOf(id);
            table.add(channel);
            known.set(id, channel);
          } else if (step === "go" && present !== undefined) {
            table.delete(present);
            known.delete(id);
          }
          expect(table.size).toBe(known.size);
        }
        for (const id of [...others, ...taken.map(([, tried]) => tried)]) expect(table.get(id)).toBe(known.get(id));
        expect(new Set(table.all())).toEqual(new Set(known.values()));
        for (let part = 0; part < PARTS; part++) {
          const ofPart = [...known.values()].filter(({ id }) => id % PARTS === part);
          expect(new Set(table.part(part))).toEqual(new Set(ofPart));
        }
      }),
    );
  });

  test("deletes a channel, not another of its id", () => {
    const table = new ChannelTable();
    const channel = channelOf(7);
    table.add(channel);
    table.delete(channelOf(7));
    table.delete(channelOf(8));
    expect(table.get(7)).toBe(channel);
    expect(table.size).toBe(1);
  });

  test("holds 20,000, and none when they have gone", () => {
    const table = new ChannelTable();
    const channels = Array.from({ length: 20_000 }, (_, index) => channelOf(index * 100_003 + 1));
    for (const channel of channels) table.add(channel);
    expect(channels.every((channel) => table.get(channel.id) === channel)).toBe(true);
    for (const channel of channels) table.delete(channel);
    expect(channels.some((channel) => table.get(channel.id) !== undefined)).toBe(false);
    expect(table.all()).toEqual([]);
  });
});

function channelOf(id: number): Channel {
  const terms = { slowReader: "close", sendLimit: 1024 } as const;
  const opening = { user: null, session: null, query: "", headers: {}, protocol: null, forwardedFor: null };
  const channel = new Channel({
    path: "/",
    peer: { address: "127.0.0.1", sockets: 0 },
    port: 0,
    terms,
    opening,
    arrival: null,
  });
  channel.id = id;
  return channel;
}
