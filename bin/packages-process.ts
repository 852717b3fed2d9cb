/**
 * packages:distro:sys: has a running node change to what was installed or removed beside it (bin/install.ts).
 *
 *   {"Changed":{"id":"chess:template.os","folder":"/…/packages"}}  → {"Runs":"chess:template.os"}
 *   {"Removed":{…}}                                                 → {"Removed":"chess:template.os"}
 *   anything else, or what fails                                     → {"Err":"…","message":"…"}
 *
 * Needs  to message nobody. Not public: whoever may message it decides what code runs, as by RPC, which is root anyway.
 *        It loads what lies in its node's own store and nothing else: `folder` only says that the asker means that one.
 */
import { realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Node } from "../kernel/index.ts";
import type { Envelope, Program } from "../lib/protocol/index.ts";
import { textOf } from "../lib/protocol/index.ts";
import type { PackageStore } from "./package-store.ts";

export const PACKAGES = "packages:distro:sys";

type Asked = { readonly id: string; readonly folder: string };

/** @param node asked for with the first message: it is made before its processes run */
export function packagesProgram(node: Node, store: PackageStore): Program {
  return {
    start: (host) => ({
      async handle(message: Envelope) {
        if (message.kind !== "request" || message.rsvp === null) return;
        host.respond({ body: await answer(node, store, message.body) }, message);
      },
    }),
  };
}

async function answer(node: Node, store: PackageStore, body: unknown): Promise<unknown> {
  const [command, asked] = readCommand(body);
  if (asked === undefined) return { Err: "MalformedRequest" };
  if (real(asked.folder) !== real(store.folder)) return { Err: "OtherFolder", message: store.folder };
  try {
    const loaded = node.packages.get(asked.id);
    if (loaded !== undefined && dirname(loaded.folder) !== store.folder)
      return { Err: "GivenByHand", message: loaded.folder };
    const installed = store.get(asked.id);
    if (command === "Removed") {
      if (installed !== undefined) return { Err: "NotRemoved", message: `${asked.id} was installed again meanwhile` };
      const isThere = node.removePackage(asked.id);
      await node.kernel.capabilityRecords.flushed();
      store.forgotten(asked.id);
      return isThere ? { Removed: asked.id } : { Err: "NotThere" };
    }
    if (installed === undefined) return { Err: "NotInstalled" };
    store.link();
    await node.changePackage(installed.folder);
    store.tidy(asked.id);
    return { Runs: asked.id };
  } catch (error) {
    return { Err: "NotLoaded", message: textOf(error) };
  }
}

function readCommand(body: unknown): readonly [string, Asked | undefined] {
  const [command = "", asked] = Object.entries(Object(body) as object)[0] ?? [];
  const { id, folder } = Object(asked) as Partial<Asked>;
  const isKnown =
    (command === "Changed" || command === "Removed") && typeof id === "string" && typeof folder === "string";
  return [command, isKnown ? { id, folder } : undefined];
}

/** One folder may be called by several names. */
function real(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return resolve(folder); // it is not there
  }
}
