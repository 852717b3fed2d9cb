/** A process as the kernel's debug queries show it (PROTOCOL.md §15). */
import type { Placement } from "../lib/protocol/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** The first five are the contract's (kinode §3.5). */
export type ProcessEntry = {
  readonly wasm_bytes_handle: string;
  readonly wit_version: number;
  readonly on_exit: unknown;
  readonly capabilities: readonly unknown[];
  readonly public: boolean;
  /** `gave_up`: it ended too often and is gone; its entry stays until a process of its name comes. */
  readonly state: Process["state"] | "gave_up";
  readonly incarnation: number;
  /** Incarnations but the first. */
  readonly restarts: number;
  /** Of its present incarnation, milliseconds; null: there is none. */
  readonly uptime_ms: number | null;
  /** Messages that its present incarnation was given. */
  readonly handled: number;
  /** In its mailbox. */
  readonly waiting: number;
  readonly capacity: number;
  /** Since it was registered, at one time. */
  readonly waited_at_most: number;
  /** Messages that found it full. */
  readonly refused: number;
  readonly parent: string | null;
  readonly children: number;
  readonly placement: Placement;
  /** Which thread or operating-system process that is; null: the node's own thread, or there is none at present. */
  readonly place: string | null;
};

export type NamedEntry = readonly [process: string, entry: ProcessEntry];

export function describe(kernel: Kernel, process: Process): NamedEntry {
  const { id } = process.address;
  const { onExit, startedAt } = process;
  return [
    id.text,
    {
      wasm_bytes_handle: process.file === "" ? "" : `/${id.packageId.text}/pkg/${process.file}`,
      wit_version: 1,
      on_exit:
        typeof onExit === "string"
          ? onExit
          : { Requests: onExit.Requests.map(({ target, body }) => ({ target, body })) },
      capabilities: process.capabilities.list(),
      public: process.public,
      state: process.state,
      incarnation: process.incarnation,
      restarts: Math.max(0, process.incarnation - 1),
      uptime_ms: startedAt === null ? null : Math.round(kernel.clock.monotonic() - startedAt),
      handled: process.handled,
      waiting: process.mailbox.length,
      capacity: process.mailbox.capacity,
      waited_at_most: process.mailbox.waitedAtMost,
      refused: process.mailbox.refused,
      parent: kernel.family.parentOf(process)?.address.id.text ?? null,
      children: kernel.family.childrenOf(process).length,
      placement: process.placement,
      place: process.place,
    },
  ];
}
