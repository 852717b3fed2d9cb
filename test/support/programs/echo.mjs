/** Frames back to their channel, requests back to their sender. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  onPush: (_, { channelId, messageType }, blob, ctx) => ctx.push(channelId, blob, messageType),
  onRequest: (_, { body, blob }, ctx) => {
    if (ctx.asked) ctx.respond(body, blob === null ? {} : { blob });
  },
});
