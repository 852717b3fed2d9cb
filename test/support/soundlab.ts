/**
 * Soundlab on a node for one test, at a time that the test moves, and clients of its streams.
 *
 *   afterEach(stopSoundlabs);
 *   const lab = await startSoundlab({ transport });
 *   const client = await lab.open("/ws/metrics");
 *   await lab.frames(3);
 *   expect((await client.next()).frame).toBe(0);
 */
import { fileURLToPath } from "node:url";
import type { TransportName } from "../../http-server/index.ts";
import type { Process } from "../../kernel/index.ts";
import { ProcessId, type Settings, VirtualClock } from "../../lib/protocol/index.ts";
import soundlab from "../../processes/soundlab/soundlab.ts";
import { nextLoop, startNode, stopNodes } from "./channels.ts";
import { type Answer, askHttp, type Question } from "./http-client.ts";
import { withMounted } from "./http-node.ts";
import type { TestNode } from "./node.ts";
import { type HeadOptions, type HttpAnswer, RawSocket } from "./sockets.ts";
import { until } from "./until.ts";

export const SOUNDLAB = "soundlab:soundlab:sys";
const FOLDER = fileURLToPath(new URL("../../processes/soundlab", import.meta.url));
const HTTP_SERVER = "http-server:distro:sys";
const STEP = 10; // ms: the kernel's timers have no smaller one

export type SoundlabOptions = { readonly transport?: TransportName; readonly settings?: Settings };

export type TestSoundlab = {
  readonly on: TestNode;
  readonly clock: VirtualClock;
  readonly process: Process;
  /** Its own port. */
  readonly port: number;
  /** A client of one of its streams. @throws {Error} it was refused */
  open(path: string, head?: HeadOptions): Promise<StreamClient>;
  /** A handshake's answer, whatever it is; the socket is kept open. */
  tryOpen(path: string, head?: HeadOptions): Promise<HttpAnswer>;
  ask(method: string, path: string, body?: unknown, headers?: Question["headers"]): Promise<Answer>;
  /** The same, its JSON. @throws {Error} it was no 200 */
  json(path: string): Promise<Fields>;
  /** Lets time pass, as long as it takes it to have sent `count` more frames. */
  frames(count: number): Promise<void>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Stops the node. */
  stop(): Promise<void>;
};

export type Fields = Readonly<Record<string, unknown>>;

/** It runs, and has made no frame yet. */
export async function startSoundlab({ transport = "uws", settings = {} }: SoundlabOptions = {}): Promise<TestSoundlab> {
  const clock = new VirtualClock();
  const on = await startNode(transport, { nodeOptions: { clock }, listeners: withMounted(SOUNDLAB) });
  const { kernel } = on.node;
  const process = kernel.register({
    id: ProcessId.parse(SOUNDLAB),
    program: soundlab,
    folder: FOLDER,
    file: "soundlab.js",
    onExit: "None",
    settings,
  });
  for (const cap of kernel.asked([HTTP_SERVER])) process.capabilities.add(cap);
  kernel.grantOwn(process, [HTTP_SERVER]);
  process.run();
  await until(() => process.state === "running" || process.state === "gone");
  const [, port = 0] = on.server.ports;
  const ask: TestSoundlab["ask"] = (method, path, body, headers = {}) =>
    askHttp(port, { method, path, headers, ...(body === undefined ? {} : { body: textOf(body) }) });
  const json = async (path: string): Promise<Fields> => {
    const { status, body } = await ask("GET", path);
    if (status !== 200) throw new Error(`${path} was answered ${status}: ${body}`);
    return JSON.parse(body) as Fields;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += STEP) {
      clock.advance(STEP);
      await nextLoop();
    }
  };
  return {
    on,
    clock,
    process,
    port,
    ask,
    json,
    pass,
    stop: async () => {
      let isOver = false;
      const stop = on.stop().finally(() => {
        isOver = true;
      });
      while (!isOver) await pass(STEP);
      await stop;
    },
    open: async (path, head = {}) => {
      const socket = await RawSocket.connect(port);
      await socket.upgrade({ ...head, path });
      return new StreamClient(socket);
    },
    tryOpen: async (path, head = {}) => await (await RawSocket.connect(port)).tryUpgrade({ ...head, path }),
    frames: async (count) => {
      const made = async (): Promise<number> => Number((await json("/api/metrics/stats")).total_frames);
      const from = await made();
      await pass(Math.floor(((count - 2) * 100) / 3)); // two less than at 30 a second
      while ((await made()) < from + count) await pass(STEP);
    },
  };
}

export const stopSoundlabs: () => Promise<void> = stopNodes;

function textOf(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

/** One that reads all the time and answers pings, unless told otherwise. */
export class StreamClient {
  readonly socket: RawSocket;
  /** Every message since it came, oldest first; as text, as there may be thousands of clients. */
  readonly texts: string[] = [];
  /** How it ended; undefined: it has not. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  answersPings = true;
  /** Pings that it has not answered. */
  readonly pings: Buffer[] = [];
  readonly pongs: string[] = [];
  #taken = 0;

  constructor(socket: RawSocket) {
    this.socket = socket;
    void this.#read();
  }

  get messages(): readonly Fields[] {
    return this.texts.map((text) => JSON.parse(text) as Fields);
  }

  /** The oldest message that was not yet taken; waits for it. */
  async next(): Promise<Fields> {
    await until(() => this.texts.length > this.#taken || this.closed !== undefined);
    const text = this.texts[this.#taken++];
    if (text === undefined) throw new Error(`it was closed: ${JSON.stringify(this.closed)}`);
    return JSON.parse(text) as Fields;
  }

  say(value: unknown): void {
    this.socket.sendText(textOf(value));
  }

  /** Answers the pings that it kept, and those to come. */
  catchUp(): void {
    this.answersPings = true;
    for (const payload of this.pings.splice(0)) this.socket.sendPong(payload);
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { kind, payload } = await this.socket.nextFrame();
        if (kind === "text") this.texts.push(payload.toString());
        else if (kind === "pong") this.pongs.push(payload.toString());
        else if (kind === "ping" && this.answersPings) this.socket.sendPong(payload);
        else if (kind === "ping") this.pings.push(payload);
        else if (kind === "close") {
          const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
          this.closed = { code, reason: payload.subarray(2).toString() };
          return;
        }
      }
    } catch {
      this.closed ??= { code: 1006, reason: "" };
    }
  }
}
