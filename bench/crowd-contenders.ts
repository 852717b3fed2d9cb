/**
 * Who takes part where sockets are many: each contender's script, contenders/crowd-<name>.ts or peers/crowd-<name>.ts, and
 * how its clients speak.
 */
import type { CrowdTold } from "./contenders/crowd.ts";
import { peerScript } from "./install-peers.ts";
import type { Talk } from "./load/job.ts";
import { colyseusTalk, type Exchange, plainTalk, registeredTalk, socketIoTalk } from "./talk.ts";

/** What a contender's script printed. */
type Facts = Readonly<Record<string, unknown>>;

export type CrowdContender = {
  readonly name: string;
  readonly script: URL;
  /** Its script is one of bench/peers/ and must be prepared first (install-peers.ts). */
  readonly isPeer: boolean;
  readonly transport: CrowdTold["transport"];
  /** One for all, or several that clients speak in turn. */
  readonly talks: (facts: Facts, exchange: Exchange) => readonly Talk[];
};

const TARGET = "crowd:bench:sys"; // as contenders/crowd-jackfield.ts names its process

const own = (name: string): Pick<CrowdContender, "script" | "isPeer"> => ({
  script: new URL(`./contenders/crowd-${name}.js`, import.meta.url), // .js: the bench runs from dist/
  isPeer: false,
});
const peer = (name: string): Pick<CrowdContender, "script" | "isPeer"> => ({
  script: peerScript(`crowd-${name}`),
  isPeer: true,
});

const plain: CrowdContender["talks"] = (_, exchange) => [plainTalk(exchange)];
const socketIo: CrowdContender["talks"] = (_, exchange) => [socketIoTalk(exchange)];
const colyseus: CrowdContender["talks"] = ({ paths }, exchange) => [colyseusTalk(exchange, texts(paths))];

/** @param more of the registration */
export const registered =
  (more: object = {}): CrowdContender["talks"] =>
  ({ tokens }, exchange) =>
    texts(tokens).map((token) => registeredTalk(exchange, token, TARGET, more));

export const JACKFIELD: CrowdContender = {
  name: "jackfield",
  ...own("jackfield"),
  transport: "uws",
  talks: registered(),
};

/** The limit first. */
export const CROWD_CONTENDERS: readonly CrowdContender[] = [
  { name: "uwebsockets", ...own("uwebsockets"), transport: "uws", talks: plain },
  JACKFIELD,
  { name: "ws", ...own("ws"), transport: "ws", talks: plain },
  { ...JACKFIELD, name: "jackfield-ws", transport: "ws" },
  { name: "socketio", ...peer("socketio"), transport: "ws", talks: socketIo },
  { name: "socketio-uws", ...peer("socketio"), transport: "uws", talks: socketIo },
  { name: "colyseus", ...peer("colyseus"), transport: "ws", talks: colyseus },
];

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
