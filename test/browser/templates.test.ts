/**
 * What a newcomer does, for each template: `jackfield new`, `npm install` of this checkout as it would be published,
 * `npm test`, `npm run dev`, and the page in a browser. Pictures of it are left in a folder below os.tmpdir().
 *
 * Needs the registry, as `npm ci` does: for TypeScript, and for React and Vite. What is in npm's cache is not fetched.
 */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { TEMPLATES } from "../../bin/new.ts";
import { LAPTOP, PHONE, useBrowser } from "../support/browser.ts";
import { endJackfields, Jackfield, run, temporaryFolder } from "../support/jackfield.ts";
import { logIn } from "./visitor.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = join(tmpdir(), "jackfield-screenshots"); // beside those of screens.test.ts
const INSTALL_MAX = 240_000; // ms: npm on a busy machine, with nothing in its cache
const PASSWORD = "correct horse";
const exec = promisify(execFile);
const browser = useBrowser();
let packed = "";

beforeAll(() => {
  const folder = temporaryFolder();
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const said = execFileSync("npm", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  packed = readFileSync(join(folder, filename)).toString("base64"); // the folder goes with the first test
});

afterEach(endJackfields);

async function npm(folder: string, ...args: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env; // jest's own
  const { stdout } = await exec("npm", args, { cwd: folder, env });
  return stdout;
}

/** A package made of a template, as after `npm install`. */
async function make(template: string): Promise<string> {
  const parent = temporaryFolder();
  writeFileSync(join(parent, "jackfield.tgz"), Buffer.from(packed, "base64"));
  const args = ["new", "my-app", "--template", template, "--jackfield", "file:../jackfield.tgz"];
  expect(await new Jackfield({ args, cwd: parent }).ended).toMatchObject({ code: 0, stderr: "" });
  const folder = join(parent, "my-app");
  await npm(folder, "install", "--prefer-offline", "--no-audit", "--no-fund");
  return folder;
}

/** `jackfield dev` of the package's own Jackfield, and its page, logged in. */
async function dev(folder: string, page: Page): Promise<Jackfield> {
  const node = new Jackfield({
    command: join(folder, "node_modules/jackfield/dist/bin/jackfield.js"),
    args: ["dev", "--port", "0", "--memory", "--password", PASSWORD],
    cwd: folder,
  });
  const [, url = ""] = await node.printed(/runs on (http:\S+\/)\n[\s\S]*Ctrl-C\n/);
  await logIn(page, `${url}my-app:my-app:me.os/`, PASSWORD);
  await page.getByRole("heading", { name: "my-app" }).waitFor();
  return node;
}

/** Each does something on its page, and waits for what comes of it. */
const USES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  minimal: sayHello,
  react: sayHello,
  chat: async (page) => {
    await page.getByText("only you are here").waitFor();
    await page.getByLabel("You are").fill("Ada");
    await page.getByLabel("You are").press("Enter");
    for (const text of ["Hello?", "Is anybody there?"]) {
      await page.getByLabel("Say something").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
      await page.locator("li", { hasText: `Ada` }).filter({ hasText: text }).waitFor();
    }
  },
  xstate: async (page) => {
    await page.getByLabel("Seconds").fill("1");
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByText("Ring! Ring!").waitFor();
  },
};

async function sayHello(page: Page): Promise<void> {
  await page.getByLabel("Say something").fill("hello");
  await page.getByRole("button", { name: "Say" }).click();
  await page.locator("li", { hasText: "hello" }).waitFor();
  expect(await page.locator("output").textContent()).toBe("1");
}

test("each template is tried here", () => {
  expect(Object.keys(USES).sort()).toEqual(Object.keys(TEMPLATES).sort());
});

describe.each(Object.keys(TEMPLATES))("the template %s", (template) => {
  test(
    "its test passes, and its page works under dev",
    async () => {
      const folder = await make(template);
      const tested = await npm(folder, "test");
      expect(tested).toMatch(/# fail 0\n/);
      expect(tested).toMatch(/# pass [1-9]/);
      const page = await browser.page(await browser.context({ viewport: LAPTOP }));
      const node = await dev(folder, page);
      expect(node.stderr).toBe("");
      await USES[template]?.(page);
      await page.screenshot({ path: join(PICTURES, `template-${template}.png`) });
      await page.setViewportSize(PHONE);
      await page.screenshot({ path: join(PICTURES, `template-${template}-phone.png`) });
    },
    INSTALL_MAX,
  );
});

test(
  "under dev the page loads anew with each change, and shows what is wrong",
  async () => {
    const folder = await make("minimal");
    // The published one has the templates too, and is named by its version.
    await npm(folder, "exec", "--", "jackfield", "new", "inner");
    const { devDependencies } = JSON.parse(readFileSync(join(folder, "inner/package.json"), "utf8"));
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(devDependencies.jackfield).toBe(`^${version}`);
    expect(readFileSync(join(folder, "inner/.gitignore"), "utf8")).toContain("dist/\n");
    const page = await browser.page();
    await dev(folder, page);
    await sayHello(page);
    const change = (file: string, from: string, to: string): void => {
      const path = join(folder, file);
      const text = readFileSync(path, "utf8");
      expect(text).toContain(from);
      writeFileSync(path, text.replace(from, to));
    };
    change("ui/index.html", "<h1>my-app</h1>", "<h1>changed</h1>");
    await page.getByRole("heading", { name: "changed" }).waitFor();
    await page.locator("output", { hasText: "1" }).waitFor(); // the process had its state
    change("src/app.ts", "count + 1;", "count + ;");
    const problem = page.getByRole("alert");
    await problem.getByText(/src\/app\.ts.*error TS1109: Expression expected/).waitFor();
    await page.screenshot({ path: join(PICTURES, "dev-problem.png") });
    await page.getByLabel("Say something").fill("still here"); // the version before goes on
    await page.getByRole("button", { name: "Say" }).click();
    await page.locator("output", { hasText: "2" }).waitFor();
    change("src/app.ts", "count + ;", "count + 1;");
    await problem.waitFor({ state: "detached" });
  },
  INSTALL_MAX,
);

test("nothing that is there is overwritten, and names are looked at first", async () => {
  const cwd = temporaryFolder();
  const make = (...args: readonly string[]): Jackfield => new Jackfield({ args: ["new", ...args], cwd });
  expect((await make("twice").ended).stdout).toMatch(
    /^Created twice from the template minimal: the process twice:twice:me\.os\n\n {2}cd twice\n {2}npm install\n/,
  );
  expect(await make("twice").ended).toMatchObject({
    code: 1,
    stderr: `Cannot create "${join(cwd, "twice")}" as it is there already: choose another name, or remove it first\n`,
  });
  const bad: readonly (readonly [readonly string[], string])[] = [
    [[], "Cannot create a package as it must be jackfield new NAME: got 0 arguments"],
    [
      ["../up"],
      'Cannot create package "../up" as a name has 1 to 60 letters a-z, digits and inner -: for example my-app',
    ],
    [
      ["My-App"],
      'Cannot create package "My-App" as a name has 1 to 60 letters a-z, digits and inner -: for example my-app',
    ],
    [
      ["a", "--publisher", "me/os"],
      'Cannot use --publisher as it must have 1 to 60 letters a-z, digits and inner . -: got "me/os", leave it out for me.os',
    ],
    [
      ["distro", "--publisher", "sys"],
      'Cannot create package "distro" as distro:sys is the node\'s own: choose another name',
    ],
    [["a", "--template", "vue"], 'Cannot use --template as it must be one of minimal, chat, xstate, react: got "vue"'],
  ];
  for (const [args, words] of bad)
    expect(await make(...args).ended).toMatchObject({ code: 2, stdout: "", stderr: `${words}\n` });
  expect((await run("new", "a", "--tempalte", "chat").ended).stderr).toMatch(/Unknown option '--tempalte'/);
});

test("it is called as one says, by the publisher one says, with the Jackfield that made it", async () => {
  const cwd = temporaryFolder();
  await new Jackfield({ args: ["new", "chess", "--template", "chat", "--publisher", "ada.os"], cwd }).ended;
  const read = (file: string): string => readFileSync(join(cwd, "chess", file), "utf8");
  expect(JSON.parse(read("manifest.json"))).toMatchObject({ package: "chess", publisher: "ada.os" });
  expect(read("ui/index.html")).toContain("/chess:chess:ada.os/app.js");
  expect(read(".gitignore")).toContain("node_modules/\n");
  const { name, devDependencies } = JSON.parse(read("package.json")) as {
    name: string;
    devDependencies: { jackfield: string };
  };
  expect(name).toBe("chess");
  expect(resolve(cwd, "chess", devDependencies.jackfield.replace("file:", ""))).toBe(ROOT); // this is a checkout
});
