/** Counts with its timers, each return being the next state; says to the driver what states it saw. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init(ctx) {
    const seen = [];
    const step = (state) => {
      seen.push(state);
      if (seen.length === 3) ctx.request("driver:test:sys").body({ report: seen }).send();
      else ctx.after(seen.length, step);
      return seen.length % 2 === 0 ? Promise.resolve(state + 1) : state + 1; // now or later
    };
    ctx.after(0, step);
    return 1;
  },
});
