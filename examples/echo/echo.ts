/** echo: every frame goes back to the channel it came from, registered on the main route or opened at its path `/`. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: async (ctx) => void (await ctx.bindWs("/")),
  onPush: (_, { channelId, messageType }, blob, ctx) => ctx.push(channelId, blob, messageType),
});
