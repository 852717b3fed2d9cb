/** bench/placements: answers what expects an answer, counts what does not, and says when it has handled a turn of it. */
import { defineProcess } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import type { Add } from "../contenders/request-meter.ts";
import { MORE_EVERY, spent } from "./spent.ts";

const receiver: Program = defineProcess<{ handled: number }>({
  init: () => ({ handled: 0 }),
  onRequest(count, { body, source, rsvp }, ctx) {
    if (body === "spent") return ctx.respond(spent());
    count.handled += (body as Add).n; // nobody else sends here
    if (rsvp !== null) ctx.respond({ handled: count.handled });
    else if (count.handled % MORE_EVERY === 0) ctx.request(source).body({ more: count.handled }).send();
    return undefined;
  },
});
export default receiver;
