/** Answers one request and ends. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  onRequest(_state, { body }, ctx) {
    ctx.respond(body);
    ctx.exit();
  },
});
