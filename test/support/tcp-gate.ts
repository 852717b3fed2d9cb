/**
 * A way over TCP that can be cut, stalled or slowed: what stands between a node and its server in a test.
 *
 *   const gate = await openGate(server.port);
 *   … gate.url …
 *   gate.cut();      // who is connected is cut off, who comes is turned away
 *   gate.stall();    // nothing passes, and nobody is told: as with a machine that is gone, or paused
 *   gate.slow(64);   // KiB a second, each way of each connection
 *   gate.mend();
 *   afterEach(closeGates);
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";

const gates = new Set<Gate>();
const SLICE = 4 * 1024; // bytes that pass at once where it is slow

export class Gate {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #isCut = false;
  #isStalled = false;
  #kibPerSecond = Number.POSITIVE_INFINITY;

  constructor(target: number) {
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

  stall(): void {
    this.#isStalled = true;
  }

  slow(kibPerSecond: number): void {
    this.#kibPerSecond = kibPerSecond;
  }

  mend(): void {
    this.#isCut = false;
    this.#isStalled = false;
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
    const there = connect(this.#target, "127.0.0.1");
    for (const [one, other] of [
      [socket, there],
      [there, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(this.#way()).pipe(other);
    }
  }

  #way(): Transform {
    return new Transform({
      readableHighWaterMark: SLICE,
      writableHighWaterMark: SLICE,
      transform: (chunk: Buffer, _, done) => {
        const pass = (): void => {
          if (this.#isStalled) this.#held.push(pass);
          else if (this.#kibPerSecond === Number.POSITIVE_INFINITY) done(null, chunk);
          else setTimeout(() => done(null, chunk), chunk.byteLength / 1.024 / this.#kibPerSecond);
        };
        pass();
      },
    });
  }
}

export async function openGate(target: number): Promise<Gate> {
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
