/** The command line of the bench: flags in, checked settings out. Every default stands here, with its reason. */
import { parseArgs } from "node:util";
import { OptionError } from "../lib/protocol/index.ts";
import type { Settings } from "./bench.ts";
import { readNumber } from "./number-flag.ts";

const NUMBERS = {
  seconds: { value: 4, min: 0.5, max: 600 }, // several collections of the old generation fit in; three rounds of echo's nine contenders take three minutes
  rounds: { value: 3, min: 1, max: 99 }, // the least that has a median
  connections: { value: undefined, min: 1, max: 19_500 }, // the bench's own; file descriptors end at 20,000 on many machines
  inflight: { value: undefined, min: 1, max: 64 }, // the bench's own
  bytes: { value: 64, min: 1, max: 16_384 }, // uWebSockets.js's own limit; 64 of them are a channel's send limit
  megabytes: { value: 256, min: 1, max: 900 }, // a drive of a node has 1 GiB
} as const;

type NumberName = keyof typeof NUMBERS;

/**
 * @returns the bench's name, undefined when none was given, and how to run it
 * @throws {OptionError} a flag is unknown, or its value is outside its range
 */
export function readSettings(args: readonly string[]): {
  readonly name: string | undefined;
  readonly settings: Settings;
} {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new OptionError(
      `Cannot run ${positionals.length} benches as one runs at a time: got ${positionals.join(", ")}`,
    );
  }
  const number = <Name extends NumberName>(name: Name, whole: boolean): number | (typeof NUMBERS)[Name]["value"] =>
    readNumber(name, NUMBERS[name], values[name], whole);
  const settings: Settings = {
    json: values.json ?? false,
    seconds: number("seconds", false),
    rounds: number("rounds", true),
    only: values.only?.split(",").map((name) => name.trim()),
    connections: number("connections", true),
    inflight: number("inflight", true),
    bytes: number("bytes", true),
    megabytes: number("megabytes", true),
  };
  return { name: positionals[0], settings };
}

type Flags = { readonly json?: boolean; readonly only?: string } & { readonly [Name in NumberName]?: string };

function parse(args: readonly string[]): { readonly values: Flags; readonly positionals: readonly string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        only: { type: "string" },
        seconds: { type: "string" },
        rounds: { type: "string" },
        connections: { type: "string" },
        inflight: { type: "string" },
        bytes: { type: "string" },
        megabytes: { type: "string" },
      },
    });
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
