/** DESIGN §3.1 and §3.2: one message at a time, and in the order sent. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Blob, type Envelope, type Host, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, withAB } from "../support/cast.ts";
import {
  frameProgram,
  Gate,
  program,
  request,
  settle,
  silent,
  started,
  startKernel,
  stateOf,
  type TestKernel,
  tell,
} from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("one at a time: a process", () => {
  test("takes the next message when the promise of the one in hand has settled, not before", async () => {
    const log: string[] = [];
    const gates = [new Gate(), new Gate()];
    const b = program(async ({ body }) => {
      log.push(`${body} begins`);
      await gates[Number(body)]?.passed;
      log.push(`${body} ends`);
    });
    const { a } = withAB(b);
    for (const n of [0, 1]) tell(a.host, B, n);
    gates[1]?.open(); // the second could go on at once
    await settle();
    expect(log).toEqual(["0 begins"]);
    gates[0]?.open();
    await settle();
    expect(log).toEqual(["0 begins", "0 ends", "1 begins", "1 ends"]);
  });

  test("that returns plain values handles all that waits in one turn, without a microtask between", async () => {
    const log: string[] = [];
    const b = program(({ body }) => {
      log.push(`${body}`);
      queueMicrotask(() => log.push(`microtask of ${body}`));
    });
    const { a } = withAB(b);
    for (const n of [1, 2]) tell(a.host, B, n);
    await settle();
    expect(log).toEqual(["1", "2", "microtask of 1", "microtask of 2"]);
  });

  test("does not begin another message within a handler that sends to it", async () => {
    const log: string[] = [];
    const b = program(({ body }, host) => {
      log.push(`${body} begins`);
      if (body === "outer") tell(host, B, "inner");
      log.push(`${body} ends`);
    });
    const { a } = withAB(b);
    tell(a.host, B, "outer");
    await settle();
    expect(log).toEqual(["outer begins", "outer ends", "inner begins", "inner ends"]);
  });

  test("takes no message before its init has settled", async () => {
    const gate = new Gate();
    const recorder = new Recorder();
    const kernel = startKernel();
    kernel.add(A, { start: (host) => ({ ...recorder.program.start(host), init: () => gate.passed }) });
    tell(recorder.host, A, "early");
    await settle();
    expect([stateOf(kernel, A), recorder.all]).toEqual(["starting", []]);
    gate.open();
    await settle();
    expect([stateOf(kernel, A), recorder.all.map(({ body }) => body)]).toEqual(["running", ["early"]]);
  });

  test("that is busy does not keep others waiting", async () => {
    const gate = new Gate();
    const { a, add } = withAB(program(() => gate.passed));
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, "for ever");
    tell(a.host, C, "hi");
    expect((await c.next()).body).toBe("hi");
  });

  test("whose handler returns what is no promise goes on", async () => {
    const values: unknown[] = [];
    const b = program((message) => values.push(message.body) as unknown as undefined); // as `handle: (m) => list.push(m)`
    const { a, node } = withAB(b);
    for (const n of [1, 2]) tell(a.host, B, n);
    await settle();
    expect([values, node.kernel.crashes.total]).toEqual([[1, 2], 0]);
  });
});

/** How a handler takes its time, or does not. */
const MODES = ["plain", "microtask", "microtasks", "immediate", "crash"] as const;
type Mode = (typeof MODES)[number];

async function pause(mode: Mode): Promise<void> {
  if (mode === "immediate") return await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < (mode === "microtasks" ? 5 : 1); i++) await null;
}

type Send = {
  readonly from: number;
  readonly to: number;
  readonly mode: Mode;
  readonly breathe: boolean;
  /** Not sent by the sender's host but delivered as a transport does, at the bottom of a callback. */
  readonly frame: boolean;
};

/** As the http-server does with a frame of a channel. */
function deliverFrame({ node }: TestKernel, from: Host, target: string, body: unknown): void {
  const { bus, queue, registry } = node.kernel;
  const process = registry.get(ProcessId.parse(target));
  if (process === undefined) throw new Error(`there is no ${target}`);
  queue.begin();
  try {
    const frame = request(from, target, body);
    node.kernel.frames = { messageOf: (origin) => origin as Envelope };
    if (!process.frameNow(frame, 1, Blob.of(""))) bus.deliver(frame, process);
  } finally {
    queue.end();
  }
}

describe("order", () => {
  test("of the messages from one sender to one target is kept, whatever their handlers do, and no two overlap", async () => {
    const send: fc.Arbitrary<Send> = fc.record({
      from: fc.nat(2),
      to: fc.nat(1),
      mode: fc.constantFrom(...MODES),
      breathe: fc.boolean(),
      frame: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(send, { maxLength: 40 }), async (sends) => {
        const kernel = startKernel({ limits: { restarts: 1_000, restartDelayMax: 1 } });
        const heard: Record<string, number[]> = {};
        const overlaps: unknown[] = [];
        const targets = [B, C];
        for (const target of targets) {
          let inHand = 0;
          const take = frameProgram(({ body, source }) => {
            const { n, mode } = body as { n: number; mode: Mode };
            if (inHand > 0) overlaps.push([target, n]);
            const key = `${source.id.text} ${target}`;
            heard[key] = [...(heard[key] ?? []), n];
            if (mode === "crash") throw new Error("as planned");
            if (mode === "plain") return undefined;
            inHand++;
            return pause(mode).finally(() => {
              inHand--;
            });
          });
          kernel.add(target, take, { public: true, onExit: "Restart" });
        }
        const hosts: Host[] = [0, 1, 2].map((n) => {
          const sender = new Recorder();
          kernel.add(`sender-${n}:sender-${n}:test`, sender.program);
          return started(sender.host);
        });
        for (const [n, { from, to, mode, breathe, frame }] of sends.entries()) {
          const target = targets[to] ?? B;
          if (frame) deliverFrame(kernel, started(hosts[from]), target, { n, mode });
          else tell(hosts[from], target, { n, mode });
          if (breathe) await settle();
        }
        await kernel.advance(50 * 20);
        expect(overlaps).toEqual([]);
        const expected: Record<string, number[]> = {};
        for (const [n, { from, to }] of sends.entries()) {
          const key = `sender-${from}:sender-${from}:test ${targets[to]}`;
          expected[key] = [...(expected[key] ?? []), n];
        }
        expect(heard).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test("of a frame that comes at the bottom of a callback: at once where nothing is before it, else behind that", async () => {
    const log: unknown[] = [];
    const kernel = withAB(program(({ body }) => void log.push(body)));
    const host = started(kernel.a.host);
    deliverFrame(kernel, host, B, 1);
    expect(log).toEqual([1]);
    tell(host, B, 2);
    deliverFrame(kernel, host, B, 3);
    expect(log).toEqual([1, 2, 3]);
  });

  test("of what a process sends itself and others send it is that of sending", async () => {
    const { a } = withAB(silent);
    a.onMessage = ({ body }, host) => {
      if (body === 1) tell(host, A, 3);
    };
    for (const n of [1, 2]) tell(a.host, A, n);
    await settle();
    expect(a.all.map(({ body }) => body)).toEqual([1, 2, 3]);
  });
});
