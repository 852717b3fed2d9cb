/** bench/json: parses a message, changes a field and writes it again. */
import { defineProcess } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import { count, type Said } from "../contenders/said.ts";

const json: Program = defineProcess({
  onPush(_state, { channelId }, blob, ctx) {
    ctx.push(channelId, count(blob.json() as Said)); // the load sends nothing else
  },
});
export default json;
