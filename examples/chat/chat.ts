/**
 * chat: one room; whoever's channel is bound here hears everyone else in it.
 *
 * Needs  to message http-server:distro:sys and homepage:homepage:sys.
 * State  the last messages, durable. After a crash the room has them again, and is told of its open channels again.
 */
import { type Context, defineProcess } from "jackfield/process";
import { guestName, isTaken, REFUSAL, type Room, readAsk, type Said, withName, without, withSaid } from "./room.ts";

const ROOM = "room"; // the topic that everyone in it subscribes to

export default defineProcess<Room>({
  async init(ctx) {
    await ctx.serveUi("ui");
    await ctx.bindWs("/"); // for clients that open their own path instead of registering
    ctx
      .request("homepage:homepage:sys")
      .body({
        Add: { label: "Chat", description: "One room for everyone on this node", icon: `/${ctx.our.id.text}/icon.svg` },
      })
      .send();
    return { history: (await ctx.getState<Said[]>()) ?? [], people: new Map() };
  },

  onOpen(room, { channelId }, ctx) {
    const next = withName(room, channelId, guestName(channelId));
    ctx.push(channelId, { type: "welcome", you: guestName(channelId), members: next.people.size });
    for (const said of room.history) ctx.push(channelId, said);
    ctx.publish(ROOM, { type: "joined", who: guestName(channelId), members: next.people.size });
    ctx.subscribe(channelId, ROOM); // after the publish: nobody is told of their own arrival
    return next;
  },

  onPush(room, { channelId, messageType }, blob, ctx) {
    if (messageType === "Ping" || messageType === "Pong") return undefined;
    const ask = readAsk(blob.json());
    const who = room.people.get(channelId) ?? guestName(channelId);
    if (ask === undefined) return ctx.push(channelId, { type: "refused", reason: REFUSAL });
    if (ask.type === "say") return say(room, { type: "said", from: who, text: ask.text, at: ctx.now() }, ctx);
    if (ask.name === who) return undefined;
    if (isTaken(room, ask.name))
      return ctx.push(channelId, { type: "refused", reason: `somebody here is called ${ask.name}` });
    ctx.publish(ROOM, { type: "renamed", from: who, to: ask.name });
    return withName(room, channelId, ask.name);
  },

  onClose(room, { channelId }, ctx) {
    const next = without(room, channelId);
    ctx.publish(ROOM, { type: "left", who: room.people.get(channelId), members: next.people.size });
    return next;
  },
});

async function say(room: Room, said: Said, ctx: Context<Room>): Promise<Room> {
  const next = withSaid(room, said);
  await ctx.setState(next.history); // durable before anyone hears it
  ctx.publish(ROOM, said); // encoded once, sent to every channel of the topic
  return next;
}
