/** Who hears of whose end: each once, whoever asks too late too (docs/adr/0018). */
import { describe, expect, test } from "@jest/globals";
import { type Down, defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, type Cast, KERNEL, withA } from "../support/cast.ts";
import { type Handle, program, settle, started, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

/** Throws, exits or hangs when told to. */
const fragile: Handle = ({ body }, host) => {
  if (body === "throw") throw new Error("told to");
  if (body === "exit") host.exit();
  return body === "hang" ? new Promise(() => undefined) : undefined;
};

/** A monitors B, who is public. */
async function watched(onExit: "None" | "Restart" = "None", limits = {}): Promise<Cast> {
  const cast = withA({}, { limits });
  cast.add(B, program(fragile), { public: true, onExit });
  await monitor(cast, B);
  return cast;
}

async function monitor({ a }: Cast, process: string): Promise<void> {
  await started(a.host).command({ Monitor: { process } });
}

const down = (incarnation: number, reason: string, restarts = false, gave_up = false): unknown => ({
  ProcessDown: { process: B, incarnation, reason, restarts, gave_up },
});

const told = ({ a }: Cast): unknown[] => a.all.map(({ body }) => body);

describe("a monitor", () => {
  test.each([
    ["throw", "crash"],
    ["exit", "exit"],
  ])("hears of an end by %s as %s, once, from the kernel, without being asked for an answer", async (body, reason) => {
    const cast = await watched();
    tell(cast.a.host, B, body);
    await cast.advance(1_000);
    expect(told(cast)).toEqual([down(1, reason)]);
    expect(cast.a.all[0]).toMatchObject({ kind: "request", source: `alice.os@${KERNEL}`, envelope: { rsvp: null } });
  });

  test("is forgotten with the end that it told", async () => {
    const cast = await watched();
    expect(cast.node.kernel.monitors.size).toBe(2);
    tell(cast.a.host, B, "throw");
    await settle();
    expect(cast.node.kernel.monitors.size).toBe(0);
  });

  test("hears of a kill", async () => {
    const cast = await watched("Restart");
    cast.node.kernel.registry.all().at(-1)?.kill();
    await settle();
    expect(told(cast)).toEqual([down(1, "kill")]);
  });

  test("hears of each restart, and at last that it was given up", async () => {
    const cast = await watched("Restart", { restarts: 2 });
    for (const ms of [100, 1_000, 1_000]) {
      tell(cast.a.host, B, "throw");
      await cast.advance(ms);
    }
    expect(told(cast)).toEqual([down(1, "crash", true), down(2, "crash", true), down(3, "crash", false, true)]);
  });

  test("of one that is not there hears so at once", async () => {
    const cast = withA();
    await monitor(cast, B);
    await settle();
    expect(told(cast)).toEqual([down(0, "gone")]);
  });

  test("set twice tells once", async () => {
    const cast = await watched();
    await monitor(cast, B);
    tell(cast.a.host, B, "throw");
    await settle();
    expect(told(cast)).toHaveLength(1);
  });

  test("that was taken back tells nothing, and nothing that it told still comes", async () => {
    const cast = await watched("Restart");
    cast.a.onMessage = ({ body }) => (body === "hang" ? new Promise(() => undefined) : undefined);
    tell(started(cast.a.host), A, "hang");
    tell(cast.a.host, B, "throw");
    await settle();
    const mailbox = cast.node.kernel.registry.all().find(({ address }) => address.id.text === A)?.mailbox;
    expect(mailbox?.length).toBe(1);
    await started(cast.a.host).command({ Demonitor: { process: B } });
    expect(mailbox?.length).toBe(0);
    await cast.advance(100);
    tell(cast.a.host, B, "throw");
    await settle();
    expect(mailbox?.length).toBe(0);
  });

  test("ends with its watcher's incarnation: the next hears only what it asks for itself", async () => {
    const cast = withA({ onExit: "Restart" });
    cast.add(B, program(fragile), { public: true, onExit: "Restart" });
    await monitor(cast, B);
    cast.a.onMessage = async ({ body }) => {
      if (body === "throw later") {
        tell(cast.a.host, B, "throw");
        await settle(); // B's end waits behind this one
        throw new Error("told to");
      }
    };
    tell(cast.a.host, A, "throw later");
    await cast.advance(1_000);
    tell(cast.a.host, B, "throw");
    await cast.advance(1_000);
    expect(told(cast)).toEqual(["throw later"]);
    await monitor(cast, B);
    tell(cast.a.host, B, "throw");
    await settle();
    expect(told(cast)).toEqual(["throw later", down(3, "crash", true)]);
  });

  test("is told nothing while the node stops", async () => {
    const cast = await watched();
    await cast.stop();
    expect([told(cast), cast.node.kernel.deadLetters.total]).toEqual([[], 0]);
  });

  test("of a busy watcher with a full mailbox loses restarts, as dead letters, but not the end", async () => {
    const cast = withA();
    cast.add(B, program(fragile), { public: true, onExit: "Restart", restart: { max: 2, seconds: 60 } });
    const watcher = new Recorder();
    watcher.onMessage = ({ body }) => (body === "hang" ? new Promise(() => undefined) : undefined);
    const process = cast.node.kernel.register({
      id: ProcessId.parse(C),
      program: watcher.program,
      mailbox: 1,
      public: true,
    });
    process.run();
    await started(watcher.host).command({ Monitor: { process: B } });
    for (const body of ["hang", "fills it"]) {
      tell(cast.a.host, C, body);
      await settle();
    }
    for (const ms of [100, 1_000, 1_000]) {
      tell(cast.a.host, B, "throw");
      await cast.advance(ms);
    }
    expect(cast.node.kernel.deadLetters.counts()).toMatchObject({ overloaded: 2 });
    expect(process.mailbox.peek().map(({ body }) => body)).toEqual(["fills it", down(3, "crash", false, true)]);
  });

  test.each([
    [
      C,
      "denied",
      `Cannot monitor "${C}" as "${A}" may not message it: list it in request_capabilities, or make it public`,
    ],
    [A, "self", `Cannot monitor "${A}" as it is the process itself: name another one`],
    [
      `bob.os@${B}`,
      "not_local",
      `Cannot monitor "bob.os@${B}" as it is on another node: only those of "alice.os" can be`,
    ],
  ])("of %s is refused: %s", async (process, code, message) => {
    const cast = withA();
    cast.add(C, program(fragile));
    expect(await thrownBy(() => monitor(cast, process))).toMatchObject({ name: "FamilyError", code, message });
  });

  test("of one too many is refused: limits.monitors", async () => {
    const cast = withA({}, { limits: { monitors: 1 } });
    for (const id of [B, C]) cast.add(id, program(fragile), { public: true });
    await monitor(cast, B);
    expect(await thrownBy(() => monitor(cast, C))).toMatchObject({
      code: "limit_reached",
      message: `Cannot monitor one more from "alice.os@${A}" as limits.monitors is 1 processes: end some first, or raise it`,
    });
  });

  test("of ever more that are not there is refused when the mailbox is full", async () => {
    const cast = withA();
    cast.a.onMessage = () => new Promise(() => undefined);
    const mailbox = cast.node.kernel.limits.mailbox;
    let refused: unknown;
    for (let i = 0; i <= mailbox + 1 && refused === undefined; i++)
      refused = await monitor(cast, `gone-${i}:p:k`).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({
      message: `Cannot hear what happens to one more in "alice.os@${A}" as limits.mailbox is ${mailbox} envelopes: end some first, or raise it`,
    });
  });
});

describe("onDown", () => {
  test("gets what is told; without it, onRequest does", async () => {
    const downs: Down[] = [];
    const bodies: unknown[] = [];
    const cast = withA();
    cast.add(
      B,
      defineProcess({ init: (ctx) => ctx.monitor("gone:p:k"), onDown: (_, event) => void downs.push(event) }),
    );
    cast.add(
      C,
      defineProcess({ init: (ctx) => ctx.monitor("gone:p:k"), onRequest: (_, { body }) => void bodies.push(body) }),
    );
    await settle();
    expect(downs).toEqual([{ process: "gone:p:k", incarnation: 0, reason: "gone", restarts: false, gaveUp: false }]);
    expect(bodies).toMatchObject([{ ProcessDown: { process: "gone:p:k" } }]);
  });

  test("is not called for a body that another process made up", async () => {
    const downs: Down[] = [];
    const bodies: unknown[] = [];
    const cast = withA();
    const both = defineProcess({
      onDown: (_, event) => void downs.push(event),
      onRequest: (_, { body }) => void bodies.push(body),
    });
    cast.add(B, both, { public: true });
    tell(cast.a.host, B, down(1, "crash"));
    await settle();
    expect([downs, bodies]).toEqual([[], [down(1, "crash")]]);
  });
});
