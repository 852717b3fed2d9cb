/**
 * The options of `jackfield start`: one table that gives flags, environment, config file, checks and help.
 *
 * Order, first wins: flag, environment variable (JACKFIELD_…), config file, default.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { HTTP_SERVER_LIMITS } from "../http-server/index.ts";
import { KERNEL_LIMITS } from "../kernel/index.ts";
import { OptionError, ProcessId, type Settings, textOf } from "../lib/protocol/index.ts";

export type StartOptions = {
  readonly node: string;
  /** null: 8080, or the next free one. */
  readonly port: number | null;
  readonly host: string;
  readonly package: readonly string[];
  readonly mount: readonly string[];
  readonly password: string | null;
  readonly memory: boolean;
  readonly data: string;
  readonly transport: "auto" | "uws" | "ws";
  readonly "allow-origin": readonly string[];
  readonly "no-local-rpc": boolean;
  readonly "allow-host": readonly string[];
  readonly "trust-proxy": readonly string[];
  readonly limit: Readonly<Record<string, number>>;
  readonly "tls-cert": string | null;
  readonly "tls-key": string | null;
  readonly "redirect-http": number | null;
  readonly "reuse-port": boolean;
  /** null: it is off. */
  readonly labgraph: number | null;
  readonly soundlab: number | null;
  readonly hanami: number | null;
  /** Empty: the node is alone. */
  readonly link: readonly string[];
  readonly "link-seed": string | null;
  readonly "link-store-seed": string | null;
  readonly "link-ca": string | null;
  readonly "link-cert": string | null;
  readonly "link-key": string | null;
  /** By process id. */
  readonly settings: Readonly<Record<string, Settings>>;
};

type Kind = "text" | "texts" | "urls" | "flag" | "port" | "service" | "transport" | "limits" | "settings";

type Row = { readonly kind: Kind; readonly default: unknown; readonly value: string; readonly help: string };

export const OPTIONS: Readonly<Record<keyof StartOptions, Row>> = {
  node: { kind: "text", default: "localhost", value: "NAME", help: "the node's name, e.g. alice.os" },
  port: {
    kind: "port",
    default: null,
    value: "PORT",
    help: "main port; left out: 8080, or the next free one up to 8999",
  },
  host: {
    kind: "text",
    default: "127.0.0.1",
    value: "ADDRESS",
    help: "where to listen; 0.0.0.0 lets other machines in",
  },
  package: {
    kind: "texts",
    default: [],
    value: "FOLDER",
    help: "a package folder with a manifest.json; may be repeated; left out: the examples",
  },
  mount: {
    kind: "texts",
    default: [],
    value: "PORT=PROCESS",
    help: "a port of its own for one process, its paths at /; may be repeated",
  },
  password: {
    kind: "text",
    default: null,
    value: "TEXT",
    help: "the password to log in with; left out: the one it has, or a link that logs in once",
  },
  memory: {
    kind: "flag",
    default: false,
    value: "",
    help: "keep everything in memory: nothing is written, nothing comes back",
  },
  data: {
    kind: "text",
    default: ".jackfield",
    value: "FOLDER",
    help: "where state is kept, below it one folder per node",
  },
  transport: {
    kind: "transport",
    default: "auto",
    value: "auto|uws|ws",
    help: "socket library; auto takes uWebSockets.js where its binary loads",
  },
  "allow-origin": {
    kind: "texts",
    default: [],
    value: "ORIGIN",
    help: "another site whose pages may connect; may be repeated",
  },
  "no-local-rpc": {
    kind: "flag",
    default: false,
    value: "",
    help: "take no message of jackfield send without a token, on this machine either",
  },
  "allow-host": {
    kind: "texts",
    default: [],
    value: "NAME",
    help: "another name of this machine, besides localhost, for what is local only; may be repeated",
  },
  "trust-proxy": {
    kind: "texts",
    default: [],
    value: "LIST",
    help: "proxies in front: addresses, ranges like 10.0.0.0/8, loopback; commas between",
  },
  limit: {
    kind: "limits",
    default: {},
    value: "NAME=NUMBER",
    help: "changes a limit (see --help limits); may be repeated",
  },
  "tls-cert": {
    kind: "text",
    default: null,
    value: "FILE",
    help: "serve https and wss: the certificate with its chain, PEM; SIGHUP reads it again",
  },
  "tls-key": { kind: "text", default: null, value: "FILE", help: "its private key, PEM without a passphrase" },
  "redirect-http": {
    kind: "port",
    default: null,
    value: "PORT",
    help: "a plain port beside TLS that sends browsers to https",
  },
  "reuse-port": {
    kind: "flag",
    default: false,
    value: "",
    help: "another node may take the ports over before this one stops (Linux)",
  },
  labgraph: service("LabGraph's streams", 9000),
  soundlab: service("Soundlab's metrics", 8000),
  hanami: service("Hanami's data sets and clusters", 1337),
  link: {
    kind: "urls",
    default: [],
    value: "URL,…",
    help: "NATS servers that link this node to others: nats://host:4222; may be repeated",
  },
  "link-seed": {
    kind: "text",
    default: null,
    value: "FILE",
    help: "the node's nkey seed, which says to them who it is (jackfield cluster init)",
  },
  "link-store-seed": {
    kind: "text",
    default: null,
    value: "FILE",
    help: "its nkey seed for the account STORE, in which the directory is",
  },
  "link-ca": { kind: "text", default: null, value: "FILE", help: "whose certificates they must have, PEM" },
  "link-cert": { kind: "text", default: null, value: "FILE", help: "the node's own certificate for them, PEM" },
  "link-key": { kind: "text", default: null, value: "FILE", help: "its private key, PEM without a passphrase" },
  settings: {
    kind: "settings",
    default: {},
    value: "PROCESS=FILE",
    help: "what a process finds as its settings, a JSON file; may be repeated",
  },
};

function service(what: string, port: number): Row {
  return {
    kind: "service",
    default: null,
    value: "PORT|off",
    help: `${what} on a port of their own: ${port} for their clients`,
  };
}

const NAMES = Object.keys(OPTIONS) as (keyof StartOptions)[];
const MULTIPLE: readonly Kind[] = ["texts", "urls", "limits", "settings"];
const CONFIG_FILE = "jackfield.config.json";
const PORT_MAX = 65_535;
const LINK_URL = /^(?:nats|tls):\/\/(?:[^\s/:@[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i; // no user and password: others see a command line

/** @param args what stands behind `start` @throws {OptionError} names the option, the rule and the value */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): StartOptions {
  const flags = readFlags(args);
  const { config: configFlag, ...given } = flags;
  const file = readConfig(typeof configFlag === "string" ? configFlag : env.JACKFIELD_CONFIG);
  const options: Partial<Record<keyof StartOptions, unknown>> = {};
  for (const name of NAMES) {
    const variable = `JACKFIELD_${name.toUpperCase().replaceAll("-", "_")}`;
    const found =
      pick(`--${name}`, given[name]) ??
      pick(variable, env[variable]) ??
      pick(`"${name}" in the config file`, file[name]);
    options[name] = found === undefined ? OPTIONS[name].default : check(OPTIONS[name].kind, found.from, found.value);
  }
  checkTogether(options as StartOptions);
  return options as StartOptions; // every name has its row's kind
}

/** @throws {OptionError} an option lacks another one that it needs */
function checkTogether(options: StartOptions): void {
  const { port, "tls-cert": cert, "tls-key": key } = options;
  if (cert !== null && key === null) throw lacking("tls-cert", "tls-key", "with the private key of that certificate");
  if (key !== null && cert === null) throw lacking("tls-key", "tls-cert", "with the certificate of that key");
  if (options["redirect-http"] !== null && cert === null)
    throw lacking("redirect-http", "tls-cert", "and --tls-key: there is no https to send anybody to");
  if (options["reuse-port"] && port === null)
    throw lacking("reuse-port", "port", "as both nodes must name the same one");
  checkLink(options);
}

/** @throws {OptionError} */
function checkLink(options: StartOptions): void {
  const { link, node, "link-cert": cert, "link-key": key } = options;
  const isLinked = link.length > 0;
  for (const name of ["link-seed", "link-store-seed", "link-ca", "link-cert", "link-key"] as const) {
    if (options[name] !== null && !isLinked) throw lacking(name, "link", "with the servers: nats://host:4222");
  }
  if (cert !== null && key === null) throw lacking("link-cert", "link-key", "with the private key of that certificate");
  if (key !== null && cert === null) throw lacking("link-key", "link-cert", "with the certificate of that key");
  if (isLinked && node === OPTIONS.node.default)
    throw new OptionError(
      `Cannot use --link as the others know a node by its name, and "${node}" is any: give it one of its own with --node, e.g. alice.os`,
    );
}

function lacking(given: keyof StartOptions, missing: keyof StartOptions, why: string): OptionError {
  return new OptionError(`Cannot use --${given} as it needs --${missing}: there is none, give it ${why}`);
}

function pick(from: string, value: unknown): { readonly from: string; readonly value: unknown } | undefined {
  return value === undefined || value === "" ? undefined : { from, value };
}

/** What parseArgs is to know of them. */
export function startFlags(): Readonly<Record<string, { type: "boolean" | "string"; multiple: boolean }>> {
  const flags = NAMES.map((name) => {
    const { kind } = OPTIONS[name];
    const type = kind === "flag" ? ("boolean" as const) : ("string" as const);
    return [name, { type, multiple: MULTIPLE.includes(kind) }] as const;
  });
  return { ...Object.fromEntries(flags), config: { type: "string", multiple: false } };
}

/** Most command lines are `--name value` alone: parseArgs takes a start 0.8 ms, most of it to load it. Others, and mistakes, are its. */
function readFlags(args: readonly string[]): Readonly<Record<string, unknown>> {
  const flags = startFlags();
  const plain = readPlainFlags(args, flags);
  if (plain !== undefined) return plain;
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (cause) {
    throw new OptionError(
      `Cannot start as the command line is not understood: ${textOf(cause)}. See jackfield --help`,
      { cause },
    );
  }
}

/** @returns undefined when there is anything in it but `--name value` and `--flag` of `flags` */
function readPlainFlags(
  args: readonly string[],
  flags: ReturnType<typeof startFlags>,
): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = {};
  for (let at = 0; at < args.length; at += 1) {
    const [, name = ""] = /^--(.+)/.exec(args[at] ?? "") ?? [];
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) return undefined;
    if (flag.type === "boolean") {
      values[name] = true;
      continue;
    }
    at += 1;
    const value = args[at];
    if (value === undefined || value.startsWith("-")) return undefined;
    const before = values[name];
    values[name] = flag.multiple ? [...(Array.isArray(before) ? before : []), value] : value;
  }
  return values;
}

function readConfig(path: string | undefined): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path ?? CONFIG_FILE, "utf8");
  } catch (cause) {
    if (path === undefined) return {};
    throw new OptionError(
      `Cannot read config file "${path}" as it is missing or not readable: leave --config out for ${CONFIG_FILE}`,
      { cause },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new OptionError(`Cannot read config file "${path ?? CONFIG_FILE}" as it is no JSON: ${textOf(cause)}`, {
      cause,
    });
  }
  const unknown =
    typeof value === "object" && value !== null
      ? Object.keys(value).find((key) => !NAMES.some((name) => name === key))
      : "";
  if (unknown === undefined) return value as Readonly<Record<string, unknown>>;
  throw new OptionError(
    `Cannot read config file "${path ?? CONFIG_FILE}" as it must be an object with the names of options: got ${JSON.stringify(unknown)}, known are ${NAMES.join(", ")}`,
  );
}

function check(kind: Kind, from: string, value: unknown): unknown {
  const fail = (rule: string): never => {
    throw new OptionError(`Cannot use ${from} as it must be ${rule}: got ${JSON.stringify(value)}`);
  };
  switch (kind) {
    case "text":
      return typeof value === "string" ? value : fail("a text");
    case "flag":
      return value === true || value === "true" || value === "1"
        ? true
        : value === false || value === "false" || value === "0"
          ? false
          : fail("true or false");
    case "port":
      return readPort(value, fail);
    case "service":
      return value === "off" || value === false || value === null ? null : readPort(value, fail, ", or off");
    case "transport":
      return value === "auto" || value === "uws" || value === "ws" ? value : fail("auto, uws or ws");
    case "texts": {
      const list = typeof value === "string" ? value.split(",") : value;
      return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : fail("a list of texts");
    }
    case "urls":
      return readUrls(value, fail);
    case "limits":
      return readLimits(value, fail);
    case "settings":
      return readSettings(value, fail);
  }
}

function readPort(value: unknown, fail: (rule: string) => never, or = ""): number {
  const port = Number(value);
  return Number.isInteger(port) && port >= 0 && port <= PORT_MAX
    ? port
    : fail(`a whole number, 0 to ${PORT_MAX} (0: any free one)${or}`);
}

/** `["nats://a:4222,nats://b:4222"]` from the shell, one each from the config file. */
function readUrls(value: unknown, fail: (rule: string) => never): readonly string[] {
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) return fail("a list of nats://HOST:PORT");
  const urls = list.flatMap((item) => String(item).split(","));
  return urls.every((url) => LINK_URL.test(url)) ? urls : fail("nats://HOST:PORT or tls://HOST:PORT, commas between");
}

/** `["mailbox=100"]` and `"mailbox=100,timers=5"` from the shell, an object from the config file. */
function readLimits(value: unknown, fail: (rule: string) => never): Readonly<Record<string, number>> {
  const list = typeof value === "string" ? value.split(",") : value;
  const entries = Array.isArray(list) ? list.map((item) => String(item).split("=")) : Object.entries(Object(list));
  const limits: Record<string, number> = {};
  for (const [name, number] of entries) {
    if (typeof name !== "string" || number === undefined || number === "" || Number.isNaN(Number(number)))
      return fail("NAME=NUMBER");
    if (!(name in KERNEL_LIMITS) && !(name in HTTP_SERVER_LIMITS))
      return fail("the name of a limit (see jackfield --help limits)");
    limits[name] = Number(number);
  }
  return limits;
}

/** `["chat:chat:template.os=chat.json"]` from the shell; from the config file, an object of objects. */
function readSettings(value: unknown, fail: (rule: string) => never): Readonly<Record<string, Settings>> {
  const list = typeof value === "string" ? value.split(",") : value;
  const entries = Array.isArray(list)
    ? list.map((item): [string, unknown] => fileOfSettings(String(item), fail))
    : Object.entries(Object(list));
  const settings: Record<string, Settings> = {};
  for (const [name, given] of entries) {
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return fail(`an object of settings for "${name}"`);
    try {
      settings[ProcessId.parse(name).text] = given as Settings;
    } catch (error) {
      return fail(`for a process:package:publisher: ${textOf(error)}`);
    }
  }
  return settings;
}

function fileOfSettings(item: string, fail: (rule: string) => never): [string, unknown] {
  const at = item.indexOf("=");
  if (at <= 0) return fail("PROCESS=FILE, for example soundlab:soundlab:sys=soundlab.json");
  const file = item.slice(at + 1);
  try {
    return [item.slice(0, at), JSON.parse(readFileSync(file, "utf8"))];
  } catch (error) {
    return fail(`PROCESS=FILE with a readable file of JSON: "${file}": ${textOf(error)}`);
  }
}
