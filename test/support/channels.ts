/**
 * Channels for tests: nodes that are stopped afterwards, clients that register, and processes that write down what they hear.
 *
 *   describe.each(TRANSPORTS)("%s", (transport) => {
 *     afterEach(stopNodes);
 *     test("…", async () => {
 *       const { on, p } = await startWithP(transport);
 *       const { client, id } = await openChannel(on);
 *
 * `stopNodes` fails the test when the http-server reported a fault meanwhile: a defect it went on after.
 */
import type { Channel } from "../../http-server/channel.ts";
import type { TransportName } from "../../http-server/index.ts";
import type { AddProcessOptions, Process } from "../../kernel/index.ts";
import { VirtualClock } from "../../lib/protocol/index.ts";
import { P, startTestNode, type TestNode, type TestNodeOptions } from "./node.ts";
import { type Recorded, Recorder } from "./recorder.ts";
import { destroyAll, RawSocket } from "./sockets.ts";
import { nextLook, nextLoop } from "./until.ts";

export { nextLoop };

/** For describe.each. */
export const TRANSPORTS = ["uws", "ws"] as const satisfies readonly TransportName[];

type Started = { readonly on: TestNode; readonly clock: VirtualClock | null; readonly faults: unknown[] };

const started = new Set<Started>();

export async function startNode(transport: TransportName, options: TestNodeOptions = {}): Promise<TestNode> {
  const on = await startTestNode({ transport, ...options });
  const faults: unknown[] = [];
  on.node.kernel.events.listen((event) => {
    if (event.type === "fault") faults.push(event.error);
  });
  const clock = options.nodeOptions?.clock;
  started.add({ on, clock: clock instanceof VirtualClock ? clock : null, faults });
  return on;
}

/** A node with a recorder as P. */
export async function startWithP(
  transport: TransportName,
  options: TestNodeOptions & { readonly process?: AddProcessOptions } = {},
): Promise<{ readonly on: TestNode; readonly p: Recorder; readonly process: Process }> {
  const { process: given, ...rest } = options;
  const on = await startNode(transport, rest);
  const p = new Recorder();
  return { on, p, process: on.add(P, p.program, given) };
}

/** The faults that `on` has told of so far; `stopNodes` throws none of them any more. */
export function takeFaults(on: TestNode): unknown[] {
  return [...started].flatMap((each) => (each.on === on ? each.faults.splice(0) : []));
}

/** For afterEach. @throws {unknown} a fault that was reported */
export async function stopNodes(): Promise<void> {
  destroyAll();
  const stopping = [...started];
  started.clear();
  for (const { on, clock } of stopping) await stopped(on, clock);
  for (const { faults } of stopping) if (faults.length > 0) throw faults[0];
}

/** A virtual clock stands still: the stop, which polls, needs somebody to move it. */
async function stopped(on: TestNode, clock: VirtualClock | null): Promise<void> {
  let done = false;
  const stop = on.stop().finally(() => {
    done = true;
  });
  while (clock !== null && !done) {
    clock.advance(5);
    await nextLoop();
  }
  await stop;
}

/** Waits for something that nobody tells of. The test's own timeout is its end. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let looks = 1; !isSo(); looks++) await nextLook(looks);
}

/** A socket on the main route that has not registered. */
export async function connectMain(on: TestNode, headers: Readonly<Record<string, string>> = {}): Promise<RawSocket> {
  return await connectPath(on, "/", headers);
}

/** A socket on `path`; logged in unless `headers` say otherwise. @throws {Error} it was refused */
export async function connectPath(
  on: TestNode,
  path: string,
  headers: Readonly<Record<string, string>> = { cookie: on.cookie },
): Promise<RawSocket> {
  const client = await RawSocket.connect(on.port);
  await client.upgrade({ path, headers });
  return client;
}

/** A correct WsRegister, with `fields` in place of its own. */
export function registration(on: TestNode, fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { auth_token: on.token, target_process: P, encrypted: false, ...fields };
}

export type Opened = { readonly client: RawSocket; readonly id: number };

/** A registered channel of P, or of who `fields` name. */
export async function openChannel(on: TestNode, fields: Readonly<Record<string, unknown>> = {}): Promise<Opened> {
  const client = await connectMain(on);
  client.sendText(JSON.stringify(registration(on, fields)));
  return { client, id: channelId(await client.nextText()) };
}

/** The id out of `{"channel_id": N}`. @throws {Error} it is something else */
export function channelId(text: string): number {
  const answer = JSON.parse(text) as { readonly channel_id?: number };
  if (typeof answer.channel_id !== "number") throw new Error(`wanted a channel id, got ${text}`);
  return answer.channel_id;
}

/** What a process hears, in short: `open 7`, `text 7 hello`, `binary 7 …`, `ping 7 …`, `close 7 1000 bye`. */
export function told({ body, text, metadata }: Recorded): string {
  const event = body as {
    readonly WebSocketOpen?: { readonly channel_id: number };
    readonly WebSocketPush?: { readonly channel_id: number; readonly message_type: string };
    readonly WebSocketClose?: number;
  };
  if (event.WebSocketOpen !== undefined) return `open ${event.WebSocketOpen.channel_id}`;
  if (event.WebSocketPush !== undefined) {
    return `${event.WebSocketPush.message_type.toLowerCase()} ${event.WebSocketPush.channel_id} ${text}`;
  }
  if (event.WebSocketClose === undefined) throw new Error(`no event of a channel: ${JSON.stringify(body)}`);
  const { code, reason } = JSON.parse(metadata ?? "{}") as { readonly code: number; readonly reason: string };
  return `close ${event.WebSocketClose} ${code} ${reason}`.trimEnd();
}

/** The next `count` things a process hears. */
export async function hear(process: Recorder, count: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) heard.push(told(await process.next()));
  return heard;
}

/** The server's own record of the channel that `event` is about. */
export function channelOf(event: Recorded): Channel {
  return event.envelope.origin as Channel; // the http-server put it there
}

export const push = (channel_id: number, message_type = "Text"): unknown => ({
  WebSocketPush: { channel_id, message_type },
});
export const subscribe = (channel_id: number, topic: string): unknown => ({
  WebSocketSubscribe: { channel_id, topic },
});
export const unsubscribe = (channel_id: number, topic: string): unknown => ({
  WebSocketUnsubscribe: { channel_id, topic },
});
export const publish = (topic: string, message_type = "Text"): unknown => ({
  WebSocketPublish: { topic, message_type },
});
export const bindWs = (path: string, fields: Readonly<Record<string, unknown>> = {}): unknown => ({
  WebSocketBind: { path, authenticated: true, extension: false, ...fields },
});

export const OK = { Ok: null };
export const err = (kind: string): unknown => ({ Err: kind });
