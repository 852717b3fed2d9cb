/**
 * app-name: one kitchen timer for everybody, as a state machine (machine.ts).
 *
 * State  the machine's snapshot, durable: a timer that runs goes on after a crash, a new version and a restart of the node.
 */
import { fromMachine } from "jackfield/process";
import { machine } from "./machine.ts";

export default fromMachine(machine, {
  persist: true,
  async init(ctx) {
    await ctx.serveUi("ui");
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "app-name" } })
      .send(); // a link on the start page
  },
});
