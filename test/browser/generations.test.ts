/** A browser client of each generation, on a page that a process of its time serves (contract kinode §5.6, §8). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { defineProcess } from "../../lib/process/index.ts";
import type { Dialect } from "../../lib/protocol/index.ts";
import { useBrowser } from "../support/browser.ts";
import { startNode, stopNodes, TRANSPORTS, until } from "../support/channels.ts";
import { P, type TestNode } from "../support/node.ts";
import { BROKEN_CLIENT, OLD_CLIENTS, type OldClient } from "./old-clients.ts";
import { logIn, reads, texts } from "./visitor.ts";

const PASSWORD = "correct horse battery";

/** `show` puts what a page sees on it. */
const page = (id: string): string => `<!doctype html><title>page</title><script src="/our.js"></script><ol></ol>
<script type="module">
  const show = (text) => document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: text }));
  const { default: Client } = await import("/${id}/client.js");
  try {
    new Client({
      nodeId: window.our.node,
      processId: "${id}",
      onOpen: (event, api) => api.send({ data: { says: "${id}" } }),
      onMessage: (data) => show(data),
    });
  } catch (error) {
    show(error.name);
  }
</script>`;

type Seen = { readonly events: unknown[]; readonly texts: (string | undefined)[] };

/** A process that serves its page and its client, writes down what it is told, and answers what it hears. */
async function serve(on: TestNode, id: string, dialect: Dialect, client: OldClient): Promise<Seen> {
  const seen: Seen = { events: [], texts: [] };
  const source = await client.source();
  let isUp = false;
  const program = defineProcess({
    async init(ctx) {
      await ctx.bindStatic("/page.html", page(id), { mime: "text/html; charset=utf-8" });
      await ctx.bindStatic("/client.js", source, { mime: "text/javascript" });
      await ctx.bindWs("/");
      isUp = true;
    },
    onOpen: (_, __, ctx) => void seen.events.push(ctx.message?.body),
    onPush(_, { channelId }, blob, ctx) {
      seen.events.push(ctx.message?.body);
      seen.texts.push(blob.text());
      ctx.push(channelId, `${dialect} heard ${blob.text()}`);
    },
  });
  on.add(id, program, { dialect });
  await until(() => isUp);
  return seen;
}

/** What a process of `dialect` is told of a channel of `id`, and of one message of bytes. */
function events(dialect: Dialect, id: number): readonly unknown[] {
  const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
  const full = expect.objectContaining({ path: "/", channel_id: id, source_socket_addr: peer, user: "alice.os" });
  const open = { uqbar: id, nectar: { path: "/", channel_id: id }, kinode: full, hyperware: full }[dialect];
  return [{ WebSocketOpen: open }, { WebSocketPush: { channel_id: id, message_type: "Binary" } }];
}

function idIn(seen: Seen): number {
  return (seen.events[1] as { WebSocketPush: { channel_id: number } }).WebSocketPush.channel_id;
}

/** The page has shown the answer; before it, its channel's id where the client registers. */
async function expectServed(shown: Page, seen: Seen, id: string, dialect: Dialect, client: OldClient): Promise<void> {
  const said = JSON.stringify({ says: id });
  await reads(shown, "li:last-child", `${dialect} heard ${said}`);
  const channelId = idIn(seen);
  expect(seen.events).toEqual(events(dialect, channelId));
  expect(seen.texts).toEqual([said]);
  const answers = client.registers ? [JSON.stringify({ channel_id: channelId })] : [];
  expect(await texts(shown, "li")).toEqual([...answers, `${dialect} heard ${said}`]);
}

const browser = useBrowser();
afterEach(stopNodes);

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each(OLD_CLIENTS.map((client) => [client.name, client] as const))("%s is served", async (_, client) => {
    const on = await startNode(transport, { password: PASSWORD });
    const seen = await serve(on, P, client.dialect, client);
    const shown = await browser.page();
    await logIn(shown, `${on.url}/${P}/page.html`, PASSWORD);
    await expectServed(shown, seen, P, client.dialect, client);
  });

  test("one that does as @uqbar/client-encryptor-api 0.2.2 cannot be: the browser takes its URL, ws:://…, for none", async () => {
    const on = await startNode(transport, { password: PASSWORD });
    const seen = await serve(on, P, "nectar", BROKEN_CLIENT);
    const shown = await browser.page();
    await logIn(shown, `${on.url}/${P}/page.html`, PASSWORD);
    await reads(shown, "li:last-child", "SyntaxError");
    expect(seen.events).toEqual([]);
  });

  test("several at once: four processes of four dialects on one node, each served by a client of its time", async () => {
    const on = await startNode(transport, { password: PASSWORD });
    const versions = ["0.2.0", "0.2.4", "@kinode", "@hyperware-ai"];
    const clients = OLD_CLIENTS.filter(({ name }) => versions.some((version) => name.includes(version)));
    expect(clients.map(({ dialect }) => dialect)).toEqual(["uqbar", "nectar", "kinode", "hyperware"]);
    const context = await browser.context();
    const first = await browser.page(context);
    const served = [];
    for (const client of clients) {
      const id = `app:${client.dialect}:template.os`;
      served.push({ client, id, seen: await serve(on, id, client.dialect, client) });
    }
    await logIn(first, `${on.url}/login`, PASSWORD);
    const pages = await Promise.all(
      served.map(async ({ id }) => {
        const opened = await browser.page(context);
        await opened.goto(`${on.url}/${id}/page.html`);
        return opened;
      }),
    );
    for (const [index, { client, id, seen }] of served.entries())
      await expectServed(pages[index] as Page, seen, id, client.dialect, client);
    expect(on.server.channels.size).toBe(4);
    const cookies = (await context.cookies()).map(({ name, httpOnly }) => `${name}${httpOnly ? " HttpOnly" : ""}`);
    expect(cookies.sort()).toEqual([
      "hyperware-auth_alice.os",
      "jackfield-auth_alice.os HttpOnly",
      "kinode-auth_alice.os",
      "nectar-auth_alice.os",
      "uqbar-auth_alice.os",
    ]);
  });
});
