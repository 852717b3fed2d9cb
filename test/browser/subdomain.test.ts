/**
 * A secure subdomain in a browser, without any set-up: `*.localhost` is this machine (contract kinode §5.5, cases 72, 73).
 * What its pages can do at the node itself: nothing.
 */
import { afterEach, expect, test } from "@jest/globals";
import type { BrowserContext, Page } from "playwright-core";
import { Blob } from "../../lib/protocol/index.ts";
import { useBrowser } from "../support/browser.ts";
import { bindWs, hear, OK, startNode, stopNodes, TRANSPORTS } from "../support/channels.ts";
import { askWithBlob, secureBind } from "../support/http-node.ts";
import { P, type TestNode } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";
import { addPages } from "./page-process.ts";
import { logIn, reads, typePassword } from "./visitor.ts";

const PASSWORD = "correct horse battery";
const CHESS = "chess:chess:sys";
const PAGE = `<!doctype html><title>chess</title><script src="/our.js"></script><p>chess</p><ol></ol><script type="module">
  import { connect } from "/client.js";
  const channel = connect({ process: "${CHESS}" });
  channel.on("open", () => document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: "open" })));
</script>`;

const browser = useBrowser();
afterEach(stopNodes);

type Chess = { readonly on: TestNode; readonly chess: Recorder; readonly main: string; readonly own: string };

async function withChess(transport: (typeof TRANSPORTS)[number]): Promise<Chess> {
  const on = await startNode(transport, { password: PASSWORD });
  await addPages(on, { "/page.html": "<!doctype html><p>secret" });
  const chess = new Recorder();
  on.add(CHESS, chess.program);
  expect(await askWithBlob(chess, secureBind("/s", true), Blob.of(PAGE, "text/html"))).toEqual(OK);
  expect(await chess.ask({ WebSocketSecureBind: { path: "/ws", extension: false } })).toEqual(OK);
  expect(await chess.ask(bindWs("/plain"))).toEqual(OK);
  return { on, chess, main: `http://localhost:${on.port}`, own: `http://chess-sys.localhost:${on.port}` };
}

/** A page of the package, logged in there; the person is logged in at the node too. */
async function enter({ main, own }: Chess): Promise<{ readonly person: BrowserContext; readonly page: Page }> {
  const person = await browser.context();
  await logIn(await browser.page(person), `${main}/${P}/page.html`, PASSWORD);
  const page = await browser.page(person);
  await page.goto(`${main}/${CHESS}/s`, { waitUntil: "domcontentloaded" });
  expect(page.url()).toBe(`${own}/${CHESS}/s`);
  await typePassword(page, PASSWORD); // the login at the node is none here
  await reads(page, "p", "chess");
  return { person, page };
}

test.each(TRANSPORTS)("%s: the browser is sent there, logs in there, and connects there", async (transport) => {
  const started = await withChess(transport);
  const { on, chess, own } = started;
  const { person, page } = await enter(started);
  await reads(page, "li", "open");
  const [opened] = await hear(chess, 1);
  expect(opened).toMatch(/^open \d+$/);
  expect(await socket(page, `ws://chess-sys.localhost:${on.port}/${CHESS}/ws`)).toBe("open");
  const names = async (url: string): Promise<string[]> => (await person.cookies(url)).map(({ name }) => name).sort();
  expect(await names(own)).toEqual([`jackfield-auth_alice.os@${CHESS}`, `kinode-auth_alice.os@${CHESS}`]);
  expect(await names(started.main)).toEqual(["jackfield-auth_alice.os", "kinode-auth_alice.os"]);
});

test("its page can neither POST to the node itself, nor read a page, nor open a socket there", async () => {
  const started = await withChess("uws");
  const { on, main } = started;
  const { person, page } = await enter(started);
  const ways: readonly (readonly [string, string])[] = [
    ["POST", `${main}/logout`],
    ["DELETE", `${main}/sessions`],
    ["POST", `${main}/password`],
    ["GET", `${main}/${P}/page.html`],
    ["GET", `${main}/sessions`],
  ];
  for (const [method, url] of ways) expect([url, await fetched(page, method, url)]).toEqual([url, "TypeError"]);
  const blind = page.waitForResponse(`${main}/logout`);
  await page.evaluate(
    (url) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include" }),
    `${main}/logout`,
  );
  expect((await blind).status()).toBe(403);
  for (const path of ["/", `/${CHESS}/plain`, `/${CHESS}/ws`])
    expect([path, await socket(page, `ws://localhost:${on.port}${path}`)]).toEqual([path, 1006]);
  const own = await browser.page(person);
  await own.goto(`${main}/${P}/page.html`); // still logged in
  await reads(own, "p", "secret");
});

test("a page of the node itself can do nothing there", async () => {
  const started = await withChess("uws");
  const { on, main, own } = started;
  const { person } = await enter(started);
  const page = await browser.page(person);
  await page.goto(`${main}/${P}/page.html`);
  expect(await fetched(page, "GET", `${own}/${CHESS}/s`)).toBe("TypeError");
  expect(await fetched(page, "POST", `${own}/logout`)).toBe("TypeError");
  expect(await socket(page, `ws://chess-sys.localhost:${on.port}/${CHESS}/ws`)).toBe(1006);
  expect(await socket(page, `ws://chess-sys.localhost:${on.port}/`)).toBe(1006);
});

/** @returns the close code, or "open" */
function socket(page: Page, url: string): Promise<number | "open"> {
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

/** @returns the status, or the name of the error */
function fetched(page: Page, method: string, url: string): Promise<number | string> {
  return page.evaluate(
    async ({ method, url }) => {
      try {
        return (await fetch(url, { method, credentials: "include" })).status;
      } catch (error) {
        return (error as Error).name;
      }
    },
    { method, url },
  );
}
