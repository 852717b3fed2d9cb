/** How often one process may be restarted, and that giving up can be seen everywhere (DESIGN §3.6). */
import { describe, expect, test } from "@jest/globals";
import type { RestartIntensity } from "../../lib/protocol/index.ts";
import { A, B, KERNEL, withA } from "../support/cast.ts";
import { ask, program, settle, silent, started, startKernel, stateOf, tell, thrownBy } from "../support/kernel.ts";

const fragile = program(({ body }) => {
  if (body === "throw") throw new Error("told to");
});

describe("restart: { max, seconds }", () => {
  test.each([
    [{ max: 0, seconds: 60 }, 1],
    [{ max: 2, seconds: 60 }, 3],
    [undefined, 9], // limits.restarts
  ])("of %j gives up with crash %i", async (restart, crashes) => {
    const { a, add, advance, node } = withA();
    const process = add(B, fragile, { public: true, onExit: "Restart", ...(restart === undefined ? {} : { restart }) });
    for (let crash = 1; crash <= crashes; crash++) {
      expect(process.state).toBe("running");
      tell(a.host, B, "throw");
      do await advance(100);
      while (process.state === "backoff");
    }
    expect([process.state, node.kernel.crashes.total]).toEqual(["gone", crashes]);
  });

  test("counts restarts within its own seconds", async () => {
    const { a, add, advance } = withA();
    const process = add(B, fragile, { public: true, onExit: "Restart", restart: { max: 1, seconds: 2 } });
    for (let crash = 0; crash < 4; crash++) {
      tell(a.host, B, "throw");
      await advance(2_000);
    }
    expect(process.state).toBe("running");
  });

  test("is given with spawn", async () => {
    const { a, advance, ...kernel } = withA();
    const id = await started(a.host).spawn({
      name: "one",
      program: fragile,
      onExit: "Restart",
      restart: { max: 0, seconds: 1 },
    });
    tell(a.host, id.text, "throw");
    await advance(1_000);
    expect(stateOf(kernel, id.text)).toBeUndefined();
  });

  test.each<[unknown]>([
    [{ max: -1, seconds: 1 }],
    [{ max: 1.5, seconds: 1 }],
    [{ max: 1, seconds: 0 }],
    [{ max: 1, seconds: 1e9 }],
    [{ max: "1", seconds: 1 }],
    [{ max: 1 }],
    ["often"],
    [null],
  ])("%j is refused, and makes nobody", async (value) => {
    const { a, node } = withA();
    const before = node.kernel.registry.size;
    const restart = value as RestartIntensity;
    expect(await thrownBy(() => started(a.host).spawn({ name: "one", program: silent, restart }))).toMatchObject({
      code: "invalid_option",
      message: `Cannot start process "one:a-package:template.os" as its restart must be {"max": 0 to 1000, "seconds": 0.001 to 86400}: got ${JSON.stringify(value)}, leave it out for 8 in 60 s`,
    });
    expect(node.kernel.registry.size).toBe(before);
  });
});

describe("a process that is given up", () => {
  test("is told as an event, and stays in the process map until one of its name comes", async () => {
    const kernel = withA({ requestCapabilities: [KERNEL] });
    kernel.add(B, fragile, { public: true, onExit: "Restart", restart: { max: 1, seconds: 60 } });
    for (let crash = 0; crash < 2; crash++) {
      tell(kernel.a.host, B, "throw");
      await kernel.advance(1_000);
    }
    expect(kernel.events).toContainEqual({ type: "process-gave-up", process: B, restarts: 1 });
    const query = async (Debug: unknown): Promise<unknown> => (await ask(kernel.a.host, KERNEL, { Debug })).body;
    const entry = { state: "gave_up", incarnation: 2, restarts: 1, on_exit: "Restart", public: true };
    expect(await query("ProcessMap")).toMatchObject({
      Debug: { ProcessMap: { [A]: { state: "running" }, [B]: entry } },
    });
    expect(await query({ Process: B })).toMatchObject({ Debug: { Process: entry } });
    kernel.add(B, silent);
    expect(await query("ProcessMap")).toMatchObject({
      Debug: { ProcessMap: { [B]: { state: "running", incarnation: 1 } } },
    });
  });

  test("is one of the last limits.crashReports that are shown", async () => {
    const { node, add } = startKernel({ limits: { crashReports: 2 } });
    for (const name of ["one", "two", "three"]) {
      const throws = program(() => undefined, { init: () => Promise.reject(new Error("told to")) });
      add(`${name}:p:k`, throws, { onExit: "Restart", restart: { max: 0, seconds: 1 } });
      await settle();
    }
    expect(node.kernel.givenUp.list().map(([process]) => process)).toEqual(["two:p:k", "three:p:k"]);
  });
});
