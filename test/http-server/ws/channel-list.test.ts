import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Channel } from "../../../http-server/channel.ts";
import { ChannelList } from "../../../http-server/channel-list.ts";

const steps = fc.array(fc.tuple(fc.constantFrom("come", "go", "change"), fc.nat(9)), { maxLength: 100 });

describe("ChannelList", () => {
  test("keeps the order in which channels came, whoever goes, and over two lists", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const lists = [new ChannelList(), new ChannelList()] as const;
        const expected: [Channel[], Channel[]] = [[], []];
        const channels = Array.from({ length: 10 }, newChannel);
        for (const [step, index] of taken) {
          const channel = channels[index] ?? newChannel();
          const at = expected[0].includes(channel) ? 0 : 1;
          const isIn = expected[at].includes(channel);
          if (isIn && step !== "come") {
            lists[at].delete(channel);
            expected[at] = expected[at].filter((other) => other !== channel);
          }
          if (isIn ? step !== "change" : step !== "come") continue;
          const to = isIn && at === 0 ? 1 : 0;
          lists[to].add(channel);
          expected[to].push(channel);
        }
        for (const at of [0, 1] as const) {
          expect(lists[at].all()).toEqual(expected[at]);
          expect(lists[at].length).toBe(expected[at].length);
        }
      }),
    );
  });

  test("delete() of a channel that is in no list leaves the others", () => {
    const list = new ChannelList();
    const channels = [newChannel(), newChannel()];
    for (const channel of channels) list.add(channel);
    list.delete(newChannel());
    expect(list.all()).toEqual(channels);
    expect(list.length).toBe(2);
  });
});

function newChannel(): Channel {
  const terms = { slowReader: "close", sendLimit: 1024 } as const;
  const opening = { user: null, session: null, query: "", headers: {}, protocol: null, forwardedFor: null };
  return new Channel({ path: "/", peer: { address: "127.0.0.1", sockets: 0 }, port: 0, terms, opening, arrival: null });
}
