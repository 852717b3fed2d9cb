/** Spawns what it is asked to, and answers with its id, or with what was thrown. */
import { threadId } from "node:worker_threads";
import { defineProcess } from "jackfield/process";

export default defineProcess({
  async onRequest(_, { body }, ctx) {
    if (body === "Where") return void ctx.respond({ pid: process.pid, thread: threadId });
    const options = body === "Memory" ? { program: defineProcess({}) } : body;
    try {
      ctx.respond((await ctx.spawn(options)).text);
    } catch ({ name, code, message }) {
      ctx.respond({ name, code, message });
    }
  },
});
