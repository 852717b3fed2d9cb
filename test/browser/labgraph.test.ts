/**
 * LabGraph's page in a real browser, against a process whose streams the test publishes. Pictures are left below
 * os.tmpdir(), for people to look at.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { ProcessId } from "../../lib/protocol/index.ts";
import { LAPTOP, PHONE, useBrowser } from "../support/browser.ts";
import { stopNodes, until } from "../support/channels.ts";
import { cutClients, LABGRAPH, type Lab, startLabgraph } from "../support/labgraph.ts";
import { expectNoSidewaysScroll, reads, texts } from "./visitor.ts";

const PICTURES = join(tmpdir(), "jackfield-screenshots");
const RATE = 50; // samples per second of a device

const browser = useBrowser();
afterEach(async () => {
  cutClients();
  await stopNodes();
});

const field = (content: number) => ({ type: "int", content });
const MONITOR = {
  nodes: {
    "http-server:distro:sys": { upstreams: {} },
    "chat:chat:template.os": {
      upstreams: {
        "http-server:distro:sys": [{ name: "Messages", fields: { handled: field(1234), mailbox: field(0) } }],
      },
    },
    "a-process-with-quite-a-long-name:in-a-package-with-a-longer-one:template.os": {
      upstreams: { "chat:chat:template.os": [{ name: "Messages", fields: { handled: field(7), mailbox: field(3) } }] },
    },
  },
};

type Streams = {
  /** The page listens. */
  heard(): Promise<void>;
  /** So much time of the device, and a picture of the graph: no more than may wait for a client. */
  publish(seconds: number): void;
};

/** Declares what a node has to show, and opens the page. */
async function withStreams(lab: Lab, page: Page): Promise<Streams> {
  const monitor = await lab.source.streams.output("labgraph.monitor");
  const device = await lab.source.streams.output<readonly number[]>("device.stream1");
  await lab.source.streams.output("device.stream2", { ready: false });
  const words = await lab.source.streams.output("words");
  await page.goto(`http://127.0.0.1:${lab.port}/`);
  let time = Date.now() / 1000;
  const heard = (): Promise<void> => until(() => monitor.listeners > 0 && device.listeners > 0);
  await heard();
  return {
    heard,
    publish(seconds) {
      monitor.publish(MONITOR);
      words.publish("only words");
      for (let n = 0; n < seconds * RATE; n++) {
        time += 1 / RATE;
        const wave = (index: number): number => Math.sin(2 * Math.PI * time * (0.4 + index / 5)) * (1 + index);
        device.publish(
          Array.from({ length: 8 }, (_, index) => wave(index)),
          time,
        );
      }
    },
  };
}

test("a stream is drawn, another can be chosen, and what it lacks is said", async () => {
  const lab = await startLabgraph("uws");
  const page = await browser.page();
  const streams = await withStreams(lab, page);
  expect(new URL(page.url()).pathname).toBe("/index.html");
  await reads(page, "#state", "Connected");
  expect(await texts(page, "#stream option")).toEqual([
    "labgraph.monitor",
    "device.stream1",
    "device.stream2",
    "words",
  ]);
  expect(await page.inputValue("#stream")).toBe("device.stream1");
  streams.publish(2);
  await reads(page, "#batch", "100");
  expect(await page.locator("#chart canvas").count()).toBe(1);
  expect(await texts(page, "#chart .u-legend .u-label")).toEqual(["time", "0", "1", "2", "3", "4", "5", "6", "7"]);
  await reads(page, "#graph-state", "3 nodes, 2 edges");
  expect((await texts(page, "#graph > li:nth-child(2)"))[0]).toBe(
    "chat:chat:template.os← http-server:distro:sys handled 1234mailbox 0",
  );
  await page.selectOption("#stream", "device.stream2");
  await page.locator("#trouble", { hasText: "its source is not ready yet" }).waitFor();
  expect(await page.locator("#chart canvas").count()).toBe(0);
  await page.selectOption("#stream", "words");
  await page.locator("#trouble", { hasText: "cannot" }).waitFor({ state: "hidden" });
  streams.publish(0);
  await page.locator("#trouble", { hasText: "This stream has no numbers to draw" }).waitFor();
});

test("below the main port it is the same page", async () => {
  const lab = await startLabgraph("ws");
  const page = await browser.page();
  const out = await lab.source.streams.output<number>("a");
  await page.goto(`${lab.on.url}/${LABGRAPH}/`);
  expect(new URL(page.url()).pathname).toBe(`/${LABGRAPH}/index.html`);
  await until(() => out.listeners > 0);
  out.publish(1);
  await reads(page, "#batch", "1");
});

test("when the connection is lost the page says so, comes back, and draws on", async () => {
  const lab = await startLabgraph("uws");
  const page = await browser.page();
  const streams = await withStreams(lab, page);
  await reads(page, "#state", "Connected");
  lab.on.node.kernel.registry.get(ProcessId.parse(LABGRAPH))?.restartAfterHand(); // which closes all with 1012
  await reads(page, "#state", "Connection lost: trying again");
  await streams.heard();
  await reads(page, "#state", "Connected");
  streams.publish(1);
  await reads(page, "#batch", "50"); // counted from 1 again
});

describe.each([
  ["phone", PHONE],
  ["laptop", LAPTOP],
])("on a %s", (device, viewport) => {
  test.each(["light", "dark"] as const)("in %s colours nothing scrolls sideways", async (colorScheme) => {
    const lab = await startLabgraph("uws");
    const page = await browser.page(await browser.context({ viewport, colorScheme }));
    const streams = await withStreams(lab, page);
    for (let seconds = 5; seconds <= 10; seconds += 5) {
      streams.publish(5);
      await reads(page, "#batch", String(seconds * RATE));
    }
    await reads(page, "#graph-state", "3 nodes, 2 edges");
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `labgraph-${device}-${colorScheme}.png`), fullPage: true });
    await expectNoSidewaysScroll(page);
  });
});
