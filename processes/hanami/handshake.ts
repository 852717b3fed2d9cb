/**
 * The first messages of a WebSocket: who it is, and what for (sheet §4.1).
 *
 *   {"token":"…","target":"file_upload"|"cluster","uuid":"…"}  →  {"success":true,"uuid":"…"}, a binary frame
 *
 * 1. Whoever is refused is told why and may try again, limits.handshakeTries times within limits.handshakeSeconds.
 * 2. The uuid of an answer is of the connection, new each time. `success` is a literal: clients compare with `false`.
 * 3. Accepted, the channel is handed to who serves the target. Frames behind that are not seen here.
 * 4. No handler waits for it: others shake hands meanwhile. Who sends on without waiting for the answer is closed.
 */
import type { Blob, Context, Timer, WsMessageType } from "jackfield/process";
import type { UploadLimits } from "./uploads/limits.ts";
import type { Taker } from "./uploads/parts.ts";

export type Target = "file_upload" | "cluster";

export type Doors<Caller> = {
  /** @returns undefined: it is no token, or no longer one */
  verify(token: string): Promise<Caller | undefined> | Caller | undefined;
  /** Who serves it. @throws anything when there is no such thing for `caller`: its message is the refusal */
  targetFor(target: Target, uuid: string, caller: Caller): Promise<Taker>;
};

type Ctx = Pick<Context, "push" | "close" | "transferChannel" | "log"> & {
  after(ms: number, handler: () => void): Timer;
};
type Waiting = { tries: number; busy: boolean; readonly timer: Timer };

const POLICY = 1008; // RFC 6455 §7.4.1
const TRY_AGAIN_LATER = 1013; // of the same registry

export class Handshakes<Caller> {
  readonly #doors: Doors<Caller>;
  readonly #limits: UploadLimits;
  readonly #waiting = new Map<number, Waiting>(); // at most limits.handshakes

  constructor(doors: Doors<Caller>, limits: UploadLimits) {
    this.#doors = doors;
    this.#limits = limits;
  }

  open(channelId: number, ctx: Ctx): void {
    const { handshakes, handshakeSeconds } = this.#limits;
    if (this.#waiting.size >= handshakes)
      return ctx.close(channelId, TRY_AGAIN_LATER, `${handshakes} sockets have not said yet what they are for`);
    const timer = ctx.after(handshakeSeconds * 1000, () => {
      if (this.#waiting.delete(channelId))
        ctx.close(channelId, POLICY, `no token, target and uuid in ${handshakeSeconds} seconds`);
    });
    this.#waiting.set(channelId, { tries: 0, busy: false, timer });
  }

  closed(channelId: number): void {
    this.#waiting.get(channelId)?.timer.cancel();
    this.#waiting.delete(channelId);
  }

  push(channelId: number, messageType: WsMessageType, blob: Blob, ctx: Ctx): void {
    if (messageType !== "Text" && messageType !== "Binary") return;
    const waiting = this.#waiting.get(channelId);
    if (waiting === undefined) return; // closed, or not opened here
    const drop = (reason: string): void => {
      this.closed(channelId);
      ctx.close(channelId, POLICY, reason);
    };
    if (waiting.busy) return drop("wait for the answer before the next message");
    const { handshakeBytes, handshakeTries } = this.#limits;
    if (waiting.tries++ >= handshakeTries) return drop(`refused ${handshakeTries} times`);
    if (blob.byteLength > handshakeBytes) return drop(`the first message has at most ${handshakeBytes} bytes`);
    const asked = readHandshake(blob.text());
    if ("error" in asked) this.#refuse(channelId, asked.error, ctx);
    else if (asked.uuid === undefined) return drop("the first message needs a uuid, as text");
    else {
      waiting.busy = true;
      void this.#decide(channelId, { ...asked, uuid: asked.uuid }, waiting, ctx);
    }
  }

  /** Never rejects. */
  async #decide(
    channelId: number,
    asked: Asked & { readonly uuid: string },
    waiting: Waiting,
    ctx: Ctx,
  ): Promise<void> {
    try {
      const taker = await this.#find(asked);
      if (this.#waiting.get(channelId) !== waiting) return; // it left meanwhile
      waiting.busy = false;
      if (typeof taker === "string") return this.#refuse(channelId, taker, ctx);
      this.closed(channelId);
      ctx.push(channelId, answer({ success: true, uuid: crypto.randomUUID() }));
      const result = await ctx.transferChannel(channelId, taker.process, { note: taker.note });
      if (typeof result === "object" && "Err" in result)
        ctx.close(channelId, TRY_AGAIN_LATER, "what it is for has just ended: try again");
    } catch (error) {
      ctx.log(`a handshake failed: ${error instanceof Error ? error.message : String(error)}`);
      this.closed(channelId);
      ctx.close(channelId, TRY_AGAIN_LATER, "the handshake failed");
    }
  }

  /** @returns a text: why not */
  async #find({ token, target, uuid }: Asked & { readonly uuid: string }): Promise<Taker | string> {
    const caller = token === undefined ? undefined : await this.#doors.verify(token);
    if (caller === undefined) return "the token is invalid";
    if (target !== "file_upload" && target !== "cluster") return "";
    try {
      return await this.#doors.targetFor(target, uuid, caller);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #refuse(channelId: number, error: string, ctx: Ctx): void {
    ctx.push(channelId, answer({ success: false, error }));
  }
}

type Asked = { readonly token: string | undefined; readonly target: unknown; readonly uuid: string | undefined };

function readHandshake(text: string | undefined): Asked | { readonly error: string } {
  if (text === undefined) return { error: "the first message must be JSON: it is no UTF-8" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return { error: `the first message must be JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { error: "the first message must be a JSON object with token, target and uuid" };
  const { token, target, uuid } = value as Readonly<Record<string, unknown>>;
  return {
    token: typeof token === "string" ? token : undefined,
    target,
    uuid: typeof uuid === "string" ? uuid : undefined,
  };
}

/** Binary, as upstream sends it. */
function answer(value: { readonly success: boolean; readonly uuid?: string; readonly error?: string }): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
