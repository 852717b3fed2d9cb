/** examples/cluster as a person runs it: `npm run cluster`, and pages on two of its nodes, one of which is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, temporaryFolder } from "../support/jackfield.ts";
import { startNatsServer, stopNatsServers } from "../support/nats-server.ts";
import { reads } from "./visitor.ts";

const START = fileURLToPath(new URL("../../examples/cluster/start.mjs", import.meta.url));
const MINUTE = 60_000; // for jest: three nodes start, one twice

const browser = useBrowser();
const children = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) await ended(child, "SIGTERM");
  }
  children.clear();
  await endJackfields();
  await stopNatsServers();
});

type Running = { readonly child: ChildProcess; readonly urls: readonly string[]; readonly pids: readonly number[] };

async function startCluster(tmp: string, ...more: readonly string[]): Promise<Running> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const env = { ...process.env, TMPDIR: tmp };
  const child = spawn(process.execPath, [START, "--ports", ports.join(","), ...more], { env });
  children.add(child);
  const text = await printed(child, /Ctrl-C/);
  const found = [...text.matchAll(/(http:\S+) {3}process (\d+)/g)];
  return { child, urls: found.map(([, url = ""]) => url), pids: found.map(([, , pid]) => Number(pid)) };
}

/** What it prints from now on, up to `pattern`. @throws {Error} it ended before */
async function printed({ stdout, stderr }: ChildProcess, pattern: RegExp): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = "";
    stderr?.on("data", (data: Buffer) => {
      text += String(data);
    });
    stdout?.once("end", () => reject(new Error(`it ended: ${text}`)));
    stdout?.on("data", (data: Buffer) => {
      text += String(data);
      if (pattern.test(text)) resolve(text);
    });
  });
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const gone = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  child.kill(signal);
  return await gone;
}

async function enter(url: string, name: string): Promise<Page> {
  const page = await browser.page(await browser.context());
  await page.goto(url);
  await page.locator("#state[data-state=open]").waitFor();
  await page.fill("#name", name);
  await page.press("#name", "Tab");
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** `said` as it stands on the page: who, on which node, what. */
async function hears(page: Page, from: string, node: string, text: string): Promise<void> {
  const item = page.locator("#log li", { hasText: text });
  await item.waitFor();
  expect(await item.locator("b").textContent()).toBe(from);
  expect(await item.locator("small").textContent()).toContain(node);
}

/** Waits until the page shows `node` so, with these people. */
async function shows(
  page: Page,
  node: string,
  is: "mine" | "there" | "gone",
  people: readonly string[],
): Promise<void> {
  const card = page.locator(`article[data-node="${node}"][data-is=${is}]`);
  for (const who of people) await card.locator("li", { hasText: new RegExp(`^${who}$`) }).waitFor();
  await card.waitFor();
  expect(await card.locator("li").count()).toBe(people.length);
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test(
  "two people on two nodes talk; one node is killed, and its people go on with another",
  async () => {
    const tmp = temporaryFolder();
    const { child, urls, pids } = await startCluster(tmp);
    const [alice = "", bob = ""] = urls;
    const ann = await enter(alice, "Ann");
    const ben = await enter(bob, "Ben");
    await reads(ann, "#state", "You are on alice.os");
    await reads(ben, "#state", "You are on bob.os");
    await shows(ann, "bob.os", "there", ["Ben"]);
    await shows(ann, "alice.os", "mine", ["Ann"]);
    await shows(ben, "alice.os", "there", ["Ann"]);
    await shows(ben, "carol.os", "there", []);
    await say(ann, "hello from alice");
    await hears(ben, "Ann", "alice.os", "hello from alice");
    await say(ben, "hello from bob");
    await hears(ann, "Ben", "bob.os", "hello from bob");

    child.stdin?.write("alice\n");
    await reads(ann, "#state", "You are on bob.os");
    await shows(ben, "alice.os", "gone", []);
    await shows(ben, "bob.os", "mine", ["Ben", "Ann"]);
    await say(ann, "still here");
    await hears(ben, "Ann", "bob.os", "still here");
    expect(await ann.locator("#log li").count()).toBe(3);

    child.stdin?.write("alice\n");
    await printed(child, /alice\.os runs/);
    await shows(ben, "alice.os", "there", []);
    const carl = await enter(alice, "Carl");
    await hears(carl, "Ann", "alice.os", "hello from alice"); // said before that node was there
    await say(carl, "hello again");
    await hears(ann, "Carl", "alice.os", "hello again");

    expect(await ended(child, "SIGINT")).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(tmp)).toEqual([]);
  },
  MINUTE,
);

test(
  "--link takes servers that run already, and leaves them running",
  async () => {
    const server = await startNatsServer();
    const tmp = temporaryFolder();
    const { child, urls } = await startCluster(tmp, "--link", server.url);
    const page = await enter(urls[2] ?? "", "Ann");
    await shows(page, "alice.os", "there", []);
    expect(await ended(child, "SIGTERM")).toBe(0);
    const again = await startCluster(tmp, "--link", server.url);
    expect(await ended(again.child, "SIGTERM")).toBe(0);
    expect(readdirSync(tmp)).toEqual([]);
  },
  MINUTE,
);

test("says what to install where there is no nats-server, and leaves nothing", async () => {
  const tmp = temporaryFolder();
  const env = { ...process.env, TMPDIR: tmp };
  const child = spawn(process.execPath, [START, "--nats-server", "/nowhere/nats-server"], { env });
  children.add(child);
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors += String(data);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect([code, errors]).toEqual([
    1,
    "Cannot run the cluster: there is no nats-server on this machine: apt-get install -y nats-server, or https://nats.io/download, or --link with the URL of one that runs\n",
  ]);
  expect(readdirSync(tmp)).toEqual([]);
});
