/** Does with a frame what it says: see moody.mjs. A frame is `{ way, n }`. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: async (ctx) => void (await ctx.bindWs("/", { authenticated: false })),
  onPush(_state, { channelId }, blob, ctx) {
    const { way, n } = blob.json();
    switch (way) {
      case "echo":
        return ctx.push(channelId, blob);
      case "echo late":
        return ctx.getState().then(() => ctx.push(channelId, { way, n }));
      case "echo and throw":
        ctx.push(channelId, blob);
        throw new Error("on purpose");
      case "throw":
        throw new Error("on purpose");
      case "throw late":
        return ctx.getState().then(() => {
          throw new Error("on purpose, late");
        });
      case "die":
        return process.exit(1);
      default:
        return undefined;
    }
  },
});
