/** bench/ask: pushes what the second process makes of the text; its answer is what the client compares. */
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId, type Program } from "../../lib/protocol/index.ts";

const SECOND = ProcessId.parse("second:bench:sys");

const ask: Program = defineProcess({
  async onPush(_state, { channelId }, blob, ctx) {
    const { body } = await ctx.request(SECOND).body(blob.text()).sendAndAwaitResponse();
    ctx.push(channelId, body);
  },
});
export default ask;
