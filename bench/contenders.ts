/**
 * Who takes part in exchanges: each contender's script and how its clients speak. What each does as configured is said
 * in its script and in README.md.
 */
import type { Announced, Contender } from "./contender.ts";
import { TALLY } from "./contenders/said.ts";
import type { Told, Work } from "./contenders/told.ts";
import { peerScript } from "./install-peers.ts";
import type { Talk } from "./load/job.ts";
import { colyseusTalk, type Exchange, plainTalk, registeredTalk, socketIoTalk } from "./talk.ts";

type Known = {
  readonly script: URL;
  readonly isPeer: boolean;
  readonly transport: Told["transport"];
  /** Default inline. */
  readonly placement?: Told["placement"];
  readonly talk: (announced: Announced, exchange: Exchange) => Talk;
};

const own = (name: string): Pick<Known, "script" | "isPeer"> => ({
  script: new URL(`./contenders/${name}.js`, import.meta.url), // .js: the bench runs from dist/
  isPeer: false,
});
const peer = (name: string): Pick<Known, "script" | "isPeer"> => ({ script: peerScript(name), isPeer: true });

const plain: Known["talk"] = (_, exchange) => plainTalk(exchange);
const registered: Known["talk"] = ({ token }, exchange) => registeredTalk(exchange, String(token), "first:bench:sys");
const socketIo: Known["talk"] = (_, exchange) => socketIoTalk(exchange);
const colyseus: Known["talk"] = ({ paths }, exchange) =>
  colyseusTalk(exchange, Array.isArray(paths) ? paths.map(String) : []);

const KNOWN = {
  uwebsockets: { ...own("uwebsockets"), transport: "uws", talk: plain },
  jackfield: { ...own("jackfield"), transport: "uws", talk: registered },
  "jackfield-worker": { ...own("jackfield"), transport: "uws", placement: "worker", talk: registered },
  "jackfield-isolated": { ...own("jackfield"), transport: "uws", placement: "isolated", talk: registered },
  ws: { ...own("ws"), transport: "ws", talk: plain },
  "jackfield-ws": { ...own("jackfield"), transport: "ws", talk: registered },
  socketio: { ...peer("socketio"), transport: "ws", talk: socketIo },
  "socketio-uws": { ...peer("socketio"), transport: "uws", talk: socketIo },
  colyseus: { ...peer("colyseus"), transport: "ws", talk: colyseus },
} as const satisfies Readonly<Record<string, Known>>;

/** An application of many processes: it stands in for `jackfield` where the work is `app`. */
const APP: Known = {
  ...own("app"),
  transport: "uws",
  talk: ({ paths }, exchange) => ({
    ...plainTalk(exchange),
    paths: Array.isArray(paths) ? paths.map(String) : [],
    asides: [{ hears: { text: TALLY } }],
  }),
};

export type ContenderName = keyof typeof KNOWN;

/** All of them, the limit first. */
export const CONTENDER_NAMES: readonly ContenderName[] = Object.keys(KNOWN) as ContenderName[]; // its keys are no other

export function contenderOf(name: ContenderName, work: Work): Contender {
  const {
    script,
    isPeer,
    transport,
    placement = "inline",
    talk,
  }: Known = name === "jackfield" && work === "app" ? APP : KNOWN[name];
  return { name, script, isPeer, told: { work, transport, placement }, talk };
}
