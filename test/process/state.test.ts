/** getState, setState, clearState: what they carry, and what they throw. */
import { describe, expect, test } from "@jest/globals";
import { createNode } from "../../kernel/index.ts";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import { type Context, defineProcess, ProcessId, type Program } from "../../lib/process/index.ts";
import { P } from "../support/node.ts";

/** Runs `work` in a handler and gives what it came to. */
async function within(work: (ctx: Context) => Promise<unknown>, state?: unknown): Promise<[unknown, Harness]> {
  const results: unknown[] = [];
  const program = defineProcess({
    async onRequest(_, __, ctx) {
      results.push(await work(ctx as Context));
    },
  });
  const harness = await startProcess(program, { state });
  await harness.send("go");
  return [results[0], harness];
}

/** What `work` throws on a node whose state process is `state`. */
async function errorOf(state: Program | undefined, work: (ctx: Context) => Promise<unknown>): Promise<unknown> {
  const node = createNode({ name: "alice.os" });
  try {
    if (state !== undefined)
      node.addSystemProcess({ id: ProcessId.parse("state:distro:sys"), program: state, public: true });
    return await new Promise((resolve) => {
      node.addProcess(
        ProcessId.parse(P),
        defineProcess({
          async init(ctx) {
            resolve(
              await work(ctx as Context).then(
                () => undefined,
                (error: unknown) => error,
              ),
            );
          },
        }),
      );
    });
  } finally {
    await node.stop();
  }
}
describe("state", () => {
  test.each([
    ["text", "é"],
    ["a number", 1.5],
    ["null", null],
    ["nested data", { list: [1, { a: "b" }], none: null }],
    ["bytes", new Uint8Array([0, 255])],
  ])("%s comes back as it was set", async (_, value) => {
    const [got] = await within(async (ctx) => {
      await ctx.setState(value);
      return await ctx.getState();
    });
    expect(got instanceof Uint8Array ? new Uint8Array(got) : got).toEqual(value);
  });

  test("there is none at first, and none after clearState()", async () => {
    const [got] = await within(async (ctx) => {
      const first = await ctx.getState();
      await ctx.setState(1);
      await ctx.clearState();
      return [first, await ctx.getState()];
    });
    expect(got).toEqual([undefined, undefined]);
  });

  test("what MessagePack cannot carry is a StateError, and nothing is sent", async () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    await expect(within((ctx) => ctx.setState(circle))).rejects.toThrow(
      /^Cannot write the state of "alice.os@test:test:template.os" as it is no MessagePack value: /,
    );
  });

  test("stored bytes that are no MessagePack value are a StateError", async () => {
    const refusing = defineProcess({
      onRequest: (_, __, ctx) => ctx.respond("GetState", { blob: new Uint8Array([0x93, 1]) }), // a list of 3, cut off
    });
    expect(await errorOf(refusing, (ctx) => ctx.getState())).toMatchObject({ name: "StateError" });
  });
});

describe("a store that fails", () => {
  const refusing = defineProcess({ onRequest: (_, __, ctx) => ctx.respond({ Err: "TooLarge" }) });

  test.each([
    ["read", (ctx: Context) => ctx.getState()],
    ["write", (ctx: Context) => ctx.setState(1)],
    ["clear", (ctx: Context) => ctx.clearState()],
  ])("that refuses to %s is a StateError", async (act, work) => {
    const error = await errorOf(refusing, work);
    expect(error).toMatchObject({ name: "StateError", code: "state_failed" });
    expect(String(error)).toContain(`Cannot ${act} the state of "alice.os@${P}" as TooLarge`);
  });

  test("that is not there is a SendError", async () => {
    expect(await errorOf(undefined, (ctx) => ctx.getState())).toMatchObject({ name: "SendError", kind: "Offline" });
  });
});
