/**
 * app-name: counts what everybody says, and tells everybody.
 *
 * State  the count, durable: it outlives a crash, a new version of this file and a restart of the node.
 */
import { defineProcess } from "jackfield/process";

const EVERYBODY = "everybody"; // a topic: one publish reaches every channel that subscribed to it

export default defineProcess<number>({
  async init(ctx) {
    await ctx.serveUi("dist/ui", { spa: true }); // what Vite made of page/
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "app-name" } })
      .send(); // a link on the start page
    return (await ctx.getState<number>()) ?? 0;
  },

  onOpen(count, { channelId }, ctx) {
    ctx.subscribe(channelId, EVERYBODY);
    ctx.push(channelId, { count, said: null });
  },

  async onPush(count, _frame, blob, ctx) {
    const said = blob.text(); // a client may send anything: undefined when it is no text
    if (said === undefined || said.length > 200) return undefined;
    await ctx.setState(count + 1); // durable before anybody hears of it
    ctx.publish(EVERYBODY, { count: count + 1, said });
    return count + 1; // the next state
  },
});
