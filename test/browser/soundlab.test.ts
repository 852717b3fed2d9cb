/** Soundlab's live page in a real browser: on its own port and on the node's, its sliders, cut off, and back. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import type { Page } from "playwright-core";
import { LAPTOP, PHONE, useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, startNode, temporaryFolder } from "../support/jackfield.ts";
import { startOtherSite, stopOtherSites } from "./other-site.ts";
import { expectNoSidewaysScroll, logIn, reads, texts } from "./visitor.ts";

const PASSWORD = "correct horse battery";
const BASE = ["--memory", "--password", PASSWORD];
/** A folder for pictures of the page, for who wants to look at them. */
const PICTURES = process.env.JACKFIELD_PICTURES;

const browser = useBrowser();
afterEach(endJackfields);
afterEach(stopOtherSites);

/** A node whose Soundlab is on `port`. */
async function startSoundlab(port = 0, more: readonly string[] = []) {
  const node = await startNode({ args: [...BASE, "--soundlab", String(port), ...more] });
  const [, own = ""] = /soundlab\s+(\S+) is Soundlab/.exec(node.command.stdout) ?? [];
  return { ...node, own };
}

/** Moves a slider as a hand does. */
async function slide(page: Page, selector: string, value: string): Promise<void> {
  await page.locator(selector).evaluate((element, to) => {
    (element as HTMLInputElement).value = to;
    for (const type of ["input", "change"]) element.dispatchEvent(new Event(type, { bubbles: true }));
  }, value);
}

async function numberIn(page: Page, id: string): Promise<number> {
  return Number.parseFloat((await page.textContent(`#value-${id}`)) ?? "");
}

/** Waits until the number `id` is within `from` and `to`. */
async function comes(page: Page, id: string, from: number, to: number): Promise<void> {
  await page.waitForFunction(
    ([name, low, high]) => {
      const value = Number.parseFloat(document.getElementById(`value-${name}`)?.textContent ?? "");
      return value >= Number(low) && value <= Number(high);
    },
    [id, from, to] as const,
  );
}

/** Waits until the page shows another frame than it does now. */
async function nextFrame(page: Page): Promise<void> {
  const frame = await page.locator("#value-frame").textContent();
  await page.waitForFunction((last) => document.getElementById("value-frame")?.textContent !== last, frame);
}

/** How many pixels of the chart at `index` are no background. */
async function drawn(page: Page, index: number): Promise<number> {
  return await page
    .locator("#charts canvas")
    .nth(index)
    .evaluate((element) => {
      const { width, height } = element as HTMLCanvasElement;
      const { data } = (element as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height) ?? {
        data: [],
      };
      return [...data].filter((value, at) => at % 4 === 3 && value > 0).length;
    });
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `soundlab-${name}.png`), fullPage: true });
}

/** A machine that stalls leaves blocks out, and is told that this measured nothing: then it is asked again. */
async function calibrated(page: Page): Promise<void> {
  const shown = page.locator("#value-compensation");
  const tell = async (): Promise<boolean> => /ms$/.test((await shown.textContent()) ?? "");
  for (let tries = 0; tries < 10 && !(await tell()); tries++) {
    await page.click("#calibrate"); // waits until the last one has ended
    await page.locator("#calibrate:enabled").waitFor();
    await nextFrame(page); // tells of it
  }
  expect(await tell()).toBe(true);
}

test("draws all three streams, and numbers follow the sliders", async () => {
  const { own } = await startSoundlab();
  const page = await browser.page(await browser.context({ viewport: LAPTOP }));
  await page.goto(own);
  await reads(page, "#link", "Connected");
  await comes(page, "frame", 60, Number.MAX_SAFE_INTEGER);
  await comes(page, "total", 0, 1_000);
  for (let index = 0; index < 6; index++) expect(await drawn(page, index)).toBeGreaterThan(500);
  expect((await texts(page, "#channels legend")).length).toBe(8);
  await expectNoSidewaysScroll(page);
  await picture(page, "laptop");

  await slide(page, "#noise-amount", "0"); // tones alone are low
  await comes(page, "centroid", 100, 4_000);
  for (let channel = 0; channel < 8; channel++) await slide(page, `#channel-${channel}-frequency`, "1000");
  await comes(page, "centroid", 15_000, 24_000);
  for (let channel = 0; channel < 8; channel++) await slide(page, `#channel-${channel}-amplitude`, "0");
  await reads(page, "#value-active", "0 of 8");
  await comes(page, "centroid", 0, 0);
  await slide(page, "#channel-2-amplitude", "0.7");
  await reads(page, "#value-active", "1 of 8");
  await page.click("#presets button >> text=Unison");
  await comes(page, "coherence", 0.95, 1);
  await page.selectOption("#phi-source", "manual");
  await slide(page, "#phi-depth", "1.2");
  await comes(page, "phi-depth", 1.2, 1.2);
  await calibrated(page);
  await page.click("#audio");
  await reads(page, "#audio", "Start audio");
  await reads(page, "#value-state", "IDLE");
});

test("shows what another page has set", async () => {
  const { own } = await startSoundlab();
  const [ann, bob] = [await browser.page(), await browser.page()];
  for (const page of [ann, bob]) {
    await page.goto(own);
    await page.locator("#channel-0-amplitude").waitFor();
  }
  await slide(ann, "#channel-0-amplitude", "0.9");
  await reads(bob, ".channel:first-child .field:last-child output", "0.90");
});

test("says when it is cut off, keeps what it has, and comes back by itself", async () => {
  const port = await freePort();
  const first = await startSoundlab(port);
  const page = await browser.page(await browser.context({ viewport: PHONE, colorScheme: "dark" }));
  await page.goto(first.own);
  await comes(page, "frame", 90, Number.MAX_SAFE_INTEGER);
  await expectNoSidewaysScroll(page);
  await picture(page, "phone-dark");
  await first.stop();
  await reads(page, "#link", "Disconnected: trying again…");
  expect(await numberIn(page, "frame")).toBeGreaterThanOrEqual(90);
  expect(await page.locator("main[data-stale]").count()).toBe(1);
  await startSoundlab(port);
  await reads(page, "#link", "Connected");
  await nextFrame(page); // of the new node: the other's have ended
  expect(await page.locator("main[data-stale]").count()).toBe(0);
});

test("works from the start page, under the node's own port", async () => {
  const { url } = await startSoundlab();
  const page = await browser.page();
  await logIn(page, url, PASSWORD);
  await page.click('a[href="/soundlab:soundlab:sys/"]');
  await reads(page, "#link", "Connected");
  await comes(page, "frame", 1, Number.MAX_SAFE_INTEGER);
  await page.locator("#channel-7-frequency").waitFor();
});

test("a page of another site reads streams and REST in development, and changes nothing", async () => {
  const { own } = await startSoundlab();
  const { port } = new URL(own);
  const site = await startOtherSite("<!doctype html><title>Elsewhere</title>");
  const page = await browser.page();
  await page.goto(`http://127.0.0.1:${site}/`);
  const seen = await page.evaluate(async (base) => {
    const take = (stream: string, count: number): Promise<Record<string, unknown>[]> =>
      new Promise((resolve, reject) => {
        const messages: Record<string, unknown>[] = [];
        const socket = new WebSocket(`ws://${base}/ws/${stream}`);
        socket.onopen = () => count === 0 && resolve(messages);
        socket.onmessage = ({ data }) => {
          messages.push(JSON.parse(data));
          if (messages.length === count) resolve(messages);
        };
        socket.onerror = () => reject(new Error(`${stream} was refused`));
      });
    const [metrics = [], latency = []] = await Promise.all([
      take("metrics", 10),
      take("latency", 3),
      take("events", 0),
    ]);
    const status = await (await fetch(`http://${base}/api/status`)).json();
    const changed = await fetch(`http://${base}/api/audio/stop`, { method: "POST" }).then(
      ({ status: code }) => code,
      () => "refused",
    );
    return { metrics, latency, status, changed };
  }, `localhost:${port}`);
  expect(seen.metrics.slice(0, 10).map(({ frame }) => typeof frame)).toEqual(Array(10).fill("number"));
  expect(seen.latency[0]).toMatchObject({ calibrated: false });
  expect(seen.status).toMatchObject({ audio_running: true });
  expect(seen.changed).toBe("refused"); // 403, and no page may read it
});

test("in production it takes a token that came behind the page's own address, which no server is sent", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keys = [publicKey.export({ type: "spki", format: "pem" }).toString()];
  const file = join(temporaryFolder(), "soundlab.json");
  writeFileSync(file, JSON.stringify({ mode: "production", token: { keys } }));
  const { own } = await startSoundlab(0, ["--settings", `soundlab:soundlab:sys=${file}`]);
  const token = await new SignJWT({ aud: "soundlab-api", jti: "1" })
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuedAt()
    .setExpirationTime("10m")
    .sign(privateKey);
  const page = await browser.page();
  await page.goto(own);
  await reads(page, "#link", "Disconnected: trying again…");
  await page.goto(`${own}#token=${token}`);
  await page.reload();
  await reads(page, "#link", "Connected");
  await page.locator("#channel-0-amplitude").waitFor();
  await slide(page, "#channel-0-amplitude", "0");
  await reads(page, "#value-active", "7 of 8");
});
