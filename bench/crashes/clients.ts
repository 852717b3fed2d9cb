/**
 * The clients of a soak: channels that stay, channels that come and go, and HTTP.
 *
 * 1. A channel sends numbers, a few at a time, and wants each back, in order, while it is open.
 * 2. What was on its way when a channel ended has ended with it. Anything else that does not come back is unaccounted for.
 * 3. Each HTTP request has an answer, or is unaccounted for.
 */
import { Agent, request as httpRequest } from "node:http";
import { WebSocket } from "ws";
import { Breaches, type ClientCounts, count } from "./report.ts";

const AT_ONCE = 4; // frames of a channel on their way
const PAUSE_MS = 20; // between an echo and the next frame: load, not a race
const VISIT_FRAMES = 10; // of a channel that comes and goes
const RETRY_MS = 50; // a process may be down
const ECHO_MS = 20_000; // an echo that takes longer does not come
const HTTP_MS = 20_000; // above the server's own 15 s
const STATUS = new Set([200, 404, 408, 503]); // 404: its process is down, and has bound nothing

export type Work = {
  readonly port: number;
  readonly token: string;
  readonly echoes: readonly string[];
  readonly pages: readonly string[];
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Clients {
  readonly #work: Work;
  readonly #breaches = new Breaches();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #status: Record<string, number> = {};
  readonly #loops: Promise<void>[] = [];
  #on = true;
  #channels = 0;
  #refused = 0;
  #frames = 0;
  #echoes = 0;
  #lostWithChannel = 0;
  #httpRequests = 0;
  #httpAnswers = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  /** @param staying channels @param visiting channels that come and go @param asking HTTP clients */
  start(staying: number, visiting: number, asking: number): void {
    const { echoes, pages } = this.#work;
    for (let n = 0; n < staying; n++)
      this.#loops.push(this.#loop(() => this.#channel(echoes[n % echoes.length], null)));
    for (let n = 0; n < visiting; n++)
      this.#loops.push(this.#loop(() => this.#channel(echoes[n % echoes.length], VISIT_FRAMES)));
    for (let n = 0; n < asking; n++) this.#loops.push(this.#loop(() => this.#ask(pages[n % pages.length])));
  }

  /** No more requests; resolves when all have ended. */
  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  counts(): ClientCounts {
    return {
      channels: this.#channels,
      refused: this.#refused,
      frames: this.#frames,
      echoes: this.#echoes,
      lostWithChannel: this.#lostWithChannel,
      unaccountedFrames: this.#frames - this.#echoes - this.#lostWithChannel,
      httpRequests: this.#httpRequests,
      httpStatus: { ...this.#status },
      unaccountedHttp: this.#httpRequests - this.#httpAnswers,
      breaches: this.#breaches.all(),
    };
  }

  async #loop(once: () => Promise<void>): Promise<void> {
    while (this.#on) {
      await once();
      await sleep(PAUSE_MS);
    }
  }

  /** One channel, until it ends, or has had `frames` echoes, or everything ends. */
  async #channel(target: string | undefined, frames: number | null): Promise<void> {
    const { port, token } = this.#work;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    let sent = 0;
    let back = 0;
    let registered = false;
    let watch: NodeJS.Timeout | undefined;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const isOver = (): boolean => !this.#on || (frames !== null && sent >= frames);
    const send = (): void => {
      if (isOver() || socket.readyState !== WebSocket.OPEN) {
        if (isOver() && back === sent) socket.close(1000);
        return;
      }
      sent++;
      this.#frames++;
      socket.send(String(sent));
    };
    socket.on("error", () => undefined); // its close follows
    socket.once("open", () =>
      socket.send(JSON.stringify({ auth_token: token, target_process: target, encrypted: false })),
    );
    socket.on("message", (data) => {
      const text = String(data);
      if (!registered) {
        registered = text.includes("channel_id");
        if (!registered) return;
        this.#channels++;
        for (let n = 0; n < AT_ONCE; n++) send();
        return;
      }
      back++;
      this.#echoes++;
      if (text !== String(back)) this.#breaches.add("echo", `${target}: ${text} came back where ${back} was to come`);
      clearTimeout(watch);
      watch = setTimeout(() => {
        if (sent === back) return;
        this.#breaches.add(
          "echo",
          `${target}: ${back + 1} did not come back in ${ECHO_MS} ms, and its channel is open`,
        );
        socket.terminate();
      }, ECHO_MS);
      setTimeout(send, PAUSE_MS);
    });
    await closed;
    clearTimeout(watch);
    this.#lostWithChannel += sent - back;
    if (registered) return;
    this.#refused++;
    await sleep(RETRY_MS);
  }

  #ask(page: string | undefined): Promise<void> {
    const n = ++this.#httpRequests;
    return new Promise((resolve) => {
      const path = `/${page}/?n=${n}`;
      const asked = httpRequest({ host: "127.0.0.1", port: this.#work.port, path, agent: this.#agent }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (piece: string) => {
          body += piece;
        });
        answer.once("end", () => {
          const status = answer.statusCode ?? 0;
          this.#httpAnswers++;
          count(this.#status, String(status));
          if (!STATUS.has(status)) this.#breaches.add("http status", `${path}: ${status} ${body.slice(0, 200)}`);
          if (status === 200 && body !== String(n)) this.#breaches.add("http body", `${path}: ${body.slice(0, 200)}`);
          resolve();
        });
      });
      asked.setTimeout(HTTP_MS, () => asked.destroy(new Error("no answer")));
      asked.once("error", (error) => {
        this.#breaches.add("http", `${path}: ${error.message}`);
        resolve();
      });
      asked.end();
    });
  }
}
