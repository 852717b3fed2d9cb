/**
 * state:distro:sys: one blob per process, kept beyond its end and the node's (contract kinode §3.3).
 *
 *   {"GetState": id} → "GetState" and the blob, or no blob    {"SetState": id} + blob → "SetState"    {"DeleteState": id} → "DeleteState"
 *
 * A process reaches its own state only: whatever `id` says, the sender's counts, and another id is refused.
 */
import { defineProcess, type Message, type Program } from "jackfield/process";
import type { StateStore } from "./store.ts";

const VALUE_MAX = 64 * 1024 * 1024; // bytes: rewritten as a whole each time; larger data wants a file

export function stateProcess(store: StateStore): Program {
  return defineProcess({
    async onRequest(_, message, ctx) {
      const [action, id] = readRequest(message);
      const key = message.source.id.text;
      if (id !== key || message.source.node !== ctx.node) return ctx.respond({ Err: "NotYourState" });
      if (action === "GetState") {
        const value = store.get(key);
        return value === undefined ? ctx.respond("GetState") : ctx.respond("GetState", { blob: value });
      }
      if (action === "DeleteState") await store.delete(key);
      else if (action === "SetState") {
        if (message.blob === null) return ctx.respond({ Err: "NoBlob" });
        if (message.blob.byteLength > VALUE_MAX) return ctx.respond({ Err: `TooLarge: at most ${VALUE_MAX} bytes` });
        await store.set(key, message.blob.bytes());
      } else return ctx.respond({ Err: "MalformedRequest" });
      return ctx.respond(action);
    },
    onExit: () => store.close(),
  });
}

function readRequest({ body }: Message): readonly [action: string, id: unknown] {
  const [entry] = typeof body === "object" && body !== null ? Object.entries(body) : [];
  return entry ?? ["", undefined];
}
