/** The end of a process in peace: no message any more, and its farewell once. Found by test/kernel/simulation.test.ts. */
import { describe, expect, test } from "@jest/globals";
import { withA, withAB } from "../support/cast.ts";
import { ask, Gate, program, settle, startKernel, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const P = "p:p:test";

describe("a node that stops", () => {
  test("gives a process no message once its farewell has begun: its sender hears Offline", async () => {
    const gate = new Gate();
    const log: unknown[] = [];
    const kernel = withA();
    const taking = program(({ body }) => void log.push(body), { exit: () => gate.passed });
    kernel.add(P, taking, { public: true }); // after A: it leaves first
    const stop = kernel.stop();
    await settle();
    const answer = thrownBy(() => ask(kernel.a.host, P, "late"));
    tell(kernel.a.host, P, "later");
    await settle();
    gate.open();
    await stop;
    expect(log).toEqual([]);
    expect(await answer).toMatchObject({ kind: "Offline" });
    expect(kernel.node.kernel.deadLetters.counts()).toEqual({ exited: 1 });
  });

  test("takes no leave of a process whose init is not through", async () => {
    const gate = new Gate();
    const log: string[] = [];
    const kernel = withA({}, { limits: { drain: 100 } });
    kernel.add(
      P,
      program(() => undefined, { init: () => gate.passed, exit: () => void log.push("exit") }),
    );
    await kernel.stop();
    gate.open();
    await settle();
    expect(log).toEqual([]);
  });

  test("does not go on with the mailbox of a process whose handler ends during its farewell", async () => {
    const hand = new Gate();
    const gate = new Gate();
    const log: unknown[] = [];
    const kernel = withA({}, { limits: { drain: 100 } });
    const slow = program(
      ({ body }) => {
        log.push(body);
        return hand.passed;
      },
      { exit: () => gate.passed },
    );
    kernel.add(P, slow, { public: true });
    for (const body of ["in hand", "waits"]) tell(kernel.a.host, P, body);
    await settle();
    const stop = kernel.stop();
    await kernel.advance(110); // the drain is over
    hand.open();
    await settle();
    gate.open();
    await stop;
    expect(log).toEqual(["in hand"]);
  });

  test("lets a process that is leaving already say its farewell once", async () => {
    const gate = new Gate();
    let farewells = 0;
    const kernel = startKernel();
    const asker = new Recorder();
    kernel.add("asker:p:test", asker.program);
    const leaving = program((_, host) => host.exit(), {
      exit: () => {
        farewells++;
        return gate.passed;
      },
    });
    kernel.add(P, leaving);
    tell(asker.host, P, "leave");
    await settle();
    const stop = kernel.stop();
    await settle();
    gate.open();
    await stop;
    expect(farewells).toBe(1);
  });

  test("lets a process whose init ends during its farewell handle nothing", async () => {
    const init = new Gate();
    const gate = new Gate();
    const log: unknown[] = [];
    const kernel = withA({}, { limits: { drain: 100 } });
    kernel.add(
      P,
      program(({ body }) => void log.push(body), { init: () => init.passed, exit: () => gate.passed }),
      {
        public: true,
      },
    );
    tell(kernel.a.host, P, "early");
    const stop = kernel.stop();
    await kernel.advance(110);
    init.open();
    await settle();
    gate.open();
    await stop;
    expect(log).toEqual([]);
  });
});

test("a message whose handler kills its own process and then waits is a dead letter", async () => {
  const gate = new Gate();
  const kernel = withAB(
    program((_, { our }) => {
      kernel.node.kernel.registry.get(our.id)?.kill();
      return gate.passed;
    }),
  );
  tell(kernel.a.host, "b:b-package:template.os", 1);
  await settle();
  gate.open();
  await settle();
  expect(kernel.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", body: 1 }]);
});
