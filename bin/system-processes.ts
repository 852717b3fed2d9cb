/**
 * The system processes that a node has besides kernel and http-server, in the order they start.
 *
 * Each is loaded with its first message, so that a start pays for none; state is not, as all that remember ask it first.
 */
import type { RegisterOptions } from "../kernel/index.ts";
import { ProcessId } from "../lib/protocol/index.ts";
import { stateProcess } from "../processes/state/state.ts";
import { diskStore, memoryStore, type StateStore } from "../processes/state/store.ts";
import type { DataFolder } from "./data-folder.ts";

/** What processes and the kernel keep; in memory where there is no folder. */
export function openState(data: Pick<DataFolder, "path">): StateStore {
  const folder = data.path("state");
  return folder === null ? memoryStore() : diskStore(folder);
}

export function systemProcesses(
  data: Pick<DataFolder, "path">,
  state: StateStore = openState(data),
): readonly RegisterOptions[] {
  return [
    {
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(state),
      public: true,
      trusted: true,
    },
  ];
}
