/** What goes wrong while a node stops costs its own time only, and is not begun anew. */
import { describe, expect, test } from "@jest/globals";
import { B, C, withA } from "../support/cast.ts";
import { program, tell } from "../support/kernel.ts";

const D = "d:d-package:template.os";

const never = (): Promise<void> => new Promise(() => undefined);

describe("Node.stop() when a process fails", () => {
  test("does not start again what crashes while it drains", async () => {
    const kernel = withA();
    kernel.add(
      B,
      program(() => {
        throw new Error("late");
      }),
      { public: true, onExit: "Restart" },
    );
    tell(kernel.a.host, B, "crash");
    await kernel.stop();
    const started = kernel.events.filter((event) => event.type === "process-started" && event.process === B);
    expect(started).toHaveLength(1);
    expect(kernel.events).toContainEqual({ type: "process-gone", process: B, why: "crash" });
  });

  test("waits limits.drain once for all packages whose exit hangs", async () => {
    const kernel = withA({}, { limits: { drain: 1_000 } });
    for (const id of [B, C, D])
      kernel.add(
        id,
        program(() => undefined, { exit: never }),
      );
    expect(await kernel.stop()).toBeLessThan(1_100);
  });
});
