/**
 * The browser clients of each generation, as page scripts: what they send, in what order, to which URL (contract kinode §5.6).
 *
 * Of those on npm only @kinode/client-api 0.1.0 could be installed when this was written, and it runs here as it is.
 * @uqbar/client-encryptor-api and @hyperware-ai/client-api were not in the registry: for them stand scripts of our own
 * that do on the wire what those versions do.
 *
 * Each is a module with the constructor that they all have: options nodeId, processId, onOpen, onMessage;
 * then `send({ data })`.
 */
import { readFile } from "node:fs/promises";
import type { Dialect } from "../../lib/protocol/index.ts";

export type OldClient = {
  /** By the versions on npm. */
  readonly name: string;
  /** Of the processes of its time. */
  readonly dialect: Dialect;
  /** Whether it registers, and so is told its channel's id. */
  readonly registers: boolean;
  /** A module, its default export the class. */
  source(): Promise<string>;
};

type Habits = {
  /** An expression. */
  readonly uri: string;
  /** What it sends first, an expression; null: nothing. */
  readonly first: string | null;
  /** What it makes of data, an expression. */
  readonly wrap: string;
};

const MAIN = "`ws://$" + "{location.host}`";
const PATH = "`ws://$" + "{location.host}/$" + "{processId}/`";

const register = (cookie: string): string =>
  `{ auth_token: cookie("${cookie}_" + nodeId), target_process: processId, encrypted: false }`;

/** @param process how the target's process is written @param channel what it registers; `undefined` is left out */
const wrapping = (process: string, channel: string): Habits => ({
  uri: MAIN,
  first: `{ WsRegister: { auth_token: cookie("uqbar-auth_" + nodeId), ws_auth_token: cookie("uqbar-ws-auth_" + nodeId), channel_id: ${channel} } }`,
  wrap: `{ WsMessage: { auth_token: cookie("uqbar-auth_" + nodeId), channel_id: processId, target: { node: nodeId, process: ${process} }, json: data } }`,
});

const THREE_PARTS =
  '(([process_name, package_name, publisher_node]) => ({ process_name, package_name, publisher_node }))(processId.split(":"))';

const like = (versions: string, dialect: Dialect, { uri, first, wrap }: Habits): OldClient => ({
  name: `one that does as ${versions}`,
  dialect,
  registers: first !== null,
  source: async () => `
    const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
    const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(name))?.slice(name.length + 1);
    export default class {
      constructor({ nodeId, processId, onOpen, onMessage }) {
        const socket = new WebSocket(${uri});
        this.send = ({ data }) => socket.send(bytes(${wrap}));
        socket.onmessage = ({ data }) => onMessage(data, this);
        socket.onopen = (event) => {
          ${first === null ? "" : `socket.send(bytes(${first}));`}
          onOpen(event, this);
        };
      }
    }`,
});

const WRAPS_NAME = wrapping("{ Name: processId }", "processId");
const WRAPS_PARTS = wrapping(`{ Name: ${THREE_PARTS} }`, "undefined");
const PLAIN = { wrap: "data" } as const;

export const OLD_CLIENTS: readonly OldClient[] = [
  like("@uqbar/client-encryptor-api 0.1.0 to 0.1.3", "uqbar", WRAPS_NAME),
  like("@uqbar/client-encryptor-api 0.1.4 and 0.1.5", "uqbar", WRAPS_PARTS),
  like("@uqbar/client-encryptor-api 0.2.0", "uqbar", { ...PLAIN, uri: MAIN, first: register("uqbar-auth") }),
  like("@uqbar/client-encryptor-api 0.2.1 and 0.2.3", "uqbar", { ...PLAIN, uri: PATH, first: register("uqbar-auth") }),
  like("@uqbar/client-encryptor-api 0.2.4", "nectar", { ...PLAIN, uri: PATH, first: register("kinode-auth") }),
  {
    name: "@kinode/client-api 0.1.0 itself",
    dialect: "kinode",
    registers: false,
    source: () => readFile(new URL("../../node_modules/@kinode/client-api/index.js", import.meta.url), "utf8"),
  },
  like("@hyperware-ai/client-api 0.1.0 to 0.1.4", "hyperware", { ...PLAIN, uri: PATH, first: null }),
];

/** 0.2.2 writes its URL wrongly, and never opens a socket. */
export const BROKEN_CLIENT: OldClient = like("@uqbar/client-encryptor-api 0.2.2", "nectar", {
  ...PLAIN,
  uri: PATH.replace("ws:", "ws::"),
  first: register("uqbar-auth"),
});
