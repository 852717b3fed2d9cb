/** What the promise of a handler brings is the next state: given by the kernel (Instance.results), or where it can't be, kept all the same. */
import { describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import { B, withAB } from "../support/cast.ts";
import { ask } from "../support/kernel.ts";

/** Answers how many it was asked before; each second time it says nothing of its state. */
const counter: Program = defineProcess<number>({
  init: async () => 0,
  async onRequest(asked, { body }, ctx) {
    ctx.respond(asked);
    await Promise.resolve();
    return body === "keep" ? undefined : asked + 1;
  },
});

/** A program around another that knows nothing but `handle`. */
const wrapped: Program = {
  start(host) {
    const inner = counter.start(host);
    return { init: () => inner.init?.(), handle: (message) => inner.handle(message) };
  },
};

/** Whatever its promises bring is its own. */
const taking = (taken: unknown[]): Program => ({
  start: (host) => ({
    handle: async (message) => {
      host.respond({ body: taken.length }, message);
      return message.body as undefined;
    },
    results: () => (value) => void taken.push(value),
  }),
});

describe("what the promise of a handler brings", () => {
  test.each([
    ["the kernel", counter],
    ["the process itself, under a program that wraps it", wrapped],
  ])("is the state that the next message finds: kept by %s", async (_who, program) => {
    const { a } = withAB(program);
    const bodies = ["add", "add", "keep", "add", "add"];
    const answers = await Promise.all(bodies.map((body) => ask(a.host, B, body)));
    expect(answers.map(({ body }) => body)).toEqual([0, 1, 2, 2, 3]);
  });

  test("is given to whoever asked for it, before the next message", async () => {
    const taken: unknown[] = [];
    const { a } = withAB(taking(taken));
    const answers = await Promise.all(["x", "y", "z"].map((body) => ask(a.host, B, body)));
    expect(answers.map(({ body }) => body)).toEqual([0, 1, 2]);
    expect(taken).toEqual(["x", "y", "z"]);
  });

  test("and that throws: a crash as any other, with the message in hand", async () => {
    const refusing: Program = {
      start: (host) => ({
        handle: async (message) => {
          if (message.body !== "answer") return message.body as undefined;
          host.respond({ body: "lives" }, message);
          return undefined;
        },
        results: () => (value) => {
          if (value !== undefined) throw new Error(`no ${String(value)}`);
        },
      }),
    };
    const { a, node, advance } = withAB(refusing, { onExit: "Restart" });
    await expect(ask(a.host, B, "x")).rejects.toMatchObject({ kind: "Offline" });
    expect(node.kernel.crashes.last().map(({ error }) => error)).toEqual(["Error: no x"]);
    await advance(20);
    expect((await ask(a.host, B, "answer")).body).toBe("lives");
  });

  test("ends with its incarnation: the next begins with its own", async () => {
    const crashing = defineProcess<number>({
      init: () => 0,
      async onRequest(asked, { body }, ctx) {
        await Promise.resolve();
        if (body === "crash") throw new Error("on purpose");
        ctx.respond(asked);
        return asked + 1;
      },
    });
    const { a, advance } = withAB(crashing, { onExit: "Restart" });
    expect((await ask(a.host, B, 1)).body).toBe(0);
    expect((await ask(a.host, B, 1)).body).toBe(1);
    await expect(ask(a.host, B, "crash")).rejects.toMatchObject({ kind: "Offline" });
    await advance(20);
    expect((await ask(a.host, B, 1)).body).toBe(0);
  });
});
