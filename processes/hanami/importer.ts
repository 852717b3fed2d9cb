/** A child of hanami:hanami:sys for one import. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  onRequest: (_, __, ctx) => ctx.respond({ Err: "importing is not written yet" }),
});
