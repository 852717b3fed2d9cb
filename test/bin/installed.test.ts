/** Jackfield as npm installs it: the published files alone, and its dependencies beside it instead of below. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, startNode, temporaryFolder } from "../support/jackfield.ts";

const ROOT = resolve(import.meta.dirname, "../..");

afterEach(endJackfields);

/** A folder with node_modules as `npm install jackfield` leaves it. @returns the command */
function install(): string {
  const modules = join(temporaryFolder(), "node_modules");
  const listing = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(listing) as [{ files: readonly { readonly path: string }[] }];
  for (const { path } of files) {
    mkdirSync(dirname(join(modules, "jackfield", path)), { recursive: true });
    cpSync(join(ROOT, path), join(modules, "jackfield", path));
  }
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(dependencies))
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "dir");
  return join(modules, "jackfield/dist/bin/jackfield.js");
}

test("it starts, and serves its pages and what they load", async () => {
  const { port } = await startNode({ command: install(), args: ["--data", temporaryFolder()] });
  const paths = ["/login", "/login/login.js", "/login/login.css", "/login/argon2.js", "/client.js"];
  const answers = await Promise.all(paths.map((path) => askHttp(port, { path })));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
});
