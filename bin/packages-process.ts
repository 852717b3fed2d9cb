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
  if (asked.folder !== store.folder) return { Err: "OtherFolder", message: store.folder };
  try {
    if (command === "Removed") return node.removePackage(asked.id) ? { Removed: asked.id } : { Err: "NotThere" };
    const installed = store.get(asked.id);
    if (installed === undefined) return { Err: "NotInstalled" };
    const loaded = node.packages.get(asked.id);
    if (loaded !== undefined && !loaded.folder.startsWith(store.folder))
      return { Err: "GivenByHand", message: loaded.folder };
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
