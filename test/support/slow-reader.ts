/**
 * Fills a client that does not read, and reads what it was given.
 *
 * Loops that await an answer also await the next loop iteration: answers come by microtasks, and sockets would never
 * get their turn.
 */
import { nextLoop } from "./channels.ts";
import type { Recorder } from "./recorder.ts";
import type { RawSocket } from "./sockets.ts";

const FILLS_ANY_BUFFER = 64 * 1024 * 1024; // bytes: no loopback connection takes this much from a sender

/** `size` bytes that begin with their number. */
export function numbered(index: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, index);
  return bytes;
}

export type Filled = {
  /** How many frames were taken. */
  readonly taken: number;
  /** The answer to the one that was not. */
  readonly refusal: unknown;
};

/**
 * Sends numbered frames by `action` until one is refused.
 * @param afterEach called after each that was taken
 */
export async function fill(
  process: Recorder,
  action: unknown,
  size: number,
  afterEach: () => void = () => undefined,
): Promise<Filled> {
  for (let taken = 0; taken * size < FILLS_ANY_BUFFER; taken++) {
    const answer = await process.ask(action, numbered(taken, size));
    if (!isOk(answer)) return { taken, refusal: answer };
    afterEach();
    await nextLoop();
  }
  throw new Error("the client's buffers never filled");
}

export function isOk(answer: unknown): boolean {
  return JSON.stringify(answer) === '{"Ok":null}';
}

/** Asks again until it is told Ok: the server may hear a moment later that its client has read. */
export async function askUntilOk(process: Recorder, action: unknown, blob: string): Promise<void> {
  while (!isOk(await process.ask(action, blob))) await nextLoop();
}

/** Reads numbered frames up to something else: how many there were, without a gap, and what came then. */
export async function readNumbered(client: RawSocket): Promise<{ count: number; last: string }> {
  for (let count = 0; ; count++) {
    const { kind, payload } = await client.nextFrame();
    if (kind === "close") return { count, last: `close ${payload.readUInt16BE(0)} ${payload.subarray(2).toString()}` };
    if (kind !== "binary") return { count, last: `${kind} ${payload.toString()}` };
    const index = payload.readUInt32BE(0);
    if (index !== count) return { count, last: `frame ${index}` };
  }
}
