/** Placed processes for tests of the kernel: nodes that are stopped afterwards, and a process that asks for the test. */
import type { KernelEvent } from "../../kernel/index.ts";
import type { Host, Placement } from "../../lib/protocol/index.ts";
import { type PlacedNode, startPlaced } from "./placed.ts";

export type CrashReport = Extract<KernelEvent, { type: "process-crashed" }>["report"];

export type PlacedStage = {
  readonly on: PlacedNode;
  /** Of a process that runs inline, `asker:test:sys`. */
  readonly host: Host;
  /** How the next crash of `id` is reported. */
  crash(id: string): Promise<CrashReport>;
};

const stops: (() => Promise<void>)[] = [];

export async function startPlacedStage(
  placement: Placement,
  limits: Readonly<Record<string, number>> = {},
): Promise<PlacedStage> {
  const on = await startPlaced(placement, { nodeOptions: { limits } });
  stops.push(on.stop);
  let host: Host | undefined;
  on.add("asker:test:sys", {
    start(started) {
      host = started;
      return { handle: () => undefined };
    },
  });
  if (host === undefined) throw new Error("the process has not started");
  const crash = (id: string): Promise<CrashReport> =>
    new Promise((resolve) => {
      const end = on.node.kernel.events.listen((event) => {
        if (event.type !== "process-crashed" || event.report.process !== id) return;
        end();
        resolve(event.report);
      });
    });
  return { on, host, crash };
}

/** For afterEach. */
export async function stopPlacedStages(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
}
