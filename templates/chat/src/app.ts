/**
 * app-name: one room; everybody in it hears everybody else.
 *
 * State  the last messages, durable. Who is there is not kept: after a restart the open channels are told anew.
 */
import { type Context, defineProcess } from "jackfield/process";
import { nameOf, type Room, readAsk, type Said, withName, without, withSaid } from "./room.ts";

const ROOM = "room"; // the topic that every channel subscribes to

export default defineProcess<Room>({
  async init(ctx) {
    await ctx.serveUi("ui");
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "app-name" } })
      .send(); // a link on the start page
    return { history: (await ctx.getState<Said[]>()) ?? [], people: new Map() };
  },

  onOpen(room, { channelId }, ctx) {
    ctx.subscribe(channelId, ROOM);
    const next = withName(room, channelId, nameOf(room, channelId));
    ctx.push(channelId, { type: "welcome", you: nameOf(next, channelId), history: room.history });
    ctx.publish(ROOM, { type: "people", people: [...next.people.values()] });
    return next;
  },

  onPush(room, { channelId }, blob, ctx) {
    const ask = readAsk(blob.json());
    if (ask === undefined) {
      ctx.push(channelId, { type: "refused", why: "write 1 to 500 characters, a name up to 24" });
      return undefined;
    }
    if (ask.type === "say") return say(room, { from: nameOf(room, channelId), text: ask.text, at: ctx.now() }, ctx);
    const next = withName(room, channelId, ask.name);
    ctx.push(channelId, { type: "renamed", you: ask.name });
    ctx.publish(ROOM, { type: "people", people: [...next.people.values()] });
    return next;
  },

  onClose(room, { channelId }, ctx) {
    const next = without(room, channelId);
    ctx.publish(ROOM, { type: "people", people: [...next.people.values()] });
    return next;
  },
});

async function say(room: Room, said: Said, ctx: Context<Room>): Promise<Room> {
  const next = withSaid(room, said);
  await ctx.setState(next.history); // durable before anybody hears it
  ctx.publish(ROOM, { type: "said", said });
  return next;
}
