/** README.md's process, manifest and page, as they stand there: a package in a folder, a node, and two windows. */
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "@jest/globals";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, startNode, writePackage } from "../support/jackfield.ts";
import { logIn, reads, texts } from "./visitor.ts";

const README = new URL("../../README.md", import.meta.url);
const PASSWORD = "correct horse battery";

const browser = useBrowser();
afterEach(endJackfields);

/** The first block of `language` in README.md. */
function block(language: string): string {
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readFileSync(README, "utf8")) ?? [];
  if (code === undefined) throw new Error(`README.md has no block of ${language}`);
  return code;
}

test("the README's page, without a bundler, hears from the README's process what every window says", async () => {
  const folder = writePackage({
    "counter.js": block("js"),
    "manifest.json": block("json"),
    "ui/index.html": block("html"),
  });
  const { url } = await startNode({ args: ["--memory", "--password", PASSWORD, "--package", folder] });
  const context = await browser.context();
  const one = await browser.page(context);
  await logIn(one, `${url}counter:counter:me.os/`, PASSWORD);
  await one.click("#say");
  await reads(one, "#list li", '{"count":1,"said":"hello"}');

  const two = await browser.page(context);
  await two.goto(`${url}counter:counter:me.os/`);
  await two.click("#say");
  await reads(two, "#list li", '{"count":2,"said":"hello"}');
  await reads(one, "#list li:last-child", '{"count":2,"said":"hello"}');
  expect(await texts(one, "#list li")).toEqual(['{"count":1,"said":"hello"}', '{"count":2,"said":"hello"}']);
});
