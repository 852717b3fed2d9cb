/** Serves a folder of a package as static paths. */
import { readdir, readFile, realpath } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { OptionError, textOf } from "../protocol/index.ts";
import type { Context, HttpBinding } from "./context.ts";
import { mimeType } from "./mime.ts";

const FILES_MAX = 1000; // files: each is held in memory; a larger front end wants a file server

/** @throws {OptionError} the process has no folder, or `folder` is none inside it, or holds too much */
export async function serveUi(
  ctx: Pick<Context, "host" | "bindStatic">,
  folder: string,
  binding: HttpBinding,
): Promise<number> {
  const root = ctx.host.folder;
  if (root === null)
    throw new OptionError(`Cannot serve "${folder}" as this process was made in memory: load it from a package folder`);
  const base = resolve(root, folder);
  if (!base.startsWith(root + sep))
    throw new OptionError(`Cannot serve "${folder}" as it is outside the package's folder: move it inside`);
  // Only the folder itself may be a link: readdir walks into none, and a link to a file is no file to it.
  const [realRoot, realBase] = await Promise.all([realpath(root), realpath(base).catch(() => base)]);
  if (!realBase.startsWith(realRoot + sep))
    throw new OptionError(`Cannot serve "${folder}" as it leads outside the package's folder: replace the link`);
  const entries = await readdir(base, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new OptionError(`Cannot serve "${folder}" as it is no folder of the package: ${textOf(cause)}`, { cause });
  });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length > FILES_MAX)
    throw new OptionError(`Cannot serve "${folder}" as it holds more than ${FILES_MAX} files: got ${files.length}`);
  for (const file of files) {
    const path = urlPath(relative(base, file));
    const content = await readFile(file);
    const options = { ...binding, mime: mimeType(file) };
    await bind(ctx, path, content, options);
    if (path === "/index.html") await bind(ctx, "/", content, options);
  }
  return files.length;
}

async function bind(ctx: Pick<Context, "bindStatic">, path: string, ...rest: BindRest): Promise<void> {
  const result = await ctx.bindStatic(path, ...rest);
  if ("Err" in result)
    throw new OptionError(
      `Cannot serve "${path}" as the http-server refused it: ${result.Err}; see limits bindingsPerProcess and staticBytes`,
    );
}

type BindRest = Parameters<Context["bindStatic"]> extends [string, ...infer Rest] ? Rest : never;

/** As browsers ask for it, percent-encoded; and no name may be taken for a `:parameter` or a `*wildcard`. */
function urlPath(file: string): string {
  const url = new URL("http://node/");
  url.pathname = file.replaceAll("%", "%25").split(sep).join("/");
  return url.pathname.replaceAll("/:", "/%3A").replaceAll("/*", "/%2A");
}
