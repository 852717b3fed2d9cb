/**
 * What whoever runs the node may set: `--settings labgraph:labgraph:sys=FILE`.
 *
 *   origins     "any", or a list of origins whose pages may connect; programs send none and may. Default "any"
 *   streams     the names that may be started; null: all that are declared. Default null
 *   apiVersion  what events and batches bear. Default "0.1"
 *   queueBytes  bytes that may wait for one slow client. Default 1 MiB
 */
import { OptionError, type Settings } from "jackfield/protocol";
import { LABGRAPH_LIMITS } from "./limits.ts";

export type LabgraphSettings = {
  readonly origins: "any" | readonly string[];
  readonly streams: ReadonlySet<string> | null;
  readonly apiVersion: string;
  /** Bytes. */
  readonly queueBytes: number;
};

const KNOWN = ["origins", "streams", "apiVersion", "queueBytes"];
const QUEUE_BYTES = { min: 64 * 1024, max: 64 * 1024 * 1024 }; // one batch of the monitor; http-server's own bound
const VERSION_CHARS = 32;

/** @throws {OptionError} an unknown name, or a value that breaks its rule */
export function readSettings(given: Settings): LabgraphSettings {
  for (const name of Object.keys(given))
    if (!KNOWN.includes(name))
      throw refused(name, `labgraph knows ${KNOWN.join(", ")} only`, given[name], "leave it out");
  const { origins = "any", streams = null, apiVersion = "0.1", queueBytes = LABGRAPH_LIMITS.queueBytes } = given;
  if (origins !== "any" && !isTexts(origins))
    throw refused("origins", 'it must be "any" or a list of origins', origins, 'for example ["https://app.example"]');
  for (const origin of origins === "any" ? [] : origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw refused(
        "origins",
        "each must be scheme://host[:port] and nothing else",
        origin,
        "for example https://app.example",
      );
  if (streams !== null && !isTexts(streams))
    throw refused("streams", "it must be null or a list of names", streams, 'for example ["device.stream1"]');
  if (typeof apiVersion !== "string" || apiVersion.length > VERSION_CHARS)
    throw refused(
      "apiVersion",
      `it must be a text of at most ${VERSION_CHARS} characters`,
      apiVersion,
      'leave it out for "0.1"',
    );
  const { min, max } = QUEUE_BYTES;
  if (typeof queueBytes !== "number" || !Number.isInteger(queueBytes) || queueBytes < min || queueBytes > max)
    throw refused("queueBytes", `it must be ${min} to ${max} bytes`, queueBytes, "leave it out for 1 MiB");
  return { origins, streams: streams === null ? null : new Set(streams), apiVersion, queueBytes };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function refused(name: string, rule: string, value: unknown, way: string): OptionError {
  return new OptionError(`Cannot take setting "${name}" as ${rule}: got ${JSON.stringify(value)}, ${way}`);
}
