/** timer:distro:sys over the bus, by a clock that the test holds (contract kinode §6; §10 cases 135 and 136). */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Process } from "../../kernel/index.ts";
import { Address, Envelope, ProcessId } from "../../lib/protocol/index.ts";
import { TIMER_LIMITS } from "../../processes/timer/limits.ts";
import { timerProcess } from "../../processes/timer/timer.ts";
import { ask, settle, startKernel, type TestKernel, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const TIMER = "timer:distro:sys";
const A = "a:a-package:template.os";
const B = "b:b-package:template.os";

function crash(): Envelope {
  const address = Address.parse(`alice.os@${A}`);
  return new Envelope("request", address, address, "crash", null);
}

describe("timer:distro:sys", () => {
  let kernel: TestKernel;
  let timer: Process;
  let a: Recorder;

  function start(limits = TIMER_LIMITS, kernelLimits: Readonly<Record<string, number>> = {}): void {
    kernel = startKernel({ limits: kernelLimits });
    const id = ProcessId.parse(TIMER);
    timer = kernel.node.addSystemProcess({ id, program: timerProcess(limits), public: true, trusted: true });
    a = add(A);
  }

  /** A process that is not public, and may message nobody but who is. */
  function add(id: string): Recorder {
    const recorder = new Recorder();
    kernel.add(id, recorder.program, { onExit: "Restart" });
    return recorder;
  }

  beforeEach(() => start());
  afterEach(() => kernel.stop());

  const body = async (value: unknown, from = a): Promise<unknown> => (await ask(from.host, TIMER, value)).body;
  const bodies = (from = a): readonly unknown[] => from.all.map((message) => message.body);

  test('case 135: {"SetTimer":100} is answered after 100 ms, and empty', async () => {
    tell(a.host, TIMER, { SetTimer: 100 }, { expects: 1, context: "mine" });
    await kernel.advance(90);
    expect(a.all).toEqual([]);
    await kernel.advance(20);
    expect(a.all).toMatchObject([
      { kind: "response", source: `alice.os@${TIMER}`, body: null, bytes: null, context: "mine" },
    ]);
    await kernel.advance(1000);
    expect(a.all).toHaveLength(1);
  });

  test('case 136: {"SetTimer":0} is answered at once', async () => {
    tell(a.host, TIMER, { SetTimer: 0 }, { expects: 1 });
    await settle();
    expect(a.all).toMatchObject([{ kind: "response", body: null }]);
    expect(kernel.clock.monotonic()).toBe(0);
  });

  test("timers come in the order of their time, whoever set them, and are none of each other's", async () => {
    const b = add(B);
    const came: string[] = [];
    for (const [recorder, name] of [
      [a, "a"],
      [b, "b"],
    ] as const)
      recorder.onMessage = ({ context }) => void came.push(`${name}${String(context)}`);
    for (const ms of [300, 100]) tell(a.host, TIMER, { SetTimer: ms }, { expects: 1, context: ms });
    tell(b.host, TIMER, { SetTimer: { ms: 200, id: "x" } }, { expects: 1, context: 200 });
    await settle();
    expect(await body({ Cancel: { id: "x" } })).toEqual({ Cancelled: false });
    await kernel.advance(310);
    expect(came).toEqual(["a100", "b200", "a300"]);
  });

  test("one that expects no answer is not set, and holds nothing", async () => {
    tell(a.host, TIMER, { SetTimer: 100 });
    await settle();
    expect(await body("List")).toEqual({ List: [] });
    await kernel.advance(200);
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });

  test("cancelled by its id, it is answered with Cancelled at once; set again, the one before is", async () => {
    const set = (ms: number, context: string): void =>
      tell(a.host, TIMER, { SetTimer: { ms, id: "tea" } }, { expects: 5, context });
    set(100, "first");
    set(200, "second");
    await settle();
    expect(a.all).toMatchObject([{ body: "Cancelled", context: "first" }]);
    expect(await body({ Cancel: { id: "tea" } })).toEqual({ Cancelled: true });
    expect(a.all[1]).toMatchObject({ body: "Cancelled", context: "second" });
    expect(await body({ Cancel: { id: "tea" } })).toEqual({ Cancelled: false });
    await kernel.advance(300);
    expect(a.all).toHaveLength(2);
  });

  test("a repeating one sends a Tick each time, to a process that is not public too, until it is cancelled", async () => {
    expect(await body({ Repeat: { ms: 100, id: "tick" } })).toBe("Ok");
    await kernel.advance(350);
    expect(bodies()).toEqual([1, 2, 3].map((count) => ({ Tick: { id: "tick", count } })));
    expect(a.all[0]).toMatchObject({ kind: "request", source: `alice.os@${TIMER}` });
    expect(a.all[0]?.envelope.rsvp).toBeNull();
    expect(await body({ Repeat: { ms: 200, id: "tick" } })).toBe("Ok"); // in its place
    await kernel.advance(210);
    expect(bodies().slice(3)).toEqual([{ Tick: { id: "tick", count: 1 } }]);
    expect(await body({ Cancel: { id: "tick" } })).toEqual({ Cancelled: true });
    await kernel.advance(1000);
    expect(a.all).toHaveLength(4);
  });

  test("List shows one's own, Debug how many each has", async () => {
    const b = add(B);
    tell(a.host, TIMER, { SetTimer: { ms: 5000, id: "tea" } }, { expects: 9 });
    await body({ Repeat: { ms: 1000, id: "tick" } });
    tell(b.host, TIMER, { SetTimer: 500 }, { expects: 9 });
    await kernel.advance(1500);
    expect(await body("List")).toEqual({
      List: [
        { id: "tea", every: null, in_ms: 3500 },
        { id: "tick", every: 1000, in_ms: 500 },
      ],
    });
    expect(await body("List", b)).toEqual({ List: [] });
    tell(b.host, TIMER, { SetTimer: 500 }, { expects: 9 });
    await settle();
    expect(await body("Debug")).toEqual({
      Debug: {
        timers: 3,
        owners: [
          { process: `alice.os@${A}`, timers: 2 },
          { process: `alice.os@${B}`, timers: 1 },
        ],
      },
    });
  });

  test("those of an incarnation that crashed are gone with it, and the next one's are its own", async () => {
    a.onMessage = ({ body: told }) => {
      if (told === "crash") throw new Error("as asked");
    };
    await body({ Repeat: { ms: 100, id: "tick" } });
    tell(a.host, TIMER, { SetTimer: { ms: 500, id: "tea" } }, { expects: 9 });
    const b = add(B);
    kernel.node.kernel.registry.get(ProcessId.parse(A))?.post(crash());
    await kernel.advance(20); // it is restarted at once: at the next tick
    expect(await body("Debug", b)).toEqual({ Debug: { timers: 0, owners: [] } });
    await kernel.advance(600);
    expect(bodies()).toEqual(["crash"]);
    expect(await body({ Repeat: { ms: 100, id: "tick" } })).toBe("Ok");
    await kernel.advance(110);
    expect(bodies()).toEqual(["crash", { Tick: { id: "tick", count: 1 } }]);
  });

  test("those of a process that is gone go too, at once", async () => {
    const b = add(B);
    await body({ Repeat: { ms: 100, id: "tick" } }, b);
    tell(b.host, TIMER, { SetTimer: { ms: 900_000, id: "late" } }, { expects: 1000 });
    await settle();
    kernel.node.kernel.registry.get(ProcessId.parse(B))?.kill();
    await settle();
    expect(await body("Debug")).toEqual({ Debug: { timers: 0, owners: [] } });
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });

  test("those of an incarnation that has ended go at the kernel's word, and at nobody else's", async () => {
    await body({ Repeat: { ms: 100, id: "tick" } });
    const down = { ProcessDown: { process: A, incarnation: 1, reason: "crash", restarts: true, gave_up: false } };
    const b = add(B);
    expect(await body(down, b)).toEqual({ Err: "MalformedRequest" });
    expect(await body("List")).toMatchObject({ List: [{ id: "tick" }] });
    const kernelAddress = Address.parse("alice.os@kernel:distro:sys");
    timer.post(new Envelope("request", kernelAddress, timer.address, down, null));
    await settle();
    expect(await body("List")).toEqual({ List: [] });
    await kernel.advance(200);
    expect(a.all).toEqual([]);
  });

  test("one process has so many and no more; so has the node, and what nobody needs makes room", async () => {
    await kernel.stop();
    start({ ...TIMER_LIMITS, timers: 2 }, { timers: 3 });
    const b = add(B);
    for (const id of ["1", "2"]) expect(await body({ Repeat: { ms: 1000, id } })).toBe("Ok");
    expect(await body({ Repeat: { ms: 1000, id: "3" } })).toEqual({ Err: { TooManyTimers: { max: 2 } } });
    expect(await body({ Repeat: { ms: 1000, id: "2" } })).toBe("Ok");
    expect(await body({ Repeat: { ms: 1000, id: "1" } }, b)).toBe("Ok");
    const full = { Err: { TooManyTimers: { max: 3 } } };
    expect(await body({ Repeat: { ms: 1000, id: "2" } }, b)).toEqual(full);
    expect(await body({ SetTimer: 5000 }, b)).toEqual(full);
    kernel.node.kernel.registry.get(ProcessId.parse(A))?.kill();
    await body({ Repeat: { ms: 1000, id: "2" } }, b); // full still, and looks who is gone
    expect(await body({ Repeat: { ms: 1000, id: "2" } }, b)).toBe("Ok");
  });

  test.each([
    [null],
    ["Shout"],
    [{ SetTimer: -1 }],
    [{ SetTimer: 1.5 }],
    [{ SetTimer: "100" }],
    [{ SetTimer: 2 ** 41 }],
    [{ SetTimer: { ms: 100, id: "" } }],
    [{ SetTimer: { ms: 100, id: "x".repeat(65) } }],
    [{ SetTimer: { ms: 100, id: 5 } }],
    [{ SetTimer: 100, Cancel: "x" }],
    [{ Repeat: 100 }],
    [{ Repeat: { ms: 9, id: "x" } }],
    [{ Cancel: {} }],
  ])("%j is MalformedRequest", async (value) => {
    expect(await body(value)).toEqual({ Err: "MalformedRequest" });
    expect(await body("List")).toEqual({ List: [] });
  });
});
