/** Does with streams what it is asked to, and tells what it has heard: `{ "output": "a" }`, `{ "publish": ["a", 1] }`, … */
import { defineProcess, StreamError } from "jackfield/process";

/** By what it was asked; each gets what was given. */
const ACTS = {
  async output(mine, name, ctx) {
    mine.outputs.set(name, await ctx.streams.output(name));
  },
  input: (_mine, name, ctx) => ctx.streams.input(name),
  publish: (mine, [name, ...values]) => {
    for (const value of values) mine.outputs.get(name).publish(value);
  },
  listen: (_mine, name, ctx) => ctx.streams.listen(name),
  async open(mine, name, ctx) {
    mine.feed = await ctx.streams.openInput(name, { session: 1, streamId: "X", appId: "acc" });
  },
  feed: (mine, samples) => mine.feed.feed(samples),
  heard: (mine) => [...mine.heard], // a body is a value: it is frozen
  listeners: (mine, name) => mine.outputs.get(name).listeners,
  names: (_mine, _given, ctx) => ctx.streams.names(),
  crash: () => {
    throw new Error("told to crash");
  },
};

export default defineProcess({
  init: () => ({ outputs: new Map(), heard: [], feed: null }),
  onSample: (mine, { name, data }) => void mine.heard.push([name, data]),
  onInput: (mine, { type, name, appId, samples }) => void mine.heard.push([type, name, appId, ...samples]),
  async onRequest(mine, { body }, ctx) {
    const [[act, given]] = Object.entries(body);
    try {
      ctx.respond({ ok: (await ACTS[act](mine, given, ctx)) ?? null });
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      ctx.respond({ kind: error.kind, facts: error.facts, text: error.message });
    }
  },
});
