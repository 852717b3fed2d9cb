/** What a person does and sees on the pages of a node. Each waits until the page shows it. */
import { expect } from "@jest/globals";
import type { Page } from "playwright-core";

const CHAT = "chat:chat:template.os/";

/** Opens `url` logged out, and types the password: ends on the page that `url` is. */
export async function logIn(page: Page, url: string, password: string): Promise<void> {
  await page.goto(url);
  await typePassword(page, password);
  await page.locator("#password").waitFor({ state: "detached" });
  await page.waitForLoadState(); // its scripts have run
}

/** The one-time link that a node printed. @throws {Error} it printed none */
export function linkIn(stdout: string): string {
  const [link] = /http:\S+\/login\?token=\S+/.exec(stdout) ?? [];
  if (link === undefined) throw new Error(`no link was printed: ${stdout}`);
  return link;
}

export async function typePassword(page: Page, password: string): Promise<void> {
  await page.fill("#password", password);
  await page.press("#password", "Enter");
}

/** Opens the chat of a node where `page` is logged in. */
export async function enterChat(page: Page, url: string): Promise<void> {
  await page.goto(url + CHAT);
  await reads(page, "#state", "Connected");
  await page.locator("#me").waitFor();
}

/** Takes `name` in the chat. */
export async function callOneself(page: Page, name: string): Promise<void> {
  await page.click("#me");
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await reads(page, "#my-name", name);
}

export async function say(page: Page, text: string): Promise<void> {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** Waits until the chat shows that `from` said `text`. */
export async function hears(page: Page, from: string, text: string): Promise<void> {
  await page.locator(`#log .said[data-from="${from}"] .text`, { hasText: exactly(text) }).waitFor();
}

/** Waits until the chat shows `text` as a line about the room. */
export async function isTold(page: Page, text: string): Promise<void> {
  await page
    .locator("#log .notice", { hasText: exactly(text) })
    .first()
    .waitFor();
}

/** Waits until what `selector` names reads `text`. */
export async function reads(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(selector, { hasText: exactly(text) }).waitFor();
}

export async function texts(page: Page, selector: string): Promise<string[]> {
  return (await page.locator(selector).allTextContents()).map((text) => text.trim());
}

/** Neither the page nor a part of it can be scrolled sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const { documentElement, body } = document;
    const scrollers = [...body.querySelectorAll("*")].filter((element) =>
      ["auto", "scroll"].includes(getComputedStyle(element).overflowX),
    );
    return [documentElement, ...scrollers]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
      .map(({ tagName, id, scrollWidth, clientWidth }) => `${tagName} ${id}: ${scrollWidth} in ${clientWidth}`);
  });
  expect(wide).toEqual([]);
}

function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*$`);
}
