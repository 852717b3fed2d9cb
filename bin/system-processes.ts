/**
 * The system processes that a node has besides kernel and http-server, in the order they start.
 *
 * Each is loaded with its first message, so that a start pays for none; state is not, as all that remember ask it first.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { lazyProgram, PlacedProgram, type RegisterOptions } from "../kernel/index.ts";
import { ProcessId, type Program } from "../lib/protocol/index.ts";
import { type AlongOf, stateProcess } from "../processes/state/state.ts";
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
  along?: AlongOf,
): readonly RegisterOptions[] {
  return [
    {
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(state, along),
      public: true,
      trusted: true,
    },
    { id: ProcessId.parse("timer:distro:sys"), program: lazyProgram(timer), public: true, trusted: true },
    { id: ProcessId.parse("kv:distro:sys"), program: lazyProgram(() => kv(data.path("kv"))) },
    { id: ProcessId.parse("sqlite:distro:sys"), program: lazyProgram(sqlite), folder: data.path("sqlite") },
    { id: ProcessId.parse("vfs:distro:sys"), program: lazyProgram(() => vfs(data.path("vfs"))) },
    { id: ProcessId.parse("http-client:distro:sys"), program: lazyProgram(httpClient) },
    { id: ProcessId.parse("streams:distro:sys"), program: lazyProgram(streams()), public: true, trusted: true },
  ];
}

async function timer(): Promise<Program> {
  const { timerProcess } = await import("../processes/timer/timer.ts");
  return timerProcess();
}

async function kv(folder: string | null): Promise<Program> {
  const { kvProcess } = await import("../processes/kv/kv.ts");
  const { KV_LIMITS } = await import("../processes/kv/limits.ts");
  const { diskStore } = await import("../processes/kv/disk-store.ts");
  const { memoryStore } = await import("../processes/kv/memory-store.ts");
  return kvProcess(async () => (folder === null ? memoryStore(KV_LIMITS.memoryBytes) : await diskStore(folder)));
}

/** In a thread of its own: a long query holds up other databases, but not the node. Run from source, as tests do, inline. */
async function sqlite(): Promise<Program> {
  const file = fileURLToPath(new URL("../processes/sqlite/sqlite.js", import.meta.url));
  if (existsSync(file)) return new PlacedProgram("worker", file);
  return (await import("../processes/sqlite/sqlite.ts")).default;
}

async function vfs(folder: string | null): Promise<Program> {
  const { vfsProcess } = await import("../processes/vfs/vfs.ts");
  return vfsProcess({ folder });
}

async function httpClient(): Promise<Program> {
  const { httpClientProcess } = await import("../processes/http-client/http-client.ts");
  return httpClientProcess();
}

/** Its names outlive an incarnation, so the program is made once. */
function streams(): () => Promise<Program> {
  let made: Promise<Program> | undefined;
  return () => {
    made ??= import("../processes/streams/streams.ts").then(({ streamsProcess }) => streamsProcess());
    return made;
  };
}
