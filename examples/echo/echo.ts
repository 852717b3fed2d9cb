/** echo: every frame goes back to the channel it came from. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  onPush: (_, { channelId, messageType }, blob, ctx) => ctx.push(channelId, blob, messageType),
});
