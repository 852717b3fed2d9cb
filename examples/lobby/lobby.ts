/**
 * lobby: asks each player for a name and a room, and hands the channel over to that room.
 *
 * Needs  to message http-server:distro:sys, homepage:homepage:sys, and the rooms, which are of its own package.
 * State  none: a room knows its players, and who comes back from one brings the name along.
 */
import { defineProcess } from "jackfield/process";
import { JOIN, ROOMS, readJoin, readPlayer } from "./player.ts";

export default defineProcess({
  async init(ctx) {
    await ctx.serveUi("ui");
    ctx
      .request("homepage:homepage:sys")
      .body({
        Add: {
          label: "Lobby",
          description: "Two rooms, and a way from one to the other",
          icon: `/${ctx.our.id.text}/icon.svg`,
        },
      })
      .send();
  },

  onOpen(_, { channelId, handover }, ctx) {
    ctx.push(channelId, { type: "lobby", rooms: ROOMS, name: readPlayer(handover?.note)?.name ?? null });
  },

  async onPush(_, { channelId }, blob, ctx) {
    const join = readJoin(blob.json());
    if (join === undefined) return ctx.push(channelId, { type: "refused", reason: JOIN });
    const { room, name } = join;
    const result = await ctx.transferChannel(channelId, `${room}:lobby:template.os`, { note: { name } });
    if ("Err" in result)
      ctx.push(channelId, { type: "refused", reason: `the ${room} room takes nobody now: ${result.Err}` });
  },
});
