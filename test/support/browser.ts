/**
 * A real headless Chromium from npm alone: the binary of @sparticuz/chromium (x64 Linux), driven by playwright-core.
 *
 *   const browser = useBrowser();
 *   test("…", async () => {
 *     const page = await browser.page(await browser.context({ viewport: PHONE }));
 *
 * 1. Unpacked once per machine into a folder of the version's name below os.tmpdir(): 200 MB, 1.5 s.
 * 2. NSS, NSPR and expat come from the same package where the machine has none (its pack for Amazon Linux 2023), and so
 *    does a font. What is left for the machine to have is glibc and libgcc, which Node wants too.
 * 3. JACKFIELD_BROWSER names another Chromium: for machines this one does not run on.
 * 4. No name but localhost and *.test leads anywhere: *.test is this machine, so that a page can be of another site.
 * 5. A script error in a page fails the test that opened it, and so does anything that a page's own policy forbids it.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const exec = promisify(execFile);

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_MAX = 120_000; // ms: unpacking on a slow disk, two test files at a time
const WAIT_MAX = 45_000; // ms: before jest's own limit, as playwright says what it waited for

export const PHONE = { width: 390, height: 844 } as const;
export const LAPTOP = { width: 1280, height: 800 } as const;

export type TestBrowser = {
  /** As a person's browser with nothing in it: no cookies, no storage. Closed after the test. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** A new tab of `context`, or of a context of its own. */
  page(context?: BrowserContext): Promise<Page>;
};

/** One Chromium for the tests of a file. */
export function useBrowser(): TestBrowser {
  let browser: Browser | undefined;
  let scriptErrors: Error[] = [];
  beforeAll(async () => {
    browser = await launch();
  }, START_MAX);
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    const [first] = scriptErrors;
    scriptErrors = [];
    if (first !== undefined) throw first;
  });
  const context = async (options: BrowserContextOptions = {}): Promise<BrowserContext> => {
    if (browser === undefined) throw new Error("the browser has not started");
    const made = await browser.newContext({ viewport: LAPTOP, ...options });
    made.setDefaultTimeout(WAIT_MAX);
    made.on("weberror", (error) => scriptErrors.push(error.error()));
    made.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) scriptErrors.push(new Error(message.text()));
    });
    return made;
  };
  return { context, page: async (given) => (given ?? (await context())).newPage() };
}

/** Its user-data-dir is a fresh one, and gone when it closes. */
async function launch(): Promise<Browser> {
  const { path, env } = await install();
  return await chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    args: [
      "--no-sandbox", // containers and root have no user namespaces
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-gpu",
      "--no-pings",
      "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
    ],
  });
}

type Installed = { readonly path: string; readonly env: Readonly<Record<string, string>> };

async function install(): Promise<Installed> {
  const own = process.env.JACKFIELD_BROWSER;
  if (own !== undefined) return { path: own, env: {} };
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `Cannot run the tests in test/browser as @sparticuz/chromium is for x64 Linux: this is ${process.arch} ${process.platform}, name a Chromium in JACKFIELD_BROWSER`,
    );
  }
  const folder = await unpack();
  const path = join(folder, "chromium");
  const fonts = { FONTCONFIG_PATH: folder };
  if (await runs(path, fonts)) return { path, env: fonts };
  const env = { ...fonts, LD_LIBRARY_PATH: join(folder, "al2023/lib") };
  if (await runs(path, env)) return { path, env };
  throw new Error(
    `Cannot run the tests in test/browser as "${path}" does not run: see what ldd says of it, or name a Chromium in JACKFIELD_BROWSER`,
  );
}

async function runs(path: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    await exec(path, ["--version"], { env: { ...process.env, ...env } });
    return true;
  } catch {
    return false; // a library is missing: exit code 127
  }
}

/** @returns the folder with `chromium`, `al2023/lib` and `fonts.conf` */
async function unpack(): Promise<string> {
  const manifest = await readFile(join(ROOT, "node_modules/@sparticuz/chromium/package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };
  const folder = join(tmpdir(), `jackfield-chromium-${version}`);
  if (existsSync(folder)) return folder;
  // The package unpacks into os.tmpdir(), half-written at first: hence a folder nobody knows yet, and a rename.
  const making = await mkdtemp(`${folder}-`);
  try {
    const script = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
    // AWS_EXECUTION_ENV: what makes it unpack its libraries too.
    const env = { ...process.env, TMPDIR: making, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" };
    await exec(process.execPath, ["--input-type=module", "-e", script], { cwd: ROOT, env });
    await writeFile(join(making, "fonts.conf"), fontsConf(folder));
    await rename(making, folder);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another test file was faster
  }
  return folder;
}

/** The package's own names /tmp/fonts. Its font comes first, so that pages look alike everywhere. */
function fontsConf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
  <match target="pattern">
    <edit name="family" mode="append"><string>Open Sans</string></edit>
  </match>
</fontconfig>
`;
}
