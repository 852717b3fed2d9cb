/** bench/echo: pushes back the lent bytes. */
import { defineProcess } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";

const echo: Program = defineProcess({
  onPush(_state, { channelId, messageType }, blob, ctx) {
    ctx.push(channelId, blob, messageType);
  },
});
export default echo;
