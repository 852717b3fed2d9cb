/** ctx.streams in the harness: every name is free there, and what others do is told by the test. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, type InputFeed, StreamError } from "../../lib/process/index.ts";

type Seen = readonly unknown[];

/** Declares an output and an input, and lists what it is told. */
const program = defineProcess<Seen>({
  async init(ctx) {
    await ctx.streams.input("in");
    const out = await ctx.streams.output("out", { ready: false });
    out.ready(true);
    await ctx.streams.listen("other");
    await ctx.streams.listen("more");
    await ctx.streams.unlisten("more");
    out.publish("begun");
    out.publish("then", 1.5);
    return [];
  },
  onSample: (seen, sample) => [...seen, sample],
  onInput: (seen, event) => [...seen, event],
  onListeners: (seen, listeners) => [...seen, listeners],
  onRequest: (seen, { body }, ctx) => ctx.respond({ seen, body }),
});

describe("in the harness", () => {
  test("what it declares, publishes and listens to is there to be looked at", async () => {
    const process = await startProcess(program);
    const { streams } = process;
    const owner = "alice.os@test:test:template.os";
    const usual = { owner, ready: true, private: false, alive: true, listeners: 0 };
    expect([...streams.declared.values()]).toEqual([
      { name: "in", kind: "input", ...usual },
      { name: "out", kind: "output", ...usual },
    ]);
    expect(streams.published).toEqual([
      { name: "out", data: "begun", producedTimestampS: undefined },
      { name: "out", data: "then", producedTimestampS: 1.5 },
    ]);
    expect([...streams.listening]).toEqual(["other"]);
    expect(process.sent).toEqual([]);
  });

  test("samples, inputs and listeners come to their handlers", async () => {
    const process = await startProcess(program);
    await process.sample("other", [1], 2);
    await process.input({ type: "opened", name: "in", appId: "acc" });
    await process.input({ type: "samples", name: "in", samples: [1, 2] });
    await process.input({ type: "closed", name: "in" });
    await process.listeners("out", 3);
    const usual = { name: "in", session: 1, streamId: "X" };
    expect((await process.request("seen")).body).toEqual({
      body: "seen",
      seen: [
        { name: "other", data: [1], producedTimestampS: 2 },
        { type: "opened", ...usual, appId: "acc", samples: [] },
        { type: "samples", ...usual, appId: null, samples: [1, 2] },
        { type: "closed", ...usual, appId: null, samples: [] },
        { name: "out", count: 3 },
      ],
    });
  });

  test("what has no handler comes to onRequest, but for listeners", async () => {
    const bodies: unknown[] = [];
    const process = await startProcess(
      defineProcess({
        init: async (ctx) => void (await ctx.streams.output("out")),
        onRequest: (_, { body }) => void bodies.push(body),
      }),
    );
    await process.listeners("out", 1);
    await process.sample("other", 1, 2);
    expect(bodies).toEqual([{ Sample: { name: "other", data: 1, produced_timestamp_s: 2 } }]);
  });

  test("nobody but streams:distro:sys tells of samples", async () => {
    const process = await startProcess(program);
    const forged = { Sample: { name: "other", data: "forged", produced_timestamp_s: 1 } };
    expect((await process.request(forged)).body).toEqual({ seen: [], body: forged });
  });

  test("the test may refuse", async () => {
    const thrown: unknown[] = [];
    const process = await startProcess(
      defineProcess({
        async onRequest(_, __, ctx) {
          await ctx.streams.output("out").catch((error: unknown) => thrown.push(error));
          await ctx.streams.listen("other").catch((error: unknown) => thrown.push(error));
        },
      }),
      {
        onStream: (action) =>
          typeof action === "object" && "Listen" in action
            ? "MalformedRequest"
            : { NameTaken: { name: "out", owner: "x" } },
      },
    );
    await process.send("go");
    expect(thrown.map((error) => error instanceof StreamError && [error.kind, error.facts, error.message])).toEqual([
      [
        "NameTaken",
        { name: "out", owner: "x" },
        'Cannot declare output "out" as streams:distro:sys says NameTaken {"name":"out","owner":"x"}: take another name, or have its owner withdraw it',
      ],
      ["MalformedRequest", null, 'Cannot listen to "other" as streams:distro:sys says MalformedRequest'],
    ]);
    expect(process.streams.declared.size).toBe(0);
  });

  test("what it feeds an input is there; what it listens to and has open ends with its incarnation", async () => {
    let feed: InputFeed | undefined;
    const process = await startProcess(
      defineProcess({
        async onRequest(_, { body }, ctx) {
          if (body === "open") {
            feed = await ctx.streams.openInput("in", { session: "s", streamId: "Y", appId: "acc" });
            await ctx.streams.listen("other");
          } else if (body === "close") feed?.close();
          else feed?.feed([body]);
        },
      }),
    );
    for (const body of ["open", 1, 2]) await process.send(body);
    const opened = { name: "in", session: "s", streamId: "Y", appId: "acc", samples: [1, 2] };
    expect(process.streams.open).toEqual([opened]);
    await process.send("close");
    expect(process.streams.open).toEqual([]);
    await process.send("open");
    await process.restart();
    expect([process.streams.open, [...process.streams.listening]]).toEqual([[], []]);
  });
});
