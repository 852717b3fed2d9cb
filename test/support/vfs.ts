/** A node with vfs:distro:sys over a folder of its own, and processes that may ask it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { createNode, type Node, type NodeOptions } from "../../kernel/index.ts";
import {
  Blob,
  type Capability,
  capability,
  Envelope,
  type Host,
  ProcessId,
  toAddress,
  type VfsAction,
} from "../../lib/protocol/index.ts";
import { type VfsOptions, vfsProcess } from "../../processes/vfs/vfs.ts";
import { Recorder } from "./recorder.ts";

export const VFS_ID = "vfs:distro:sys";
/** P of the contract's cases is of package b:c here: `/b:c/…` are its own drives. */
export const OWNER = "owner:b:c";
export const OTHER = "other:x:y";

export type VfsNode = {
  readonly node: Node;
  /** Where the drives are; "" with `folder: null`. */
  readonly folder: string;
  /** A process that may message the vfs; its calls. */
  host(id: string): Host;
  stop(): Promise<void>;
};

export function startVfs(options: Partial<VfsOptions> & { readonly nodeOptions?: Partial<NodeOptions> } = {}): VfsNode {
  const { nodeOptions, ...vfs } = options;
  const isOwn = vfs.folder === undefined;
  const folder = isOwn ? mkdtempSync(join(tmpdir(), "jackfield-test-vfs-")) : (vfs.folder ?? "");
  const node = createNode({ name: "alice.os", ...nodeOptions });
  node.addSystemProcess({
    id: ProcessId.parse(VFS_ID),
    program: vfsProcess({ ...vfs, folder: vfs.folder === null ? null : folder }),
  });
  return {
    node,
    folder,
    host(id) {
      const recorder = new Recorder();
      node.addProcess(ProcessId.parse(id), recorder.program, { requestCapabilities: [VFS_ID] });
      if (recorder.host === undefined) throw new Error("the process has not started");
      return recorder.host;
    },
    async stop() {
      await node.stop();
      if (isOwn) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Said = { readonly body: unknown; readonly text: string | null; readonly bytes: Uint8Array | null };

export async function said(
  host: Host,
  path: string,
  action: VfsAction | string | object,
  blob: Uint8Array | string | null = null,
  capabilities: readonly Capability[] = [],
): Promise<Said> {
  const answer = await askVfs(host, { path, action }, blob, capabilities);
  return { body: answer.body, text: answer.blob?.text() ?? null, bytes: answer.blob?.bytes() ?? null };
}

/** Only the body. */
export async function tell(
  host: Host,
  path: string,
  action: VfsAction | string | object,
  blob: Uint8Array | string | null = null,
): Promise<unknown> {
  return (await said(host, path, action, blob)).body;
}

export function askVfs(
  host: Host,
  body: unknown,
  blob: Uint8Array | string | null = null,
  capabilities: readonly Capability[] = [],
): Promise<Envelope> {
  const request = new Envelope(
    "request",
    host.our,
    toAddress(VFS_ID, "alice.os"),
    body,
    blob === null ? null : Blob.of(blob),
  );
  request.expectsResponse = 30;
  request.capabilities = capabilities;
  return host.call(request);
}

export function vfsCap(params: unknown): Capability {
  return capability(toAddress(VFS_ID, "alice.os"), JSON.stringify(params));
}

/** As an installer gives it. */
export function grant({ node }: VfsNode, id: string, params: unknown): void {
  node.kernel.registry.get(ProcessId.parse(id))?.capabilities.add(vfsCap(params));
}

export const ioError = (code: string): object => ({
  Err: { IOError: expect.stringMatching(new RegExp(`^${code}: `)) },
});
