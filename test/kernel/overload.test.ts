/** A process that is sent more than it handles: who is told, what is counted, and that nothing grows. */
import { describe, expect, test } from "@jest/globals";
import type { KernelEvent, Process } from "../../kernel/index.ts";
import { Mailbox } from "../../kernel/mailbox.ts";
import { Envelope, ProcessId, toAddress } from "../../lib/protocol/index.ts";
import { A, B, KERNEL } from "../support/cast.ts";
import { ask, Gate, program, settle, silent, startKernel, type TestKernel, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const CAPACITY = 8;

type Flooded = TestKernel & { readonly a: Recorder; readonly b: Process; readonly gate: Gate };

/** B holds its mailbox until `gate` opens. */
async function withSlowB(): Promise<Flooded> {
  const kernel = startKernel({ limits: { mailbox: CAPACITY } });
  const a = new Recorder();
  const gate = new Gate();
  kernel.add(A, a.program, { requestCapabilities: [KERNEL] });
  const b = kernel.add(
    B,
    program(() => gate.passed),
    { public: true },
  );
  tell(a.host, B, "in hand");
  await settle();
  return { ...kernel, a, b, gate };
}

function overloads(events: readonly KernelEvent[]): KernelEvent[] {
  return events.filter(({ type }) => type === "process-overloaded");
}

describe("a full mailbox", () => {
  test("tells a sender that wants an answer Overloaded, and buries what wants none; the rest is handled", async () => {
    const { a, b, gate, node } = await withSlowB();
    for (let n = 0; n < CAPACITY; n++) tell(a.host, B, n);
    for (let n = 0; n < 3; n++) tell(a.host, B, "refused", { expects: 5, context: n });
    for (let n = 0; n < 4; n++) tell(a.host, B, "buried");
    await settle();
    expect(a.all.map(({ error, body, context }) => [error, body, context])).toEqual([
      ["Overloaded", "refused", 0],
      ["Overloaded", "refused", 1],
      ["Overloaded", "refused", 2],
    ]);
    expect(node.kernel.deadLetters.counts()).toEqual({ overloaded: 4 });
    expect([b.mailbox.length, b.mailbox.refused]).toEqual([CAPACITY, 7]);
    gate.open();
    await settle();
    expect(b.quiet).toBe(true);
    tell(a.host, B, "again there is room", { expects: 5 });
    await settle();
    expect(b.mailbox.refused).toBe(7);
  });

  test("is told of at once, and again when limits.overloadNotice is over, with the count so far", async () => {
    const { a, events, advance } = await withSlowB();
    for (let n = 0; n < CAPACITY + 5; n++) tell(a.host, B, n);
    await settle();
    const told = { type: "process-overloaded", process: B, capacity: CAPACITY, waiting: CAPACITY };
    expect(overloads(events)).toEqual([{ ...told, refused: 1 }]);
    await advance(990);
    tell(a.host, B, "too soon");
    expect(overloads(events)).toHaveLength(1);
    await advance(10);
    tell(a.host, B, "a second later");
    tell(a.host, B, "and another");
    expect(overloads(events).slice(1)).toEqual([{ ...told, refused: 7 }]);
  });

  test("shows in the process map, until its process is gone", async () => {
    const { a, node } = await withSlowB();
    for (let n = 0; n < CAPACITY + 5; n++) tell(a.host, B, n);
    const described = async (id: string): Promise<unknown> => {
      const { body } = await ask(a.host, KERNEL, { Debug: { Process: id } });
      return (body as { readonly Debug: { readonly Process: unknown } }).Debug.Process;
    };
    expect(await described(B)).toMatchObject({ waiting: CAPACITY, waited_at_most: 17, refused: 5 });
    expect(await described(A)).toMatchObject({ waiting: 0, waited_at_most: 1, refused: 0 });
    node.kernel.registry.get(ProcessId.parse(B))?.kill();
    expect(await described(B)).toBeNull();
  });

  test("of a process that is gone counts as Offline, not as overload", async () => {
    const { a, b, events } = await withSlowB();
    b.kill();
    tell(a.host, B, "late", { expects: 5 });
    await settle();
    expect(a.all.map(({ error }) => error)).toEqual(["Offline"]);
    expect([overloads(events), b.mailbox.refused]).toEqual([[], 0]);
  });
});

test("a producer ten times too fast is refused nine of ten, and what waits stays within the mailbox", async () => {
  const kernel = startKernel({ limits: { mailbox: CAPACITY, deadLetters: 16 } });
  const a = new Recorder();
  kernel.add(A, a.program);
  let handled = 0;
  const gates: Gate[] = [];
  const slow = program(() => {
    handled++;
    const gate = new Gate();
    gates.push(gate);
    return gate.passed;
  });
  const b = kernel.add(B, slow, { public: true });
  const rounds = 1_000;
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 10; n++) tell(a.host, B, n, n % 2 === 0 ? { expects: 60 } : {});
    expect(b.mailbox.length).toBeLessThanOrEqual(CAPACITY);
    gates.shift()?.open();
    await settle();
  }
  const { deadLetters } = kernel.node.kernel;
  const counts = deadLetters.counts();
  const overloaded = a.all.filter(({ error }) => error === "Overloaded").length;
  expect(handled + b.mailbox.length + overloaded + (counts.overloaded ?? 0)).toBe(rounds * 10);
  expect(handled).toBeLessThanOrEqual(rounds + 2);
  expect(deadLetters.last()).toHaveLength(16);
  expect(b.mailbox.waitedAtMost).toBe(17);
});

describe("Mailbox.waitedAtMost", () => {
  const envelope = (): Envelope =>
    new Envelope("request", toAddress(A, "alice.os"), toAddress(B, "alice.os"), null, null);

  test.each([
    [0, 1],
    [1, 1],
    [2, 17],
    [17, 17],
    [18, 33],
    [1_000, 1_025],
  ])("of a mailbox in which %i waited is %i, also when it has emptied", (count, atMost) => {
    const mailbox = new Mailbox(4_096);
    for (let n = 0; n < count; n++) mailbox.post(envelope());
    while (mailbox.take() !== undefined);
    expect(mailbox.waitedAtMost).toBe(atMost);
    mailbox.remove(() => true);
    expect(mailbox.waitedAtMost).toBe(atMost);
  });
});

test("a process that handles all at once is never told of", async () => {
  const kernel = startKernel({ limits: { mailbox: CAPACITY } });
  const a = new Recorder();
  kernel.add(A, a.program);
  kernel.add(B, silent, { public: true });
  for (let n = 0; n < 100; n++) {
    tell(a.host, B, n);
    await settle();
  }
  expect(overloads(kernel.events)).toEqual([]);
});
