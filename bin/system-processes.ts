/**
 * The system processes that a node has besides kernel and http-server, in the order they start.
 *
 * Each is loaded with its first message, so that a start pays for none; state is not, as all that remember ask it first.
 */
import { lazyProgram, type RegisterOptions } from "../kernel/index.ts";
import { ProcessId } from "../lib/protocol/index.ts";
import { stateProcess } from "../processes/state/state.ts";
import { diskStore, memoryStore } from "../processes/state/store.ts";
import type { DataFolder } from "./data-folder.ts";

export function systemProcesses(data: DataFolder): readonly RegisterOptions[] {
  const state = data.path("state");
  return [
    {
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(state === null ? memoryStore() : diskStore(state)),
      public: true,
      trusted: true,
    },
    {
      id: ProcessId.parse("vfs:distro:sys"),
      program: lazyProgram(() =>
        import("../processes/vfs/vfs.ts").then(({ vfsProcess }) => vfsProcess({ folder: data.path("vfs") })),
      ),
    },
    {
      id: ProcessId.parse("http-client:distro:sys"),
      program: lazyProgram(() =>
        import("../processes/http-client/http-client.ts").then(({ httpClientProcess }) => httpClientProcess()),
      ),
    },
  ];
}
