/**
 * Does with a request what its body says, and has no memory of it: for exactly-once.test.ts.
 * `to`: who is told of what was done, or asked in its place.
 */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  onRequest(_state, message, ctx) {
    const { way, n, to } = message.body;
    switch (way) {
      case "answer":
        return ctx.respond(n, message.blob === null ? {} : { blob: message.blob });
      case "answer late":
        return ctx.getState().then(() => ctx.respond(n));
      case "answer by timer":
        return void ctx.after(1, () => ctx.respond(n, { to: message }));
      case "pass on":
        return ctx.request(to).body({ way: "answer", n }).inherit().send();
      case "ask another":
        return ctx
          .request(to)
          .body({ way: "answer", n })
          .sendAndAwaitResponse(60) // who is asked may have to start first
          .then((answer) => ctx.respond(answer.body));
      case "note":
        return ctx.request(to).body(n).send();
      case "note late":
        return ctx.getState().then(() => ctx.request(to).body(n).send());
      case "ignore":
        return undefined;
      case "throw":
        throw new Error("on purpose");
      case "throw late":
        return ctx.getState().then(() => {
          throw new Error("on purpose, late");
        });
      case "exit":
        return ctx.exit();
      case "die": // of a thread or process of its own; inline it would be the node
        return process.exit(1);
      default:
        throw new Error(`there is no way ${way}`);
    }
  },
});
