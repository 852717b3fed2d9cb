/** Tells a witness what it hears of channels, of this node or another, and does what a frame's text says. */
import { defineProcess } from "jackfield/process";

const WITNESS = "witness:test:sys";
const tell = (ctx, text) => ctx.request(WITNESS).body(text).send();

export default defineProcess({
  onOpen(_state, open, ctx) {
    tell(ctx, `open ${open.node ?? "here"} ${open.channelId}`);
    ctx.subscribe(open, "room");
    ctx.push(open, "welcome");
  },
  async onPush(_state, push, blob, ctx) {
    const text = blob.text();
    if (text.startsWith("large")) return ctx.push(push, text.length > 20 ? "large came whole" : "large was cut");
    tell(ctx, `push ${text}`);
    if (text === "crash") throw new Error("told to");
    if (text === "die") process.exit(1);
    if (text === "end") return ctx.exit();
    if (text === "leave") return ctx.close(push, 4001, "left");
    if (text === "all") return ctx.publish("room", "to all");
    if (text === "ask") return ctx.push(push, JSON.stringify(await ctx.sendWsPush(push, "asked for")));
    if (text.startsWith("give "))
      return ctx.push(push, JSON.stringify(await ctx.sendWsPush(JSON.parse(text.slice(5)), "by grant")));
    if (text === "block") for (const until = Date.now() + 1500; Date.now() < until; );
    return ctx.push(push, `echo ${text}`);
  },
  onClose(_state, close, ctx) {
    tell(ctx, `close ${close.node ?? "here"} ${close.channelId} ${close.code} ${close.reason}`);
  },
});
