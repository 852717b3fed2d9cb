/**
 * room: one chat over several nodes. Each node runs this process, has its own people, and tells the others of them.
 *
 * 1. Who is on a node only its own room knows: it tells all others whenever that changes, and each BEAT_MS.
 * 2. A room that does not answer for GONE_SECONDS, or whose node the link says is not there, is gone, and its people with
 *    it: BEAT_MS after a node was killed, BEAT_MS and GONE_SECONDS after it froze. The next word of it has them back.
 * 3. What is said goes to each room once; that gives it to its own people, by a topic. A node that is not there misses it.
 *
 * Needs  to message http-server:distro:sys, and the network: kernel:distro:sys, "network".
 *        Settings: `nodes`, the name of each node and where its pages are.
 * State  none that is kept: a room that starts asks the others what was said.
 */
import { type Context, defineProcess } from "jackfield/process";
import { HISTORY_MAX, REFUSAL, readAsk, readHistory, readWord, type Said, type Word } from "./words.ts";

type Room = {
  /** Names by channel, of this node. */
  readonly here: ReadonlyMap<number, string>;
  /** Names by node, of the others that are there. */
  readonly elsewhere: ReadonlyMap<string, readonly string[]>;
  /** Oldest first, at most HISTORY_MAX. Each node has its own order where two spoke at once. */
  readonly history: readonly Said[];
};
type Ctx = Context<Room>;

const TOPIC = "room"; // everyone on this node
const BEAT_MS = 1000; // a word to each other node: how soon one that was killed is noticed
const GONE_SECONDS = 3; // longer than a healthy node ever takes, and than the link needs to find another server

export default defineProcess<Room>({
  async init(ctx) {
    const origins = Object.values(nodesOf(ctx)).map((url) => new URL(url).origin); // a page goes on with another node
    await ctx.serveUi("ui", { authenticated: false }); // whoever reaches the port may come in: this is an example
    await ctx.bindWs("/", { authenticated: false, admission: { origins } });
    ctx.every(BEAT_MS, (room) => tellOthers(wordOf(room), ctx));
    return { here: new Map(), elsewhere: new Map(), history: [] };
  },

  onOpen(room, { channelId }, ctx) {
    const name = `guest-${channelId % 10_000}`;
    const next = { ...room, here: new Map([...room.here, [channelId, name]]) };
    ctx.push(channelId, { type: "room", node: ctx.node, you: name, nodes: nodesOf(ctx), history: room.history });
    ctx.subscribe(channelId, TOPIC);
    return showPeople(next, ctx, { andTell: true });
  },

  onPush(room, { channelId, messageType }, blob, ctx) {
    if (messageType === "Ping" || messageType === "Pong") return undefined;
    const ask = readAsk(blob.json());
    const from = room.here.get(channelId);
    if (ask === undefined || from === undefined) return ctx.push(channelId, { type: "refused", reason: REFUSAL });
    if (ask.type === "name")
      return showPeople({ ...room, here: new Map([...room.here, [channelId, ask.name]]) }, ctx, { andTell: true });
    const said = { from, text: ask.text, at: ctx.now() };
    tellOthers({ type: "said", ...said }, ctx);
    return withSaid(room, { node: ctx.node, ...said }, ctx);
  },

  onClose(room, { channelId }, ctx) {
    const here = new Map([...room.here].filter(([id]) => id !== channelId));
    return showPeople({ ...room, here }, ctx, { andTell: true });
  },

  /** A word from another node. Which one, the link says, and not the word. */
  onRequest(room, { source, body }, ctx) {
    const word = source.id.text === ctx.our.id.text && source.node in nodesOf(ctx) ? readWord(body) : undefined;
    if (word === undefined) return ctx.respond({ Err: "Refused" });
    ctx.respond(word.type === "here" && word.isNew ? room.history : null);
    if (word.type === "said") return withSaid(room, { ...word, node: source.node }, ctx);
    return withNode(room, source.node, word.names, ctx);
  },

  /** It heard us; and what was said before we were there. */
  onResponse(room, { body }, ctx) {
    const history = readHistory(body);
    if (room.history.length > 0 || history.length === 0) return undefined;
    ctx.publish(TOPIC, { type: "history", history });
    return { ...room, history };
  },

  /** Offline: the link says that it is not there. Timeout: it does not say a word. */
  onSendError: (room, { target }, ctx) => withNode(room, target.node, undefined, ctx),
});

function wordOf(room: Room): Word {
  return { type: "here", names: [...room.here.values()], isNew: room.history.length === 0 };
}

function tellOthers(word: Word, ctx: Ctx): void {
  for (const node of Object.keys(nodesOf(ctx))) {
    if (node !== ctx.node) ctx.request(`${node}@${ctx.our.id.text}`).body(word).expectsResponse(GONE_SECONDS).send();
  }
}

/** @param names undefined: the node is gone */
function withNode(room: Room, node: string, names: readonly string[] | undefined, ctx: Ctx): Room {
  if (names?.join("\n") === room.elsewhere.get(node)?.join("\n")) return room; // most beats say nothing new
  const others = [...room.elsewhere].filter(([other]) => other !== node);
  const elsewhere = new Map(names === undefined ? others : [...others, [node, names]]);
  return showPeople({ ...room, elsewhere }, ctx, { andTell: false });
}

function withSaid(room: Room, said: Said, ctx: Ctx): Room {
  ctx.publish(TOPIC, { type: "said", ...said });
  return { ...room, history: [...room.history, said].slice(-HISTORY_MAX) };
}

function showPeople(room: Room, ctx: Ctx, { andTell }: { readonly andTell: boolean }): Room {
  const people = { ...Object.fromEntries(room.elsewhere), [ctx.node]: [...room.here.values()] };
  ctx.publish(TOPIC, { type: "people", people });
  if (andTell) tellOthers(wordOf(room), ctx);
  return room;
}

function nodesOf({ node, settings }: Ctx): Readonly<Record<string, string>> {
  return (settings.nodes as Readonly<Record<string, string>> | undefined) ?? { [node]: "http://localhost:8080/" };
}
