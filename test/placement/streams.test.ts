/** ctx.streams from a thread and from an operating-system process: the same as inline, in order, over a crash. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../lib/protocol/index.ts";
import { streamsProcess } from "../../processes/streams/streams.ts";
import { ask } from "../support/kernel.ts";
import { PLACEMENTS, type PlacedNode, started, startPlaced } from "../support/placed.ts";
import { Recorder } from "../support/recorder.ts";

const SOURCE = "source:device:me.os";
const LISTENER = "listener:other:me.os";
const COUNT = 300;

/** Asks until it is so: each asks a process, so there is no waiting in between. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const last = Date.now() + 40_000; // ms: a process of its own on a busy machine
  while (!(await holds())) if (Date.now() > last) throw new Error(`waited 40 s for ${holds}`);
}

describe.each(PLACEMENTS)("%s", (placement) => {
  let node: PlacedNode;
  afterEach(() => node.stop());

  test("publishes, listens, feeds, and comes back under its name", async () => {
    node = await startPlaced(placement);
    const id = ProcessId.parse("streams:distro:sys");
    node.node.addSystemProcess({ id, program: streamsProcess(), public: true, trusted: true });
    const source = await node.addFile(SOURCE, "streamer.mjs", { onExit: "Restart" });
    const listener = await node.addFile(LISTENER, "streamer.mjs");
    for (const process of [source, listener]) expect(await started(process)).toBe("running");
    const person = new Recorder();
    node.add("person:p:me.os", person.program);
    const does = async (who: string, act: unknown): Promise<unknown> => (await ask(person.host, who, act)).body;
    const ok = async (who: string, act: unknown): Promise<unknown> => {
      const answer = (await does(who, act)) as { readonly ok?: unknown };
      expect(answer).toHaveProperty("ok");
      return answer.ok;
    };
    const values = Array.from({ length: COUNT }, (_, n) => n);

    await ok(SOURCE, { output: "a" });
    await ok(SOURCE, { input: "in" });
    await ok(LISTENER, { listen: "a" });
    await ok(SOURCE, { publish: ["a", ...values] });
    const heard = async (who: string): Promise<readonly unknown[]> => (await ok(who, { heard: 1 })) as unknown[];
    await until(async () => (await heard(LISTENER)).length >= COUNT);
    expect(await heard(LISTENER)).toEqual(values.map((n) => ["a", n]));
    await until(async () => (await ok(SOURCE, { listeners: "a" })) === 1);

    await ok(LISTENER, { open: "in" });
    await ok(LISTENER, { feed: [1, { two: 2 }] });
    await until(async () => (await heard(SOURCE)).length >= 2);
    expect(await heard(SOURCE)).toEqual([
      ["opened", "in", "acc"],
      ["samples", "in", "acc", 1, { two: 2 }],
    ]);

    expect(await does(LISTENER, { output: "a" })).toEqual({
      kind: "NameTaken",
      facts: { name: "a", owner: `alice.os@${SOURCE}` },
      text: expect.stringMatching(/^Cannot declare output "a" as streams:distro:sys says NameTaken /),
    });

    await expect(ask(person.host, SOURCE, { crash: 1 })).rejects.toThrow();
    expect(await does(LISTENER, { names: 1 })).toMatchObject({ ok: [{ name: "a", alive: false, listeners: 1 }, {}] });
    await ok(SOURCE, { input: "in" });
    await ok(SOURCE, { output: "a" });
    await ok(SOURCE, { publish: ["a", "back"] });
    await until(async () => (await heard(LISTENER)).length > COUNT);
    expect((await heard(LISTENER)).at(-1)).toEqual(["a", "back"]);
    await until(async () => (await heard(SOURCE)).length > 0);
    expect(await heard(SOURCE)).toEqual([["opened", "in", "acc"]]);
  });
});
