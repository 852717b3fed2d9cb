/** DESIGN §3.3: every request that expects an answer ends in exactly one answer or error, whatever becomes of others. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Host, ProcessId, SendError } from "../../lib/protocol/index.ts";
import { ask, program, settle, startKernel, type TestKernel, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const SECONDS = 1; // what requests wait
const ids = ["w0:w:test", "w1:x:test", "w2:y:test", "private:z:test"] as const; // the first three are public
const nowhere = ["no:such:process", "far.os@w0:w:test"] as const;

/** What a worker does with a request; its `next` travels on. */
type Plan = {
  readonly act:
    | "answer"
    | "answer twice"
    | "answer later"
    | "ignore"
    | "crash"
    | "crash later"
    | "answer and crash"
    | "hang"
    | "exit"
    | "forward"
    | "forward and answer"
    | "call"
    | "kill";
  readonly to: string;
  readonly next: Plan | null;
};
type Step =
  | { readonly ask: Plan; readonly by: "send" | "call" }
  | { readonly kill: string }
  | { readonly pass: number };

const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.record({
    act: fc.constantFrom<Plan["act"]>(
      "answer",
      "answer twice",
      "answer later",
      "ignore",
      "crash",
      "crash later",
      "answer and crash",
      "hang",
      "exit",
      "forward",
      "forward and answer",
      "call",
      "kill",
    ),
    to: fc.constantFrom(...ids, ...nowhere),
    next: fc.option(tie("plan"), { maxDepth: 3 }),
  }),
}));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ask: plan, by: fc.constantFrom("send" as const, "call" as const) }) },
  { weight: 1, arbitrary: fc.constantFrom(...ids).map((kill) => ({ kill })) },
  { weight: 2, arbitrary: fc.nat(500).map((pass) => ({ pass })) },
);

function carryOut(kernel: TestKernel, host: Host, { act, to, next }: Plan): void | Promise<void> {
  const kill = (id: string): void => kernel.node.kernel.registry.get(ProcessId.parse(id.replace(/^.*@/, "")))?.kill();
  switch (act) {
    case "answer twice":
      host.respond({ body: 1 });
      return host.respond({ body: 2 });
    case "answer":
      return host.respond({ body: 1 });
    case "answer later":
      return Promise.resolve().then(() => host.respond({ body: 1 }));
    case "ignore":
      return undefined;
    case "crash":
      throw new Error("as planned");
    case "crash later":
      return Promise.reject(new Error("as planned"));
    case "answer and crash":
      host.respond({ body: 1 });
      throw new Error("as planned");
    case "hang":
      return new Promise(() => undefined);
    case "exit":
      return host.exit();
    case "forward":
      return tell(host, to, next, { inherit: true });
    case "forward and answer":
      tell(host, to, next, { inherit: true });
      return host.respond({ body: 1 });
    case "call":
      return ask(host, to, next, { expects: SECONDS / 2 }).then(
        ({ body }) => host.respond({ body }),
        () => undefined,
      );
    case "kill":
      return kill(to); // perhaps the process itself, within its own handler
  }
}

test("a request ends exactly once, whatever its target and those it passes it on to do", async () => {
  const onExits = fc.constantFrom("None" as const, "Restart" as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(onExits, { minLength: 4, maxLength: 4 }),
      fc.array(step, { maxLength: 25 }),
      async (onExit, steps) => {
        const kernel = startKernel({ limits: { mailbox: 2, restarts: 3 } });
        const outcomes = new Map<unknown, string[]>();
        const ended = (n: unknown, how: string): unknown => outcomes.set(n, [...(outcomes.get(n) ?? []), how]);
        const asker = new Recorder();
        asker.onMessage = ({ kind, error, context }) => void ended(context, error ?? kind);
        kernel.add("asker:asker:test", asker.program);
        for (const [index, id] of ids.entries()) {
          const worker = program(({ kind, body }, host) => {
            if (kind === "request") return carryOut(kernel, host, (body ?? { act: "answer" }) as Plan);
            return undefined;
          });
          kernel.add(id, worker, { public: index < 3, onExit: onExit[index] ?? "None" });
        }
        let asked = 0;
        for (const one of steps) {
          if ("pass" in one) await kernel.advance(one.pass);
          else if ("kill" in one) kernel.node.kernel.registry.get(ProcessId.parse(one.kill))?.kill();
          else {
            const n = asked++;
            if (one.by === "send")
              tell(asker.host, one.ask.to, one.ask.next ?? one.ask, { expects: SECONDS, context: n });
            else
              void ask(asker.host, one.ask.to, one.ask.next ?? one.ask, { expects: SECONDS }).then(
                () => ended(n, "response"),
                (thrown: unknown) => ended(n, thrown instanceof SendError ? thrown.kind : "no SendError"),
              );
          }
        }
        await kernel.advance(SECONDS * 1_000 + 20);
        await settle();
        const counts = Array.from({ length: asked }, (_, n) => outcomes.get(n)?.length ?? 0);
        expect(counts).toEqual(Array(asked).fill(1));
        const kinds = [...outcomes.values()].flat();
        for (const kind of kinds) expect(["response", "Timeout", "Offline", "Overloaded", "Denied"]).toContain(kind);
      },
    ),
    { numRuns: 150 },
  );
});
