/** From the link that a node prints to a password, and from there to the list of who is logged in. */
import { afterEach, expect, test } from "@jest/globals";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, logIn as logInByProgram, startNode } from "../support/jackfield.ts";
import { linkIn, logIn, reads, typePassword } from "./visitor.ts";

const PASSWORD = "correct horse battery";
const CHAT = "chat:chat:template.os/";

const browser = useBrowser();
afterEach(endJackfields);

test("the link leads in, and to a password, which logs in from then on", async () => {
  const { url, command, port } = await startNode({ args: ["--memory"] });
  const page = await browser.page();
  await page.goto(linkIn(command.stdout));
  await page.waitForURL(`${url}password`);
  await reads(page, "#title", "Choose a password for");
  await page.fill("#new", PASSWORD);
  await page.press("#new", "Enter");
  await page.waitForURL(url);
  await page.locator(".app").first().waitFor();
  await logInByProgram(port, PASSWORD);
  const other = await browser.page(await browser.context());
  await logIn(other, url, PASSWORD);
  await other.locator(".app").first().waitFor();
});

test("the link leads in without a password too; used twice, it says what to do", async () => {
  const { url, command } = await startNode({ args: ["--memory"] });
  const page = await browser.page();
  await page.goto(linkIn(command.stdout));
  await page.waitForURL(`${url}password`);
  await page.click("#leave");
  await page.waitForURL(url);
  await page.locator(".app").first().waitFor();
  const other = await browser.page(await browser.context());
  await other.goto(linkIn(command.stdout));
  await reads(other, "#message", "This link was used, or has ended. Restart the node for a new one.");
  await other.goto(url);
  await other.locator("#no-password").waitFor();
  expect(await other.locator("#password").isVisible()).toBe(false);
});

test("the password page takes another one when the old one is right", async () => {
  const { url, port } = await startNode({ args: ["--memory", "--password", PASSWORD] });
  const page = await browser.page();
  await logIn(page, `${url}password`, PASSWORD);
  await reads(page, "#title", "Change the password of");
  await page.fill("#old", "not this one");
  await page.fill("#new", "another battery");
  await page.press("#new", "Enter");
  await reads(page, "#message", "That is not the current password. Try again.");
  await page.fill("#old", PASSWORD);
  await page.press("#old", "Enter");
  await page.waitForURL(url);
  await page.locator(".app").first().waitFor(); // still logged in
  await logInByProgram(port, "another battery");
});

test("the sessions page lists who is logged in; one that is ended there is out, its chat too", async () => {
  const { url } = await startNode({ args: ["--memory", "--password", PASSWORD] });
  const [mine, theirs] = [await browser.context(), await browser.context({ userAgent: "Mozilla/5.0 <b>Firefox/1" })];
  const page = await browser.page(mine);
  await logIn(page, url, PASSWORD);
  const other = await browser.page(theirs);
  await logIn(other, url + CHAT, PASSWORD);
  await reads(other, "#state", "Connected");
  await page.click('a[href="/sessions"]');
  await page.locator("#sessions li").nth(1).waitFor();
  const agents = await page.locator(".agent").allTextContents();
  expect(agents.map((agent) => agent.replace(/^Headless/, "")).sort()).toEqual(["Chrome on Linux", "Firefox"]);
  await page.locator("#sessions li", { hasText: "Firefox" }).locator(".end").click();
  await page.locator("#sessions li").nth(1).waitFor({ state: "detached" });
  await other.locator("#login").waitFor(); // the chat says so at once
  await other.goto(url);
  await other.locator("#password").waitFor();
  await page.click("#all");
  await page.locator("#password").waitFor();
  await typePassword(page, PASSWORD);
  await page.locator(".app").first().waitFor();
});
