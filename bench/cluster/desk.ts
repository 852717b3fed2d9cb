/**
 * The process that a rolling restart's nodes run: it answers its channels' questions, and those of other nodes' desks.
 *
 * 1. A question is numbered by its client and says which node is to answer: this one, or another, which is then asked.
 * 2. Each desk keeps the last number it had of each client by each way; one that comes again, or after a later one, is
 *    told with its answer, so that the count outlives the node.
 */
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { SendError } from "../../lib/protocol/index.ts";
import type { Answered, Question } from "./rolling-report.ts";

const EXPECT_SECONDS = 3;
const CLIENTS_MAX = 100_000; // by each way: more than any run has

const seen = new Map<string, number>();

function answered(way: string, { client, n }: Question): Answered {
  const key = `${client} ${way}`;
  const last = seen.get(key) ?? -1;
  if (n <= last) return { n, breach: n === last ? "duplicated" : "reordered" };
  if (seen.size < CLIENTS_MAX || seen.has(key)) seen.set(key, n);
  return { n };
}

/** Not awaited by the handler: many are under way at once. */
async function askOther(question: Question, ctx: Context): Promise<Answered> {
  try {
    const request = ctx.request(`${question.to}@${ctx.our.id.text}`).body(question);
    const { body } = await request.expectsResponse(EXPECT_SECONDS).sendAndAwaitResponse();
    return body as Answered; // of our own
  } catch (error) {
    return { n: question.n, refused: error instanceof SendError ? error.kind : String(error) };
  }
}

export default defineProcess({
  init: async (ctx) => void (await ctx.bindWs("/", { authenticated: false })),
  onPush(_state, { channelId }, blob, ctx) {
    const asked = ctx.clientRequest(channelId, blob.json());
    if (asked === undefined) return;
    const question = asked.body as Question; // of our own clients
    if (question.to === ctx.node) asked.reply(answered("", question));
    else void askOther(question, ctx as Context).then((answer) => asked.reply(answer));
  },
  onRequest(_state, { body, source }, ctx) {
    ctx.respond(answered(source.node, body as Question));
  },
});
