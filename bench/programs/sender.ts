/**
 * bench/placements: sends to the receiver in one of three ways, and tells who asked for it when the window begins and
 * what came of it.
 *
 * - `ask`: awaits an answer to each, as many side by side as told.
 * - `send`: fire and forget; a turn more for each turn handled, so that two are on their way and nothing is refused.
 *
 * The clock is read once per TURN, and once per turn that was handled.
 */
import { type Context, defineProcess, type Message } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";
import { TURN } from "../contenders/request-meter.ts";
import { MORE_EVERY, type PlacementJob, type Sent, spent } from "./spent.ts";

const RECEIVER = "receiver:bench:sys";

type Running = { readonly job: PlacementJob; readonly asker: Message; readonly warmUntil: number; from: From | null };
type From = { readonly at: number; readonly handled: number };

/** @param handled by the receiver, in all @returns whether to go on */
function goesOn(running: Running, handled: number, ctx: Context<Running | null>): boolean {
  const now = performance.now();
  const { from, job, asker, warmUntil } = running;
  if (from === null) {
    if (now < warmUntil) return true;
    running.from = { at: now, handled };
    ctx.request(asker.source).body(spent()).send();
    return true;
  }
  const ms = now - from.at;
  if (ms < job.measureMs) return true;
  const sent: Sent = { messages: handled - from.handled, ms, spent: spent() };
  ctx.respond(sent, { to: asker });
  return false;
}

async function askInLoops(running: Running, ctx: Context<Running | null>): Promise<void> {
  let handled = 0;
  let isOver = false;
  const address = ctx.addresses.find(RECEIVER);
  const loop = async (): Promise<void> => {
    while (!isOver) {
      for (let i = 0; i < TURN; i += 1) {
        await ctx.request(address).body({ type: "add", n: 1 }).sendAndAwaitResponse();
        handled += 1;
      }
      if (!isOver && !goesOn(running, handled, ctx)) isOver = true;
    }
  };
  await Promise.all(Array.from({ length: running.job.inflight }, loop));
}

function sendTurn(ctx: Context<Running | null>): void {
  const address = ctx.addresses.find(RECEIVER);
  for (let i = 0; i < MORE_EVERY; i += 1) ctx.request(address).body({ type: "add", n: 1 }).send();
}

const sender: Program = defineProcess<Running | null>({
  init: () => null,
  onRequest(running, message, ctx) {
    const { body } = message;
    if (typeof body === "object" && body !== null && "more" in body) {
      if (running !== null && goesOn(running, Number(body.more), ctx)) sendTurn(ctx);
      return undefined;
    }
    const job = body as PlacementJob; // nobody else sends here
    const begun: Running = { job, asker: message, warmUntil: performance.now() + job.warmupMs, from: null };
    if (job.way === "ask") return askInLoops(begun, ctx).then(() => begun);
    sendTurn(ctx);
    sendTurn(ctx);
    return begun;
  },
});
export default sender;
