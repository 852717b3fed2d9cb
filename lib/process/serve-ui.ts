/**
 * Serves a folder of a package as static paths.
 *
 * What a bundler has named after its content is kept by browsers for a year and never asked for again; everything else,
 * pages above all, is asked for each time and costs a 304 while it is the same. Names that begin with a dot are not for
 * others (`.env`, `.git`): they are left out, but for `.well-known` (RFC 8615).
 */
import { relative, resolve, sep } from "node:path";
import { type HttpHeaders, OptionError, textOf } from "../protocol/index.ts";
import type { HttpBinding, StaticBinding } from "./bindings.ts";
import type { Context } from "./context.ts";
import { FolderReader } from "./folder-reader.ts";
import { mimeType } from "./mime.ts";

export type UiBinding = HttpBinding & {
  /**
   * True: a path that is no file is answered with index.html when a browser navigates to it, else with 404. False: 404.
   * Left out: with index.html, as whatever is bound at `/` does (contract kinode §5.3).
   */
  readonly spa?: boolean;
  /** Whether the file at `path` never changes under this name. Default: it has a hash in it, see `hasHash`. */
  readonly immutable?: (path: string) => boolean;
  /** With every file, e.g. Content-Security-Policy. A Cache-Control stands in place of the two of serveUi's own. */
  readonly headers?: HttpHeaders;
};

const FOR_EVER = { "Cache-Control": "public, max-age=31536000, immutable" }; // a year, as long as RFC 9111 wants
const ASK_EACH_TIME = { "Cache-Control": "no-cache" };

const FILES_MAX = 1000; // files: each is held in memory; a larger front end wants a file server

/** @throws {OptionError} the process has no folder, or `folder` is none inside it, or holds too much */
export async function serveUi(
  ctx: Pick<Context, "host" | "bindStatic">,
  folder: string,
  { spa, immutable = hasHash, headers: given = {}, ...binding }: UiBinding,
): Promise<number> {
  const root = ctx.host.folder;
  if (root === null)
    throw new OptionError(`Cannot serve "${folder}" as this process was made in memory: load it from a package folder`);
  const base = resolve(root, folder);
  if (!base.startsWith(root + sep))
    throw new OptionError(`Cannot serve "${folder}" as it is outside the package's folder: move it inside`);
  // Only the folder itself may be a link: filesIn() walks into none, and a link to a file is no file to it.
  const reader = new FolderReader();
  const realRoot = await reader.realpath(root);
  const realBase = await reader.realpath(base).catch(() => base);
  if (!realBase.startsWith(realRoot + sep))
    throw new OptionError(`Cannot serve "${folder}" as it leads outside the package's folder: replace the link`);
  const found = await reader.filesIn(base).catch((cause: unknown) => {
    throw new OptionError(`Cannot serve "${folder}" as it is no folder of the package: ${textOf(cause)}`, { cause });
  });
  const files = found.filter((file) => !isHidden(relative(base, file)));
  if (files.length > FILES_MAX)
    throw new OptionError(`Cannot serve "${folder}" as it holds more than ${FILES_MAX} files: got ${files.length}`);
  for (const file of files) {
    const [path = "/", ...others] = urlPaths(relative(base, file));
    const content = await reader.readFile(file);
    const headers = withKeeping(given, immutable(path) ? FOR_EVER : ASK_EACH_TIME);
    const options = { ...binding, mime: mimeType(file), headers };
    for (const each of [path, ...others]) await bind(ctx, each, content, options);
    if (path === "/index.html") await bind(ctx, "/", content, { ...options, ...fallback(spa) });
  }
  return files.length;
}

function isHidden(path: string): boolean {
  return path.split(sep).some((name) => name.startsWith(".") && name !== ".well-known");
}

async function bind(ctx: Pick<Context, "bindStatic">, path: string, ...rest: BindRest): Promise<void> {
  const result = await ctx.bindStatic(path, ...rest);
  if ("Err" in result)
    throw new OptionError(
      `Cannot serve "${path}" as the http-server refused it: ${result.Err}; see limits bindingsPerProcess and staticBytes`,
    );
}

function fallback(spa: boolean | undefined): Pick<StaticBinding, "fallback"> {
  return spa === undefined ? {} : { fallback: spa ? "pages" : "none" };
}

/**
 * Whether a bundler has put a hash of the content into the name: `main.3f2a9c1b.js` (a dot, then 8 or more letters and
 * digits, both kinds) or Vite's `index-BKx3jd9a.js` (8 characters with capitals, small letters and digits). What is
 * missed costs a 304 each time; what is taken wrongly would stay as it is in browsers for a year.
 */
export function hasHash(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dotted = /\.([A-Za-z0-9_-]{8,})\.(?:[a-z0-9]+\.)*[a-z0-9]+$/.exec(name)?.[1];
  if (dotted !== undefined && /\d/.test(dotted) && /[A-Za-z]/.test(dotted)) return true;
  const dashed = /-([A-Za-z0-9_-]{8})\.(?:[a-z0-9]+\.)*[a-z0-9]+$/.exec(name)?.[1];
  return dashed !== undefined && /\d/.test(dashed) && /[A-Z]/.test(dashed) && /[a-z]/.test(dashed);
}

type BindRest = Parameters<Context["bindStatic"]> extends [string, ...infer Rest] ? Rest : never;

/**
 * As browsers ask for it: percent-encoded as they do it themselves, and as who wrote the page may have done it, more
 * strictly (Next.js writes `%5Bid%5D`), since nothing is decoded here. No name may be taken for a `:parameter` or a
 * `*wildcard`.
 */
function urlPaths(file: string): readonly string[] {
  const names = file.split(sep);
  const url = new URL("http://node/");
  url.pathname = names.join("/").replaceAll("%", "%25");
  const strictly = [encodeURI, encodeURIComponent].map((coded) => `/${names.map(coded).join("/")}`);
  const paths = [url.pathname, ...strictly.filter((path) => !/[?#]/.test(path))];
  return [...new Set(paths.map((path) => path.replaceAll("/:", "/%3A").replaceAll("/*", "/%2A")))];
}

function withKeeping(given: HttpHeaders, keeping: HttpHeaders): HttpHeaders {
  const says = Object.keys(given).some((name) => name.toLowerCase() === "cache-control");
  return says ? given : { ...keeping, ...given };
}
