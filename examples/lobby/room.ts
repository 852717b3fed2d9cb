/**
 * A room: everyone in it hears everyone else, and came through the lobby. Each room of the manifest is a process of its own.
 *
 * Needs  to message http-server:distro:sys, and the lobby, which is of its own package.
 * State  who is in it. Not kept: after a crash each channel is opened again, with the name that the lobby gave it.
 */
import { defineProcess } from "jackfield/process";
import { readPlayer, readSpeak, SPEAK } from "./player.ts";

const ROOM = "room"; // the topic that everyone in it subscribes to
const LOBBY = "lobby:lobby:template.os";
const NOT_ALLOWED = 1008; // RFC 6455 §7.4.1: policy

/** Names by channel. */
type People = ReadonlyMap<number, string>;

export default defineProcess<People>({
  init: () => new Map(),

  onOpen(people, { channelId, handover }, ctx) {
    const player = handover?.from === `${ctx.node}@${LOBBY}` ? readPlayer(handover.note) : undefined;
    if (player === undefined) return ctx.close(channelId, NOT_ALLOWED, "come in through the lobby");
    const next = new Map([...people, [channelId, player.name]]);
    ctx.publish(ROOM, { type: "joined", who: player.name, members: next.size });
    ctx.subscribe(channelId, ROOM); // after the publish: nobody is told of their own arrival
    ctx.push(channelId, { type: "room", room: ctx.our.id.process, members: [...next.values()] });
    return next;
  },

  async onPush(people, { channelId }, blob, ctx) {
    const name = people.get(channelId);
    if (name === undefined) return;
    const text = readSpeak(blob.json());
    if (text === undefined) return ctx.push(channelId, { type: "refused", reason: SPEAK });
    if (text === null)
      await ctx.transferChannel(channelId, LOBBY, { note: { name } }); // then onClose
    else ctx.publish(ROOM, { type: "said", from: name, text });
  },

  onClose(people, { channelId }, ctx) {
    const name = people.get(channelId);
    if (name === undefined) return people;
    const next = new Map([...people].filter(([id]) => id !== channelId));
    ctx.publish(ROOM, { type: "left", who: name, members: next.size });
    return next;
  },
});
