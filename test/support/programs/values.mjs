/** Sends what it is asked to, and answers with what came of it: values that MessagePack has no word for. */
import { defineProcess } from "jackfield/process";

const cycle = {};
cycle.self = cycle;

export default defineProcess({
  async onRequest(_, { body }, ctx) {
    if (body === "respond") {
      try {
        ctx.respond(cycle);
      } catch ({ name, code, message }) {
        ctx.respond({ name, code, message });
      }
      return;
    }
    try {
      ctx.request("asker:test:sys").body(Symbol("no value")).send();
    } catch ({ name, code, message }) {
      ctx.respond({ name, code, message });
    }
  },
});
