/**
 * Hanami's page, at `/ui/`: on the mounted port all other paths are the clients'. It logs in like any client, so it is
 * served to everybody.
 *
 * `serveUi` would put it at `/`, where the REST is.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { mimeType } from "jackfield/process";
import type { Ctx } from "./endpoint.ts";

const FILES = ["index.html", "hanami.js", "hanami.css"];
const ASK_EACH_TIME = { "Cache-Control": "no-cache" };

/** At `/ui` and `/ui/`, which are one path to the http-server, a relative address could lead to two places. */
const TO_PAGE = `<!doctype html><meta charset="utf-8"><title>Hanami</title>
<script>location.replace(location.pathname.replace(/\\/?$/, "/index.html"))</script>
<noscript>The page needs scripts.</noscript>`;

/** The path of the page, below a process or a mounted port. */
export const PAGE = "/ui/index.html";

export async function bindPage(ctx: Ctx): Promise<void> {
  const { folder } = ctx.host;
  if (folder === null) return; // made in memory
  for (const file of FILES) {
    const content = await readFile(join(folder, "ui", file));
    await ctx.bindStatic(`/ui/${file}`, content, {
      authenticated: false,
      mime: mimeType(file),
      headers: ASK_EACH_TIME,
    });
  }
  await ctx.bindStatic("/ui", TO_PAGE, {
    authenticated: false,
    mime: "text/html; charset=utf-8",
    headers: ASK_EACH_TIME,
  });
  const app = { label: "Hanami", description: "Data sets and clusters", path: `/${ctx.our.id.text}${PAGE}` };
  ctx.request("homepage:homepage:sys").body({ Add: app }).send();
}
