/** Sends itself's package's `keeper` durable messages when told, and keeps those that it gets; crashes on "crash", or when another says so. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: async (ctx) => (await ctx.getState()) ?? [],
  async onRequest(kept, { body, durable, rsvp, blob }, ctx) {
    if (body.send !== undefined) {
      const outcomes = await Promise.all(
        body.send.map((value) =>
          ctx
            .request(body.to)
            .body(value)
            .blob("bytes")
            .durable()
            .then(
              () => "kept",
              (error) => `${error.name} ${error.kind ?? error.message}`,
            ),
        ),
      );
      ctx.respond(outcomes);
      return undefined;
    }
    if (body === "read") {
      ctx.respond(kept);
      return undefined;
    }
    if (body.crashAfter !== undefined) await ctx.request(body.crashAfter).body("now?").sendAndAwaitResponse(30);
    if (body === "crash" || body.crashAfter !== undefined) throw new Error("as told");
    const next = [...kept, { body, id: durable?.id, from: durable?.from, rsvp, text: blob.text() }];
    await ctx.setState(next);
    return next;
  },
});
