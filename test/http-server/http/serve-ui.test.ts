/** A package's folder as static paths: serveUi in a node, by the homepage and by a package made here. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type HttpNode, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { destroyAll } from "../../support/sockets.ts";

const SITE = "site:site:template.os";
const HOMEPAGE_FOLDER = new URL("../../../processes/homepage", import.meta.url).pathname;

/** Serves the folder it is told, to all, and answers with what serveUi says. */
const PROGRAM = `
import { defineProcess } from "jackfield/process";
export default defineProcess({
  async onRequest(_, message, ctx) {
    try {
      const { folder, ...options } = typeof message.body === "string" ? { folder: message.body } : message.body;
      ctx.respond(await ctx.serveUi(folder, { authenticated: false, ...options }));
    } catch (error) {
      ctx.respond(error.message);
    }
  },
});
`;

const folders: string[] = [];

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("the homepage's files stand at bare paths, for who has logged in", async () => {
    const alice = await startHttpNode({ transport });
    await alice.node.addPackage(HOMEPAGE_FOLDER);
    await served(alice, "homepage:homepage:sys", "GetApps");
    const headers = { cookie: alice.cookie };
    const start = await alice.ask({ path: "/", headers });
    expect(start).toMatchObject({ status: 200 });
    expect(start.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(start.body).toContain("<title>Jackfield</title>");
    // A page of this machine is of the same site, and gets the visitor's cookies: no frame may hold the log-out button.
    expect(start.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(start.headers["x-frame-options"]).toBe("DENY");
    expect((await alice.ask({ path: "/index.html", headers })).body).toBe(start.body);
    expect((await alice.ask({ path: "/homepage.css", headers })).headers["content-type"]).toBe(
      "text/css; charset=utf-8",
    );
    expect(await alice.ask({ path: "/apps.json", headers })).toMatchObject({ status: 200, body: "[]" });
    expect((await alice.ask({ path: "/apps.json" })).status).toBe(401);
    expect((await alice.ask({ path: "/", headers: { accept: "text/html" } })).body).toContain("Log in to alice.os");
  });

  test("every file of a folder is served as what it is, its index at / and for paths nobody bound", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/index.html": "<h1>", "ui/a/b.js": "let b", "ui/a/c.unknown": "c", "other/x.txt": "x" });
    expect(await served(alice, SITE, "ui")).toBe(3);
    for (const [path, type, body] of [
      ["", "text/html; charset=utf-8", "<h1>"],
      ["/", "text/html; charset=utf-8", "<h1>"],
      ["/index.html", "text/html; charset=utf-8", "<h1>"],
      ["/a/b.js", "text/javascript; charset=utf-8", "let b"],
      ["/a/c.unknown", "application/octet-stream", "c"],
      ["/deep/link", "text/html; charset=utf-8", "<h1>"],
      ["/other/x.txt", "text/html; charset=utf-8", "<h1>"],
    ]) {
      const answer = await alice.ask({ path: `/${SITE}${path}` });
      expect([path, answer.status, answer.headers["content-type"], answer.body]).toEqual([path, 200, type, body]);
    }
  });

  test("spa: a path that a browser navigates to is the page, a missing file is 404; hashed names are kept for ever", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/index.html": "<h1>", "ui/assets/index-BKx3jd9a.js": "let b", "ui/a.css": "a" });
    expect(await served(alice, SITE, { folder: "ui", spa: true })).toBe(3);
    const ask = (path: string, accept: string) => alice.ask({ path: `/${SITE}${path}`, headers: { accept } });
    const page = "text/html,application/xhtml+xml,*/*;q=0.8";
    expect(await ask("/deep/link", page)).toMatchObject({
      status: 200,
      body: "<h1>",
      headers: { "cache-control": "no-cache" },
    });
    for (const [accept, body] of [
      [page, "nothing is served at this path\n"],
      ["*/*", ""],
    ] as const)
      expect(await ask("/assets/index-OLD4jd9a.js", accept)).toMatchObject({ status: 404, body });
    expect((await ask("/deep/link", "*/*")).status).toBe(404);
    for (const [path, control] of [
      ["/", "no-cache"],
      ["/index.html", "no-cache"],
      ["/a.css", "no-cache"],
      ["/assets/index-BKx3jd9a.js", "public, max-age=31536000, immutable"],
    ] as const)
      expect((await ask(path, "*/*")).headers["cache-control"]).toBe(control);
  });

  test("spa: false serves the files alone, and behind a login they are private", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/index.html": "<h1>", "ui/x-BKx3jd9a.js": "let b" });
    await served(alice, SITE, { folder: "ui", spa: false, authenticated: true });
    const headers = { accept: "text/html", cookie: alice.cookie };
    expect((await alice.ask({ path: `/${SITE}/deep`, headers })).status).toBe(404);
    expect((await alice.ask({ path: `/${SITE}`, headers })).headers["cache-control"]).toBe("private, no-cache");
    const asset = await alice.ask({ path: `/${SITE}/x-BKx3jd9a.js`, headers });
    expect(asset.headers["cache-control"]).toBe("private, max-age=31536000, immutable");
  });

  test("a file is found however its name is percent-encoded: by the browser, or by who wrote the page", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/@a/[id]-1.js": "let id", "ui/50% é+(1).txt": "half" });
    expect(await served(alice, SITE, { folder: "ui", spa: true })).toBe(2);
    for (const [path, body] of [
      ["/@a/[id]-1.js", "let id"], // Chromium's and Firefox's own
      ["/@a/%5Bid%5D-1.js", "let id"], // encodeURI
      ["/%40a/%5Bid%5D-1.js", "let id"], // encodeURIComponent of each name, as in the pages of Next.js
      ["/50%25%20%C3%A9+(1).txt", "half"],
      ["/50%25%20%C3%A9%2B(1).txt", "half"],
    ] as const)
      expect([path, await alice.ask({ path: `/${SITE}${path}` })]).toMatchObject([path, { status: 200, body }]);
  });

  test("headers go out with each file; a Cache-Control among them stands in place of its own", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/index.html": "<h1>", "ui/x-BKx3jd9a.js": "let b" });
    const policy = { "Content-Security-Policy": "default-src 'self'" };
    const sent = async (path: string) => (await alice.ask({ path: `/${SITE}${path}` })).headers;
    await served(alice, SITE, { folder: "ui", headers: policy });
    const asked = { "content-security-policy": "default-src 'self'", "cache-control": "no-cache" };
    expect(await sent("/")).toMatchObject(asked);
    expect(await sent("/index.html")).toMatchObject(asked);
    expect(await sent("/x-BKx3jd9a.js")).toMatchObject({
      ...asked,
      "cache-control": "public, max-age=31536000, immutable",
    });
    await served(alice, SITE, { folder: "ui", headers: { "cache-control": "max-age=60" } });
    for (const path of ["/", "/x-BKx3jd9a.js"]) expect((await sent(path))["cache-control"]).toBe("max-age=60");
  });

  test("dots in a path lead nowhere", async () => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/a.txt": "a", "secret.txt": "secret" });
    await served(alice, SITE, "ui");
    expect((await alice.ask({ path: `/${SITE}/a.txt` })).body).toBe("a");
    for (const path of ["/../secret.txt", "/%2e%2e/secret.txt", "/ui/../../secret.txt", "/..%2fsecret.txt"]) {
      expect(await alice.ask({ path: `/${SITE}${path}` })).toMatchObject({ status: 404, body: "" });
    }
  });

  test.each(["..", "../other", "/etc", "ui/../..", "."])("serveUi() refuses the folder %s", async (folder) => {
    const alice = await startHttpNode({ transport });
    await addSite(alice, { "ui/a.txt": "a" });
    expect(await served(alice, SITE, folder)).toBe(
      `Cannot serve "${folder}" as it is outside the package's folder: move it inside`,
    );
    expect((await alice.ask({ path: `/${SITE}/a.txt` })).status).toBe(404);
  });
});

test("serveUi() takes 1000 files, and refuses one more", async () => {
  const alice = await startHttpNode();
  const files = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`ui/${at}.txt`, `${at}`]));
  await addSite(alice, { ...files, "more/0.txt": "" });
  expect(await served(alice, SITE, "ui")).toBe(1000);
  expect((await alice.ask({ path: `/${SITE}/999.txt` })).body).toBe("999");
  await writeFile(join(folders[0] ?? "", "ui/more.txt"), "");
  expect(await served(alice, SITE, "ui")).toBe('Cannot serve "ui" as it holds more than 1000 files: got 1001');
});

/** Loads a package whose one process is `PROGRAM`, with `files` in its folder. */
async function addSite(alice: HttpNode, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "jackfield-site-"));
  folders.push(folder);
  const capabilities = {
    request_capabilities: ["http-server:distro:sys"],
    grant_capabilities: ["http-server:distro:sys"],
  };
  const entry = { process_name: "site", file: "site.mjs", public: true, ...capabilities };
  const manifest = JSON.stringify({ package: "site", publisher: "template.os", processes: [entry] });
  for (const [name, text] of Object.entries({ "site.mjs": PROGRAM, "manifest.json": manifest, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await alice.node.addPackage(folder);
}

/** Asks `process` from another one: it answers when its own work is done. */
async function served(alice: HttpNode, process: string, body: unknown): Promise<unknown> {
  const asker = `asker-${alice.node.kernel.registry.size}:asking:sys`; // another name each time
  return await alice.add(asker).ask(body, null, process);
}
