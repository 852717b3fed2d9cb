/** The shipped node and its chat, as people meet them: `jackfield start` in a process of its own, and a real browser. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { PHONE, useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, type RunningNode, startNode, temporaryFolder } from "../support/jackfield.ts";
import {
  callOneself,
  enterChat,
  expectNoSidewaysScroll,
  hears,
  isTold,
  logIn,
  reads,
  say,
  texts,
  typePassword,
} from "./visitor.ts";

const PASSWORD = "correct horse battery";

const browser = useBrowser();
afterEach(endJackfields);

function start(...args: readonly string[]): Promise<RunningNode> {
  return startNode({ args: args.length > 0 ? args : ["--memory", "--password", PASSWORD] });
}

describe("the address that a node prints", () => {
  test("leads to the login page, which says so when the password is wrong", async () => {
    const { url } = await start();
    const page = await browser.page();
    await page.goto(url);
    expect(await page.textContent("h1")).toBe("Log in to localhost");
    await typePassword(page, "not this one");
    await reads(page, "#message", "Wrong password. Try again.");
    expect(await page.getAttribute("#password", "aria-invalid")).toBe("true");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("password");
  });

  test("leads, with the right password, to the start page, which lists the chat and leads there", async () => {
    const { url } = await start();
    const page = await browser.page();
    await logIn(page, url, PASSWORD);
    await reads(page, "#node", "localhost");
    const chat = page.locator(".app a", { hasText: "chat:chat:template.os" });
    await chat.locator("img").waitFor(); // its icon: one that does not load is taken away
    await chat.click();
    await reads(page, "#state", "Connected");
    expect(page.url()).toBe(`${url}chat:chat:template.os/`);
  });

  test("leads nowhere else after a logout", async () => {
    const { url } = await start();
    const page = await browser.page();
    await logIn(page, url, PASSWORD);
    await page.click("#logout button");
    await page.locator("#password").waitFor();
    await page.goto(`${url}chat:chat:template.os/`);
    expect(await page.textContent("h1")).toBe("Log in to localhost");
  });
});

describe("the chat", () => {
  test("tells two windows and another browser of each other's messages, names, coming and going", async () => {
    const { url } = await start();
    const home = await browser.context();
    const ada = await browser.page(home);
    await logIn(ada, url, PASSWORD);
    await enterChat(ada, url);
    await callOneself(ada, "Ada");
    await reads(ada, "#members", "Only you here");

    const second = await browser.page(home); // the same person: logged in already
    await enterChat(second, url);
    await isTold(second, "The room did not take the name Ada: somebody here is called Ada");
    const guest = await second.textContent("#my-name");
    await isTold(ada, `${guest} came in`);
    await callOneself(second, "Ada's tablet");
    await isTold(ada, `${guest} is now Ada's tablet`);
    await reads(ada, "#members", "2 people here");

    const tom = await browser.page(await browser.context({ viewport: PHONE }));
    await logIn(tom, url, PASSWORD);
    await enterChat(tom, url);
    await callOneself(tom, "Tom");
    for (const page of [ada, second, tom]) await reads(page, "#members", "3 people here");

    await say(tom, "Hello from the phone");
    for (const page of [ada, second, tom]) await hears(page, "Tom", "Hello from the phone");
    await say(ada, "Hello, Tom");
    for (const page of [ada, second, tom]) await hears(page, "Ada", "Hello, Tom");
    expect(await texts(tom, "#log .text")).toEqual(["Hello from the phone", "Hello, Tom"]);
    expect(await texts(tom, "#log .own .text")).toEqual(["Hello from the phone"]);

    await second.close();
    for (const page of [ada, tom]) {
      await isTold(page, "Ada's tablet left");
      await reads(page, "#members", "2 people here");
    }
  });

  test("gives a second window the person's name when the first one closes", async () => {
    const { url } = await start();
    const home = await browser.context();
    const first = await browser.page(home);
    await logIn(first, url, PASSWORD);
    await enterChat(first, url);
    await callOneself(first, "Ada");
    const second = await browser.page(home);
    await enterChat(second, url);
    await isTold(second, "The room did not take the name Ada: somebody here is called Ada");
    await first.close();
    await reads(second, "#my-name", "Ada");
  });

  test("falls back to the name before when a new one is taken, also after a reload", async () => {
    const { url } = await start();
    const ada = await browser.page();
    await logIn(ada, url, PASSWORD);
    await enterChat(ada, url);
    await callOneself(ada, "Ada");
    const tom = await browser.page();
    await logIn(tom, url, PASSWORD);
    await enterChat(tom, url);
    await callOneself(tom, "Tom");
    await tom.click("#me");
    await tom.fill("#name", "Ada");
    await tom.press("#name", "Enter");
    await isTold(tom, "The room did not take the name Ada: somebody here is called Ada");
    await tom.reload();
    await reads(tom, "#my-name", "Tom");
  });

  test("shows what people write as text, whatever it is", async () => {
    const { url } = await start();
    const page = await browser.page();
    await logIn(page, url, PASSWORD);
    await enterChat(page, url);
    const markup = '<img src=x onerror="document.title=1"> & <b>bold</b>';
    await say(page, markup);
    await page.locator("#log .text").waitFor();
    expect(await texts(page, "#log .text")).toEqual([markup]);
    expect(await page.locator("#log :is(img, b)").count()).toBe(0);
  });

  test("fits a phone: no page scrolls sideways, and Send is in view", async () => {
    const { url } = await start();
    const page = await browser.page(await browser.context({ viewport: PHONE }));
    await page.goto(url);
    await expectNoSidewaysScroll(page);
    await logIn(page, url, PASSWORD);
    await page.locator(".app").first().waitFor();
    await expectNoSidewaysScroll(page);
    await enterChat(page, url);
    await callOneself(page, "W".repeat(24));
    await say(page, "unbreakable".repeat(40));
    await page.locator("#log .text").waitFor();
    await expectNoSidewaysScroll(page);
    const send = await page.locator("#send").boundingBox();
    expect(send).not.toBeNull();
    expect((send?.x ?? PHONE.width) + (send?.width ?? 0)).toBeLessThanOrEqual(PHONE.width);
    expect((send?.y ?? PHONE.height) + (send?.height ?? 0)).toBeLessThanOrEqual(PHONE.height);
  });
});

describe("a node that restarts", () => {
  test("has its people back by themselves, with their names, the history and what they wrote meanwhile", async () => {
    const args = ["--data", temporaryFolder(), "--port", String(await freePort()), "--password", PASSWORD];
    const node = await start(...args);
    const [ada, tom] = [await browser.page(), await browser.page()];
    for (const [page, name] of [
      [ada, "Ada"],
      [tom, "Tom"],
    ] as const) {
      await logIn(page, node.url, PASSWORD);
      await enterChat(page, node.url);
      await callOneself(page, name);
    }
    await say(ada, "before");
    await hears(tom, "Ada", "before");

    expect((await node.stop()).code).toBe(0);
    for (const page of [ada, tom]) await reads(page, "#state", "Connection lost, trying again…");
    await say(tom, "meanwhile");
    await reads(tom, "#outbox .fate", "Waiting for the connection");

    await start(...args);
    for (const [page, name] of [
      [ada, "Ada"],
      [tom, "Tom"],
    ] as const) {
      await reads(page, "#state", "Connected");
      await reads(page, "#my-name", name);
    }
    await hears(ada, "Tom", "meanwhile");
    await say(ada, "after");
    await hears(tom, "Ada", "after");
    for (const page of [ada, tom]) expect(await texts(page, "#log .text")).toEqual(["before", "meanwhile", "after"]);
    expect(await tom.locator("#outbox li").count()).toBe(0);
  });

  test("asks people to log in again when it has forgotten them", async () => {
    const args = ["--memory", "--port", String(await freePort()), "--password", PASSWORD];
    const node = await start(...args);
    const page = await browser.page();
    await logIn(page, node.url, PASSWORD);
    await enterChat(page, node.url);
    await node.stop();
    await reads(page, "#state", "Connection lost, trying again…");
    await say(page, "never sent");
    await start(...args); // its secret is another one: no token is good
    await reads(page, "#state", "Logged out");
    await reads(page, "#outbox .fate", "Not sent");
    await page.click("#login");
    await typePassword(page, PASSWORD);
    await reads(page, "#state", "Connected");
  });
});
