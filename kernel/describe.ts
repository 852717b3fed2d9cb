/** A process as the kernel's debug queries show it (PROTOCOL.md §15). */
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
  readonly uptimeMs: number | null;
  /** Messages that its present incarnation was given. */
  readonly handled: number;
  /** In its mailbox. */
  readonly waiting: number;
  readonly capacity: number;
  readonly parent: string | null;
  readonly children: number;
  readonly placement: string;
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
      uptimeMs: startedAt === null ? null : Math.round(kernel.clock.monotonic() - startedAt),
      handled: process.handled,
      waiting: process.mailbox.length,
      capacity: process.mailbox.capacity,
      parent: kernel.family.parentOf(process)?.address.id.text ?? null,
      children: kernel.family.childrenOf(process).length,
      placement: "inline",
    },
  ];
}
