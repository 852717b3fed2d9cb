/**
 * Every page on a phone and on a laptop, light and dark: nothing scrolls sideways, nothing is cut off, and text can be
 * read against what is behind it. Pictures of all are left in a folder below os.tmpdir(), for people to look at.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { LAPTOP, PHONE, useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, startNode } from "../support/jackfield.ts";
import {
  callOneself,
  enterChat,
  expectNoSidewaysScroll,
  hears,
  linkIn,
  logIn,
  reads,
  say,
  typePassword,
} from "./visitor.ts";

const PASSWORD = "correct horse battery";
const PICTURES = join(tmpdir(), "jackfield-screenshots");
const CONTRAST_MIN = 4.5; // WCAG 2.2 AA for text of this size
const LONG =
  "A message that is longer than one line of a phone, and of some laptops too: it has to wrap, and stay on its side.";

const browser = useBrowser();
afterEach(endJackfields);

describe.each([
  ["a phone", PHONE],
  ["a laptop", LAPTOP],
])("on %s", (device, viewport) => {
  describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
    const open = async (): Promise<Page> => browser.page(await browser.context({ viewport, colorScheme }));
    const look = async (page: Page, name: string): Promise<void> => {
      mkdirSync(PICTURES, { recursive: true });
      const file = `${name}-${device.replace("a ", "")}-${colorScheme}.png`;
      await page.screenshot({ path: join(PICTURES, file), animations: "disabled" });
      await expectNoSidewaysScroll(page);
      expect(await tooFaint(page)).toEqual([]);
    };

    test("the login page, before and after a wrong password, and the start page are in order", async () => {
      const { url } = await startNode({ args: ["--memory", "--password", PASSWORD, "--node", "alice.os"] });
      const page = await open();
      await page.goto(url);
      await look(page, "login");
      await typePassword(page, "wrong");
      await reads(page, "#message", "Wrong password. Try again.");
      await look(page, "login-wrong");
      await logIn(page, url, PASSWORD);
      await page.locator(".app").first().waitFor();
      await look(page, "start");
    });

    test("the password page, before and after a mistake, and the sessions are in order", async () => {
      const { url, command } = await startNode({ args: ["--memory", "--node", "alice.os"] });
      const page = await open();
      await page.goto(`${url}login`);
      await look(page, "login-no-password");
      await page.goto(linkIn(command.stdout));
      await page.waitForURL(`${url}password`);
      await look(page, "password-first");
      await page.fill("#new", "short");
      await page.press("#new", "Enter");
      await reads(page, "#message", "Take at least 8 characters.");
      await look(page, "password-short");
      await page.fill("#new", PASSWORD);
      await page.press("#new", "Enter");
      await page.locator(".app").first().waitFor();
      await page.goto(`${url}password`);
      await look(page, "password-change");
      await page.goto(`${url}sessions`);
      await page.locator("#sessions li").first().waitFor();
      await look(page, "sessions");
    });

    test("the chat is in order: empty, with people in it, with the name's dialog, and without its node", async () => {
      const args = ["--memory", "--password", PASSWORD, "--node", "alice.os", "--port", String(await freePort())];
      const node = await startNode({ args });
      const ada = await open();
      await logIn(ada, node.url, PASSWORD);
      await enterChat(ada, node.url);
      await ada.locator("#empty").waitFor();
      await look(ada, "chat-empty");

      await callOneself(ada, "Ada");
      const tom = await open();
      await logIn(tom, node.url, PASSWORD);
      await enterChat(tom, node.url);
      await callOneself(tom, "Tom");
      for (const text of ["Hello", LONG, "and\ntwo lines"]) await say(tom, text);
      await hears(ada, "Tom", "Hello");
      for (const text of ["Hi Tom", LONG]) await say(ada, text);
      await hears(ada, "Ada", LONG);
      await reads(ada, "#members", "2 people here");
      await ada.fill("#text", "still typing");
      await look(ada, "chat");

      await ada.click("#me");
      await look(ada, "chat-name");
      await ada.click("#cancel");

      await node.stop();
      await reads(ada, "#state", "Connection lost, trying again…");
      await say(ada, "said while the node was away");
      await reads(ada, "#outbox .fate", "Waiting for the connection");
      await look(ada, "chat-waiting");

      await startNode({ args });
      await ada.locator("#login").waitFor();
      await look(ada, "chat-logged-out");
    });
  });
});

/** Visible texts with less contrast than CONTRAST_MIN, with what they have. */
function tooFaint(page: Page): Promise<string[]> {
  return page.evaluate((min) => {
    type Colour = readonly [red: number, green: number, blue: number, alpha: number];
    const parse = (text: string): Colour => {
      const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
      return [red, green, blue, alpha];
    };
    const luminance = ([red, green, blue]: Colour): number => {
      const linear = (value: number): number =>
        value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    };
    const behind = (start: Element): Colour => {
      for (let at: Element | null = start; at !== null; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour[3] === 1) return colour;
      }
      return parse("rgb(255, 255, 255)");
    };
    const faint: string[] = [];
    for (const element of document.querySelectorAll("body *")) {
      const text = [...element.childNodes]
        .map((node) => (node.nodeType === 3 ? node.textContent : ""))
        .join("")
        .trim();
      const box = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      const isShown = element.checkVisibility() && box.width > 1 && box.height > 1 && style.clipPath === "none";
      const isOff = element.closest("[aria-disabled=true], :disabled, [aria-hidden=true]") !== null;
      if (text === "" || !isShown || isOff) continue;
      const lights = [luminance(parse(style.color)), luminance(behind(element))].sort((a, b) => b - a);
      const contrast = ((lights[0] ?? 0) + 0.05) / ((lights[1] ?? 0) + 0.05);
      if (contrast < min) faint.push(`${contrast.toFixed(2)} "${text}"`);
    }
    return faint;
  }, CONTRAST_MIN);
}
