/**
 * A way over TCP that can be cut, stalled or slowed: what stands between a node and its server in a test.
 *
 *   const gate = await openGate(server.port);
 *   … gate.url …
 *   gate.cut();      // who is connected is cut off, who comes is turned away
 *   gate.stall();    // nothing passes, and nobody is told: as with a machine that is gone, or paused
 *   gate.stall("there");   // nothing passes to the target
 *   gate.slow(64);   // KiB a second, each way of each connection
 *   gate.mend();
 *   afterEach(closeGates);
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";

type Way = "there" | "back";
const WAYS = ["there", "back"] as const;

const gates = new Set<Gate>();
const SLICE = 4 * 1024; // bytes that pass at once where it is slow

export class Gate {
  readonly #server: Server;
  readonly #target: number | string;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #isCut = false;
  readonly #stalled = new Set<Way>();
  #kibPerSecond = Number.POSITIVE_INFINITY;

  /** @param target a port of loopback, or the path of a socket */
  constructor(target: number | string) {
    this.#target = target;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it is not open");
    return `nats://127.0.0.1:${address.port}`;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  stall(way?: Way): void {
    for (const each of way === undefined ? WAYS : [way]) this.#stalled.add(each);
  }

  slow(kibPerSecond: number): void {
    this.#kibPerSecond = kibPerSecond;
  }

  mend(): void {
    this.#isCut = false;
    this.#stalled.clear();
    this.#kibPerSecond = Number.POSITIVE_INFINITY;
    for (const go of this.#held.splice(0)) go();
  }

  async close(): Promise<void> {
    this.mend();
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    const target = this.#target;
    const there = typeof target === "string" ? connect(target) : connect(target, "127.0.0.1");
    for (const [one, other, way] of [
      [socket, there, "there"],
      [there, socket, "back"],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(this.#way(way)).pipe(other);
    }
  }

  #way(way: Way): Transform {
    return new Transform({
      readableHighWaterMark: SLICE,
      writableHighWaterMark: SLICE,
      transform: (chunk: Buffer, _, done) => {
        const pass = (): void => {
          if (this.#stalled.has(way)) this.#held.push(pass);
          else if (this.#kibPerSecond === Number.POSITIVE_INFINITY) done(null, chunk);
          else setTimeout(() => done(null, chunk), chunk.byteLength / 1.024 / this.#kibPerSecond);
        };
        pass();
      },
    });
  }
}

export async function openGate(target: number | string): Promise<Gate> {
  const gate = new Gate(target);
  await gate.open();
  gates.add(gate);
  return gate;
}

/** For afterEach. */
export async function closeGates(): Promise<void> {
  for (const gate of gates) await gate.close();
  gates.clear();
}
