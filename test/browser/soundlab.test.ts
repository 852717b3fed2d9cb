/** Soundlab's live page in a real browser: on its own port and on the node's, moved, cut off, and back. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { LAPTOP, PHONE, useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, type RunningNode, startNode } from "../support/jackfield.ts";
import { expectNoSidewaysScroll, reads } from "./visitor.ts";

const BASE = ["--memory", "--password", "correct horse battery"];
/** Where pictures of the page go, for who wants to look at them. */
const PICTURES = process.env.JACKFIELD_PICTURES;

const browser = useBrowser();
afterEach(endJackfields);

/** A node whose Soundlab is on `port`. */
async function startSoundlab(port: number): Promise<RunningNode & { readonly own: string }> {
  const node = await startNode({ args: [...BASE, "--soundlab", String(port)] });
  const [, own = ""] = /soundlab\s+(\S+) is Soundlab/.exec(node.command.stdout) ?? [];
  return { ...node, own };
}

/** Moves a slider as a hand does. */
async function slide(page: Page, selector: string, value: number): Promise<void> {
  await page.locator(selector).evaluate((element, to) => {
    (element as HTMLInputElement).value = String(to);
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  }, value);
}

async function shows(page: Page, id: string, holds: (value: number) => boolean): Promise<void> {
  const value = page.locator(`#value-${id}`);
  await expect.poll(async () => holds(Number.parseFloat((await value.textContent()) ?? ""))).toBe(true);
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `soundlab-${name}.png`), fullPage: true });
}

test("draws the streams", async () => {
  const { own, url } = await startSoundlab(0);
  const page = await browser.page();
  await page.goto(own);
});
