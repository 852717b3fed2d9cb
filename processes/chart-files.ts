/**
 * The chart library that live pages draw with, uPlot, as two static paths: `<folder>/uplot.js` and `<folder>/uplot.css`.
 *
 *   await bindChart(ctx, "/ui");                     // in init
 *   import uPlot from "./uplot.js";                  // in the page's module
 *   <link rel="stylesheet" href="uplot.css" />
 *
 * 1. The files are found as Node finds the package, from here or from dist: also where npm has put it beside this one.
 * 2. Its smallest build is a script that leaves one name behind; one line makes a module of it.
 * 3. It does not load where the browser's language is none that Intl knows, as of a headless one under LANG=C, whose is
 *    `en-US@posix`: one line before it mends that.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Context } from "jackfield/process";
import { OptionError } from "jackfield/protocol";

const SCRIPT = "uplot/dist/uPlot.iife.min.js"; // 51 kB; the module beside it has 145 kB, as it is not minified
const STYLE = "uplot/dist/uPlot.min.css";

const LANGUAGE =
  'try { new Intl.NumberFormat(globalThis.navigator?.language); } catch { Object.defineProperty(navigator, "language", { value: "en-US" }); }';

/** Binds both files, open to all as the pages that use them. @throws {OptionError} the http-server has no room for them */
export async function bindChart(ctx: Pick<Context, "bindStatic">, folder: string): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  const script = await readFile(resolve(SCRIPT), "utf8");
  await bind(
    ctx,
    `${folder}/uplot.js`,
    `${LANGUAGE}\n${script}\nexport default uPlot;\n`,
    "text/javascript; charset=utf-8",
  );
  await bind(ctx, `${folder}/uplot.css`, await readFile(resolve(STYLE), "utf8"), "text/css; charset=utf-8");
}

async function bind(ctx: Pick<Context, "bindStatic">, path: string, text: string, mime: string): Promise<void> {
  const headers = { "Cache-Control": "no-cache" }; // asked for each time, which costs a 304
  const result = await ctx.bindStatic(path, text, { authenticated: false, mime, headers });
  if ("Err" in result)
    throw new OptionError(
      `Cannot serve "${path}" as the http-server refused it: ${result.Err}; see limits bindingsPerProcess and staticBytes`,
    );
}
