/**
 * What whoever runs the node may set of Soundlab (`--settings soundlab:soundlab:sys=FILE`), checked whole before it starts.
 *
 *   { "mode": "production", "origins": ["https://lab.example"], "token": { "keys": ["-----BEGIN PUBLIC KEY-----…"] } }
 *
 * 1. `mode` chooses defaults. `development`, which is the default, is open: any page, no token, no rates; production is
 *    not, and wants a token.
 * 2. What is said beside it holds in both.
 * 3. TLS and the address to listen on are the node's own options, as for everything that it serves.
 */
import { type Admission, type Limit, OptionError } from "jackfield/protocol";
import { SOUNDLAB_LIMITS, type SoundlabLimitName } from "./limits.ts";

export type SoundlabSettings = {
  readonly mode: "development" | "production";
  /** Who may open a stream. */
  readonly stream: Admission;
  /** Who may ask for anything else; undefined: everybody. */
  readonly rest: Admission | undefined;
  /** Whose pages may read answers. */
  readonly origins: "any" | readonly string[];
  readonly messagesPerSecond: number;
  /** Whether frames have `spectral_analysis`, which takes them above 30 kB/s. */
  readonly spectralAnalysis: boolean;
};

type Fields = Readonly<Record<string, unknown>>;

const NAMES = [
  "mode",
  "clients",
  "origins",
  "token",
  "handshakes",
  "connectionsPerAddress",
  "messagesPerSecond",
  "spectralAnalysis",
];
const TOKEN_NAMES = ["keys", "audience", "issuer", "maxSeconds", "skewSeconds", "bindAddress"];
const AUDIENCE = "soundlab-api"; // its sheet, §13 P2

/** @throws {OptionError} an unknown name, or a value that is none of its rule */
export function readSettings(given: Fields): SoundlabSettings {
  known(given, NAMES, "");
  const { mode = "development", spectralAnalysis = false } = given;
  if (mode !== "development" && mode !== "production")
    throw refused("mode", '"development" or "production"', mode, "leave it out for development");
  if (typeof spectralAnalysis !== "boolean")
    throw refused("spectralAnalysis", "true or false", spectralAnalysis, "leave it out for false");
  const isProduction = mode === "production";
  const origins = readOrigins(given.origins, isProduction);
  const token = given.token === undefined ? undefined : readToken(given.token);
  if (isProduction && token === undefined)
    throw refused(
      "token",
      "there in production",
      undefined,
      'give it a public key: {"keys":["-----BEGIN PUBLIC KEY…"]}',
    );
  const handshakes = readHandshakes(given.handshakes, isProduction);
  const perAddress = optional("connectionsPerAddress", given.connectionsPerAddress, isProduction);
  const stream: Admission = {
    origins,
    channels: count("clients", "clients", given.clients),
    ...(perAddress === undefined ? {} : { channels_per_address: perAddress }),
    ...(handshakes === undefined ? {} : { handshakes }),
    ...(token === undefined ? {} : { token }),
  };
  return {
    mode,
    stream,
    rest: token === undefined ? undefined : { token },
    origins,
    messagesPerSecond: count("messagesPerSecond", "messagesPerSecond", given.messagesPerSecond),
    spectralAnalysis,
  };
}

function readOrigins(value: unknown, isProduction: boolean): "any" | readonly string[] {
  if (value === undefined) return isProduction ? [] : "any";
  if (value === "any") return value;
  if (isTexts(value) && value.every(isOrigin)) return value;
  throw refused(
    "origins",
    '"any" or a list of origins such as "https://lab.example"',
    value,
    "leave it out for the node's own",
  );
}

function readHandshakes(value: unknown, isProduction: boolean): Admission["handshakes"] | undefined {
  if (value === undefined && !isProduction) return undefined;
  const fields = record("handshakes", value ?? {});
  known(fields, ["max", "seconds"], "handshakes.");
  return {
    max: count("handshakes.max", "handshakes", fields.max),
    seconds: count("handshakes.seconds", "handshakeSeconds", fields.seconds),
  };
}

function readToken(value: unknown): NonNullable<Admission["token"]> {
  const fields = record("token", value);
  known(fields, TOKEN_NAMES, "token.");
  const { keys, audience = AUDIENCE, issuer, bindAddress = false } = fields;
  // The http-server checks that they are keys.
  if (!isTexts(keys) || keys.length === 0)
    throw refused(
      "token.keys",
      "a list of public keys in PEM, RSA or Ed25519",
      keys,
      "see processes/soundlab/README.md",
    );
  if (typeof audience !== "string" || audience === "")
    throw refused("token.audience", "a text", audience, `leave it out for "${AUDIENCE}"`);
  if (issuer !== undefined && typeof issuer !== "string")
    throw refused("token.issuer", "a text", issuer, "leave it out for any");
  if (typeof bindAddress !== "boolean")
    throw refused("token.bindAddress", "true or false", bindAddress, "leave it out for false");
  return {
    keys,
    audience,
    ...(issuer === undefined ? {} : { issuer }),
    max_seconds: count("token.maxSeconds", "tokenSeconds", fields.maxSeconds),
    skew_seconds: count("token.skewSeconds", "tokenSkewSeconds", fields.skewSeconds),
    bind_address: bindAddress,
  };
}

function optional(name: SoundlabLimitName, value: unknown, isProduction: boolean): number | undefined {
  return value === undefined && !isProduction ? undefined : count(name, name, value);
}

/** @param name as it is set */
function count(name: string, limit: SoundlabLimitName, value: unknown): number {
  const { value: standard, min, max, unit }: Limit = SOUNDLAB_LIMITS[limit];
  if (value === undefined) return standard;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw refused(name, `a whole number of ${unit} from ${min} to ${max}`, value, `leave it out for ${standard}`);
}

function record(name: string, value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw refused(name, "an object", value, "see processes/soundlab/README.md");
}

function known(fields: Fields, names: readonly string[], prefix: string): void {
  for (const name of Object.keys(fields))
    if (!names.includes(name))
      throw new OptionError(
        `Cannot set "${prefix}${name}" of Soundlab as there is no such setting: known are ${names.map((one) => prefix + one).join(", ")}`,
      );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function refused(name: string, rule: string, value: unknown, wayOut: string): OptionError {
  const now = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 100);
  return new OptionError(`Cannot set "${name}" of Soundlab as it must be ${rule}: got ${now}, ${wayOut}`);
}
