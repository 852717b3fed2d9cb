/** What a page of another origin can do with a person's login here (DESIGN §7): nothing. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { BrowserContext, Page } from "playwright-core";
import { useBrowser } from "../support/browser.ts";
import { bindWs, OK, startNode, stopNodes } from "../support/channels.ts";
import { P, type TestNode } from "../support/node.ts";
import { startOtherSite, stopOtherSites } from "./other-site.ts";
import { addPages, type PageProcess } from "./page-process.ts";
import { logIn, reads, texts } from "./visitor.ts";

const PASSWORD = "correct horse battery";
const EMPTY = "<!doctype html><title>elsewhere</title>";

const browser = useBrowser();
afterEach(stopNodes);
afterEach(stopOtherSites);

let on: TestNode;
let process: PageProcess;
let person: BrowserContext; // logged in at the node
let elsewhere = 0; // the port of the other site

async function prepare(allowedOrigins: readonly string[] = []): Promise<void> {
  on = await startNode("uws", { password: PASSWORD, allowedOrigins });
  process = await addPages(on, { "/page.html": "<!doctype html><p>secret" });
  expect(await process.told.ask(bindWs("/"))).toEqual(OK);
  person = await browser.context();
  await logIn(await browser.page(person), `${on.url}/${P}/page.html`, PASSWORD);
  expect(process.asked).toEqual(["/page.html"]);
}

/** A tab of the person on the other site. */
async function lureTo(host: string): Promise<Page> {
  const page = await browser.page(person);
  await page.goto(`http://${host}:${elsewhere}/`);
  return page;
}

beforeEach(async () => {
  elsewhere = await startOtherSite(EMPTY);
});

describe.each([
  ["another port of the same host", "127.0.0.1"], // the same site to a browser: cookies go along
  ["another host", "evil.test"],
])("a page of %s", (_, host) => {
  test.each(["/", `/${P}/`])("opens no socket on %s: 403", async (path) => {
    await prepare();
    const page = await lureTo(host);
    const [refusal, code] = await Promise.all([
      handshakeError(page),
      openSocket(page, `ws://127.0.0.1:${on.port}${path}`),
    ]);
    expect(refusal).toMatch(/Unexpected response code: 403/);
    expect(code).toBe(1006);
    expect(process.told.all).toEqual([]);
  });

  test("reads no page", async () => {
    await prepare();
    const page = await lureTo(host);
    expect(await fetched(page, `${on.url}/${P}/page.html`)).toBe("TypeError");
  });

  test("logs nobody out", async () => {
    await prepare();
    const page = await lureTo(host);
    const status = page.waitForResponse(`${on.url}/logout`);
    await page.evaluate(
      (url) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include" }),
      `${on.url}/logout`,
    );
    expect((await status).status()).toBe(403);
    const own = await browser.page(person);
    await own.goto(`${on.url}/${P}/page.html`);
    await reads(own, "p", "secret");
  });
});

test("a page of another host sends no cookie along: its request meets the login", async () => {
  await prepare();
  const page = await lureTo("evil.test");
  const answer = page.waitForResponse(`${on.url}/${P}/page.html`);
  await page.evaluate((url) => fetch(url, { mode: "no-cors", credentials: "include" }), `${on.url}/${P}/page.html`);
  expect((await answer).status()).toBe(401);
  expect(process.asked).toEqual(["/page.html"]); // by the person, before
});

test("no script of any page reads the session cookie", async () => {
  await prepare();
  const names: string[][] = [];
  for (const url of [`${on.url}/${P}/page.html`, `http://127.0.0.1:${elsewhere}/`, `http://evil.test:${elsewhere}/`]) {
    const page = await browser.page(person);
    await page.goto(url);
    names.push(await page.evaluate(() => document.cookie.split("; ").map((pair) => pair.split("=")[0] ?? "")));
  }
  // Cookies know no ports: the second reads the token for WsRegister, and the Origin check is what keeps it out.
  expect(names).toEqual([["kinode-auth_alice.os"], ["kinode-auth_alice.os"], [""]]);
  expect((await person.cookies(on.url)).map(({ name }) => name).sort()).toEqual([
    "jackfield-auth_alice.os",
    "kinode-auth_alice.os",
  ]);
});

test("a page of an allowed origin registers, with a token it was given", async () => {
  await prepare([`http://friend.test:${elsewhere}`]);
  const page = await lureTo("friend.test");
  await page.evaluate(
    ({ url, message }) => {
      const socket = new WebSocket(url);
      socket.onopen = () => socket.send(message);
      socket.onmessage = ({ data }) =>
        document.body.append(Object.assign(document.createElement("p"), { textContent: data }));
    },
    {
      url: `ws://127.0.0.1:${on.port}/`,
      message: JSON.stringify({ auth_token: on.token, target_process: P, encrypted: false }),
    },
  );
  const { body } = await process.told.next();
  await page.locator("p").waitFor();
  const { channel_id } = (body as { readonly WebSocketOpen: { readonly channel_id: number } }).WebSocketOpen;
  expect(await texts(page, "p")).toEqual([JSON.stringify({ channel_id })]);
});

/** What the browser says of the next socket that does not open. */
function handshakeError(page: Page): Promise<string> {
  return new Promise((resolve) => page.once("websocket", (socket) => socket.once("socketerror", resolve)));
}

/** @returns the close code, or "open" */
function openSocket(page: Page, url: string): Promise<number | "open"> {
  return page.evaluate(
    (to) =>
      new Promise<number | "open">((resolve) => {
        const socket = new WebSocket(to);
        socket.onopen = () => resolve("open");
        socket.onclose = ({ code }) => resolve(code);
      }),
    url,
  );
}

/** @returns what was read, or the name of the error */
function fetched(page: Page, url: string): Promise<string> {
  return page.evaluate(async (from) => {
    try {
      return await (await fetch(from, { credentials: "include" })).text();
    } catch (error) {
      return (error as Error).name;
    }
  }, url);
}
