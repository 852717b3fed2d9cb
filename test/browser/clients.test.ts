/** Code that others have written for the seeds, in a real browser (contract kinode §5.6, §5.7, cases 118 and 126). */
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { useBrowser } from "../support/browser.ts";
import { bindWs, hear, OK, push, startNode, stopNodes, TRANSPORTS } from "../support/channels.ts";
import { P, type TestNode } from "../support/node.ts";
import type { Recorded } from "../support/recorder.ts";
import { addPages, type PageProcess } from "./page-process.ts";
import { logIn, reads, texts } from "./visitor.ts";

const PASSWORD = "correct horse battery";
const NPM_CLIENT = new URL("../../node_modules/@kinode/client-api/index.js", import.meta.url);

/** `show` puts what a page sees on it. */
const page = (script: string): string =>
  `<!doctype html><title>page</title><script src="/our.js"></script><ol></ol><script>
    function show(text) { document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: text })); }
  </script>${script}`;

/** The seeds' own lines but for three (§5.7): the URL is the node's and a ws: one, nodeId is set, and send waits for open. */
const SEEDS_SNIPPET = page(`<script>
  const nodeId = window.our.node;
  function getCookie(name) {
    const cookies = document.cookie.split(';');
    for (let i = 0; i < cookies.length; i++) {
      const cookie = cookies[i].trim();
      if (cookie.startsWith(name)) {
        return cookie.substring(name.length + 1);
      }
    }
  }

  const websocket = new WebSocket("ws://" + location.host + "/");

  const message = JSON.stringify({
    "auth_token": getCookie(\`kinode-auth_\${nodeId}\`),
    "target_process": "my-package:my-package:template.os",
    "encrypted": false,
  });
  websocket.onopen = () => websocket.send(message);
  websocket.onmessage = (event) => {
    show(event.data);
    if (event.data.includes("channel_id")) websocket.send("Hello World");
  };
</script>`);

const encryptorPage = (name: string): string =>
  page(`<script type="module">
  import { ${name} } from "/client.js";
  const api = new ${name}({
    nodeId: window.our.node,
    processId: "my-package:my-package:template.os",
    onOpen: (event, api) => {
      api.send({ data: 'Hello World' });
    },
    onMessage: (message, api) => {
      show(typeof message === "string" ? message : "bytes " + message);
    },
  });
</script>`);

const NPM_PAGE = page(`<script type="module">
  import KinodeClientApi from "/${P}/client-api.js";
  new KinodeClientApi({
    nodeId: window.our.node,
    processId: "${P}",
    onOpen: (event, api) => {
      show("open " + api._ws.url);
      api.send({ data: 'Hello World' });
    },
    onMessage: async (message, api) => {
      show(typeof message === "string" ? message : "bytes " + new Uint8Array(await message.arrayBuffer()));
    },
  });
</script>`);

const browser = useBrowser();
afterEach(stopNodes);

describe.each(TRANSPORTS)("over %s", (transport) => {
  async function visit(path: string, pages: Readonly<Record<string, string>>): Promise<Visit> {
    const on = await startNode(transport, { password: PASSWORD });
    const process = await addPages(on, pages);
    expect(await process.told.ask(bindWs("/"))).toEqual(OK);
    const seen = await browser.page();
    await logIn(seen, `${on.url}/${P}${path}`, PASSWORD);
    return { on, process, seen };
  }

  test("@kinode/client-api of npm opens its process's path, sends, and is pushed to", async () => {
    const source = await readFile(NPM_CLIENT, "utf8");
    const { on, process, seen } = await visit("/page.html", { "/page.html": NPM_PAGE, "/client-api.js": source });
    const { body: open } = await process.told.next();
    const id = channelOf(open);
    expect(open).toMatchObject({
      WebSocketOpen: { path: "/", channel_id: id, source_socket_addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    });
    const { body, text } = await process.told.next();
    expect({ body, text }).toEqual({
      body: { WebSocketPush: { channel_id: id, message_type: "Binary" } },
      text: '"Hello World"',
    });
    expect(await process.told.ask(push(id), "a text")).toEqual(OK);
    expect(await process.told.ask(push(id, "Binary"), Uint8Array.of(1, 2, 255))).toEqual(OK);
    await reads(seen, "li:last-child", "bytes 1,2,255");
    const url = `${on.url.replace("http:", "ws:")}/${P}/`;
    expect(await texts(seen, "li")).toEqual([`open ${url}`, "a text", "bytes 1,2,255"]);
  });

  test("the seeds' snippet registers with the page's cookie on the main route, sends, and is pushed to", async () => {
    const { process, seen } = await visit("/page.html", { "/page.html": SEEDS_SNIPPET });
    const id = channelOf((await process.told.next()).body);
    expect(await hear(process.told, 1)).toEqual([`text ${id} Hello World`]);
    expect(await process.told.ask(push(id), "Hello page")).toEqual(OK);
    await reads(seen, "li:last-child", "Hello page");
    expect(await texts(seen, "li")).toEqual([`{"channel_id":${id}}`, "Hello page"]);
  });

  test.each(["KinodeEncryptorApi", "NectarEncryptorApi"])(
    "%s of /client.js takes the seeds' options: registers, sends JSON as bytes, and is pushed to",
    async (name) => {
      const { process, seen } = await visit("/page.html", { "/page.html": encryptorPage(name) });
      const id = channelOf((await process.told.next()).body);
      expect(await hear(process.told, 1)).toEqual([`binary ${id} "Hello World"`]);
      expect(await process.told.ask(push(id), "Hello page")).toEqual(OK);
      expect(await process.told.ask(push(id, "Binary"), Uint8Array.of(1, 2, 255))).toEqual(OK);
      await reads(seen, "li:last-child", "bytes 1,2,255");
      expect(await texts(seen, "li")).toEqual(["Hello page", "bytes 1,2,255"]);
    },
  );

  test("a page that is closed ends its channel", async () => {
    const { process, seen } = await visit("/page.html", { "/page.html": SEEDS_SNIPPET });
    const id = channelOf((await process.told.next()).body);
    expect(await hear(process.told, 1)).toEqual([`text ${id} Hello World`]);
    await seen.close();
    expect(await hear(process.told, 1)).toEqual([`close ${id} 1001`]); // RFC 6455 §7.4.1: going away
  });
});

type Visit = { readonly on: TestNode; readonly process: PageProcess; readonly seen: Page };

function channelOf(body: Recorded["body"]): number {
  return (body as { readonly WebSocketOpen: { readonly channel_id: number } }).WebSocketOpen.channel_id;
}
