/**
 * A node for one test whose processes run where the test says: inline, in a worker thread, or in an operating-system process.
 *
 * Programs are files in test/support/programs, plain JavaScript that imports `jackfield/process`: a realm runs what is
 * built (dist/), as Node 20 reads no TypeScript there. So build before: `npm test` does.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AddProcessOptions, NodeOptions, Process } from "../../kernel/index.ts";
import { findProgram } from "../../kernel/package.ts";
import { type Placement, ProcessId } from "../../lib/protocol/index.ts";
import { startTestNode, type TestNode, type TestNodeOptions } from "./node.ts";

export const PLACEMENTS: readonly Placement[] = ["inline", "worker", "isolated"];
export const PROGRAMS: string = fileURLToPath(new URL("./programs/", import.meta.url));

export const REALM_ENTRY: URL = new URL("../../dist/bin/realm.js", import.meta.url);
const HTTP_SERVER = "http-server:distro:sys";

export type PlacedNode = TestNode & {
  /** Runs `file` of test/support/programs under `id`, by default where the node was started for, and public. */
  addFile(id: string, file: string, options?: AddFileOptions): Promise<Process>;
};

export type AddFileOptions = AddProcessOptions & { readonly placement?: Placement; readonly mailbox?: number };

/** Always `await stop()` in the end, also after a failure: use it in afterEach. */
export async function startPlaced(placement: Placement, options: TestNodeOptions = {}): Promise<PlacedNode> {
  if (!existsSync(REALM_ENTRY)) throw new Error("Cannot start a realm as dist/ is not built: node scripts/build.mjs");
  const nodeOptions: Partial<NodeOptions> = { realmEntry: REALM_ENTRY, ...options.nodeOptions };
  const started = await startTestNode({ ...options, nodeOptions });
  const { kernel } = started.node;
  return {
    ...started,
    async addFile(text, file, given = {}) {
      const id = ProcessId.parse(text);
      const { placement: where = placement, requestCapabilities, grantCapabilities, ...rest } = given;
      const process = kernel.register({
        id,
        program: await findProgram(PROGRAMS, file, text, where),
        folder: PROGRAMS,
        file,
        public: true,
        ...rest,
      });
      for (const cap of kernel.asked(requestCapabilities ?? [HTTP_SERVER])) process.capabilities.add(cap);
      kernel.grantOwn(process, grantCapabilities ?? [HTTP_SERVER]);
      process.run();
      return process;
    },
  };
}

/** Fulfilled with what `process` is once its init is through, or it has ended. */
export async function started(process: Process): Promise<Process["state"]> {
  const end = Date.now() + 40_000; // ms: a busy machine; usually 0.2 s
  while (process.state !== "running" && process.state !== "gone" && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return process.state;
}
