/** Serves a folder of a package as static paths. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { OptionError } from "../protocol/index.ts";
import type { Context, HttpBinding } from "./context.ts";
import { mimeType } from "./mime.ts";

const FILES_MAX = 1000; // files: each is held in memory; a larger front end wants a file server

/** @throws {OptionError} the process has no folder, or `folder` is not inside it or holds too much */
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
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length > FILES_MAX)
    throw new OptionError(`Cannot serve "${folder}" as it holds more than ${FILES_MAX} files: got ${files.length}`);
  for (const file of files) {
    const path = `/${relative(base, file).split(sep).join("/")}`;
    const content = await readFile(file);
    const options = { ...binding, mime: mimeType(file) };
    await ctx.bindStatic(path, content, options);
    if (path === "/index.html") await ctx.bindStatic("/", content, options);
  }
  return files.length;
}
