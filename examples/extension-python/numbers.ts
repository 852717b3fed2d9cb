/**
 * numbers: what a list of numbers looks like, by page, by HTTP or by message; a Python program beside it works it out.
 *
 * The program connects to `/python` (extension.py). It may come and go: who asks meanwhile is told so.
 * State: the channel of the newest one. After a crash the process is told of its open channels again.
 */
import { type Context, defineProcess, ExtensionError, SendError } from "jackfield/process";

const PATH = "/python";
const COUNT_MAX = 10_000; // numbers: some 200 kB of JSON

type State = { readonly python: number | null };
type Answer = { readonly status: number; readonly value: unknown };

export default defineProcess<State>({
  async init(ctx) {
    await ctx.bindWs(PATH, { extension: true, authenticated: false }); // for who may run programs on this machine
    await ctx.bindHttp("/ask");
    await ctx.serveUi("ui");
    return { python: null };
  },
  onOpen: (state, { channelId, path }) => (path === PATH ? { python: channelId } : state),
  onClose: (state, { channelId }) => (state.python === channelId ? { python: null } : state),
  async onHttp(state, request, ctx) {
    const { status, value } = await ask(state, request.blob.json(), ctx);
    request.reply(value, { status });
  },
  async onRequest(state, { body }, ctx) {
    const { value } = await ask(state, body, ctx);
    if (ctx.asked) ctx.respond(value);
  },
});

async function ask({ python }: State, numbers: unknown, ctx: Context<State>): Promise<Answer> {
  if (!isNumbers(numbers)) return { status: 422, value: { error: `send a list of 2 to ${COUNT_MAX} numbers` } };
  if (python === null) return { status: 503, value: { error: "no Python is here: start extension.py" } };
  try {
    const answer = await ctx.askExtension(python, numbers);
    return { status: 200, value: answer.json() ?? { error: "Python said something that is no JSON" } };
  } catch (error) {
    if (error instanceof SendError || error instanceof ExtensionError)
      return { status: 503, value: { error: error.message } };
    throw error;
  }
}

/** A client may send anything. */
function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length >= 2 && value.length <= COUNT_MAX && value.every(Number.isFinite);
}
