/**
 * Soundlab as it is started, in its thread, served to clients that do what the seed document's snippets and the
 * original's programs do: clients.py, written from the contract, by Debian's websockets; and npm's ws.
 */
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import { WebSocket } from "ws";
import { askHttp } from "../../support/http-client.ts";
import { endJackfields, startNode, temporaryFolder } from "../../support/jackfield.ts";

const PYTHON = "/usr/bin/python3"; // Debian's: its packages are for that one alone
const CLIENTS = join(import.meta.dirname, "clients.py");
const BASE = ["--memory", "--password", "correct horse"];
const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

beforeAll(() => {
  const { status } = spawnSync(PYTHON, ["-c", "import websockets"]);
  if (status !== 0)
    throw new Error(
      `Cannot run Soundlab's clients as ${PYTHON} has no websockets: apt-get install python3 python3-websockets`,
    );
});
afterEach(endJackfields);

/** A node with Soundlab on a port of its own. */
async function startSoundlab(settings: Readonly<Record<string, unknown>> = {}) {
  const file = join(temporaryFolder(), "soundlab.json");
  writeFileSync(file, JSON.stringify(settings));
  const args = [...BASE, "--soundlab", "0", "--settings", `soundlab:soundlab:sys=${file}`];
  const { command, stop } = await startNode({ args });
  const [, port = ""] = /soundlab\s+http:\/\/localhost:(\d+)\//.exec(command.stdout) ?? [];
  return { port: Number(port), base: `ws://localhost:${port}`, stop };
}

/** One of clients.py. @param onWaits called when it says that it waits @throws {Error} it failed */
async function python(name: string, base: string, count: number, onWaits?: () => unknown): Promise<string[]> {
  const child = spawn(PYTHON, [CLIENTS, name, base, String(count)], { stdio: "pipe" });
  const lines: string[] = [];
  let stderr = "";
  let doing: unknown;
  createInterface(child.stdout).on("line", (line) => {
    if (line === "waits") doing = onWaits?.();
    else lines.push(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  await doing; // it may have seen enough before that was over
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
  return lines;
}

async function control(port: number, amplitude: number, noise: number): Promise<void> {
  const body = JSON.stringify({
    channels: EIGHT.map((channel) => ({ channel, amplitude })),
    noise: { amount: noise },
  });
  expect((await askHttp(port, { method: "PUT", path: "/api/control", body })).status).toBe(200);
}

/** A machine that is too busy for a client's pongs may make holes, and nothing else. */
function isRising(frames: readonly number[]): boolean {
  return frames.every((frame, index) => index === 0 || frame > (frames[index - 1] ?? frame));
}

/** Quiet for two seconds, then loud: what becomes of it is above 2. */
function burst(port: number): () => Promise<void> {
  return async () => {
    const from = await frameOf(port);
    await control(port, 0.01, 0.01);
    while ((await frameOf(port)) < from + 60); // by the chain's own frames
    await control(port, 1, 0.3);
  };
}

async function frameOf(port: number): Promise<number> {
  return JSON.parse((await askHttp(port, { path: "/metrics" })).body).frame;
}

test("the document's snippets in Python: metrics, latency, both at once, a queue, a filter, events", async () => {
  const { port, base } = await startSoundlab();
  const lines = await python("metrics", base, 20);
  const frames = lines.map((line) => Number(/^frame (\d+) ici [01]\.\d{3}$/.exec(line)?.[1]));
  expect(isRising(frames)).toBe(true);
  expect(await python("latency", base, 5)).toEqual(
    Array(5).fill(expect.stringMatching(/^total \d+\.\d ms calibrated False$/)),
  );
  expect((await python("both", base, 10)).length).toBe(20);
  expect(await python("queued", base, 20)).toEqual(["worked 20 in order True"]);
  const above = await python("critical", base, 3, burst(port));
  for (const line of above) expect(Number(line.split(" ")[1])).toBeGreaterThan(2);
  const [event = ""] = await python("events", base, 1, burst(port));
  expect(JSON.parse(event.slice("event ".length))).toMatchObject({
    type: expect.stringMatching(/^(state_change|critical_event)$/),
    timestamp: expect.any(Number),
  });
});

test("the original's programs: reconnecting, states, what means nothing", async () => {
  const { base } = await startSoundlab();
  expect(await python("reconnect", base, 5)).toEqual(["seen 23 never back True"]);
  expect(await python("states", base, 30)).toEqual(["states are right"]);
  expect(await python("whatever", base, 1)).toEqual(["['active_channels', 'channel_metrics']", "pong"]);
});

test("a client that retries: served, or refused before the upgrade until it gives up", async () => {
  const { port, base } = await startSoundlab({ clients: 1 });
  expect(await python("retry", base, 3)).toEqual(["served"]);
  const first = new WebSocket(`ws://127.0.0.1:${port}/ws/metrics`);
  await new Promise((resolve) => first.once("message", resolve));
  expect(await python("retry", base, 3)).toEqual([
    "attempt 1: server rejected WebSocket connection: HTTP 403",
    "attempt 2: server rejected WebSocket connection: HTTP 403",
    "attempt 3: server rejected WebSocket connection: HTTP 403",
    "gave up",
  ]);
  first.close();
});

test("the document's snippet for Node, up to the end of the node: 1001", async () => {
  const { port, stop } = await startSoundlab();
  const socket = new WebSocket(`ws://localhost:${port}/ws/metrics`);
  const frames: number[] = [];
  const closed = new Promise((resolve) => socket.once("close", (code: number) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data, isBinary) => {
      if (isBinary) reject(new Error("a binary frame"));
      frames.push(JSON.parse(String(data)).frame);
      if (frames.length === 10) resolve();
    });
  });
  await stop();
  expect(await closed).toBe(1001);
  expect(isRising(frames)).toBe(true);
});

test("in production, a client that has nothing but a base URL brings its token in it", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keys = [publicKey.export({ type: "spki", format: "pem" }).toString()];
  const { port, base } = await startSoundlab({ mode: "production", token: { keys } });
  const token = await new SignJWT({ aud: "soundlab-api", jti: "1" })
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuedAt()
    .setExpirationTime("10m")
    .sign(privateKey);
  await expect(python("metrics", base, 3)).rejects.toThrow("server rejected WebSocket connection: HTTP 401");
  expect((await python("metrics", `${base}/t/${token}`, 3)).length).toBe(3);
  expect((await python("metrics", `ws://user:${token}@localhost:${port}`, 3)).length).toBe(3); // as Basic
});
