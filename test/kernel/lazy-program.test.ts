/** A program that is loaded with the first message of its process. */
import { describe, expect, test } from "@jest/globals";
import { lazyProgram } from "../../kernel/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import { A, B, withAB } from "../support/cast.ts";
import { ask, echo, Gate, settle, stateOf, tell } from "../support/kernel.ts";

describe("lazyProgram()", () => {
  test("is loaded once, with the first message, and its init runs before that is handled", async () => {
    const seen: string[] = [];
    const load = async (): Promise<Program> => {
      seen.push("load");
      return {
        start: (host) => {
          const { handle, ...rest } = echo.start(host);
          return { ...rest, handle, init: () => void seen.push("init"), exit: () => void seen.push("exit") };
        },
      };
    };
    const { a, stop } = withAB(lazyProgram(load));
    await settle();
    expect(seen).toEqual([]);
    expect((await ask(a.host, B, 1)).body).toBe(1);
    expect((await ask(a.host, B, 2)).body).toBe(2);
    await stop();
    expect(seen).toEqual(["load", "init", "exit"]);
  });

  test("that does not load crashes its process, and is loaded anew by the next incarnation", async () => {
    let loads = 0;
    const load = async (): Promise<Program> => {
      if (++loads === 1) throw new Error("no such file");
      return echo;
    };
    const { a, advance, events } = withAB(lazyProgram(load), { onExit: "Restart" });
    await expect(ask(a.host, B, 1)).rejects.toMatchObject({ kind: "Offline" });
    expect(events).toContainEqual(expect.objectContaining({ type: "process-crashed" }));
    await advance(20);
    expect((await ask(a.host, B, 2)).body).toBe(2);
  });

  test("whose process was killed while it was loaded does not begin", async () => {
    const gate = new Gate();
    let starts = 0;
    const load = async (): Promise<Program> => {
      await gate.passed;
      return {
        start: (host) => {
          starts++;
          return echo.start(host);
        },
      };
    };
    const cast = withAB(lazyProgram(load));
    tell(cast.a.host, B, 1);
    await settle();
    cast.node.kernel.registry
      .all()
      .find(({ address }) => address.id.text === B)
      ?.kill();
    gate.open();
    await settle();
    expect([starts, stateOf(cast, B), stateOf(cast, A)]).toEqual([0, undefined, "running"]);
  });
});
