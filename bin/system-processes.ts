/**
 * The system processes that a node has besides kernel and http-server, in the order they start.
 *
 * Each is loaded with its first message, so that a start pays for none; state is not, as all that remember ask it first.
 */
import type { RegisterOptions } from "../kernel/index.ts";
import { ProcessId } from "../lib/protocol/index.ts";
import { stateProcess } from "../processes/state/state.ts";
import type { StateStore } from "../processes/state/store.ts";
import type { DataFolder } from "./data-folder.ts";

/** @param data where the others keep theirs @param state opened before: what the kernel keeps is there too */
export function systemProcesses(_data: DataFolder, state: StateStore): readonly RegisterOptions[] {
  return [
    {
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(state),
      public: true,
      trusted: true,
    },
  ];
}
