/** A process of the soak that runs in a thread, or an operating-system process, of its own: this file is loaded there. */
import { defineProcess } from "../../lib/process/index.ts";
import { breakDown, type OwnCrash } from "./break-down.ts";

type Body = { readonly n: number; readonly crash?: OwnCrash };

type State = { readonly heard: Map<string, number>; breaksNext: boolean };

export default defineProcess<State>({
  init: () => ({ heard: new Map(), breaksNext: false }),
  onRequest(state, message, ctx) {
    const { crash, n } = message.body as Body;
    if (crash === "next") state.breaksNext = true;
    if (crash !== undefined) return breakDown(crash, ctx);
    if (state.breaksNext) throw new Error("soak: thrown at the next request");
    const from = message.source.id.process;
    const before = state.heard.get(from) ?? 0;
    state.heard.set(from, n);
    ctx.respond({ n, before }); // who asked looks at the order
    return undefined;
  },
});
