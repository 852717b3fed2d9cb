/**
 * Somebody with nothing to do with the attack, in a process of its own: one channel and one HTTP connection, each asking
 * again as soon as it was answered and 5 ms have passed. Started by arena.ts.
 *
 *   argv[2]              {"port":8080,"token":"…"}
 *   "report" → Waits     since the last one
 */
import { RawSocket } from "../support/sockets.ts";

export type Waits = {
  /** How often it was answered. */
  readonly echoes: number;
  readonly requests: number;
  /** ms: the longest wait for each. */
  readonly echoMs: number;
  readonly requestMs: number;
  /** What went wrong; empty while all is well. */
  readonly trouble: string;
};

const PAUSE = 5; // ms
const { port, token } = JSON.parse(process.argv[2] ?? "{}") as { readonly port: number; readonly token: string };
const NAME = "bystander:hostile:test";

let waits = { echoes: 0, requests: 0, echoMs: 0, requestMs: 0, trouble: "" };
/** When what is asked now was asked; 0: nothing is. */
const since = { echo: 0, request: 0 };

async function echo(): Promise<void> {
  const client = await RawSocket.connect(port);
  await client.upgrade();
  client.sendText(JSON.stringify({ auth_token: token, target_process: NAME }));
  await client.nextText();
  for (let count = 0; ; count++) {
    since.echo = performance.now();
    client.sendText(`${count}`);
    let frame = await client.nextFrame();
    while (frame.kind === "ping") {
      client.sendPong(frame.payload);
      frame = await client.nextFrame();
    }
    if (frame.payload.toString() !== `${count}`) throw new Error(`wanted ${count}, got ${frame.payload}`);
    waits.echoMs = Math.max(waits.echoMs, performance.now() - since.echo);
    waits.echoes++;
    await pause();
  }
}

async function ask(): Promise<void> {
  const client = await RawSocket.connect(port);
  for (;;) {
    since.request = performance.now();
    const { status, body } = await client.request({ path: `/${NAME}` });
    if (status !== 200 || body !== "fine") throw new Error(`got ${status} ${body}`);
    waits.requestMs = Math.max(waits.requestMs, performance.now() - since.request);
    waits.requests++;
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

function failed(error: unknown): void {
  waits.trouble = String(error);
}

process.on("message", (what) => {
  if (what !== "report") return;
  process.send?.(waits);
  waits = { ...waits, echoes: 0, requests: 0, echoMs: 0, requestMs: 0 };
});
process.on("disconnect", () => process.exit(0));
echo().catch(failed);
ask().catch(failed);
process.send?.("ready");
